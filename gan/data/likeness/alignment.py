"""How far one picture must be moved to lie on another of the same size."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gan.data.likeness.descriptor import centre_of_alpha

UInt8Array = NDArray[np.uint8]
Int16Array = NDArray[np.int16]

# A picture moved by more than this share of its side has lost too much to be called the same.
MOST_SHIFT = 0.25
# Of the visible pixels, this share at most may have been pushed over the edge.
MOST_LOST = 0.15


@dataclass(frozen=True, kw_only=True)
class Overlap:
    """The parts of two pictures that lie on each other: int16 `[4, h, w]` each, premultiplied.

    down, across: how far the second's content lies below and right of the first's, in pixels.
    visible: bool `[h, w]`, where either shows anything.
    """

    first: Int16Array
    second: Int16Array
    down: int
    across: int
    visible: NDArray[np.bool_]

    @property
    def mean_difference(self) -> float:
        """Mean |difference| of the four channels over the visible pixels, in levels of 0..255."""
        return float(np.abs(self.first - self.second).sum()) / 4.0 / max(1, int(self.visible.sum()))


def align(first: UInt8Array, second: UInt8Array) -> Overlap:
    """The best overlap of two premultiplied uint8 `[4, h, w]` pictures of one size.

    Tried are no shift, the shift between the two centres of alpha, and one pixel around both: a copy moved by any
    amount is found by its centre, and a full opaque picture (no centre of its own) if it moved by one pixel.
    Where several do equally well the least shift wins.
    """
    left, right = first.astype(np.int16), second.astype(np.int16)
    visible_pixels = max(1, int((first[3] > 0).sum()), int((second[3] > 0).sum()))
    shifts = _shifts(first, second)
    border = max(max(abs(down), abs(across)) for down, across in shifts)
    padded = np.pad(right, ((0, 0), (border, border), (border, border)))
    _, height, width = left.shape
    differences = [
        int(np.abs(padded[:, border + i : border + i + height, border + j : border + j + width] - left).sum())
        for i, j in shifts
    ]
    for place in np.argsort(differences, kind="stable"):
        overlap = _cut(left, right, *shifts[place])
        if overlap.visible.sum() >= (1.0 - MOST_LOST) * visible_pixels:
            return overlap
    return _cut(left, right, 0, 0)


def _shifts(first: UInt8Array, second: UInt8Array) -> list[tuple[int, int]]:
    _, height, width = first.shape
    (down_1, across_1), (down_2, across_2) = centre_of_alpha(first), centre_of_alpha(second)
    middles = {(0, 0), (round(down_2 - down_1), round(across_2 - across_1))}
    around = {(down + i, across + j) for down, across in middles for i in (-1, 0, 1) for j in (-1, 0, 1)}
    within = [
        (down, across)
        for down, across in around
        if abs(down) <= max(1, MOST_SHIFT * height) and abs(across) <= max(1, MOST_SHIFT * width)
    ]
    return sorted(within, key=lambda shift: (abs(shift[0]) + abs(shift[1]), shift))


def _cut(first: Int16Array, second: Int16Array, down: int, across: int) -> Overlap:
    _, height, width = first.shape
    rows_1, rows_2 = _spans(height, down)
    columns_1, columns_2 = _spans(width, across)
    left, right = first[:, rows_1, columns_1], second[:, rows_2, columns_2]
    return Overlap(first=left, second=right, down=down, across=across, visible=(left[3] > 0) | (right[3] > 0))


def _spans(length: int, shift: int) -> tuple[slice, slice]:
    return slice(max(0, -shift), length - max(0, shift)), slice(max(0, shift), length - max(0, -shift))
