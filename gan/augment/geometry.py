"""Where pixels come from: random affine maps, drawn as in Karras et al. 2020, appendix B.

Every matrix is `[n, 3, 3]` float32, homogeneous, in pixels from the picture's centre with x to the right and
y down, and INVERSE: it takes a place in the result to the place in the source from which it is read. A
forward chain `G = T_k ... T_1` is therefore built as `T_1^-1 ... T_k^-1`, each next factor on the right.
Knows nothing of pictures.
"""

from math import pi, sqrt
from typing import NamedTuple

import torch
from torch import Generator, Tensor

MAX_SHIFT = 1.0 / 8.0
"""Share of the size: the bound of whole-pixel shifts (uniform), the sigma of fractional ones (normal)."""
SCALE_SIGMA = 0.2
"""Standard deviation of log2 of the isotropic and of the anisotropic scale."""


class Motion(NamedTuple):
    """Inverse maps `[n, 3, 3]`, and a bool `[n]` of which pictures they move at all."""

    inverse: Tensor
    moved: Tensor


def affine(xx: Tensor, xy: Tensor, x: Tensor, yx: Tensor, yy: Tensor, y: Tensor) -> Tensor:
    """`[n, 3, 3]` from its two upper rows, each entry `[n]`."""
    zero, one = torch.zeros_like(xx), torch.ones_like(xx)
    return torch.stack([xx, xy, x, yx, yy, y, zero, zero, one], dim=1).view(-1, 3, 3)


def translate(x: Tensor, y: Tensor) -> Tensor:
    zero, one = torch.zeros_like(x), torch.ones_like(x)
    return affine(one, zero, x, zero, one, y)


def scale(x: Tensor, y: Tensor) -> Tensor:
    zero = torch.zeros_like(x)
    return affine(x, zero, zero, zero, y, zero)


def rotate(cosine: Tensor, sine: Tensor) -> Tensor:
    zero = torch.zeros_like(cosine)
    return affine(cosine, -sine, zero, sine, cosine, zero)


def identity(num: int, device: torch.device) -> Tensor:
    return torch.eye(3, device=device).expand(num, 3, 3)


def whole_shift(uniform: Tensor, size: int) -> Tensor:
    """Uniform numbers in [0, 1) to whole pixels within ±1/8 of the size."""
    return torch.round((uniform * 2.0 - 1.0) * (MAX_SHIFT * size))


def draw_blit(num: int, height: int, width: int, p: float, mirror: bool, generator: Generator) -> Tensor:
    """Pixel blitting: x-flip, quarter turns, whole-pixel shifts; exact: every pixel lands on a pixel.

    A canvas that is not square is turned by half turns only, since a quarter turn would not fit it.
    """
    drawn = torch.rand(num, 7, generator=generator, device=generator.device).unbind(1)
    flip_gate, flip_coin, turn_gate, turn_at, shift_gate, shift_x, shift_y = drawn
    one = torch.ones_like(flip_gate)

    flipped = (flip_gate < p) & (flip_coin < 0.5) & mirror
    step, num_turns = (1, 4) if height == width else (2, 2)
    turns = torch.where(turn_gate < p, (turn_at * num_turns).floor() * step, 0.0).long()
    # From a table, not by cos(pi / 2): rounding there would blur what must be exact.
    cosine = torch.tensor([1.0, 0.0, -1.0, 0.0], device=generator.device)[turns]
    sine = torch.tensor([0.0, 1.0, 0.0, -1.0], device=generator.device)[turns]
    shifted = shift_gate < p
    x = torch.where(shifted, whole_shift(shift_x, width), 0.0)
    y = torch.where(shifted, whole_shift(shift_y, height), 0.0)
    return scale(torch.where(flipped, -one, one), one) @ rotate(cosine, -sine) @ translate(-x, -y)


def draw_geometry(num: int, height: int, width: int, p: float, generator: Generator) -> Motion:
    """Isotropic scaling, a rotation, anisotropic scaling, a second rotation, fractional translation.

    Each rotation has probability 1 - sqrt(1 - p), so that a picture is turned at all with probability p.
    """
    uniform = torch.rand(num, 7, generator=generator, device=generator.device).unbind(1)
    normal = torch.randn(num, 4, generator=generator, device=generator.device).unbind(1)
    p_rotate = 1.0 - sqrt(1.0 - p)
    scaled, turned_before, stretched, turned_after, shifted = (
        uniform[0] < p,
        uniform[1] < p_rotate,
        uniform[2] < p,
        uniform[3] < p_rotate,
        uniform[4] < p,
    )
    size = torch.where(scaled, torch.exp2(normal[0] * SCALE_SIGMA), 1.0)
    stretch = torch.where(stretched, torch.exp2(normal[1] * SCALE_SIGMA), 1.0)
    before = torch.where(turned_before, (uniform[5] * 2.0 - 1.0) * pi, 0.0)
    after = torch.where(turned_after, (uniform[6] * 2.0 - 1.0) * pi, 0.0)
    x = torch.where(shifted, normal[2] * (MAX_SHIFT * width), 0.0)
    y = torch.where(shifted, normal[3] * (MAX_SHIFT * height), 0.0)
    inverse = (
        scale(1.0 / size, 1.0 / size)
        @ rotate(before.cos(), -before.sin())
        @ scale(1.0 / stretch, stretch)
        @ rotate(after.cos(), -after.sin())
        @ translate(-x, -y)
    )
    return Motion(inverse, scaled | turned_before | stretched | turned_after | shifted)
