"""One of the two pictures of a pair under comparison, unpacked."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gan.data.likeness.descriptor import Descriptor
from gan.pixels import premultiply

UInt8Array = NDArray[np.uint8]
Int16Array = NDArray[np.int16]


@dataclass(frozen=True, kw_only=True)
class Side:
    """straight: the miniature, uint8 `[4, h, w]`; height, width: of the picture itself, which the miniature is if
    `is_whole`; num_colours: distinct visible colours of the miniature."""

    straight: UInt8Array
    height: int
    width: int
    is_whole: bool
    num_colours: int

    @property
    def area(self) -> int:
        return self.height * self.width

    def premultiplied(self) -> Int16Array:
        """int16 `[4, h, w]`, so that two can be subtracted."""
        return premultiply(self.straight).astype(np.int16)


def side_of(descriptor: Descriptor, *, mirrored: bool = False) -> Side:
    """The descriptor's picture, flipped left to right if so said."""
    straight = descriptor.miniature.straight()
    return Side(
        straight=straight[..., ::-1] if mirrored else straight,
        height=descriptor.height,
        width=descriptor.width,
        is_whole=descriptor.is_whole,
        num_colours=descriptor.num_colours,
    )
