"""BigGAN: Brock, Donahue & Simonyan 2019, "Large Scale GAN Training for High Fidelity Natural Image Synthesis".

arXiv 1809.11096, appendix B, figure 15 and tables 4 to 6: a chunk of z for each block beside a class embedding that all
blocks share, both conditioning batch norm; residual blocks; self-attention at one size; spectral norm in both networks;
projection discriminator (Miyato & Koyama 2018) on sum-pooled features; orthogonal start. Hinge loss, orthogonal
regularisation (equation 3) and the rates are the run's settings (gan/recipes.py).

Departures: any base x 2^k size; small widths; without classes the chunks of z alone condition the norms; the averaged
generator keeps averaged running statistics, where the paper measures new ones at each truncation ("standing
statistics"), because a picture may depend on its own latents alone; epsilon of batch norm 1e-5, of spectral norm 1e-6,
as in the author's later code (the paper's 1e-4 are for training in half precision).
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
from gan.networks.conditional_norm import ConditionalBatchNorm2d
from gan.networks.interface import Discriminator, Generator, Latents, NetworkConfig, PictureShape, check_labels
from gan.networks.spectral import (
    DoublingSpectralConv2d,
    HalvingSpectralConv2d,
    SpectralConv2d,
    SpectralEmbedding,
    SpectralLinear,
)

# Channels of each map over those of the largest, base first. Up to five doublings: doubling towards the base up to 16,
# the base as wide as the map above it (table 4, 128 px); 256 and 512 px have their own steps (tables 5 and 6).
_MOST = 16
_OWN_MULTIPLIERS = {6: (16, 16, 8, 8, 4, 2, 1), 7: (16, 16, 8, 8, 4, 2, 1, 1)}


def channel_multipliers(num_doublings: int) -> tuple[int, ...]:
    """One multiplier of `width` for each map, from the base to the full size."""
    if num_doublings in _OWN_MULTIPLIERS:
        return _OWN_MULTIPLIERS[num_doublings]
    above = [min(1 << doublings_from_top, _MOST) for doublings_from_top in reversed(range(num_doublings))]
    return (above[0], *above)


@dataclass(frozen=True, kw_only=True)
class BigGANConfig(NetworkConfig):
    """Widths and depths. The paper at 128 px (table 4): width 96, no limit, attention at 64."""

    width: int = 32  # the paper's ch: channels of the largest map; the smaller ones are wider
    max_width: int = 256
    z_chunk_dim: int = 20  # z is this long for each block and once more for the base map: 120 at 128 px
    class_dim: int = 128
    attention_side: int = 16  # the largest map whose longer side is at most this attends to itself; 0: none

    def __post_init__(self) -> None:
        if min(self.width, self.max_width, self.z_chunk_dim, self.class_dim) < 1 or self.attention_side < 0:
            raise UserError(f"biggan sizes must be 1 or more (attention_side 0 or more), got {self}")

    def scaled(self, width: float) -> Self:
        return replace(self, width=max(1, round(self.width * width)), max_width=max(1, round(self.max_width * width)))

    def channels(self, num_doublings: int) -> list[int]:
        """Channels of each map, from the base to the full size."""
        return [min(self.width * multiplier, self.max_width) for multiplier in channel_multipliers(num_doublings)]


def attention_level(shape: PictureShape, side: int) -> int | None:
    """Doublings of the largest map whose longer side is at most `side`; None if the base is larger."""
    fitting = [level for level in range(shape.num_doublings + 1) if max(shape.size_after(level)) <= side]
    return max(fitting, default=None)


def truncated(z: Tensor, truncation: float) -> Tensor:
    """z ~ N(0, 1) as if drawn from a normal cut off on both sides (section 3.1), each value by its own quantile.

    `truncation` is the share of the normal's mass that is kept: .95 cuts at 2, .68 at 1, 1 nowhere, 0 leaves only 0.
    The paper draws anew until all values lie inside; by quantiles a seed keeps its picture as the cut moves.
    Over 1, which the paper has not, z is stretched.
    """
    if truncation >= 1.0:
        return z * truncation
    root_two = math.sqrt(2.0)
    cut: Tensor = torch.erfinv(torch.erf(z / root_two) * truncation) * root_two
    return cut


class GrowingBlock(nn.Module):
    """Twice the size: conditional norm, ReLU, 3x3 convolution, twice, beside a 1x1 skip (figure 15b)."""

    def __init__(self, num_in: int, num_out: int, condition_dim: int) -> None:
        super().__init__()
        self.first_norm = ConditionalBatchNorm2d(num_in, condition_dim)
        self.first = DoublingSpectralConv2d(num_in, num_out)
        self.second_norm = ConditionalBatchNorm2d(num_out, condition_dim)
        self.second = SpectralConv2d(num_out, num_out, 3)
        self.skip = SpectralConv2d(num_in, num_out, 1)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        y: Tensor = self.first(F.relu(self.first_norm(x, condition)))
        y = self.second(F.relu(self.second_norm(y, condition)))
        skipped: Tensor = F.interpolate(self.skip(x), scale_factor=2)  # 1x1 and repeating change places: cheaper so
        return y + skipped


class ToPicture(nn.Module):
    """Batch norm, ReLU, 3x3 convolution, tanh."""

    def __init__(self, num_in: int, channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(num_in)
        self.convolution = SpectralConv2d(num_in, channels, 3)

    def forward(self, x: Tensor) -> Tensor:
        picture: Tensor = self.convolution(F.relu(self.norm(x)))
        return torch.tanh(picture.float())


class BigGANGenerator(Generator):
    """The first chunk of z makes the base map; each further one conditions a block that doubles it (figure 15a)."""

    def __init__(self, config: BigGANConfig, shape: PictureShape) -> None:
        super().__init__()
        self.shape = shape
        self.z_chunk_dim = config.z_chunk_dim
        self.z_dim = config.z_chunk_dim * (shape.num_doublings + 1)
        self.class_embedding = shared_class_embedding(shape.num_classes, config.class_dim)
        condition_dim = config.z_chunk_dim + (config.class_dim if shape.num_classes else 0)
        channels = config.channels(shape.num_doublings)
        attending = attention_level(shape, config.attention_side)
        self.base = SpectralLinear(config.z_chunk_dim, channels[0] * math.prod(shape.base))
        self.blocks = nn.ModuleList(GrowingBlock(i, o, condition_dim) for i, o in itertools.pairwise(channels))
        self.attentions = nn.ModuleList(
            SelfAttention(channels[level]) if level == attending else nn.Identity() for level in range(1, len(channels))
        )
        self.to_picture = ToPicture(channels[-1], shape.channels)

    def forward(self, latents: Latents, truncation: float = 1.0) -> Tensor:
        check_labels(latents.labels, self.shape)
        first, *chunks = truncated(latents.z, truncation).split(self.z_chunk_dim, dim=1)
        if self.class_embedding is not None:
            embedded = self.class_embedding(latents.labels)
            chunks = [torch.cat([embedded, chunk], dim=1) for chunk in chunks]
        x = self.base(first).unflatten(1, (-1, *self.shape.base)).contiguous(memory_format=torch.channels_last)
        for block, attention, chunk in zip(self.blocks, self.attentions, chunks, strict=True):
            x = attention(block(x, chunk))
        picture: Tensor = self.to_picture(x)
        return picture


def shared_class_embedding(num_classes: int, class_dim: int) -> nn.Embedding | None:
    """One row a class, without spectral norm, which no layer has of its own; None without classes."""
    if not num_classes:
        return None
    embedding = nn.Embedding(num_classes, class_dim)
    nn.init.orthogonal_(embedding.weight)
    return embedding


class ShrinkingBlock(nn.Module):
    """Half the size: ReLU, 3x3 convolution, twice, then the mean of 2x2, beside a 1x1 skip (figure 15c)."""

    def __init__(self, num_in: int, num_out: int, *, after_picture: bool = False) -> None:
        super().__init__()
        self.activation = nn.Identity() if after_picture else nn.ReLU()  # of pictures no half may be lost
        self.first = SpectralConv2d(num_in, num_out, 3)
        self.second = HalvingSpectralConv2d(num_out, num_out)
        self.skip = SpectralConv2d(num_in, num_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.second(F.relu(self.first(self.activation(x))))
        skipped: Tensor = self.skip(F.avg_pool2d(x, 2))  # 1x1 and mean change places: cheaper so
        return y + skipped


class LevelBlock(nn.Module):
    """The same size and channels: ReLU, 3x3 convolution, twice, beside the identity (the last one of table 4b)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = SpectralConv2d(channels, channels, 3)
        self.second = SpectralConv2d(channels, channels, 3)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.second(F.relu(self.first(F.relu(x))))
        return x + y


