"""How much there is to see in a picture: whether it is blank, or as good as blank."""

from dataclasses import dataclass

import numpy as np

from gan.pixels import UInt8Array, premultiply

# Of 0..255: what differs by no more from the background is background, also after JPEG.
SAME = 8
# 2 pixels of 32 x 32: a dot, a speck of dust. The corners of tentacles in dcss-monsters, whole pictures, have 3.
BLANK_UP_TO = 0.002
NEARLY_BLANK_UP_TO = 0.012
# Fast-Image-Gans leaves out the fades between a video's scenes by this rule: 99 % of the pixels are darker than 60. A
# picture of dark stone meets it too; under 20 nobody sees a picture.
DARK, BLACK = 60, 20
DARK_FROM = 0.99
# Where more pictures than this share are that dark, darkness is the set's style.
MOST_DARK = 0.05

_TO_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
_MOST_LOOKED_AT = 512  # pixels along a side


@dataclass(frozen=True, slots=True)
class Contents:
    """drawn: the share of the area, 0..1, that differs from the background. brightness: 0..255, that all but one
    pixel in a hundred stay below. opaque: no pixel of it lets anything shine through."""

    drawn: float
    brightness: float
    opaque: bool

    @property
    def is_blank(self) -> bool:
        return self.drawn <= BLANK_UP_TO

    @property
    def is_nearly_blank(self) -> bool:
        return self.drawn <= NEARLY_BLANK_UP_TO

    @property
    def is_black(self) -> bool:
        """All over; a dark shape on a clear ground is a shape."""
        return self.opaque and self.brightness < BLACK

    @property
    def is_dark(self) -> bool:
        return self.opaque and self.brightness < DARK


def contents(straight: UInt8Array) -> Contents:
    """Of a straight-alpha uint8 `[4, h, w]` picture. The background is its median colour, or clear."""
    step = -(-max(straight.shape[1:]) // _MOST_LOOKED_AT)
    pixels = premultiply(straight[:, ::step, ::step]).reshape(4, -1)
    middle = np.median(pixels, axis=1, keepdims=True)
    differs = np.abs(pixels - middle).max(axis=0) > SAME
    luma = _TO_LUMA @ pixels[:3].astype(np.float32)
    return Contents(
        drawn=float(differs.mean()),
        brightness=float(np.quantile(luma, DARK_FROM)),
        opaque=bool(straight[3].min() >= 255 - SAME),
    )
