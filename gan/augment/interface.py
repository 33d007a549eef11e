"""What every augmentation promises."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import torch
from torch import Generator, Tensor, nn


class Augment(nn.Module, ABC):
    """Random changes to pictures, made alike to reals and fakes before the discriminator sees them.

    Differentiable with respect to the images, twice: the generator learns through it, and R1 differentiates
    that gradient again. No parameters, no buffers, no state: the same generator state gives the same result.
    Numbers are drawn on the generator's device; a CPU generator is the better choice for a GPU too, since
    then nothing waits.
    """

    def forward(self, images: Tensor, p: float, generator: Generator) -> Tensor:
        """`[n, c, h, w]` float in [-1, 1] to the same shape and dtype; p: each change's chance per image.

        At p = 0 the very same tensor comes back and the generator is not touched. The result is not clamped:
        a change that clips cannot be undone, and what cannot be undone can leak (paper, appendix C). So
        colours may leave [-1, 1], and with premultiplied alpha a colour may exceed its alpha: it is then
        brighter than white.
        """
        assert 0.0 <= p <= 1.0, f"p = {p} is not a probability"
        assert min(images.shape[2:]) >= 2, f"a picture of {tuple(images.shape[2:])} pixels has no geometry"
        if p == 0.0:
            return images
        # Half precision would throw away shades (the colour matrix) and fractions of a pixel (the grid).
        with torch.autocast(images.device.type, enabled=False):
            wide = images if images.dtype == torch.float64 else images.float()
            return self.transform(wide, p, generator).to(images.dtype)

    @abstractmethod
    def transform(self, images: Tensor, p: float, generator: Generator) -> Tensor:
        """The same as `forward`, for float32 or float64 images and p above 0."""

    if TYPE_CHECKING:

        def __call__(self, images: Tensor, p: float, generator: Generator) -> Tensor: ...


class Unchanged(Augment):
    """No augmentation at any p."""

    def transform(self, images: Tensor, p: float, generator: Generator) -> Tensor:
        return images