class ProjectionHead(nn.Module):
    """ReLU, sum over the map, then a linear logit plus <class row, features> (Miyato & Koyama 2018, equation 3)."""

    def __init__(self, num_features: int, num_classes: int) -> None:
        super().__init__()
        self.logit = SpectralLinear(num_features, 1)
        self.class_projection = SpectralEmbedding(num_classes, num_features) if num_classes else None

    def forward(self, x: Tensor, labels: Tensor | None) -> Tensor:
        """Logits `[n]` of maps `[n, c, h, w]`, in float32."""
        with torch.autocast(x.device.type, enabled=False):  # logits in bf16 would have three digits
            features = F.relu(x.float()).sum(dim=(2, 3))
            logits: Tensor = self.logit(features).squeeze(1)
            if self.class_projection is not None:
                logits = logits + (self.class_projection(labels) * features).sum(dim=1)
            return logits


class BigGANDiscriminator(Discriminator):
    """Residual blocks down to the base map, one more there, then the head (table 4b)."""

    def __init__(self, config: BigGANConfig, shape: PictureShape) -> None:
        super().__init__()
        self.shape = shape
        levels = range(shape.num_doublings - 1, -1, -1)  # after each block that halves
        outs = config.channels(shape.num_doublings)[:0:-1]
        attending = attention_level(shape, config.attention_side)
        if attending == shape.num_doublings:
            attending -= 1  # the full size has no block of its own here
        blocks = [ShrinkingBlock(shape.judged_channels, outs[0], after_picture=True)]
        blocks += [ShrinkingBlock(num_in, num_out) for num_in, num_out in itertools.pairwise(outs)]
        self.blocks = nn.ModuleList(
            nn.Sequential(block, SelfAttention(num_out)) if level == attending else block
            for block, num_out, level in zip(blocks, outs, levels, strict=True)
        )
        self.blocks.append(LevelBlock(outs[-1]))
        self.head = ProjectionHead(outs[-1], shape.num_classes)

    def forward(self, images: Tensor, labels: Tensor | None) -> Tensor:
        check_labels(labels, self.shape)
        x = images.contiguous(memory_format=torch.channels_last)
        for block in self.blocks:
            x = block(x)
        logits: Tensor = self.head(x, labels)
        return logits

    def stages(self) -> Sequence[nn.Module]:
        return [*self.blocks, self.head]
