"""The pixels that are kept of a picture so that it can be compared later: a bounded number of bytes each.

A sprite of up to 32 x 32 pixels is always kept whole; a larger picture, up to 128, is kept whole if it packs
well (rich ones of 64 x 64 and nearly all flat icons of 128 x 128 do) and else box-averaged down until it fits.
Knows pixels and bytes, nothing of likeness.
"""

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

UInt8Array = NDArray[np.uint8]

MOST_BYTES = 16384
SIDES = (128, 64, 32)


@dataclass(frozen=True, kw_only=True, slots=True)
class Miniature:
    """packed: deflated uint8 `[height, width, 4]`, alpha straight: the colour of clear pixels tells how a palette or a
    JPEG file was made."""

    packed: bytes
    height: int
    width: int

    def straight(self) -> UInt8Array:
        """uint8 `[4, height, width]`, alpha straight, read-only."""
        pixels = np.frombuffer(zlib.decompress(self.packed), dtype=np.uint8)
        return pixels.reshape(self.height, self.width, 4).transpose(2, 0, 1)


def bytes_each(num_pictures: int, most_memory_bytes: int = 600_000_000) -> int:
    """How many bytes the miniature of each of so many pictures may take; whole pictures of 128 px need 66,000."""
    return most_memory_bytes // max(1, num_pictures)


def keep(straight: UInt8Array, most_bytes: int = MOST_BYTES) -> Miniature:
    """The largest miniature of a straight uint8 `[4, h, w]` picture that takes at most so many bytes.

    One with its longest side at 32 is kept whatever it takes: never more than its 4096 values and a few bytes.
    """
    for side in SIDES:
        pixels = reduce_to(straight, side)
        # pixel by pixel and level 3: a third smaller than plane by plane at level 1, for the same time
        packed = zlib.compress(np.ascontiguousarray(pixels.transpose(1, 2, 0)).tobytes(), level=3)
        if len(packed) <= most_bytes or side == SIDES[-1]:
            return Miniature(packed=packed, height=pixels.shape[1], width=pixels.shape[2])
    raise AssertionError("SIDES is empty")


def reduce_to(straight: UInt8Array, side: int) -> UInt8Array:
    """A straight `[4, h, w]` picture box-averaged so that its longest side is `side`; a smaller one as it is."""
    _, height, width = straight.shape
    longest = max(height, width)
    if longest <= side:
        return straight
    return averaged(straight, max(1, round(height * side / longest)), max(1, round(width * side / longest)))


def averaged(straight: UInt8Array, height: int, width: int) -> UInt8Array:
    """A straight `[4, h, w]` picture box-averaged to another size: how every miniature was made."""
    return resample(straight, height, width, Image.Resampling.BOX)


def resample(straight: UInt8Array, height: int, width: int, filter_: Image.Resampling) -> UInt8Array:
    """A straight uint8 `[4, h, w]` picture at another size; clear pixels give no colour to their neighbours."""
    if straight.shape[1:] == (height, width):
        return straight
    # Pillow premultiplies an RGBA image before it filters and divides afterwards
    resized = Image.fromarray(np.ascontiguousarray(straight.transpose(1, 2, 0))).resize((width, height), filter_)
    pixels: UInt8Array = np.asarray(resized).transpose(2, 0, 1)
    return pixels


def as_numbers(pixels: UInt8Array) -> NDArray[np.uint32]:
    """`[h, w]`: each pixel's four values of `[4, h, w]` as one number, so that colours can be counted."""
    packed: NDArray[np.uint32] = np.ascontiguousarray(pixels.transpose(1, 2, 0)).view(np.uint32)[..., 0]
    return packed
