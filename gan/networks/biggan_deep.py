"""BigGAN-deep: Brock, Donahue & Simonyan 2019 (arXiv 1809.11096), appendix B, figure 16 and tables 7 to 9.

What differs from BigGAN (gan/networks/biggan.py, whose departures hold here too): bottleneck blocks of four
convolutions, two blocks at each size; the whole of z, beside the class embedding, goes into the base map and into every
block; skips without weights of their own where that can be: the generator drops channels that are too many, the
discriminator appends those that are missing. Four times as deep, with half the parameters.
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
from gan.networks.attention import SelfAttention
from gan.networks.biggan import (
    ProjectionHead,
    ToPicture,
    attention_level,
    channel_multipliers,
    shared_class_embedding,
    truncated,
)
from gan.networks.conditional_norm import ConditionalBatchNorm2d
from gan.networks.interface import Discriminator, Generator, Latents, NetworkConfig, PictureShape, check_labels
from gan.networks.spectral import DoublingSpectralConv2d, SpectralConv2d, SpectralLinear


@dataclass(frozen=True, kw_only=True)
class BigGANDeepConfig(NetworkConfig):
    """Widths and depths. The paper at 128 px (table 7): width 128, no limit, attention at 64, the rest as here."""

    width: int = 32  # the paper's ch: channels of the largest map; the smaller ones are wider
    max_width: int = 256
    bottleneck: int = 4  # a block's 3x3 convolutions have so many times fewer channels
    z_dim: int = 128
    class_dim: int = 128
    attention_side: int = 16  # the largest map whose longer side is at most this attends to itself; 0: none

    def __post_init__(self) -> None:
        sizes = (self.width, self.max_width, self.bottleneck, self.z_dim, self.class_dim)
        if min(sizes) < 1 or self.attention_side < 0:
            raise UserError(f"biggan-deep sizes must be 1 or more (attention_side 0 or more), got {self}")

    def scaled(self, width: float) -> Self:
        return replace(self, width=max(1, round(self.width * width)), max_width=max(1, round(self.max_width * width)))

    def channels(self, num_doublings: int) -> list[int]:
        """Channels of each map, from the base to the full size."""
        return [min(self.width * multiplier, self.max_width) for multiplier in channel_multipliers(num_doublings)]

    def narrowed(self, channels: int) -> int:
        """Channels of a block's 3x3 convolutions."""
        return max(1, channels // self.bottleneck)


class GeneratorBlock(nn.Module):
    """1x1, 3x3, 3x3, 1x1, each after conditional norm and ReLU (figure 16b); `doubling` before the first 3x3.

    The skip has no weights: it keeps the first channels and repeats pixels.
    """

    def __init__(
        self, config: BigGANDeepConfig, num_in: int, num_out: int, condition_dim: int, *, doubling: bool
    ) -> None:
        super().__init__()
        middle = config.narrowed(num_in)
        self.norms = nn.ModuleList(
            ConditionalBatchNorm2d(channels, condition_dim) for channels in (num_in, middle, middle, middle)
        )
        self.convolutions = nn.ModuleList(
            [
                SpectralConv2d(num_in, middle, 1),
                DoublingSpectralConv2d(middle, middle) if doubling else SpectralConv2d(middle, middle, 3),
                SpectralConv2d(middle, middle, 3),
                SpectralConv2d(middle, num_out, 1),
            ]
        )
        self.resize = nn.Upsample(scale_factor=2) if doubling else nn.Identity()
        self.num_kept = num_out

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        y = x
        for norm, convolution in zip(self.norms, self.convolutions, strict=True):
            y = convolution(F.relu(norm(y, condition)))
        skipped: Tensor = self.resize(x[:, : self.num_kept])
        return y + skipped


class BigGANDeepGenerator(Generator):
    """z beside the class makes the base map and conditions every block; two blocks a size (figure 16a)."""

    def __init__(self, config: BigGANDeepConfig, shape: PictureShape) -> None:
        super().__init__()
        self.shape = shape
        self.z_dim = config.z_dim
        self.class_embedding = shared_class_embedding(shape.num_classes, config.class_dim)
        condition_dim = config.z_dim + (config.class_dim if shape.num_classes else 0)
        channels = config.channels(shape.num_doublings)
        attending = attention_level(shape, config.attention_side)
        self.base = SpectralLinear(condition_dim, channels[0] * math.prod(shape.base))
        self.blocks = nn.ModuleList()
        self.attentions = nn.ModuleList()
        for level, (num_in, num_out) in enumerate(itertools.pairwise(channels), start=1):
            self.blocks.append(GeneratorBlock(config, num_in, num_in, condition_dim, doubling=False))
            self.blocks.append(GeneratorBlock(config, num_in, num_out, condition_dim, doubling=True))
            self.attentions.append(nn.Identity())
            self.attentions.append(SelfAttention(num_out) if level == attending else nn.Identity())
        self.to_picture = ToPicture(channels[-1], shape.channels)

    def forward(self, latents: Latents, truncation: float = 1.0) -> Tensor:
        check_labels(latents.labels, self.shape)
        condition = truncated(latents.z, truncation)
        if self.class_embedding is not None:
            condition = torch.cat([self.class_embedding(latents.labels), condition], dim=1)
        x = self.base(condition).unflatten(1, (-1, *self.shape.base)).contiguous(memory_format=torch.channels_last)
        for block, attention in zip(self.blocks, self.attentions, strict=True):
            x = attention(block(x, condition))
        picture: Tensor = self.to_picture(x)
        return picture


class DiscriminatorBlock(nn.Module):
    """ReLU and 1x1, 3x3, 3x3, 1x1 (figure 16c); `halving` takes the mean of 2x2 before the last.

    The skip passes its channels on as they are and appends the missing ones by a 1x1 convolution.
    """

    def __init__(self, config: BigGANDeepConfig, num_in: int, num_out: int, *, halving: bool) -> None:
        super().__init__()
        middle = config.narrowed(num_out)
        self.layers = nn.Sequential(
            nn.ReLU(),
            SpectralConv2d(num_in, middle, 1),
            nn.ReLU(),
            SpectralConv2d(middle, middle, 3),
            nn.ReLU(),
            SpectralConv2d(middle, middle, 3),
            nn.ReLU(),
            nn.AvgPool2d(2) if halving else nn.Identity(),
            SpectralConv2d(middle, num_out, 1),
        )
        self.resize = nn.AvgPool2d(2) if halving else nn.Identity()
        self.appended = SpectralConv2d(num_in, num_out - num_in, 1) if num_out > num_in else None

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(x)
        skipped: Tensor = self.resize(x)
        if self.appended is not None:
            skipped = torch.cat([skipped, self.appended(skipped)], dim=1)
        return y + skipped


class BigGANDeepDiscriminator(Discriminator):
    """A 3x3 convolution, two blocks for each halving down to the base map, then the head (table 7b)."""

    def __init__(self, config: BigGANDeepConfig, shape: PictureShape) -> None:
        super().__init__()
        self.shape = shape
        channels = config.channels(shape.num_doublings)[::-1]
        levels = range(shape.num_doublings - 1, -1, -1)  # after each pair of blocks
        attending = attention_level(shape, config.attention_side)
        if attending == shape.num_doublings:
            attending -= 1  # after the blocks, so at most half the size, as in BigGAN
        self.from_picture = SpectralConv2d(shape.judged_channels, channels[0], 3)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                DiscriminatorBlock(config, num_in, num_out, halving=True),
                DiscriminatorBlock(config, num_out, num_out, halving=False),
                SelfAttention(num_out) if level == attending else nn.Identity(),
            )
            for level, (num_in, num_out) in zip(levels, itertools.pairwise(channels), strict=True)
        )
        self.head = ProjectionHead(channels[-1], shape.num_classes)

    def forward(self, images: Tensor, labels: Tensor | None) -> Tensor:
        check_labels(labels, self.shape)
        x = self.from_picture(images.contiguous(memory_format=torch.channels_last))
        for block in self.blocks:
            x = block(x)
        logits: Tensor = self.head(x, labels)
        return logits

    def stages(self) -> Sequence[nn.Module]:
        return [self.from_picture, *self.blocks, self.head]
