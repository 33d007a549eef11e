"""Layers that several networks share. A fast form has its slow, plain twin beside it, `..._plain`, and a test.

Equalised learning rate: Karras et al. 2018 (ProGAN), section 4.1. Modulated convolution: Karras et al. 2020
(StyleGAN2), section 2.2, equations 1 to 3. Minibatch standard deviation: ProGAN, section 3. Resampling filter
[1, 3, 3, 1]: StyleGAN2, appendix B.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LEAKY_SLOPE = 0.2
LEAKY_GAIN = math.sqrt(2.0)  # restores unit variance after a leaky ReLU, as the StyleGAN papers do


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

    `down` low-passes with [1, 3, 3, 1] first, then strides by 2 (StyleGAN2 appendix B).
    """

    def __init__(self, num_in: int, num_out: int, kernel: int, *, down: bool = False, bias: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(num_out, num_in, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(num_out)) if bias else None
        self.gain = 1.0 / math.sqrt(num_in * kernel * kernel)
        self.down = down
        self.padding = kernel // 2

    def forward(self, x: Tensor) -> Tensor:
        weight = (self.weight * self.gain).to(x.dtype)
        bias = None if self.bias is None else self.bias.to(x.dtype)
        if not self.down:
            return F.conv2d(x, weight, bias, padding=self.padding)
        if weight.shape[-1] == 1:
            return F.conv2d(downsample(x), weight, bias)
        return F.conv2d(low_pass(x, padding=2), weight, bias, stride=2)


def low_pass(x: Tensor, *, padding: int, stride: int = 1) -> Tensor:
    """[1, 3, 3, 1] / 8 along both sides with zero padding: `[n, c, h, w]` to `[n, c, h + 2p - 3, w + 2p - 3]`.

    One depthwise 4x4 convolution: on CPU cores the gradient costs a fifth of what the poolings of the plain twin
    cost, and the double gradient less than with two separable ones (experiments/bench/low_pass.py).
    """
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0], dtype=x.dtype, device=x.device) / 8.0
    kernel = torch.outer(taps, taps).expand(x.shape[1], 1, 4, 4)
    return F.conv2d(x, kernel, padding=padding, stride=stride, groups=x.shape[1])


def low_pass_plain(x: Tensor, *, padding: int) -> Tensor:
    """The plain twin of `low_pass`: [1, 3, 3, 1] is [1, 1] with itself three times: three mean poolings."""
    x = F.pad(x, (padding, padding, padding, padding))
    return F.avg_pool2d(F.avg_pool2d(F.avg_pool2d(x, 2, 1), 2, 1), 2, 1)


def upsample(x: Tensor) -> Tensor:
    """Twice the size by [1, 3, 3, 1]: just bilinear interpolation (away from the border, which is repeated)."""
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def downsample(x: Tensor) -> Tensor:
    """Half the size by [1, 3, 3, 1] with zero padding."""
    return low_pass(x, padding=1, stride=2)


class ModulatedConv2d(nn.Module):
    """Convolution whose weights each picture's style scales and, if asked, normalises (StyleGAN2 equations 1, 3).

    Scaling the input channels before one ordinary convolution and the output channels after it equals scaling the
    weights of each picture apart, and needs no grouped convolution. `up` doubles the size: transposed convolution
    of stride 2, then the low-pass filter.
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
        with torch.autocast(x.device.type, enabled=False):  # few operations, and all that follows hangs on them
            style = self.style(w)
            demodulation = self._demodulation(style) if self.demodulate else None
        weight = self.weight * self.gain
        x = x * style[:, :, None, None].to(x.dtype)
        if self.up:
            # the low-pass loses 3/4 of the energy that zero insertion spreads: gain 4, 2 a side
            kernel = (weight.transpose(0, 1) * 4.0).to(x.dtype)
            x = low_pass(F.conv_transpose2d(x, kernel, stride=2), padding=1)
        else:
            x = F.conv2d(x, weight.to(x.dtype), padding=self.padding)
        if demodulation is not None:
            x = x * demodulation[:, :, None, None].to(x.dtype)
        return x

    def _demodulation(self, style: Tensor) -> Tensor:
        """`[n, o]`: one over the root of the sum over input and kernel of the squared modulated weights (eq. 3)."""
        squared = (self.weight * self.gain).square().sum(dim=(2, 3))
        return torch.rsqrt(style.square() @ squared.t() + 1e-8)


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
        deviation = (grouped.var(dim=0, unbiased=False) + 1e-8).sqrt().mean(dim=(1, 2, 3))
        plane = deviation.repeat(group)[:, None, None, None].expand(num, 1, height, width)
        return torch.cat([x, plane.to(x.dtype)], dim=1)


def pixel_norm(x: Tensor) -> Tensor:
    """Each row of `[n, d]` scaled to unit mean square (ProGAN section 4.2)."""
    return x * torch.rsqrt(x.square().mean(dim=1, keepdim=True) + 1e-8)
