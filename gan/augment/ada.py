"""The augmentation pipeline of ADA (Karras et al. 2020, arXiv 2006.06676, section 2.2 and appendix B)."""

import torch
from torch import Generator, Tensor

from gan.augment.colour import RECOLOUR_OF_CHANNELS, draw_tint, recolour_beside_alpha
from gan.augment.config import AugmentConfig
from gan.augment.geometry import Motion, draw_blit, draw_geometry, identity
from gan.augment.interface import Augment
from gan.augment.resample import REFLECTED, TRANSPARENT, Interpolated, Supersampled, move_pixels


class AdaAugment(Augment):
    """Pixel blitting, geometry and colour, in the paper's order, every change with probability p per picture.

    Departures: a picture that only blitting moves is copied pixel by pixel, not filtered; pictures with alpha
    are transparent beyond their edge, where the paper reflects (`alpha_aware`); the paper's further groups
    (filter, noise, cutout) are left out, as they are from its chosen `bgc`.
    """

    def __init__(self, config: AugmentConfig, channels: int) -> None:
        super().__init__()
        self.config = config
        with_alpha = channels == 4
        self.border = TRANSPARENT if with_alpha and config.alpha_aware else REFLECTED
        self.resample = Supersampled() if config.antialias else Interpolated()
        blind = with_alpha and not config.alpha_aware
        self.recolour = recolour_beside_alpha if blind else RECOLOUR_OF_CHANNELS[channels]

    def transform(self, images: Tensor, p: float, generator: Generator) -> Tensor:
        num, _, height, width = images.shape
        config, device = self.config, generator.device
        blit = identity(num, device)
        if config.blit:
            blit = draw_blit(num, height, width, p, config.mirror, generator)
        geometry = Motion(identity(num, device), torch.zeros(num, dtype=torch.bool, device=device))
        if config.geometry:
            geometry = draw_geometry(num, height, width, p, generator)
        images = self.place(images, blit, geometry)
        if config.colour:
            images = self.recolour(images, draw_tint(num, p, generator))
        return images

    def place(self, images: Tensor, blit: Tensor, geometry: Motion) -> Tensor:
        """Reads each picture once: pixel by pixel where only blitting moves it, else by both maps in one."""
        exact, between = (~geometry.moved).nonzero().flatten(), geometry.moved.nonzero().flatten()
        parts = []
        if len(exact) > 0:
            parts.append(move_pixels(images[exact.to(images.device)], blit[exact], self.border))
        if len(between) > 0:
            inverse = blit[between] @ geometry.inverse[between]
            parts.append(self.resample(images[between.to(images.device)], inverse, self.border))
        order = torch.cat([exact, between]).argsort()
        return torch.cat(parts)[order.to(images.device)]
