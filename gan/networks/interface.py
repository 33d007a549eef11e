"""What every generator and discriminator promises, whatever its paper.

The training loop, the sampler and the ensemble know only this file; a new network is one file that keeps these
promises (tests/gan/networks/test_contract.py runs over all of them) and one line in registry.py.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn

from gan.errors import UserError

_SMALLEST_BASE = 3
_LARGEST_BASE = 16
_FEWEST_DOUBLINGS = 2


@dataclass(frozen=True, kw_only=True)
class PictureShape:
    """The pictures that a network is built for. `num_classes` 0 means unconditional.

    `packing` is how many pictures the discriminator judges together, their channels stacked (PacGAN, Lin et al.
    2018); it changes nothing for a generator.
    Networks double a small base map k times, so both sides must be base x 2^k with one k >= 2 and base sides of 3
    to 16: 64x64 is 4x4 doubled four times, 128x96 is 4x3 doubled five times.
    """

    channels: int
    height: int
    width: int
    num_classes: int = 0
    packing: int = 1

    def __post_init__(self) -> None:
        if self.channels not in (1, 3, 4):
            raise UserError(f"channels {self.channels}: pictures are grey (1), RGB (3) or RGBA (4)")
        if self.packing < 1:
            raise UserError(f"packing {self.packing}: the discriminator judges 1 picture or more together")
        if self.packing > 1 and self.num_classes:
            raise UserError(f"packing {self.packing} mixes pictures of different classes: train without classes, or 1")
        check_resolution(self.height, self.width)

    @property
    def judged_channels(self) -> int:
        """Channels of what the discriminator sees."""
        return self.channels * self.packing

    @property
    def base(self) -> tuple[int, int]:
        """Height and width of the smallest map."""
        return self.height >> self.num_doublings, self.width >> self.num_doublings

    @property
    def num_doublings(self) -> int:
        """k: how often the base map is doubled to reach the full size."""
        return _halvings(self.height, self.width)

    def size_after(self, doublings: int) -> tuple[int, int]:
        """Height and width of the map after that many doublings of the base."""
        height, width = self.base
        return height << doublings, width << doublings


def _halvings(height: int, width: int) -> int:
    count = 0
    while height % 2 == 0 and width % 2 == 0 and min(height, width) // 2 >= _SMALLEST_BASE:
        height, width, count = height // 2, width // 2, count + 1
    return count


def _buildable(height: int, width: int) -> bool:
    if min(height, width) < 1:
        return False
    count = _halvings(height, width)
    base = (height >> count, width >> count)
    return count >= _FEWEST_DOUBLINGS and min(base) >= _SMALLEST_BASE and max(base) <= _LARGEST_BASE


def check_resolution(height: int, width: int) -> None:
    """Raise a UserError that names the nearest size that can be built, unless this one can."""
    if _buildable(height, width):
        return
    nearest = [
        (h, w)
        for h in range(max(1, height - 16), height + 17)
        for w in range(max(1, width - 16), width + 17)
        if _buildable(h, w) and (h == w) == (height == width)
    ]
    nearest.sort(key=lambda size: abs(size[0] - height) + abs(size[1] - width))
    way_out = f"; the nearest that works is {nearest[0][0]}x{nearest[0][1]}" if nearest else ""
    raise UserError(
        f"resolution {height}x{width} cannot be built: both sides must be base x 2^k with the same k >= "
        f"{_FEWEST_DOUBLINGS} and a base of {_SMALLEST_BASE} to {_LARGEST_BASE} (as 32x32, 64x64 or 128x96){way_out}"
    )


@dataclass(frozen=True, kw_only=True)
class Latents:
    """All the chance that goes into n pictures; with it a generator is a function.

    z `[n, z_dim]` is standard normal; labels `[n]` int64 or None; noise one map `[n, 1, h, w]` for each of the
    generator's `noise_shapes`. Style mixing (Karras et al. 2019, section 3.1): layers from `crossover` `[n]` on
    take their style from `mixed_z`; both None when not mixing.
    """

    z: Tensor
    labels: Tensor | None
    noise: tuple[Tensor, ...] = ()
    mixed_z: Tensor | None = None
    crossover: Tensor | None = None

    def __len__(self) -> int:
        return self.z.shape[0]


class NetworkConfig(ABC):
    """Base of every network's own frozen dataclass of settings."""

    @abstractmethod
    def scaled(self, width: float) -> Self:
        """The same network with that many times its channels; latents and depth as they are."""


class Generator(nn.Module, ABC):
    """Latents in, pictures out: float `[n, c, h, w]`, meant to lie in [-1, 1] (the doors clip)."""

    shape: PictureShape
    z_dim: int
    noise_shapes: Sequence[tuple[int, int]] = ()

    @abstractmethod
    def forward(self, latents: Latents, truncation: float = 1.0) -> Tensor:
        """Make the pictures. Truncation below 1 trades variety for typical pictures; at 0 there is one (a class).

        In eval mode a picture depends on its own latents alone, never on its neighbours in the batch.
        """

    def mixing_layers(self) -> int:
        """How many layers take a style of their own; 1 means that style mixing has no meaning here."""
        return 1


class StyleGenerator(Generator, ABC):
    """A generator in two parts, mapping and synthesis, as path length regularisation needs them."""

    @abstractmethod
    def mapping(self, latents: Latents, truncation: float = 1.0) -> Tensor:
        """Styles `[n, mixing_layers, w_dim]`."""

    @abstractmethod
    def synthesis(self, styles: Tensor, noise: Sequence[Tensor]) -> Tensor:
        """Pictures `[n, c, h, w]` from styles and one noise map a layer."""

    def forward(self, latents: Latents, truncation: float = 1.0) -> Tensor:
        return self.synthesis(self.mapping(latents, truncation), latents.noise)


class Discriminator(nn.Module, ABC):
    """Pictures in, logits out: positive says real."""

    shape: PictureShape

    @abstractmethod
    def forward(self, images: Tensor, labels: Tensor | None) -> Tensor:
        """Logits `[n]` of images `[n, judged_channels, h, w]` and labels `[n]` or None.

        Pictures lie in [-1, 1], but augmentation may leave that range.
        """

    @abstractmethod
    def stages(self) -> Sequence[nn.Module]:
        """Its parts in order from the picture to the logit, for freeze-D, which holds the first ones still."""


def check_labels(labels: Tensor | None, shape: PictureShape) -> None:
    """Our own mistake if labels and the network's conditioning do not agree."""
    assert (labels is None) == (shape.num_classes == 0), "labels go with conditional networks, and only with those"


def num_parameters(module: nn.Module) -> int:
    """Trainable parameters."""
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)


def device_of(module: nn.Module) -> torch.device:
    """Where the module's first parameter lies."""
    return next(module.parameters()).device
