"""R3GAN: Huang, Gokaslan, Kuleshov & Tompkin 2024, "The GAN is dead; long live the GAN!" (arXiv 2501.05441).

Its configuration E (section 4): generator and discriminator mirror each other; each stage is a change of size and some
residual blocks of 1x1, grouped 3x3 (ResNeXt) and 1x1 convolutions, wider in the middle, without normalisation and
started as Fix-up says (Zhang et al. 2019). Nothing else: no styles, no noise, no minibatch statistics. What keeps it
from collapsing is its loss, relativistic pairing with R1 and R2, which the run's settings choose (gan/recipes.py).

Departures: any base x 2^k size; widths are settings; doubling by bilinear interpolation, which is the paper's filter
with the border repeated instead of zero; tanh at the end, for sprites lie on large areas of exactly -1 (stylegan2.py
tells what a linear output did there).
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan.errors import UserError
from gan.networks.interface import Discriminator, Generator, Latents, NetworkConfig, PictureShape, check_labels
from gan.networks.layers import LEAKY_SLOPE, downsample, upsample
from gan.networks.typical import truncated_to_typical

ACTIVATION_GAIN = math.sqrt(2.0 / (1.0 + LEAKY_SLOPE**2))  # He et al. 2015, equation 15: keeps the variance
_CONVOLUTIONS_A_BLOCK = 3


@dataclass(frozen=True, kw_only=True)
class R3GANConfig(NetworkConfig):
    """Widths and depths. The paper at 64 px (FFHQ): channel_base 24576, channel_max 768, the rest as here.

    Groups of 16 channels are the paper's, and right on a CPU core too: the most weights that cost no time. One 3x3
    convolution of 64 channels at 32 px, batch 16, with its gradient penalty (torch's own second derivative): 26, 27,
    33, 35 and 55 ms in groups of 4, 8, 16, 32 and whole; of 256 channels at 8 px: 7, 6, 5, 7 and 37 ms. A network of
    channel_base 1024, channel_max 64, penalties every step: 26.8, 24.6, 24.8 and 30.1 s for 1,000 images in groups of
    4, 8, 16 and 32, with 148, 180, 245 and 374 thousand parameters in the generator.
    """

    z_dim: int = 64
    channel_base: int = 2048  # channels of a map are channel_base / its longer side, at most channel_max
    channel_max: int = 128
    group_width: int = 16  # channels in each group of a 3x3 convolution
    blocks: int = 2  # a stage
    expansion: int = 2  # how much wider a block is in its middle

    def __post_init__(self) -> None:
        if min(self.z_dim, self.channel_base, self.channel_max, self.group_width, self.blocks, self.expansion) < 1:
            raise UserError(f"r3gan sizes must be 1 or more, got {self}")

    def scaled(self, width: float) -> Self:
        base, most = max(1, round(self.channel_base * width)), max(1, round(self.channel_max * width))
        return replace(self, channel_base=base, channel_max=most)

    def channels(self, size: tuple[int, int]) -> int:
        """Channels of a map of that height and width, rounded up so that a block's middle falls into whole groups."""
        step = self.group_width // math.gcd(self.group_width, self.expansion)
        wanted = min(self.channel_base // max(size), self.channel_max)
        return max(1, math.ceil(wanted / step)) * step


def _start(weight: Tensor, gain: float = 1.0) -> None:
    """Weights ~ N(0, gain^2 / inputs of one output), which keeps the variance (He et al. 2015, section 2.2)."""
    nn.init.normal_(weight, 0.0, gain / math.sqrt(weight[0].numel()))


def pointwise(num_in: int, num_out: int) -> nn.Conv2d:
    """1x1 convolution without bias, between stages and at the picture's end."""
    layer = nn.Conv2d(num_in, num_out, 1, bias=False)
    _start(layer.weight)
    return layer


class ResidualBlock(nn.Module):
    """x + 1x1, leaky ReLU, grouped 3x3, leaky ReLU, 1x1: the inverted bottleneck.

    Fix-up (Zhang et al. 2019, section 3): the last convolution starts at zero, so every block starts as the identity;
    those before it at L^(-1 / (2m - 2)) of He's scale, L blocks in the network, m = 3 convolutions in each.
    """

    def __init__(self, config: R3GANConfig, channels: int, *, blocks_in_network: int) -> None:
        super().__init__()
        middle = channels * config.expansion
        groups = middle // config.group_width
        self.widen = nn.Conv2d(channels, middle, 1)
        self.grouped = nn.Conv2d(middle, middle, 3, padding=1, groups=groups)
        self.narrow = nn.Conv2d(middle, channels, 1, bias=False)
        gain = ACTIVATION_GAIN * blocks_in_network ** (-1.0 / (2 * _CONVOLUTIONS_A_BLOCK - 2))
        for layer in (self.widen, self.grouped):
            _start(layer.weight, gain)
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)
        nn.init.zeros_(self.narrow.weight)

    def forward(self, x: Tensor) -> Tensor:
        y = F.leaky_relu(self.widen(x), LEAKY_SLOPE)
        y = F.leaky_relu(self.grouped(y), LEAKY_SLOPE)
        added: Tensor = self.narrow(y)
        return x + added


class GrowingStage(nn.Module):
    """Twice the size (1x1 first, where it is cheaper), then residual blocks."""

    def __init__(self, num_in: int, num_out: int, blocks: Sequence[nn.Module]) -> None:
        super().__init__()
        self.change = pointwise(num_in, num_out) if num_in != num_out else nn.Identity()
        self.blocks = nn.Sequential(*blocks)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.blocks(upsample(self.change(x)))
        return y


class ShrinkingStage(nn.Module):
    """Residual blocks, then half the size (1x1 last, where it is cheaper): a growing stage in the mirror."""

    def __init__(self, num_in: int, num_out: int, blocks: Sequence[nn.Module]) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*blocks)
        self.change = pointwise(num_in, num_out) if num_in != num_out else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.change(downsample(self.blocks(x)))
        return y


