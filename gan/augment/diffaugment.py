"""DiffAugment (Zhao et al. 2020, arXiv 2006.10738)."""

import torch
from torch import Generator, Tensor

from gan.augment.geometry import translate, whole_shift
from gan.augment.interface import Augment
from gan.augment.resample import GREY, TRANSPARENT, move_pixels


class DiffAugment(Augment):
    """Colour, translation and cutout (the paper's strongest policy, section 4), in that order.

    The paper always applies all: p = 1. Below that, each change is made with probability p per picture.

    Pictures with alpha: what moves in and what is cut out is transparent, where the paper has zeros (mid grey
    in [-1, 1]). Brightness is a share of alpha and contrast turns about the mean straight colour, so that
    transparent stays transparent.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.border = TRANSPARENT if channels == 4 else GREY
        self.recolour = recolour_premultiplied if channels == 4 else recolour_straight

    def transform(self, images: Tensor, p: float, generator: Generator) -> Tensor:
        num, _, height, width = images.shape
        device = generator.device
        on = torch.rand(num, 5, generator=generator, device=device) < p
        drawn = torch.rand(num, 7, generator=generator, device=device).unbind(1)
        brightness = torch.where(on[:, 0], drawn[0] - 0.5, 0.0)
        saturation = torch.where(on[:, 1], drawn[1] * 2.0, 1.0)
        contrast = torch.where(on[:, 2], drawn[2] + 0.5, 1.0)
        images = self.recolour(images, *(to_pictures(each, images) for each in (brightness, saturation, contrast)))

        x = torch.where(on[:, 3], whole_shift(drawn[3], width), 0.0)
        y = torch.where(on[:, 3], whole_shift(drawn[4], height), 0.0)
        images = move_pixels(images, translate(-x, -y), self.border)

        rows, columns = half_covered(drawn[5], height), half_covered(drawn[6], width)
        hole = (rows[:, :, None] & columns[:, None, :] & on[:, 4, None, None]).unsqueeze(1)
        outside = self.border.outside
        assert outside is not None
        return images.masked_fill(hole.to(images.device), outside)


def to_pictures(values: Tensor, images: Tensor) -> Tensor:
    """`[n]` to `[n, 1, 1, 1]` beside the images."""
    return values.to(images).view(-1, 1, 1, 1)


def recolour_straight(images: Tensor, brightness: Tensor, saturation: Tensor, contrast: Tensor) -> Tensor:
    """`[n, 1 or 3, h, w]`: brightness added, saturation about each pixel's mean, contrast about the picture's."""
    images = images + brightness
    if images.shape[1] == 3:
        images = torch.lerp(images.mean(dim=1, keepdim=True), images, saturation)
    return torch.lerp(images.mean(dim=(1, 2, 3), keepdim=True), images, contrast)


def recolour_premultiplied(images: Tensor, brightness: Tensor, saturation: Tensor, contrast: Tensor) -> Tensor:
    """`[n, 4, h, w]`: the same for the straight colours beneath; alpha is not touched."""
    alpha = (images[:, 3:] + 1.0) / 2.0
    colour = (images[:, :3] + 1.0) / 2.0 + brightness / 2.0 * alpha
    colour = torch.lerp(colour.mean(dim=1, keepdim=True), colour, saturation)
    # The mean straight colour, each pixel weighted by its alpha. A proper picture's lies in these bounds
    # after brightness; without them a young generator's, all but transparent, would divide by nearly nothing.
    weight = alpha.mean(dim=(1, 2, 3), keepdim=True).clamp(min=1e-3)
    mean = (colour.mean(dim=(1, 2, 3), keepdim=True) / weight).clamp(-0.25, 1.25)
    colour = torch.lerp(mean * alpha, colour, contrast)
    return torch.cat([colour * 2.0 - 1.0, images[:, 3:]], dim=1)


def half_covered(uniform: Tensor, size: int) -> Tensor:
    """bool `[n, size]`: half the size, about a pixel chosen uniformly; what hangs over the edge is lost."""
    length = size // 2
    start = (uniform * size).floor().unsqueeze(1) - length // 2
    at = torch.arange(size, device=uniform.device)
    return (at >= start) & (at < start + length)
