"""DCGAN: Radford, Metz & Chintala 2016, "Unsupervised Representation Learning with Deep Convolutional GANs".

Departures, each for a reason: any base x 2^k size, not only 64x64; 4x4 kernels instead of 5x5 (no checkerboard at
stride 2, as in the framework examples of this net); tanh stays, but the discriminator ends in a logit (the loss
holds the sigmoid); classes, if any, enter the generator beside z (Mirza & Osindero 2014) and the discriminator by
projection (Miyato & Koyama 2018, equation 3), though gan/networks/cdcgan.py does that better; batch norm in the
discriminator can be left out, because R1 then measures each picture's own gradient; minibatch standard deviation
(ProGAN, section 3) can be added; and the generator can be judged by StyleGAN2's residual discriminator instead of
the paper's.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan.errors import UserError
from gan.networks.interface import (
    Discriminator,
    Generator,
    Latents,
    NetworkConfig,
    PictureShape,
    check_labels,
)
from gan.networks.layers import LEAKY_SLOPE, MinibatchStandardDeviation
from gan.networks.stylegan2 import StyleGAN2Config, StyleGAN2Discriminator

DiscriminatorKind = Literal["dcgan", "residual"]


@dataclass(frozen=True, kw_only=True)
class DCGANConfig(NetworkConfig):
    """Widths and switches. The paper at 64 px: z_dim 100, width 128, max_width 1024, both batch norms."""

    z_dim: int = 100
    width: int = 64  # channels of the largest map; doubles towards the base
    max_width: int = 512
    discriminator: DiscriminatorKind = "dcgan"  # residual: StyleGAN2's, as wide at each size
    discriminator_batch_norm: bool = True  # of the paper's discriminator
    minibatch_deviation: bool = False  # in the paper's discriminator; the residual one always has it

    def __post_init__(self) -> None:
        if min(self.z_dim, self.width, self.max_width) < 1:
            raise UserError(f"dcgan widths must be 1 or more, got {self}")
        if self.discriminator not in _DISCRIMINATORS:
            raise UserError(
                f"discriminator {self.discriminator!r} is unknown: choose one of {', '.join(_DISCRIMINATORS)}"
            )

    def scaled(self, width: float) -> Self:
        return replace(self, width=max(1, round(self.width * width)), max_width=max(1, round(self.max_width * width)))

    def channels(self, doublings_from_top: int) -> int:
        """Channels of the map that lies that many doublings under the full size (1 = half the size)."""
        return min(self.width << (doublings_from_top - 1), self.max_width)

    def downward_channels(self, num_doublings: int) -> list[int]:
        """Channels of the discriminator's maps, from half the size to the base."""
        return [self.channels(doublings) for doublings in range(1, num_doublings + 1)]