class GenerativeBasis(nn.Module):
    """Latents `[n, d]` to a base map `[n, c, h, w]`: one learned map a channel, scaled by a linear layer."""

    def __init__(self, num_in: int, channels: int, base: tuple[int, int]) -> None:
        super().__init__()
        self.basis = nn.Parameter(torch.randn(channels, *base))
        self.strength = nn.Linear(num_in, channels, bias=False)
        _start(self.strength.weight)

    def forward(self, latents: Tensor) -> Tensor:
        strength: Tensor = self.strength(latents)
        return self.basis * strength[:, :, None, None]


class DiscriminativeBasis(nn.Module):
    """A base map `[n, c, h, w]` to `[n, outputs]`: each channel against one learned map, then a linear layer."""

    def __init__(self, channels: int, num_out: int, base: tuple[int, int]) -> None:
        super().__init__()
        self.basis = nn.Parameter(torch.empty(channels, *base))
        self.out = nn.Linear(channels, num_out, bias=False)
        _start(self.basis)
        _start(self.out.weight)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.out((x * self.basis).sum(dim=(2, 3)))
        return out


def _blocks(config: R3GANConfig, channels: int, shape: PictureShape) -> list[nn.Module]:
    in_network = config.blocks * (shape.num_doublings + 1)
    return [ResidualBlock(config, channels, blocks_in_network=in_network) for _ in range(config.blocks)]


class R3GANGenerator(Generator):
    """Basis and blocks at the base size, a growing stage for each doubling, a 1x1 convolution to the picture, tanh.

    Classes enter as an embedding beside z, as large as z.
    """

    def __init__(self, config: R3GANConfig, shape: PictureShape) -> None:
        super().__init__()
        self.shape = shape
        self.z_dim = config.z_dim
        channels = [config.channels(shape.size_after(doublings)) for doublings in range(shape.num_doublings + 1)]
        self.class_embedding = nn.Embedding(shape.num_classes, config.z_dim) if shape.num_classes else None
        num_in = config.z_dim * (2 if shape.num_classes else 1)
        self.basis = GenerativeBasis(num_in, channels[0], shape.base)
        self.blocks = nn.Sequential(*_blocks(config, channels[0], shape))
        self.stages = nn.Sequential(
            *(GrowingStage(less, more, _blocks(config, more, shape)) for less, more in itertools.pairwise(channels))
        )
        self.to_picture = pointwise(channels[-1], shape.channels)

    def forward(self, latents: Latents, truncation: float = 1.0) -> Tensor:
        """Truncation turns z towards the most typical one (gan/networks/typical.py)."""
        check_labels(latents.labels, self.shape)
        x = truncated_to_typical(self, latents, truncation)
        if self.class_embedding is not None:
            x = torch.cat([x, self.class_embedding(latents.labels)], dim=1)
        with torch.autocast(x.device.type, enabled=False):  # the smallest maps in float32, as the authors have it
            x = self.blocks(self.basis(x).contiguous(memory_format=torch.channels_last))
        images: Tensor = self.to_picture(self.stages(x))
        return torch.tanh(images.float())


class R3GANDiscriminator(Discriminator):
    """The generator in the mirror: 1x1 from the picture, shrinking stages, blocks and basis at the base size.

    Classes by projection (Miyato & Koyama 2018): the features' scalar product with the class's embedding is the logit.
    """

    def __init__(self, config: R3GANConfig, shape: PictureShape) -> None:
        super().__init__()
        self.shape = shape
        channels = [config.channels(shape.size_after(doublings)) for doublings in range(shape.num_doublings, -1, -1)]
        num_out = channels[-1] if shape.num_classes else 1
        self.from_picture = pointwise(shape.judged_channels, channels[0])
        self.shrinking = nn.ModuleList(
            ShrinkingStage(more, less, _blocks(config, more, shape)) for more, less in itertools.pairwise(channels)
        )
        self.blocks = nn.Sequential(*_blocks(config, channels[-1], shape))
        self.basis = DiscriminativeBasis(channels[-1], num_out, shape.base)
        self.class_projection = nn.Embedding(shape.num_classes, num_out) if shape.num_classes else None
        if self.class_projection is not None:
            _start(self.class_projection.weight)

    def forward(self, images: Tensor, labels: Tensor | None) -> Tensor:
        check_labels(labels, self.shape)
        x: Tensor = self.from_picture(images.contiguous(memory_format=torch.channels_last))
        for stage in self.shrinking:
            x = stage(x)
        with torch.autocast(x.device.type, enabled=False):  # logits in bf16 would have three digits
            out: Tensor = self.basis(self.blocks(x.float()))
            if self.class_projection is None:
                return out.squeeze(1)
            embedded: Tensor = self.class_projection(labels)
            return (out * embedded).sum(dim=1)

    def stages(self) -> Sequence[nn.Module]:
        return [self.from_picture, *self.shrinking, self.blocks, self.basis]
