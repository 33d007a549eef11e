"""Layers that several networks share. A fast form has its slow, plain twin beside it, `..._plain`, and a test.

Equalised learning rate: Karras et al. 2018 (ProGAN), section 4.1. Modulated convolution: Karras et al. 2020
(StyleGAN2), section 2.2, equations 1 to 3. Minibatch standard deviation: ProGAN, section 3. Resampling filter
[1, 3, 3, 1]: StyleGAN2, appendix B.
"""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LEAKY_SLOPE = 0.2
LEAKY_GAIN = math.sqrt(2.0)  # restores unit variance after a leaky ReLU, as the StyleGAN papers do
_LOW_PASS = [[row * column / 64.0 for column in (1.0, 3.0, 3.0, 1.0)] for row in (1.0, 3.0, 3.0, 1.0)]


def leaky(x: Tensor) -> Tensor:
    """Leaky ReLU of slope 0.2 with gain sqrt(2)."""
    return F.leaky_relu(x, LEAKY_SLOPE) * LEAKY_GAIN


class EqualisedLinear(nn.Module):
    """Linear layer with weights ~ N(0, 1) scaled at run time by He's constant, so every weight learns alike.

    `learning_rate_multiplier` slows the layer (StyleGAN: 0.01 in the mapping network).
    """

    def __init__(self, num_in: int, num_out: int, *, bias: float = 0.0, learning_rate_multiplier: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(num_out, num_in) / learning_rate_multiplier)
        self.bias = nn.Parameter(torch.full((num_out,), bias / learning_rate_multiplier))
        self.weight_gain = learning_rate_multiplier / math.sqrt(num_in)
        self.bias_gain = learning_rate_multiplier

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight * self.weight_gain, self.bias * self.bias_gain)


class EqualisedConv2d(nn.Module):
    """Convolution `[n, i, h, w]` to `[n, o, h, w]` (half with `down`) with equalised learning rate.

    `down` low-passes with [1, 3, 3, 1] first, then strides by 2 (StyleGAN2 appendix B). `gain` multiplies the result;
    `activate` puts `leaky` behind it. Both cost nothing a pixel: leaky(x) * g is leaky(x * g) for a positive g, so
    every factor goes into the weights and the bias.
    """

    def __init__(
        self,
        num_in: int,
        num_out: int,
        kernel: int,
        *,
        down: bool = False,
        bias: bool = True,
        activate: bool = False,
        gain: float = 1.0,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(num_out, num_in, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(num_out)) if bias else None
        self.bias_gain = gain * (LEAKY_GAIN if activate else 1.0)
        self.gain = self.bias_gain / math.sqrt(num_in * kernel * kernel)
        self.down = down
        self.activate = activate
        self.padding = kernel // 2

    def forward(self, x: Tensor) -> Tensor:
        weight = (self.weight * self.gain).to(x.dtype)
        bias = None if self.bias is None else (self.bias * self.bias_gain).to(x.dtype)
        if not self.down:
            y = F.conv2d(x, weight, bias, padding=self.padding)
        elif weight.shape[-1] == 1:
            y = F.conv2d(downsample(x), weight, bias)
        else:
            y = F.conv2d(low_pass(x, padding=2), weight, bias, stride=2)
        return F.leaky_relu(y, LEAKY_SLOPE, inplace=True) if self.activate else y


def equalised_convolution_plain(layer: EqualisedConv2d, x: Tensor) -> Tensor:
    """The plain twin of `EqualisedConv2d`: filter, convolution, bias, activation and gain one after the other."""
    kernel = layer.weight.shape[-1]
    factor = layer.bias_gain / LEAKY_GAIN if layer.activate else layer.bias_gain
    weight = layer.weight / math.sqrt(layer.weight.shape[1] * kernel * kernel)
    stride = 2 if layer.down else 1
    if layer.down:
        x = low_pass_plain(x, padding=layer.padding + 1)
    x = F.conv2d(x, weight, layer.bias, stride=stride, padding=0 if layer.down else layer.padding)
    return (leaky(x) if layer.activate else x) * factor


def low_pass(x: Tensor, *, padding: int) -> Tensor:
    """[1, 3, 3, 1] / 8 along both sides with zero padding: `[n, c, h, w]` to `[n, c, h + 2p - 3, w + 2p - 3]`.

    One depthwise 4x4 convolution. Its gradient is the filter again (it is symmetric), and says so here, because the
    convolution's own gradients are slow on CPU cores: there and back take up to a third longer in float32, ten times
    as long in bf16 with stride 2, and with a second derivative three to eight times (experiments/bench/low_pass.py).
    """
    y: Tensor = _LowPass.apply(x, padding)  # type: ignore[no-untyped-call]
    return y


class _LowPass(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, padding: int) -> Tensor:
        ctx.padding = padding
        ctx.set_materialize_grads(False)
        return F.conv2d(x, _low_pass_kernel(x), padding=padding, groups=x.shape[1])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, None]:
        (gradient,) = gradients
        return None if gradient is None else low_pass(gradient, padding=3 - ctx.padding), None


