"""SWAGAN: Gal et al. 2021, "SWAGAN: A Style-based Wavelet-driven Generative Model" (arXiv 2102.06108).

StyleGAN2 that works on Haar wavelet coefficients (section 3): each level of the generator puts out coefficients
(tWavelets in place of tRGB), each level of the discriminator reads them (fWavelets in place of fRGB), and the largest
feature map is half as large as the picture, which is what makes it fast. What lies between two levels, the sum of
skips in the generator and the picture in the discriminator, is taken back to pixels, resampled there, and transformed
again; the discriminator's blocks have no residual path.

Here the skips stay in pixels from level to level. The transform is linear and loses nothing, so that the paper's
DWT(up(IWT(skips))) + coefficients, transformed back at the end, is up(picture) + IWT(coefficients), and the
discriminator's DWT(down(IWT(DWT(picture)))) is DWT(down(picture)): the same numbers without the transforms that
cancel (`skips_in_wavelets_plain` is the paper's order).
Departures: those of gan/networks/stylegan2.py (any base x 2^k size, widths as settings, tanh, the border repeated when
doubling, a class embedding and a projection); coefficients are orthonormal, so that they are about as large as pixels.
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
from gan.networks.interface import Discriminator, PictureShape, check_labels
from gan.networks.layers import (
    EqualisedConv2d,
    EqualisedLinear,
    MinibatchStandardDeviation,
    ModulatedConv2d,
    downsample,
    leaky,
    pixel_norm,
    upsample,
)
from gan.networks.style import MappedGenerator, StyleConfig
from gan.networks.stylegan2 import PlainBlock, StyledConvolution
from gan.networks.wavelets import haar, inverse_haar

_BANDS = 4  # of the transform: one picture channel becomes so many


@dataclass(frozen=True, kw_only=True)
class SWAGANConfig(StyleConfig):
    """Widths and depths. The paper's are StyleGAN2's configuration F: channel_base 32768, channel_max 512, z and w
    512, 8 mapping layers."""

    channel_base: int = 1024  # channels of a feature map are channel_base / its longer side, at most channel_max
    channel_max: int = 128
    minibatch_group: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.channel_max, self.channel_base, self.minibatch_group) < 1:
            raise UserError(f"swagan sizes must be 1 or more, got {self}")

    def scaled(self, width: float) -> Self:
        base, most = max(1, round(self.channel_base * width)), max(1, round(self.channel_max * width))
        return replace(self, channel_base=base, channel_max=most)

    def channels(self, size: tuple[int, int]) -> int:
        """Channels of a feature map of that height and width."""
        return max(8, min(self.channel_base // max(size), self.channel_max))


def feature_sizes(shape: PictureShape) -> list[tuple[int, int]]:
    """Heights and widths of the feature maps, smallest first; the largest is half as large as the picture."""
    return [shape.size_after(doublings) for doublings in range(shape.num_doublings)]


class ToWavelets(nn.Module):
    """tWavelets: modulated 1x1 convolution to the four bands of each picture channel, not demodulated."""

    def __init__(self, num_in: int, channels: int, *, w_dim: int) -> None:
        super().__init__()
        self.convolution = ModulatedConv2d(num_in, _BANDS * channels, 1, w_dim=w_dim, demodulate=False)
        self.bias = nn.Parameter(torch.zeros(_BANDS * channels))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """Coefficients `[n, 4c, h, w]` in float32."""
        coefficients: Tensor = self.convolution(x, w)
        return coefficients.float() + self.bias[:, None, None]


class SWAGANGenerator(MappedGenerator):
    """Mapping network, and a synthesis network whose skips are wavelet coefficients."""

    def __init__(self, config: SWAGANConfig, shape: PictureShape) -> None:
        super().__init__(config, shape)
        sizes = feature_sizes(shape)
        channels = [config.channels(size) for size in sizes]
        self.constant = nn.Parameter(torch.randn(1, channels[0], *sizes[0]))
        convolutions = [StyledConvolution(channels[0], channels[0], w_dim=config.w_dim, up=False, clamp=None)]
        for num_in, num_out in itertools.pairwise(channels):
            convolutions.append(StyledConvolution(num_in, num_out, w_dim=config.w_dim, up=True, clamp=None))
            convolutions.append(StyledConvolution(num_out, num_out, w_dim=config.w_dim, up=False, clamp=None))
        self.convolutions = nn.ModuleList(convolutions)
        self.to_wavelets = nn.ModuleList(ToWavelets(num, shape.channels, w_dim=config.w_dim) for num in channels)
        self.noise_shapes = (sizes[0], *(size for size in sizes[1:] for _ in range(2)))

    def mixing_layers(self) -> int:
        return len(self.convolutions) + 1  # each to-wavelets layer shares the style of the next convolution

    def synthesis(self, styles: Tensor, noise: Sequence[Tensor]) -> Tensor:
        first, *larger = self.coefficients(styles, noise)
        picture = inverse_haar(first)
        for detail in larger:
            picture = upsample(picture) + inverse_haar(detail)
        return torch.tanh(picture)

    def coefficients(self, styles: Tensor, noise: Sequence[Tensor]) -> list[Tensor]:
        """What each level adds, smallest first: Haar coefficients `[n, 4c, h, w]` of a picture of twice that size."""
        num = styles.shape[0]
        x = self.constant.expand(num, -1, -1, -1).contiguous(memory_format=torch.channels_last)
        x = self.convolutions[0](x, styles[:, 0], noise[0])
        levels: list[Tensor] = [self.to_wavelets[0](x, styles[:, 1])]
        for level in range(1, len(self.to_wavelets)):
            first = 2 * level - 1
            x = self.convolutions[first](x, styles[:, first], noise[first])
            x = self.convolutions[first + 1](x, styles[:, first + 1], noise[first + 1])
            levels.append(self.to_wavelets[level](x, styles[:, first + 2]))
        return levels


def skips_in_wavelets_plain(levels: Sequence[Tensor]) -> Tensor:
    """The plain twin of the generator's sum of skips, in the paper's order (figure 3).

    From each level's coefficients to the picture `[n, c, h, w]` before tanh.
    """
    skips = levels[0]
    for detail in levels[1:]:
        skips = haar(upsample(inverse_haar(skips))) + detail
    return inverse_haar(skips)


class FromWavelets(nn.Module):
    """fWavelets: a 1x1 convolution of the picture's coefficients, leaky ReLU."""

    def __init__(self, channels: int, num_out: int) -> None:
        super().__init__()
        self.convolution = EqualisedConv2d(_BANDS * channels, num_out, 1)

    def forward(self, picture: Tensor) -> Tensor:
        """Features `[n, num_out, h/2, w/2]` of pictures `[n, c, h, w]`."""
        return leaky(self.convolution(haar(picture).contiguous(memory_format=torch.channels_last)))


