"""StyleGAN2: Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN" (arXiv 1912.04958).

Modulated convolutions (section 2.2); the three wirings of figure 7 and table 2 for each network: plain ("original"),
input/output skips ("skip") and residual; the paper's choice is a skip generator and a residual discriminator. Classes
as in StyleGAN2-ADA (arXiv 2006.06676): an embedding beside z (gan/networks/style.py), a projection in the
discriminator.
Departures: any base x 2^k size; the widths are settings, because a net for 300 icons of 32 px has another size than
one for 70,000 faces of 1024 px; doubling repeats the border where the paper's filter meets zeros (`border` "zero" is
the paper's); the picture goes through tanh (`output` "linear" is the paper's). Sprites lie on large areas of exactly
-1 (transparent): a linear output has to hit that value with every style, and gives up its styles to do so. On
dcss-weapons-plus after 12,000 images: FID 543 and coverage .10 with the linear output, 186 and .88 with tanh
(experiments/first_settings).
"""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Self, get_args

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
    styled_activation,
    upsample,
)
from gan.networks.style import MappedGenerator, StyleConfig

Wiring = Literal["skip", "residual", "original"]
Output = Literal["tanh", "linear"]
Border = Literal["repeat", "zero"]
Doubling = Callable[[Tensor], Tensor]


