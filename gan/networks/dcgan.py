"""DCGAN: Radford, Metz & Chintala 2016, "Unsupervised Representation Learning with Deep Convolutional GANs".

Departures, each for a reason: any base x 2^k size, not only 64x64; 4x4 kernels instead of 5x5 (no checkerboard at
stride 2, as in the framework examples of this net); tanh stays, but the discriminator ends in a logit (the loss
holds the sigmoid). Classes, if any, set the gains and biases of the generator's batch norms (de Vries et al. 2017,
arXiv 1707.00683; gan/networks/cdcgan.py says why not beside z) and enter the discriminator by projection (Miyato &
Koyama 2018, equation 3).

Each can be switched: z sets the norms' gains and biases too (self-modulation, Chen et al. 2019, arXiv 1810.01365);
no batch norm in the discriminator, because R1 then measures each picture's own gradient; minibatch standard deviation
(ProGAN, section 3); StyleGAN2's residual discriminator instead of the paper's. On dcss-weapons-plus at 32 px, 64,000
images, one seed, held-out FID and recall (experiments/networks): 143 and .51 as in the paper, 134 and .50
self-modulated, 160 and .09 against the residual discriminator, for twice the time.
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
from gan.networks.typical import truncated_to_typical

DiscriminatorKind = Literal["dcgan", "residual"]


@dataclass(frozen=True, kw_only=True)
class DCGANConfig(NetworkConfig):
    """Widths and switches. The paper at 64 px: z_dim 100, width 128, max_width 1024, every switch as it stands."""

    z_dim: int = 100
    width: int = 64  # channels of the largest map; doubles towards the base
    max_width: int = 512
    self_modulation: bool = False  # z sets the gains and biases of the generator's norms
    class_dim: int = 100  # length of the vector that a class becomes for the generator
    discriminator: DiscriminatorKind = "dcgan"  # residual: StyleGAN2's, as wide at each size
    discriminator_batch_norm: bool = True  # of the paper's discriminator
    minibatch_deviation: bool = False  # in the paper's discriminator; the residual one always has it

    def __post_init__(self) -> None:
        if min(self.z_dim, self.width, self.max_width, self.class_dim) < 1:
            raise UserError(f"dcgan widths must be 1 or more, got {self}")
        if self.discriminator not in _DISCRIMINATORS:
            known = ", ".join(_DISCRIMINATORS)
            raise UserError(f"discriminator {self.discriminator!r} is unknown: choose one of {known}")

    def scaled(self, width: float) -> Self:
        return replace(self, width=max(1, round(self.width * width)), max_width=max(1, round(self.max_width * width)))

    def channels(self, num_doublings: int) -> list[int]:
        """Channels of each map that is smaller than the picture, from half the size down to the base."""
        return [min(self.width << level, self.max_width) for level in range(num_doublings)]


def initialise(module: nn.Module) -> None:
    """All weights ~ N(0, 0.02), batch norm scales ~ N(1, 0.02) (section 4 of the paper). For `Module.apply`."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d) and module.affine:
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