class _Downsample(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.set_materialize_grads(False)
        return F.conv2d(x, _low_pass_kernel(x), padding=1, stride=2, groups=x.shape[1])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> Tensor | None:
        (gradient,) = gradients
        if gradient is None:
            return None
        spread: Tensor = _DownsampleTransposed.apply(gradient)  # type: ignore[no-untyped-call]
        return spread


class _DownsampleTransposed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.set_materialize_grads(False)
        wide = x.float() if x.dtype == torch.bfloat16 and x.device.type == "cpu" else x  # see `low_pass`
        y = F.conv_transpose2d(wide, _low_pass_kernel(wide), padding=1, stride=2, groups=x.shape[1])
        return y.to(x.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> Tensor | None:
        (gradient,) = gradients
        return None if gradient is None else downsample(gradient)


def _low_pass_kernel(x: Tensor) -> Tensor:
    return torch.tensor(_LOW_PASS, dtype=x.dtype, device=x.device).expand(x.shape[1], 1, 4, 4)


def low_pass_plain(x: Tensor, *, padding: int) -> Tensor:
    """The plain twin of `low_pass`: [1, 3, 3, 1] is [1, 1] with itself three times: three mean poolings."""
    x = F.pad(x, (padding, padding, padding, padding))
    return F.avg_pool2d(F.avg_pool2d(F.avg_pool2d(x, 2, 1), 2, 1), 2, 1)


def upsample(x: Tensor) -> Tensor:
    """Twice the size by [1, 3, 3, 1]: just bilinear interpolation (away from the border, which is repeated)."""
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def downsample(x: Tensor) -> Tensor:
    """Half the size (which is even) by [1, 3, 3, 1] with zero padding."""
    y: Tensor = _Downsample.apply(x)  # type: ignore[no-untyped-call]
    return y


class ModulatedConv2d(nn.Module):
    """Convolution whose weights each picture's style scales and, if asked, normalises (StyleGAN2 equations 1, 3).

    Scaling the input channels before one ordinary convolution and the output channels after it equals scaling the
    weights of each picture apart, and needs no grouped convolution. A 1x1 kernel that is not normalised is a matrix
    product a picture instead: the few outputs make weights of their own cheaper than scaling the many inputs. `up`
    doubles the size: transposed convolution of stride 2, then the low-pass filter.
    """

    def __init__(
        self, num_in: int, num_out: int, kernel: int, *, w_dim: int, up: bool = False, demodulate: bool = True
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(num_out, num_in, kernel, kernel))
        self.style = EqualisedLinear(w_dim, num_in, bias=1.0)
        self.gain = 1.0 / math.sqrt(num_in * kernel * kernel)
        self.up = up
        self.demodulate = demodulate
        self.padding = kernel // 2

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """x `[n, i, h, w]`, w `[n, w_dim]`; `[n, o, h, w]`, or twice the size with `up`."""
        if self.demodulate:
            x, demodulation = self.before_demodulation(x, w)
            return x * demodulation[:, :, None, None].to(x.dtype)
        if self.weight.shape[-1] == 1 and not self.up:
            return self._by_matrix(x, self._style(w))
        return self._convolve(x, self._style(w))

    def before_demodulation(self, x: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
        """The convolution, and the factor `[n, o]` still to be multiplied in, for one who can do that in passing."""
        style = self._style(w)
        return self._convolve(x, style), self._demodulation(style)

    def _style(self, w: Tensor) -> Tensor:
        with torch.autocast(w.device.type, enabled=False):  # few operations, and all that follows hangs on them
            style: Tensor = self.style(w)
            return style

    def _demodulation(self, style: Tensor) -> Tensor:
        """`[n, o]`: one over the root of the sum over input and kernel of the squared modulated weights (eq. 3)."""
        with torch.autocast(style.device.type, enabled=False):
            squared = (self.weight * self.gain).square().sum(dim=(2, 3))
            return torch.rsqrt(style.square() @ squared.t() + 1e-8)

    def _convolve(self, x: Tensor, style: Tensor) -> Tensor:
        weight = self.weight * self.gain
        x = x * style[:, :, None, None].to(x.dtype)
        if self.up:
            # the low-pass loses 3/4 of the energy that zero insertion spreads: gain 4, 2 a side
            kernel = (weight.transpose(0, 1) * 4.0).to(x.dtype)
            return low_pass(F.conv_transpose2d(x, kernel, stride=2), padding=1)
        return F.conv2d(x, weight.to(x.dtype), padding=self.padding)

    def _by_matrix(self, x: Tensor, style: Tensor) -> Tensor:
        matrices = style[:, None, :] * (self.weight * self.gain)[None, :, :, 0, 0]
        pixels = x.permute(0, 2, 3, 1).flatten(1, 2).transpose(1, 2)  # a view where the channels lie last in memory
        y: Tensor = torch.matmul(matrices.to(x.dtype), pixels).unflatten(2, x.shape[2:])
        return y


def modulated_convolution_plain(layer: ModulatedConv2d, x: Tensor, w: Tensor) -> Tensor:
    """The plain twin of `ModulatedConv2d`: one weight tensor a picture, one convolution a picture."""
    outputs = []
    for picture, style in zip(x, layer.style(w), strict=True):
        weight = layer.weight * layer.gain * style[None, :, None, None]
        if layer.demodulate:
            weight = weight * torch.rsqrt(weight.square().sum(dim=(1, 2, 3), keepdim=True) + 1e-8)
        if layer.up:
            y = F.conv_transpose2d(picture[None], weight.transpose(0, 1) * 4.0, stride=2)
            outputs.append(low_pass_plain(y, padding=1))
        else:
            outputs.append(F.conv2d(picture[None], weight, padding=layer.padding))
    return torch.cat(outputs)


def styled_activation(x: Tensor, demodulation: Tensor, noise: Tensor, bias: Tensor) -> Tensor:
    """`leaky(x * demodulation + noise + bias)` in three passes over the map instead of five.

    x `[n, c, h, w]` before its demodulation `[n, c]`, noise `[n, 1, h, w]`, bias `[c]`. The gain of `leaky` is
    positive, so it goes through it into the three small factors.
    """
    scale = (demodulation * LEAKY_GAIN)[:, :, None, None].to(x.dtype)
    x = torch.addcmul((bias * LEAKY_GAIN)[:, None, None].to(x.dtype), x, scale)
    return F.leaky_relu(x.add_((noise * LEAKY_GAIN).to(x.dtype)), LEAKY_SLOPE, inplace=True)


def styled_activation_plain(x: Tensor, demodulation: Tensor, noise: Tensor, bias: Tensor) -> Tensor:
    """The plain twin of `styled_activation`."""
    return leaky(x * demodulation[:, :, None, None] + noise + bias[:, None, None])


class MinibatchStandardDeviation(nn.Module):
    """Appends one channel: the standard deviation over a group of pictures, averaged over channels and places.

    Groups are strided (pictures i, i + n/g, …), so that neighbours never share one by being alike. The group is the
    largest divisor of the batch that is at most `group_size`.
    """

    def __init__(self, group_size: int = 4) -> None:
        super().__init__()
        self.group_size = group_size

    def forward(self, x: Tensor) -> Tensor:
        num, channels, height, width = x.shape
        group = next(size for size in range(min(self.group_size, num), 0, -1) if num % size == 0)
        grouped = x.float().reshape(group, num // group, channels, height, width)
        variance = (grouped - grouped.mean(dim=0)).square().mean(dim=0)  # var(dim=0) takes ten times as long on a CPU
        deviation = (variance + 1e-8).sqrt().mean(dim=(1, 2, 3))
        plane = deviation.repeat(group)[:, None, None, None].expand(num, 1, height, width)
        return torch.cat([x, plane.to(x.dtype)], dim=1)


def pixel_norm(x: Tensor) -> Tensor:
    """Each row of `[n, d]` scaled to unit mean square (ProGAN section 4.2)."""
    return x * torch.rsqrt(x.square().mean(dim=1, keepdim=True) + 1e-8)
