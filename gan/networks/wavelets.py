"""The Haar wavelet transform of pictures and its inverse, exact and cheap.

One level of the two-dimensional transform (Mallat 1989; Haar's filters, as in SWAGAN, arXiv 2102.06108, section 3):
each 2x2 block of pixels becomes four coefficients: half its sum, and half its differences across, down and along the
diagonal. With filters [1, 1] / sqrt(2) and [1, -1] / sqrt(2) the transform is orthonormal: it keeps the sum of
squares, and its transpose takes it back without loss.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def haar(x: Tensor) -> Tensor:
    """Pictures `[n, c, h, w]` to coefficients `[n, 4c, h/2, w/2]`: each channel's LL, LH, HL, HH in a row.

    L is low-pass and H high-pass, first letter down the picture, second across. Both sides must be even. A constant
    picture of value v has LL = 2v and nothing else.
    """
    return _mix(F.pixel_unshuffle(x, 2))


def inverse_haar(x: Tensor) -> Tensor:
    """Coefficients `[n, 4c, h, w]` back to pictures `[n, c, 2h, 2w]`."""
    return F.pixel_shuffle(_mix(x), 2)


def _mix(x: Tensor) -> Tensor:
    """The orthonormal 4x4 Hadamard matrix on each four channels; it is symmetric, and so its own inverse.

    As sums, not as a matrix product: autocast leaves them in float32, and a picture in bf16 has no 256 levels.
    """
    a, b, c, d = x.unflatten(1, (-1, 4)).unbind(2)
    top, bottom, top_difference, bottom_difference = a + b, c + d, a - b, c - d
    rows = [top + bottom, top_difference + bottom_difference, top - bottom, top_difference - bottom_difference]
    return torch.stack(rows, dim=2).flatten(1, 2) * 0.5


def haar_plain(x: Tensor) -> Tensor:
    """The plain twin of `haar`: each one-dimensional filter down, then across, one band after the other."""
    bands = [_analyse(_analyse(x, dim=2, sign=down), dim=3, sign=across) for down in (1, -1) for across in (1, -1)]
    return torch.stack(bands, dim=2).flatten(1, 2)


def inverse_haar_plain(x: Tensor) -> Tensor:
    """The plain twin of `inverse_haar`: the two steps of `haar_plain` taken back, across first."""
    low_low, low_high, high_low, high_high = x.unflatten(1, (-1, 4)).unbind(2)
    low, high = _synthesise(low_low, low_high, dim=3), _synthesise(high_low, high_high, dim=3)
    return _synthesise(low, high, dim=2)


def _analyse(x: Tensor, *, dim: int, sign: int) -> Tensor:
    """(even + sign * odd) / sqrt(2) along that side, which is halved."""
    even, odd = x.unflatten(dim, (-1, 2)).unbind(dim + 1)
    band: Tensor = (even + sign * odd) / math.sqrt(2.0)
    return band


def _synthesise(low: Tensor, high: Tensor, *, dim: int) -> Tensor:
    """Low and high band along that side back to a signal of twice its length."""
    even, odd = (low + high) / math.sqrt(2.0), (low - high) / math.sqrt(2.0)
    return torch.stack([even, odd], dim=dim + 1).flatten(dim, dim + 1)
