"""Feature nets to hold the embedded one against: none at all, and a small one trained on the reals.

Inception, DINOv2 and CLIP stand beside them where their weights are at hand (`--features inception dinov2 clip`).
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from gan.features.interface import FeatureNet
from gan.features.registry import FEATURE_NETS, load_feature_net
from gan.metrics.evaluate import FeatureSpace
from gan.pixels import UInt8Array

NUM_COMPONENTS = 128
STEPS, BATCH, TEMPERATURE = 600, 128, 0.2


@dataclass(frozen=True, kw_only=True, eq=False)
class Pixels:
    """The first principal components of the pixels of the reals."""

    mean: NDArray[np.float32]
    directions: NDArray[np.float32]
    fingerprint: str
    name: str = "pixels"
    standardised: bool = False

    @property
    def num_features(self) -> int:
        return int(self.directions.shape[1])

    @classmethod
    def fit(cls, reals: UInt8Array) -> "Pixels":
        rows = _rows(reals)
        mean = rows.mean(axis=0)
        _, _, directions = np.linalg.svd(rows - mean, full_matrices=False)
        kept = np.ascontiguousarray(directions[:NUM_COMPONENTS].T)
        return cls(mean=mean, directions=kept, fingerprint=hashlib.sha256(kept.tobytes()).hexdigest())

    def __call__(self, images: UInt8Array) -> NDArray[np.float32]:
        return np.asarray((_rows(images) - self.mean) @ self.directions, dtype=np.float32)


@dataclass(frozen=True, kw_only=True, eq=False)
class Both:
    """`randconv`, standardised on the reals, and their principal components, each with half of all variance."""

    net: FeatureNet
    space: FeatureSpace
    pixels: Pixels
    scale: float
    fingerprint: str
    name: str = "both"
    standardised: bool = False

    @property
    def num_features(self) -> int:
        return self.net.num_features + self.pixels.num_features

    @classmethod
    def fit(cls, reals: UInt8Array) -> "Both":
        net, pixels = load_feature_net("randconv", torch.device("cpu")), Pixels.fit(reals)
        space = FeatureSpace.fit(net(reals), standardised=True)
        scale = float(np.sqrt(space.apply(net(reals)).var(axis=0).sum() / pixels(reals).var(axis=0).sum()))
        fingerprint = f"{net.fingerprint}+{pixels.fingerprint}"
        return cls(net=net, space=space, pixels=pixels, scale=scale, fingerprint=fingerprint)

    def __call__(self, images: UInt8Array) -> NDArray[np.float32]:
        parts = [self.space.apply(self.net(images)), np.float32(self.scale) * self.pixels(images)]
        return np.concatenate(parts, axis=1)


def _rows(images: UInt8Array) -> NDArray[np.float32]:
    return images.reshape(len(images), -1).astype(np.float32) / np.float32(255)


@dataclass(frozen=True, kw_only=True, eq=False)
class Contrastive:
    """A small convolutional net that learnt on the reals to know a picture again (Chen et al. 2020, SimCLR, eq. 1)."""

    trunk: nn.Module
    fingerprint: str
    num_features: int
    name: str = "simclr"
    standardised: bool = True

    @classmethod
    def fit(cls, reals: UInt8Array, seed: int = 0) -> "Contrastive":
        torch.manual_seed(seed)
        widths = (reals.shape[1], 32, 64, 128, 256)
        layers: list[nn.Module] = []
        for narrow, wide in pairwise(widths):
            layers += [nn.Conv2d(narrow, wide, 3, stride=2, padding=1), nn.GroupNorm(8, wide), nn.ReLU()]
        trunk = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        head = nn.Sequential(nn.Linear(widths[-1], 128), nn.ReLU(), nn.Linear(128, 64))
        optimiser = torch.optim.AdamW([*trunk.parameters(), *head.parameters()], lr=1e-3, weight_decay=1e-4)
        pictures = torch.from_numpy(reals).float() / 127.5 - 1
        for _ in range(STEPS):
            some = pictures[torch.randint(len(pictures), (BATCH,))]
            optimiser.zero_grad()
            nt_xent(head(trunk(torch.cat([_seen(some), _seen(some)])))).backward()
            optimiser.step()
        digest = hashlib.sha256(b"".join(value.numpy().tobytes() for value in trunk.state_dict().values()))
        return cls(trunk=trunk.eval(), fingerprint=digest.hexdigest(), num_features=widths[-1])

    def __call__(self, images: UInt8Array) -> NDArray[np.float32]:
        with torch.inference_mode():
            return np.asarray(self.trunk(torch.from_numpy(images).float() / 127.5 - 1).numpy())


def nt_xent(both: Tensor) -> Tensor:
    """The loss of `[2 n, d]`, of which row i and row n + i show the same picture."""
    unit = functional.normalize(both, dim=1)
    likeness = (unit @ unit.T / TEMPERATURE).fill_diagonal_(-torch.inf)
    num = len(both) // 2
    return functional.cross_entropy(likeness, (torch.arange(2 * num) + num) % (2 * num))


def _seen(images: Tensor) -> Tensor:
    """Each a little moved, grown or shrunk, mirrored half of the time, its colours scaled."""
    num = len(images)
    scale = torch.empty(num).uniform_(0.7, 1.2)
    mirror = torch.randint(2, (num,)) * 2.0 - 1.0
    theta = torch.zeros(num, 2, 3)
    theta[:, 0, 0], theta[:, 1, 1] = scale * mirror, scale
    theta[:, :, 2] = torch.empty(num, 2).uniform_(-0.2, 0.2)
    grid = functional.affine_grid(theta, list(images.shape), align_corners=False)
    moved = functional.grid_sample(images + 1, grid, align_corners=False) - 1
    return moved * torch.empty(num, images.shape[1], 1, 1).uniform_(0.7, 1.3)


FITTED: dict[str, Callable[[UInt8Array], FeatureNet]] = {
    "pixels": Pixels.fit,
    "simclr": Contrastive.fit,
    "both": Both.fit,
}
NAMES = (*FEATURE_NETS, *FITTED)


def net_named(name: str, reals: UInt8Array) -> FeatureNet:
    """The net; fitted to these pictures where it is one that needs it."""
    return FITTED[name](reals) if name in FITTED else load_feature_net(name, torch.device("cpu"))
