"""Random colour changes, drawn as the paper's pseudocode does (Karras et al. 2020, appendix B).

The paper multiplies 4x4 matrices. All of its changes but brightness either scale the luma axis or act in the
plane across it, so their product has a closed form, and is exactly the identity where nothing was drawn:

    colour' = M colour + t,   M = c (i v v^T + s (cos(hue) (I - v v^T) + sin(hue) [v]x)),   t = c i b

with brightness b, contrast c, luma sign i, saturation s, and v = (1, 1, 1) / sqrt(3).
"""

from collections.abc import Callable, Mapping
from math import pi, sqrt
from typing import NamedTuple

import torch
from torch import Generator, Tensor

BRIGHTNESS_SIGMA = 0.2
"""In the units of [-1, 1]."""
CONTRAST_SIGMA = 0.5
SATURATION_SIGMA = 1.0
"""Both in octaves: the factor is 2 ** Normal(0, sigma^2)."""


class Tint(NamedTuple):
    """What is done to each picture's colours, every entry `[n]`."""

    brightness: Tensor
    contrast: Tensor
    luma: Tensor
    hue: Tensor
    saturation: Tensor


def draw_tint(num: int, p: float, generator: Generator) -> Tint:
    """Each change on with probability p per picture; the luma flip, when on, flips half of the time."""
    uniform = torch.rand(num, 7, generator=generator, device=generator.device).unbind(1)
    normal = torch.randn(num, 3, generator=generator, device=generator.device).unbind(1)
    return Tint(
        brightness=torch.where(uniform[0] < p, normal[0] * BRIGHTNESS_SIGMA, 0.0),
        contrast=torch.where(uniform[1] < p, torch.exp2(normal[1] * CONTRAST_SIGMA), 1.0),
        luma=torch.where((uniform[2] < p) & (uniform[3] < 0.5), -1.0, 1.0),
        hue=torch.where(uniform[4] < p, (uniform[5] * 2.0 - 1.0) * pi, 0.0),
        saturation=torch.where(uniform[6] < p, torch.exp2(normal[2] * SATURATION_SIGMA), 1.0),
    )


def colour_matrix(tint: Tint) -> tuple[Tensor, Tensor]:
    """M `[n, 3, 3]` and t `[n]` of this file's formula, for straight colours in [-1, 1]."""
    device = tint.hue.device
    axis = torch.full((3, 3), 1.0 / 3.0, device=device)
    plane = torch.eye(3, device=device) - axis
    cross = torch.tensor([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]], device=device) / sqrt(3.0)
    contrast, luma, saturation = (column.view(-1, 1, 1) for column in (tint.contrast, tint.luma, tint.saturation))
    cosine, sine = tint.hue.cos().view(-1, 1, 1), tint.hue.sin().view(-1, 1, 1)
    matrix = contrast * (luma * axis + saturation * (cosine * plane + sine * cross))
    return matrix, tint.contrast * tint.luma * tint.brightness


def recolour_grey(images: Tensor, tint: Tint) -> Tensor:
    """`[n, 1, h, w]`: brightness and contrast only; the rest needs colours."""
    contrast, offset = tint.contrast, tint.contrast * tint.brightness
    return images * contrast.to(images).view(-1, 1, 1, 1) + offset.to(images).view(-1, 1, 1, 1)


def recolour_rgb(images: Tensor, tint: Tint) -> Tensor:
    """`[n, 3, h, w]`: all of them."""
    matrix, offset = colour_matrix(tint)
    flat = torch.baddbmm(offset.to(images).view(-1, 1, 1), matrix.to(images), images.flatten(2))
    return flat.view_as(images)


def recolour_beside_alpha(images: Tensor, tint: Tint) -> Tensor:
    """`[n, 4, h, w]`: the first three channels as if they were a picture without alpha, alpha left alone."""
    return torch.cat([recolour_rgb(images[:, :3].contiguous(), tint), images[:, 3:]], dim=1)


def recolour_rgba(images: Tensor, tint: Tint) -> Tensor:
    """`[n, 4, h, w]`, premultiplied: straight colours change as in RGB, alpha does not, transparent stays so.

    With u = a (x + 1) / 2, the premultiplied colour in 0..1, straight x' = M x + t becomes u' = M u + a o
    with o = (t + 1 - M 1) / 2: linear in colour and alpha together, so one 4x4 matrix does it without
    dividing by alpha.
    """
    matrix, offset = colour_matrix(tint)
    gain = matrix.sum(dim=2)
    share_of_alpha = (offset.view(-1, 1) + 1.0 - gain) / 2.0
    mix = torch.eye(4, device=matrix.device).repeat(len(matrix), 1, 1)
    mix[:, :3, :3] = matrix
    mix[:, :3, 3] = share_of_alpha
    # Back in [-1, 1], where nothing is -1: the constant that takes (-1, -1, -1, -1) to itself.
    constant = torch.zeros(len(matrix), 4, 1, device=matrix.device)
    constant[:, :3, 0] = gain + share_of_alpha - 1.0
    return torch.baddbmm(constant.to(images), mix.to(images), images.flatten(2)).view_as(images)


RECOLOUR_OF_CHANNELS: Mapping[int, Callable[[Tensor, Tint], Tensor]] = {
    1: recolour_grey,
    3: recolour_rgb,
    4: recolour_rgba,
}