def initialise(module: nn.Module) -> None:
    """All weights ~ N(0, 0.02), batch norm scales ~ N(1, 0.02) (section 4 of the paper). For `Module.apply`."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


class UpStage(nn.Sequential):
    """Twice the size: fractionally strided convolution, batch norm, ReLU (section 3 of the paper)."""

    def __init__(self, num_in: int, num_out: int) -> None:
        super().__init__(
            nn.ConvTranspose2d(num_in, num_out, 4, 2, 1, bias=False),
            nn.BatchNorm2d(num_out),
            nn.ReLU(),
        )


class DownStage(nn.Sequential):
    """Half the size: strided convolution, batch norm or none, leaky ReLU (section 3 of the paper)."""

    def __init__(self, num_in: int, num_out: int, *, batch_norm: bool) -> None:
        super().__init__(
            nn.Conv2d(num_in, num_out, 4, 2, 1, bias=not batch_norm),
            nn.BatchNorm2d(num_out) if batch_norm else nn.Identity(),
            nn.LeakyReLU(LEAKY_SLOPE),
        )


def down_stages(config: DCGANConfig, shape: PictureShape, num_in: int) -> list[nn.Module]:
    """From a picture of `num_in` channels to the base map, a stage a size; no batch norm on the first (section 3)."""
    channels = config.downward_channels(shape.num_doublings)
    stages: list[nn.Module] = [DownStage(num_in, channels[0], batch_norm=False)]
    stages += [
        DownStage(finer, coarser, batch_norm=config.discriminator_batch_norm)
        for finer, coarser in itertools.pairwise(channels)
    ]
    return stages


class DCGANGenerator(Generator):
    """Project z to the base map, then fractionally strided convolutions with batch norm and ReLU, tanh last."""

    def __init__(self, config: DCGANConfig, shape: PictureShape) -> None:
        super().__init__()
        self.shape = shape
        self.z_dim = config.z_dim
        channels = config.downward_channels(shape.num_doublings)[::-1]
        height, width = shape.base
        self.class_embedding = nn.Embedding(shape.num_classes, config.z_dim) if shape.num_classes else None
        num_in = config.z_dim * (2 if shape.num_classes else 1)
        self.project = nn.Linear(num_in, channels[0] * height * width, bias=False)
        self.norm = nn.BatchNorm2d(channels[0])
        self.stages = nn.Sequential(*(UpStage(coarser, finer) for coarser, finer in itertools.pairwise(channels)))
        self.to_picture = nn.ConvTranspose2d(channels[-1], shape.channels, 4, 2, 1)
        self.apply(initialise)

    def forward(self, latents: Latents, truncation: float = 1.0) -> Tensor:
        """Truncation scales z towards the origin."""
        check_labels(latents.labels, self.shape)
        x = latents.z * truncation
        if self.class_embedding is not None:
            x = torch.cat([x, self.class_embedding(latents.labels)], dim=1)
        x = self.project(x).unflatten(1, (-1, *self.shape.base))
        x = F.relu(self.norm(x)).contiguous(memory_format=torch.channels_last)
        return torch.tanh(self.to_picture(self.stages(x)))


class StridedDiscriminator(Discriminator):
    """The paper's: strided convolutions with leaky ReLU, one linear layer."""

    def __init__(self, config: DCGANConfig, shape: PictureShape) -> None:
        super().__init__()
        self.shape = shape
        self.downward = nn.Sequential(*down_stages(config, shape, shape.judged_channels))
        self.deviation = MinibatchStandardDeviation() if config.minibatch_deviation else nn.Identity()
        height, width = shape.base
        num_features = (config.channels(shape.num_doublings) + int(config.minibatch_deviation)) * height * width
        self.logit = nn.Linear(num_features, 1)
        self.class_projection = nn.Embedding(shape.num_classes, num_features) if shape.num_classes else None
        self.apply(initialise)
        if self.class_projection is not None:
            nn.init.normal_(self.class_projection.weight, 0.0, 0.02)

    def forward(self, images: Tensor, labels: Tensor | None) -> Tensor:
        check_labels(labels, self.shape)
        x = self.downward(images.contiguous(memory_format=torch.channels_last))
        features = self.deviation(x).flatten(1)
        logits: Tensor = self.logit(features).squeeze(1)
        if self.class_projection is not None:
            logits = logits + (self.class_projection(labels) * features).sum(dim=1)
        return logits.float()

    def stages(self) -> Sequence[nn.Module]:
        return [*self.downward, self.logit]


def _residual(config: DCGANConfig, shape: PictureShape) -> Discriminator:
    """StyleGAN2's discriminator with DCGAN's channels at every size, and half as many at the full one."""
    longer_side = max(shape.height, shape.width)
    like = StyleGAN2Config(channel_base=config.width * longer_side // 2, channel_max=config.max_width)
    return StyleGAN2Discriminator(like, shape)


_DISCRIMINATORS: dict[DiscriminatorKind, Callable[[DCGANConfig, PictureShape], Discriminator]] = {
    "dcgan": StridedDiscriminator,
    "residual": _residual,
}


class DCGANDiscriminator(Discriminator):
    """The kind of discriminator that the settings name."""

    def __init__(self, config: DCGANConfig, shape: PictureShape) -> None:
        super().__init__()
        self.shape = shape
        self.judge = _DISCRIMINATORS[config.discriminator](config, shape)

    def forward(self, images: Tensor, labels: Tensor | None) -> Tensor:
        logits: Tensor = self.judge(images, labels)
        return logits

    def stages(self) -> Sequence[nn.Module]:
        return self.judge.stages()
