"""StyleGAN2: Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN" (arXiv 1912.04958).

Skip generator and residual discriminator (figure 7), modulated convolutions (section 2.2). Classes as in
StyleGAN2-ADA (arXiv 2006.06676): an embedding beside z (gan/networks/style.py), a projection in the discriminator.
Departures: any base x 2^k size; the widths are settings, because a net for 300 icons of 32 px has another size than
one for 70,000 faces of 1024 px; the RGB skips are doubled by bilinear interpolation (the paper's filter, with the
border repeated instead of zero); the sum of the skips goes through tanh. Sprites lie on large areas of exactly -1
(transparent): a linear output has to hit that value with every style, and gives up its styles to do so. On
dcss-weapons-plus after 12,000 images: FID 543 and coverage .10 with the linear output, 186 and .88 with tanh
(experiments/first_settings).
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
    leaky,
    pixel_norm,
    upsample,
)
from gan.networks.style import MappedGenerator, StyleConfig


@dataclass(frozen=True, kw_only=True)
class StyleGAN2Config(StyleConfig):
    """Widths and depths. Config F of the paper: channel_base 32768, channel_max 512, z and w 512, 8 layers."""

    channel_base: int = 1024  # channels of a map are channel_base / its longer side, at most channel_max
    channel_max: int = 128
    minibatch_group: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.channel_max, self.channel_base, self.minibatch_group) < 1:
            raise UserError(f"stylegan2 sizes must be 1 or more, got {self}")

    def scaled(self, width: float) -> Self:
        base, most = max(1, round(self.channel_base * width)), max(1, round(self.channel_max * width))
        return replace(self, channel_base=base, channel_max=most)

    def channels(self, size: tuple[int, int]) -> int:
        """Channels of a map of that height and width."""
        return max(8, min(self.channel_base // max(size), self.channel_max))


class StyledConvolution(nn.Module):
    """Modulated 3x3 convolution, noise of one learned strength, bias, leaky ReLU (figure 2c)."""

    def __init__(self, num_in: int, num_out: int, *, w_dim: int, up: bool) -> None:
        super().__init__()
        self.convolution = ModulatedConv2d(num_in, num_out, 3, w_dim=w_dim, up=up)
        self.noise_strength = nn.Parameter(torch.zeros(()))
        self.bias = nn.Parameter(torch.zeros(num_out))

    def forward(self, x: Tensor, w: Tensor, noise: Tensor) -> Tensor:
        x = self.convolution(x, w)
        return leaky(x + (noise * self.noise_strength).to(x.dtype) + self.bias[:, None, None].to(x.dtype))


class ToPicture(nn.Module):
    """Modulated 1x1 convolution to the picture's channels, not demodulated (section 2.2)."""

    def __init__(self, num_in: int, channels: int, *, w_dim: int) -> None:
        super().__init__()
        self.convolution = ModulatedConv2d(num_in, channels, 1, w_dim=w_dim, demodulate=False)
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        picture: Tensor = self.convolution(x, w)
        return picture.float() + self.bias[:, None, None]


class StyleGAN2Generator(MappedGenerator):
    """Mapping network and skip synthesis network."""

    def __init__(self, config: StyleGAN2Config, shape: PictureShape) -> None:
        super().__init__(config, shape)
        sizes = [shape.size_after(doublings) for doublings in range(shape.num_doublings + 1)]
        channels = [config.channels(size) for size in sizes]
        self.constant = nn.Parameter(torch.randn(1, channels[0], *sizes[0]))
        convolutions = [StyledConvolution(channels[0], channels[0], w_dim=config.w_dim, up=False)]
        noise_shapes = [sizes[0]]
        for level in range(1, len(sizes)):
            convolutions.append(StyledConvolution(channels[level - 1], channels[level], w_dim=config.w_dim, up=True))
            convolutions.append(StyledConvolution(channels[level], channels[level], w_dim=config.w_dim, up=False))
            noise_shapes += [sizes[level], sizes[level]]
        self.convolutions = nn.ModuleList(convolutions)
        self.to_pictures = nn.ModuleList(ToPicture(c, shape.channels, w_dim=config.w_dim) for c in channels)
        self.noise_shapes = tuple(noise_shapes)

    def mixing_layers(self) -> int:
        return len(self.convolutions) + 1  # each to-picture layer shares the style of the next convolution

    def synthesis(self, styles: Tensor, noise: Sequence[Tensor]) -> Tensor:
        return torch.tanh(self.sum_of_skips(styles, noise))

    def sum_of_skips(self, styles: Tensor, noise: Sequence[Tensor]) -> Tensor:
        """What the paper's generator puts out: each level's picture, doubled and added to the next level's."""
        num = styles.shape[0]
        x = self.constant.expand(num, -1, -1, -1).contiguous(memory_format=torch.channels_last)
        x = self.convolutions[0](x, styles[:, 0], noise[0])
        picture: Tensor = self.to_pictures[0](x, styles[:, 1])
        for level in range(1, len(self.to_pictures)):
            first = 2 * level - 1
            x = self.convolutions[first](x, styles[:, first], noise[first])
            x = self.convolutions[first + 1](x, styles[:, first + 1], noise[first + 1])
            detail: Tensor = self.to_pictures[level](x, styles[:, first + 2])
            picture = upsample(picture) + detail
        return picture


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions, the second halving, beside a 1x1 skip that halves (figure 7c)."""

    def __init__(self, num_in: int, num_out: int) -> None:
        super().__init__()
        self.first = EqualisedConv2d(num_in, num_in, 3)
        self.second = EqualisedConv2d(num_in, num_out, 3, down=True)
        self.skip = EqualisedConv2d(num_in, num_out, 1, down=True, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = leaky(self.second(leaky(self.first(x)))) + self.skip(x)
        return y * math.sqrt(0.5)


class StyleGAN2Discriminator(Discriminator):
    """Residual blocks down to the base map, minibatch standard deviation, two linear layers."""

    def __init__(self, config: StyleGAN2Config, shape: PictureShape) -> None:
        super().__init__()
        self.shape = shape
        sizes = [shape.size_after(doublings) for doublings in range(shape.num_doublings, -1, -1)]
        channels = [config.channels(size) for size in sizes]
        self.from_picture = EqualisedConv2d(shape.judged_channels, channels[0], 1)
        self.blocks = nn.ModuleList(ResidualBlock(num_in, num_out) for num_in, num_out in itertools.pairwise(channels))
        self.deviation = MinibatchStandardDeviation(config.minibatch_group)
        self.last = EqualisedConv2d(channels[-1] + 1, channels[-1], 3)
        self.hidden = EqualisedLinear(channels[-1] * math.prod(shape.base), channels[-1])
        num_out = config.w_dim if shape.num_classes else 1
        self.logit = EqualisedLinear(channels[-1], num_out)
        self.class_mapping = EqualisedLinear(shape.num_classes, num_out) if shape.num_classes else None

    def forward(self, images: Tensor, labels: Tensor | None) -> Tensor:
        check_labels(labels, self.shape)
        x = leaky(self.from_picture(images.contiguous(memory_format=torch.channels_last)))
        for block in self.blocks:
            x = block(x)
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
        last = [self.last, self.hidden, self.logit]
        return [self.from_picture, *self.blocks, nn.ModuleList(last)]