class PlainBatchNorm2d(nn.Module):
    """Batch norm of `[n, c, h, w]` with learned gains and biases; the condition goes unread."""

    def __init__(self, num_channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(num_channels)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        normalised: Tensor = self.norm(x)
        return normalised


class ModulatedBatchNorm2d(nn.Module):
    """Batch norm of `[n, c, h, w]` whose gains and biases are affine in the condition `[n, d]`."""

    def __init__(self, num_channels: int, condition_dim: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(num_channels, affine=False)
        self.gain = nn.Linear(condition_dim, num_channels)
        self.bias = nn.Linear(condition_dim, num_channels)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        gain, bias = (1.0 + self.gain(condition)).to(x.dtype), self.bias(condition).to(x.dtype)
        return torch.addcmul(bias[:, :, None, None], self.norm(x), gain[:, :, None, None])


def _norm(num_channels: int, condition_dim: int) -> nn.Module:
    return ModulatedBatchNorm2d(num_channels, condition_dim) if condition_dim else PlainBatchNorm2d(num_channels)


class UpStage(nn.Module):
    """Twice the size: fractionally strided convolution, batch norm, ReLU (section 3 of the paper)."""

    def __init__(self, num_in: int, num_out: int, condition_dim: int) -> None:
        super().__init__()
        self.convolution = nn.ConvTranspose2d(num_in, num_out, 4, 2, 1, bias=False)
        self.norm = _norm(num_out, condition_dim)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        return F.relu(self.norm(self.convolution(x), condition))


class UpwardGenerator(Generator):
    """A generator that goes from a vector to the picture as in figure 1 of the paper.

    Which vector, and what condition steers the norms (none: length 0), is for the subclass to say.
    """

    def __init__(self, config: DCGANConfig, shape: PictureShape, *, num_in: int, condition_dim: int) -> None:
        super().__init__()
        self.shape = shape
        self.z_dim = config.z_dim
        channels = config.channels(shape.num_doublings)[::-1]
        height, width = shape.base
        self.project = nn.Linear(num_in, channels[0] * height * width, bias=False)
        self.norm = _norm(channels[0], condition_dim)
        self.stages = nn.ModuleList(
            UpStage(coarser, finer, condition_dim) for coarser, finer in itertools.pairwise(channels)
        )
        self.to_picture = nn.ConvTranspose2d(channels[-1], shape.channels, 4, 2, 1)
        self.apply(initialise)

    def upward(self, x: Tensor, condition: Tensor) -> Tensor:
        """x `[n, num_in]` and condition `[n, condition_dim]` to pictures `[n, c, h, w]` in [-1, 1]."""
        x = self.project(x).unflatten(1, (-1, *self.shape.base)).contiguous(memory_format=torch.channels_last)
        x = F.relu(self.norm(x, condition))
        for stage in self.stages:
            x = stage(x, condition)
        return torch.tanh(self.to_picture(x))


class DCGANGenerator(UpwardGenerator):
    """Project z to the base map, then fractionally strided convolutions with batch norm and ReLU, tanh last."""

    def __init__(self, config: DCGANConfig, shape: PictureShape) -> None:
        modulating_z = config.z_dim if config.self_modulation else 0
        class_dim = config.class_dim if shape.num_classes else 0
        super().__init__(config, shape, num_in=config.z_dim, condition_dim=modulating_z + class_dim)
        self.modulating_z = modulating_z
        self.class_embedding = nn.Embedding(shape.num_classes, class_dim) if shape.num_classes else None

    def forward(self, latents: Latents, truncation: float = 1.0) -> Tensor:
        """Truncation turns z towards the most typical one (gan/networks/typical.py)."""
        check_labels(latents.labels, self.shape)
        z = truncated_to_typical(self, latents, truncation)
        condition = z[:, : self.modulating_z]
        if self.class_embedding is not None:
            condition = torch.cat([condition, self.class_embedding(latents.labels)], dim=1)
        return self.upward(z, condition)


class DownStage(nn.Sequential):
    """Half the size: strided convolution, batch norm or none, leaky ReLU (section 3 of the paper)."""

    def __init__(self, num_in: int, num_out: int, *, batch_norm: bool) -> None:
        super().__init__(
            nn.Conv2d(num_in, num_out, 4, 2, 1, bias=not batch_norm),
            nn.BatchNorm2d(num_out) if batch_norm else nn.Identity(),
            nn.LeakyReLU(LEAKY_SLOPE),
        )


class StridedDiscriminator(Discriminator):
    """The paper's: a strided convolution a size, no batch norm on the first (section 3), one linear layer."""

    def __init__(self, config: DCGANConfig, shape: PictureShape) -> None:
        super().__init__()
        self.shape = shape
        channels = config.channels(shape.num_doublings)
        self.downward = nn.Sequential(
            DownStage(shape.judged_channels, channels[0], batch_norm=False),
            *(
                DownStage(finer, coarser, batch_norm=config.discriminator_batch_norm)
                for finer, coarser in itertools.pairwise(channels)
            ),
        )
        self.deviation = MinibatchStandardDeviation() if config.minibatch_deviation else nn.Identity()
        height, width = shape.base
        num_features = (channels[-1] + int(config.minibatch_deviation)) * height * width
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
        last = [self.logit] if self.class_projection is None else [self.logit, self.class_projection]
        return [*self.downward, nn.ModuleList(last)]


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
