"""What the training benchmark measures: one workload, and what each contender must be able to do with it."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Workload:
    """One training, the same for every contender. Pictures are RGB: no peer's augmentation takes alpha.

    The regularisers are those of StyleGAN2-ADA's automatic configuration: R1 every 16 steps, path length of weight 2
    every 4 steps on half a batch, style mixing with probability .9, w of 512, two mapping layers, EMA.
    """

    network: str  # as in our registry
    size: int
    channel_base: int
    channel_max: int
    batch: int
    augment_p: float = 0.0  # ADA's pipeline `bgc` at this fixed strength; 0: without
    path_length_weight: float = 2.0
    style_mixing: float = 0.9
    w_dim: int = 512
    mapping_layers: int = 2
    r1_interval: int = 16
    path_length_interval: int = 4
    data: str = "armory"
    gamma: float | None = None  # of R1; None: the heuristic
    precision: str = "float32"  # or bf16, of what autocast covers; NVlabs: its half precision, on a GPU only
    device: str = "cpu"

    @property
    def r1_gamma(self) -> float:
        """As said, else StyleGAN2-ADA's heuristic."""
        return self.gamma if self.gamma is not None else 0.0002 * self.size**2 / self.batch

    @property
    def steps_a_turn(self) -> int:
        """Any so many steps in a row hold each lazy regulariser equally often."""
        return self.r1_interval

    @property
    def images_a_turn(self) -> int:
        return self.steps_a_turn * self.batch


class Contender(ABC):
    """One implementation, its networks built for a workload. It lives in a process of its own."""

    @abstractmethod
    def __init__(self, workload: Workload, source: Path | None) -> None:
        """Build the networks; `source` is the folder of a peer's code."""

    @abstractmethod
    def train(self) -> None:
        """Train for `steps_a_turn` steps and wait for the device."""

    @abstractmethod
    def generator(self, num: int) -> "Sampling":
        """A function that makes `num` pictures with the averaged generator, its latents drawn beforehand."""


class Sampling(ABC):
    """Makes one batch of pictures."""

    @abstractmethod
    def __call__(self) -> Tensor:
        """Pictures `[n, 3, h, w]`."""


def wait(device: str) -> None:
    """Wait until a GPU has done what it was told."""
    if device == "cuda":
        torch.cuda.synchronize()