class SWAGANDiscriminator(Discriminator):
    """fWavelets at every level, each added to what the blocks above it found; then as StyleGAN2's."""

    def __init__(self, config: SWAGANConfig, shape: PictureShape) -> None:
        super().__init__()
        self.shape = shape
        channels = [config.channels(size) for size in reversed(feature_sizes(shape))]
        self.from_wavelets = nn.ModuleList(FromWavelets(shape.judged_channels, num) for num in channels)
        self.blocks = nn.ModuleList(PlainBlock(*pair, None) for pair in itertools.pairwise(channels))
        self.deviation = MinibatchStandardDeviation(config.minibatch_group)
        self.last = EqualisedConv2d(channels[-1] + 1, channels[-1], 3)
        self.hidden = EqualisedLinear(channels[-1] * math.prod(shape.base), channels[-1])
        self.logit = EqualisedLinear(channels[-1], config.w_dim if shape.num_classes else 1)
        self.class_mapping = EqualisedLinear(shape.num_classes, config.w_dim) if shape.num_classes else None

    def forward(self, images: Tensor, labels: Tensor | None) -> Tensor:
        check_labels(labels, self.shape)
        picture = images.contiguous(memory_format=torch.channels_last)
        x: Tensor = self.from_wavelets[0](picture)
        for block, from_wavelets in zip(self.blocks, self.from_wavelets[1:], strict=True):
            picture = downsample(picture)
            x = block(x) + from_wavelets(picture)
        x = self.deviation(x)
        with torch.autocast(x.device.type, enabled=False):  # logits in bf16 would have three digits
            x = leaky(self.last(x.float())).flatten(1)
            out: Tensor = self.logit(leaky(self.hidden(x)))
            return self._conditioned(out, labels)

    def _conditioned(self, out: Tensor, labels: Tensor | None) -> Tensor:
        if self.class_mapping is None or labels is None:
            return out.squeeze(1)
        one_hot = F.one_hot(labels, self.shape.num_classes).to(out.dtype)
        embedded = pixel_norm(self.class_mapping(one_hot))
        return (out * embedded).sum(dim=1) / math.sqrt(out.shape[1])

    def stages(self) -> Sequence[nn.Module]:
        blocks = [nn.ModuleList(pair) for pair in zip(self.blocks, self.from_wavelets[1:], strict=True)]
        return [self.from_wavelets[0], *blocks, nn.ModuleList([self.last, self.hidden, self.logit])]
