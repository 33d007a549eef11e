"""Spectral normalisation: Miyato et al. 2018, "Spectral Normalization for GANs" (arXiv 1802.05957), sections 2.1, 2.2.

A layer's weight, as a matrix `[outputs, rest]`, is divided by its largest singular value, which one step of power
iteration estimates from a stored left vector u (algorithm 1). In training each forward pass stores the new u: a
training step calls a generator once and a discriminator three times or more, so u is at least as fresh as the paper's
one iteration a step. In eval mode the same estimate is made and not stored: a fixed function of weight and u.

Why not torch.nn.utils.parametrizations.spectral_norm: it keeps u and v and takes u^T W v as it finds them. Our averaged
generator holds the running mean of buffers (gan/ema.py); the mean of unit vectors is shorter than 1, so u^T W v of it
is too small and every layer comes out too loud (a test shows it). Here v is always made from W and u, and both are
normalised first, so the length of u has no meaning and the value belongs to the averaged weight. It also leaves the
parameter's name alone, and the matrix needs no copy where the weight lies in channels_last, as training places it.
"""

from abc import ABC, abstractmethod

import torch
import torch.nn.functional as F
from torch import Tensor, nn

EPSILON = 1e-6


def rows(weight: Tensor) -> Tensor:
    """`[outputs, rest]` of a linear or convolution weight; the order of the rest changes no singular value."""
    return weight.movedim(1, -1).flatten(1)


def power_iteration(matrix: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
    """One step from u `[outputs]`: the estimate of the largest singular value, and the next u (unit length).

    The estimate |W v| has the gradient u v^T (Miyato et al., equation 11): v counts as a constant. It is never over
    the true value.
    """
    with torch.no_grad():
        v = F.normalize(torch.mv(matrix.t(), u), dim=0, eps=EPSILON)
    image = torch.mv(matrix, v)
    return torch.linalg.vector_norm(image), F.normalize(image.detach(), dim=0, eps=EPSILON)


class SpectralLayer(nn.Module, ABC):
    """A weight of spectral norm 1, started orthogonal (Saxe et al. 2014; BigGAN, section 3), and a bias of zeros."""

    u: Tensor

    def __init__(self, shape: tuple[int, ...], *, bias: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(nn.init.orthogonal_(torch.empty(shape)))
        self.bias = nn.Parameter(torch.zeros(shape[0])) if bias else None
        self.register_buffer("u", F.normalize(torch.randn(shape[0]), dim=0))

    def normalised_weight(self) -> Tensor:
        """The weight over its largest singular value; in training u moves on by one step."""
        with torch.autocast(self.weight.device.type, enabled=False):
            norm, u = power_iteration(rows(self.weight), self.u)
            if self.training:
                self.u.copy_(u)
            return self.weight / norm.clamp_min(EPSILON)

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Apply the normalised weight."""


class SpectralLinear(SpectralLayer):
    """`[n, i]` to `[n, o]`."""

    def __init__(self, num_in: int, num_out: int, *, bias: bool = True) -> None:
        super().__init__((num_out, num_in), bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.normalised_weight(), self.bias)


class SpectralEmbedding(SpectralLayer):
    """Labels `[n]` to rows `[n, d]` of one matrix `[classes, d]` of spectral norm 1."""

    def __init__(self, num_classes: int, num_features: int) -> None:
        super().__init__((num_classes, num_features), bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.embedding(x, self.normalised_weight())


class SpectralConv2d(SpectralLayer):
    """Convolution `[n, i, h, w]` to `[n, o, h, w]`, zeros around."""

    def __init__(self, num_in: int, num_out: int, kernel: int, *, bias: bool = True) -> None:
        super().__init__((num_out, num_in, kernel, kernel), bias=bias)
        self.padding = kernel // 2

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.normalised_weight(), self.bias, padding=self.padding)


class DoublingSpectralConv2d(SpectralLayer):
    """Each pixel repeated 2x2, then a 3x3 convolution: `[n, i, h, w]` to `[n, o, 2h, 2w]`.

    Both are linear, so one transposed 4x4 convolution of stride 2 does both with 4/9 of the multiplications. On a CPU
    core at batch 16, forward and backward, 64 channels to 32 from 16x16 take 4.3 ms, 7.8 in two steps; from a 4x4 map
    the kernel costs what the map saves.
    """

    def __init__(self, num_in: int, num_out: int) -> None:
        super().__init__((num_out, num_in, 3, 3), bias=True)

    def forward(self, x: Tensor) -> Tensor:
        kernel = blurred(self.normalised_weight().flip(2, 3)).transpose(0, 1)
        kernel = kernel.contiguous(memory_format=torch.channels_last)
        return F.conv_transpose2d(x, kernel, self.bias, stride=2, padding=1)


class HalvingSpectralConv2d(SpectralLayer):
    """A 3x3 convolution, then the mean of each 2x2 pixels: `[n, i, h, w]` to `[n, o, h/2, w/2]`.

    As one 4x4 convolution of stride 2: 4/9 of the multiplications.
    """

    def __init__(self, num_in: int, num_out: int) -> None:
        super().__init__((num_out, num_in, 3, 3), bias=True)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, blurred(self.normalised_weight()) * 0.25, self.bias, stride=2, padding=1)


def blurred(weight: Tensor) -> Tensor:
    """`[o, i, 3, 3]` convolved with a 2x2 box of ones: `[o, i, 4, 4]`."""
    tall = F.pad(weight, (0, 0, 0, 1)) + F.pad(weight, (0, 0, 1, 0))
    return F.pad(tall, (0, 1)) + F.pad(tall, (1, 0))


def doubled_plain(layer: DoublingSpectralConv2d, x: Tensor) -> Tensor:
    """The plain twin of `DoublingSpectralConv2d`."""
    return F.conv2d(F.interpolate(x, scale_factor=2), layer.normalised_weight(), layer.bias, padding=1)


def halved_plain(layer: HalvingSpectralConv2d, x: Tensor) -> Tensor:
    """The plain twin of `HalvingSpectralConv2d`."""
    return F.avg_pool2d(F.conv2d(x, layer.normalised_weight(), layer.bias, padding=1), 2)