@dataclass(frozen=True, kw_only=True)
class StyleGAN2Config(StyleConfig):
    """Widths and depths. Config F of the paper: channel_base 32768, channel_max 512, z and w 512, 8 layers; config E
    has half the channel_base.

    The settings below the line are what published weights need to give the same pictures (gan/convert).
    """

    channel_base: int = 1024  # channels of a map are channel_base / its longer side, at most channel_max
    channel_max: int = 128
    minibatch_group: int = 4
    generator: Wiring = "skip"
    discriminator: Wiring = "residual"
    output: Output = "tanh"
    # ---
    border: Border = "repeat"  # what lies beyond the picture when the skips are doubled
    clamp: float | None = None  # activations stay within +- this; StyleGAN2-ADA's 256 keeps half precision finite
    class_layers: int = 0  # layers that map the discriminator's class embedding further
    class_dim: int | None = None  # its width; None: w_dim

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.channel_max, self.channel_base, self.minibatch_group) < 1:
            raise UserError(f"stylegan2 sizes must be 1 or more, got {self}")
        choices = (("generator", Wiring), ("discriminator", Wiring), ("output", Output), ("border", Border))
        for name, known in choices:
            if getattr(self, name) not in get_args(known):
                raise UserError(
                    f"{name} {getattr(self, name)!r} is unknown: choose one of {', '.join(get_args(known))}"
                )
        if self.clamp is not None and not self.clamp > 0.0:
            raise UserError(f"clamp {self.clamp} must be over 0, or None for no limit")
        if self.class_layers < 0 or (self.class_dim is not None and self.class_dim < 1):
            raise UserError(f"class_layers must be 0 or more and class_dim 1 or more, got {self}")

    def scaled(self, width: float) -> Self:
        base, most = max(1, round(self.channel_base * width)), max(1, round(self.channel_max * width))
        return replace(self, channel_base=base, channel_max=most)

    def channels(self, size: tuple[int, int]) -> int:
        """Channels of a map of that height and width."""
        return max(8, min(self.channel_base // max(size), self.channel_max))


def upsample_zero(x: Tensor) -> Tensor:
    """Twice the size by [1, 3, 3, 1] with zeros beyond the border, as in the paper (appendix B)."""
    return upsample(F.pad(x, (1, 1, 1, 1)))[:, :, 2:-2, 2:-2]


DOUBLINGS: dict[Border, Doubling] = {"repeat": upsample, "zero": upsample_zero}
OUTPUTS: dict[Output, type[nn.Module]] = {"tanh": nn.Tanh, "linear": nn.Identity}


def bound(clamp: float | None) -> nn.Module:
    """Holds values within +- clamp, where there is one."""
    return nn.Identity() if clamp is None else nn.Hardtanh(-clamp, clamp)


class StyledConvolution(nn.Module):
    """Modulated 3x3 convolution, noise of one learned strength, bias, leaky ReLU (figure 2c)."""

    def __init__(self, num_in: int, num_out: int, *, w_dim: int, up: bool, clamp: float | None) -> None:
        super().__init__()
        self.convolution = ModulatedConv2d(num_in, num_out, 3, w_dim=w_dim, up=up)
        self.noise_strength = nn.Parameter(torch.zeros(()))
        self.bias = nn.Parameter(torch.zeros(num_out))
        self.bound = bound(clamp)

    def forward(self, x: Tensor, w: Tensor, noise: Tensor) -> Tensor:
        x, demodulation = self.convolution.before_demodulation(x, w)
        bounded: Tensor = self.bound(styled_activation(x, demodulation, noise * self.noise_strength, self.bias))
        return bounded


class ToPicture(nn.Module):
    """Modulated 1x1 convolution to the picture's channels, not demodulated (section 2.2), on the doubled picture."""

    def __init__(self, num_in: int, channels: int, *, w_dim: int, enlarge: Doubling, clamp: float | None) -> None:
        super().__init__()
        self.convolution = ModulatedConv2d(num_in, channels, 1, w_dim=w_dim, demodulate=False)
        self.bias = nn.Parameter(torch.zeros(channels))
        self.enlarge = enlarge
        self.bound = bound(clamp)

    def forward(self, x: Tensor, w: Tensor, picture: Tensor | None) -> Tensor:
        detail: Tensor = self.bound(self.convolution(x, w).float() + self.bias[:, None, None])
        return detail if picture is None else self.enlarge(picture) + detail


class NoPicture(nn.Module):
    """In place of `ToPicture` at the maps that put out none."""

    def forward(self, x: Tensor, w: Tensor, picture: Tensor | None) -> None:
        return None


class Onward(nn.Module):
    """Two convolutions and nothing beside them (figure 7b)."""

    def forward(self, before: Tensor, after: Tensor) -> Tensor:
        return after


class ResidualJoin(nn.Module):
    """What went into two convolutions, by a 1x1 convolution doubled, joins what came out (figure 7c)."""

    def __init__(self, num_in: int, num_out: int, *, enlarge: Doubling) -> None:
        super().__init__()
        self.skip = EqualisedConv2d(num_in, num_out, 1, bias=False)
        self.enlarge = enlarge

    def forward(self, before: Tensor, after: Tensor) -> Tensor:
        return (after + self.enlarge(self.skip(before))) * math.sqrt(0.5)


class StyleGAN2Generator(MappedGenerator):
    """Mapping network and synthesis network."""

    def __init__(self, config: StyleGAN2Config, shape: PictureShape) -> None:
        super().__init__(config, shape)
        w_dim, clamp, enlarge = config.w_dim, config.clamp, DOUBLINGS[config.border]
        sizes = [shape.size_after(doublings) for doublings in range(shape.num_doublings + 1)]
        channels = [config.channels(size) for size in sizes]
        self.constant = nn.Parameter(torch.randn(1, channels[0], *sizes[0]))
        convolutions = [StyledConvolution(channels[0], channels[0], w_dim=w_dim, up=False, clamp=clamp)]
        joins: list[nn.Module] = []
        noise_shapes = [sizes[0]]
        for level in range(1, len(sizes)):
            num_in, num_out = channels[level - 1], channels[level]
            convolutions.append(StyledConvolution(num_in, num_out, w_dim=w_dim, up=True, clamp=clamp))
            convolutions.append(StyledConvolution(num_out, num_out, w_dim=w_dim, up=False, clamp=clamp))
            joins.append(ResidualJoin(num_in, num_out, enlarge=enlarge) if config.generator == "residual" else Onward())
            noise_shapes += [sizes[level], sizes[level]]
        self.convolutions = nn.ModuleList(convolutions)
        self.joins = nn.ModuleList(joins)
        self.to_pictures = nn.ModuleList(
            ToPicture(num, shape.channels, w_dim=w_dim, enlarge=enlarge, clamp=clamp)
            if config.generator == "skip" or level == shape.num_doublings
            else NoPicture()
            for level, num in enumerate(channels)
        )
        self.output = OUTPUTS[config.output]()
        self.noise_shapes = tuple(noise_shapes)

    def mixing_layers(self) -> int:
        return len(self.convolutions) + 1  # each to-picture layer shares the style of the next convolution

    def synthesis(self, styles: Tensor, noise: Sequence[Tensor]) -> Tensor:
        picture: Tensor = self.output(self.sum_of_skips(styles, noise))
        return picture

    def sum_of_skips(self, styles: Tensor, noise: Sequence[Tensor]) -> Tensor:
        """The picture before the output's function: each level's, doubled and added to the next level's."""
        num = styles.shape[0]
        x = self.constant.expand(num, -1, -1, -1).contiguous(memory_format=torch.channels_last)
        x = self.convolutions[0](x, styles[:, 0], noise[0])
        picture: Tensor = self.to_pictures[0](x, styles[:, 1], None)
        for level in range(1, len(self.to_pictures)):
            first = 2 * level - 1
            y = self.convolutions[first](x, styles[:, first], noise[first])
            y = self.convolutions[first + 1](y, styles[:, first + 1], noise[first + 1])
            x = self.joins[level - 1](x, y)
            picture = self.to_pictures[level](x, styles[:, first + 2], picture)
        return picture


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions, the second halving, beside a 1x1 skip that halves (figure 7c)."""

    def __init__(self, num_in: int, num_out: int, clamp: float | None) -> None:
        super().__init__()
        half = math.sqrt(0.5)  # of the variance comes from either way; in the weights it costs nothing a pixel
        self.first = EqualisedConv2d(num_in, num_in, 3, activate=True)
        self.second = EqualisedConv2d(num_in, num_out, 3, down=True, activate=True, gain=half)
        self.skip = EqualisedConv2d(num_in, num_out, 1, down=True, bias=False, gain=half)
        self.bound = bound(clamp)
        self.bound_half = bound(None if clamp is None else clamp * half)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.skip(x)
        return y.add_(self.bound_half(self.second(self.bound(self.first(x)))))


class PlainBlock(nn.Module):
    """Two 3x3 convolutions, the second halving."""

    def __init__(self, num_in: int, num_out: int, clamp: float | None) -> None:
        super().__init__()
        self.first = EqualisedConv2d(num_in, num_in, 3, activate=True)
        self.second = EqualisedConv2d(num_in, num_out, 3, down=True, activate=True)
        self.bound = bound(clamp)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.bound(self.second(self.bound(self.first(x))))
        return y


class FromPicture(nn.Module):
    """Adds what a 1x1 convolution sees in the halved picture, and hands that picture on (figure 7b)."""

    def __init__(self, channels: int, num_out: int, clamp: float | None) -> None:
        super().__init__()
        self.convolution = EqualisedConv2d(channels, num_out, 1, activate=True)
        self.bound = bound(clamp)

    def forward(self, x: Tensor, picture: Tensor) -> tuple[Tensor, Tensor]:
        picture = downsample(picture)
        seen: Tensor = self.bound(self.convolution(picture))
        return x + seen, picture


class NotFromPicture(nn.Module):
    """In place of `FromPicture` where only the largest map sees the picture."""

    def forward(self, x: Tensor, picture: Tensor) -> tuple[Tensor, Tensor]:
        return x, picture


BLOCKS: dict[Wiring, type[ResidualBlock] | type[PlainBlock]] = {
    "skip": PlainBlock,
    "residual": ResidualBlock,
    "original": PlainBlock,
}


class StyleGAN2Discriminator(Discriminator):
    """Blocks down to the base map, minibatch standard deviation, two linear layers."""

    def __init__(self, config: StyleGAN2Config, shape: PictureShape) -> None:
        super().__init__()
        self.shape = shape
        sizes = [shape.size_after(doublings) for doublings in range(shape.num_doublings, -1, -1)]
        channels = [config.channels(size) for size in sizes]
        block = BLOCKS[config.discriminator]
        self.from_picture = EqualisedConv2d(shape.judged_channels, channels[0], 1, activate=True)
        self.blocks = nn.ModuleList(block(*pair, config.clamp) for pair in itertools.pairwise(channels))
        self.from_smaller = nn.ModuleList(
            FromPicture(shape.judged_channels, num, config.clamp)
            if config.discriminator == "skip"
            else NotFromPicture()
            for num in channels[1:]
        )
        self.deviation = MinibatchStandardDeviation(config.minibatch_group)
        self.last = EqualisedConv2d(channels[-1] + 1, channels[-1], 3, activate=True)
        self.hidden = EqualisedLinear(channels[-1] * math.prod(shape.base), channels[-1])
        class_dim = config.w_dim if config.class_dim is None else config.class_dim
        self.logit = EqualisedLinear(channels[-1], class_dim if shape.num_classes else 1)
        self.class_mapping = EqualisedLinear(shape.num_classes, class_dim) if shape.num_classes else None
        self.class_layers = nn.ModuleList(
            EqualisedLinear(class_dim, class_dim, learning_rate_multiplier=0.01)
            for _ in range(config.class_layers if shape.num_classes else 0)
        )
        self.bound = bound(config.clamp)

    def forward(self, images: Tensor, labels: Tensor | None) -> Tensor:
        check_labels(labels, self.shape)
        picture = images.contiguous(memory_format=torch.channels_last)
        x = self.bound(self.from_picture(picture))
        for block, from_smaller in zip(self.blocks, self.from_smaller, strict=True):
            x, picture = from_smaller(block(x), picture)
        x = self.deviation(x)
        with torch.autocast(x.device.type, enabled=False):  # logits in bf16 would have three digits
            x = self.bound(self.last(x.float())).flatten(1)
            out: Tensor = self.logit(leaky(self.hidden(x)))
            return self._conditioned(out, labels)

    def _conditioned(self, out: Tensor, labels: Tensor | None) -> Tensor:
        if self.class_mapping is None or labels is None:
            return out.squeeze(1)
        one_hot = F.one_hot(labels, self.shape.num_classes).to(out.dtype)
        embedded = pixel_norm(self.class_mapping(one_hot))
        for layer in self.class_layers:
            embedded = leaky(layer(embedded))
        return (out * embedded).sum(dim=1) / math.sqrt(out.shape[1])

    def stages(self) -> Sequence[nn.Module]:
        blocks = [nn.ModuleList(pair) for pair in zip(self.blocks, self.from_smaller, strict=True)]
        last = [self.last, self.hidden, self.logit]
        return [self.from_picture, *blocks, nn.ModuleList(last)]
