"""The marks that noise and a smaller palette leave on a copy, measured on the copy's difference from its original.

Noise cannot be made again, and not every palette was Pillow's; but both touch the whole picture evenly, where an
artist's change leaves most pixels exactly as they were and alters a few by much. Pure: numbers out, no thresholds.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gan.data.likeness.alignment import Int16Array, Overlap
from gan.data.likeness.miniature import as_numbers

BLOCK, JPEG_BLOCK = 4, 8
# Of 0..255: a step between neighbours up to this is grain and shading, beyond it an edge.
FINE_STEP = 24
# Alpha from which a pixel's own colour can be told well enough after premultiplying.
SOLID = 96


def root_mean_square(difference: Int16Array, where: NDArray[np.bool_]) -> float:
    """Of `[4, h, w]` differences over the pixels `where`, in levels of 0..255; 0 where there are none."""
    return float(np.sqrt(np.square(difference[:, where], dtype=np.float32).mean())) if where.any() else 0.0


@dataclass(frozen=True, kw_only=True)
class Evenness:
    """How a difference of the straight colours spreads over the solid pixels.

    deviation: its standard deviation, in levels; bias: the greatest mean of a channel; changed: share of the colour
    values that differ at all; peak: the greatest value over the deviation (Gaussian noise: about 4); crowding: the
    worst 4 x 4 block's mean over the mean of all blocks (noise: about 1.5, an artist's change: 4 and more);
    smoothness: correlation of neighbours (noise: 0, a change of colour: near 1).
    """

    deviation: float
    bias: float
    changed: float
    peak: float
    crowding: float
    smoothness: float


def evenness(overlap: Overlap) -> Evenness | None:
    """None where fewer than 24 pixels are solid in both pictures: too few to tell noise from a drawing."""
    solid = (overlap.first[3] >= SOLID) & (overlap.second[3] >= SOLID)
    if solid.sum() < 24:
        return None
    difference = (overlap.second - overlap.first)[:3].astype(np.float32)
    changed = float((difference[:, solid] != 0).mean())
    difference *= solid * (255.0 / np.maximum(1, overlap.second[3])).astype(np.float32)
    means = difference[:, solid].mean(axis=1)
    # half the noise on white or black is clipped away, which leaves a mean
    centred = (difference - means[:, None, None]) * solid
    deviation = float(np.sqrt(np.square(centred[:, solid]).mean()))
    flat = deviation == 0.0
    blocks = _block_means(np.abs(centred).mean(axis=0), solid)
    return Evenness(
        deviation=deviation,
        bias=float(np.abs(means).max()),
        changed=changed,
        peak=0.0 if flat else float(np.abs(centred).max()) / deviation,
        crowding=np.inf if flat or not len(blocks) else float(blocks.max() / blocks.mean()),
        smoothness=1.0 if flat else _correlation_of_neighbours(centred, solid),
    )


def _block_means(values: NDArray[np.float32], where: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The mean over `where` in each whole block that has at least 6 such pixels."""
    rows, columns = values.shape[0] // BLOCK, values.shape[1] // BLOCK
    shape = (rows, BLOCK, columns, BLOCK)
    cut = np.s_[: rows * BLOCK, : columns * BLOCK]
    counts = where[cut].reshape(shape).sum(axis=(1, 3))
    sums = (values * where)[cut].reshape(shape).sum(axis=(1, 3))
    enough = counts >= 6
    means: NDArray[np.float32] = sums[enough] / counts[enough]
    return means


def _correlation_of_neighbours(values: NDArray[np.float32], where: NDArray[np.bool_]) -> float:
    pairs = where[:, 1:] & where[:, :-1]
    if not pairs.any():
        return 1.0
    products = (values[:, :, 1:] * values[:, :, :-1])[:, pairs].mean()
    return float(products / np.square(values[:, where]).mean())


def grain_shared(overlap: Overlap) -> float:
    """How much of the one's fine steps from pixel to pixel the other repeats at most, as a share of their height.

    Noise is added to what an original holds, so a noisy copy repeats all of it (1.0; 999 of 1,000 planted ones over
    0.8). Two pictures that each have a grain of their own repeat nothing (0.0; from 1,000 pixels on under 0.3),
    however alike their colours are and however small their difference. Taken as two standard errors above the
    slope of the one's steps on the other's, both ways round; infinite where a picture is flat but for its edges.
    """
    solid = (overlap.first[3] >= SOLID) & (overlap.second[3] >= SOLID)
    first, second = (_straight_colours(pixels) for pixels in (overlap.first, overlap.second))
    return max(_repeated(first, second, solid), _repeated(second, first, solid))


def _straight_colours(pixels: Int16Array) -> NDArray[np.float32]:
    straight: NDArray[np.float32] = pixels[:3] * (255.0 / np.maximum(1, pixels[3])).astype(np.float32)
    return straight


def _repeated(original: NDArray[np.float32], copy: NDArray[np.float32], where: NDArray[np.bool_]) -> float:
    known, found = [], []
    for here, before in ((np.s_[..., 1:], np.s_[..., :-1]), (np.s_[..., 1:, :], np.s_[..., :-1, :])):
        steps = original[here] - original[before]
        fine = where[here] & where[before] & (np.abs(steps).max(axis=0) <= FINE_STEP)
        known.append(steps[:, fine].ravel())
        found.append((copy[here] - copy[before])[:, fine].ravel())
    x, y = np.concatenate(known), np.concatenate(found)
    square = float(x @ x)
    if square == 0.0:
        return np.inf
    slope = float(x @ y) / square
    # each pixel stands in two steps, so that half of them are news
    error = np.sqrt(2.0 * float(np.square(y - slope * x).mean()) / square)
    return slope + 2.0 * float(error)


def share_of_blocks_changed(overlap: Overlap) -> float:
    """Of the 8 x 8 blocks in which the first shows more than a flat colour, those in which the second differs at all:
    JPEG spares few of them, an artist's change most. 0 where there is no such block."""
    height, width = overlap.visible.shape
    rows, columns = -(-height // JPEG_BLOCK), -(-width // JPEG_BLOCK)
    edges = ((0, rows * JPEG_BLOCK - height), (0, columns * JPEG_BLOCK - width))
    shape = (rows, JPEG_BLOCK, columns, JPEG_BLOCK)
    blocks = np.pad(overlap.first, ((0, 0), *edges)).reshape(4, *shape)
    contrast = (blocks.max(axis=(2, 4)) - blocks.min(axis=(2, 4))).max(axis=0)
    seen = np.pad(overlap.visible, edges).reshape(shape).sum(axis=(1, 3))
    differs = np.any(overlap.second != overlap.first, axis=0)
    changed: NDArray[np.bool_] = np.any(np.pad(differs, edges).reshape(shape), axis=(1, 3))
    busy = (contrast > 32) & (seen >= 8)
    return float(changed[busy].mean()) if busy.any() else 0.0


def blurs_away(overlap: Overlap) -> bool:
    """Whether the difference is mostly finer than 4 x 4 pixels: so it is between a picture and a blurred one, and not
    between two outlines."""
    difference = (overlap.second - overlap.first).astype(np.float32)
    rows, columns = difference.shape[1] // BLOCK, difference.shape[2] // BLOCK
    cut = difference[:, : rows * BLOCK, : columns * BLOCK].reshape(4, rows, BLOCK, columns, BLOCK)
    return float(np.square(cut.mean(axis=(2, 4))).mean()) <= 0.2 * float(np.square(cut).mean())


@dataclass(frozen=True, kw_only=True)
class PaletteMap:
    """How the copy's colours follow from the original's.

    spread: root mean square of the copy about the one colour that each original colour became (0: a colour map);
    off_centre: root mean square of the copy about the mean of the original pixels that share its colour (0: each
    colour stands for the mean of what it replaced, as quantisers do; a palette swap moves away from it);
    num_before, num_after: distinct visible colours.
    """

    spread: float
    off_centre: float
    num_before: int
    num_after: int


def palette_map(original: Int16Array, copy: Int16Array, visible: NDArray[np.bool_]) -> PaletteMap:
    """Premultiplied `[4, h, w]` each; levels of 0..255."""
    before, after = original[:, visible].T.astype(np.float64), copy[:, visible].T.astype(np.float64)
    sources, which_source = _colours(original, visible)
    targets, which_target = _colours(copy, visible)
    return PaletteMap(
        spread=_about_group_means(after, after, which_source, len(sources)),
        off_centre=_about_group_means(after, before, which_target, len(targets)),
        num_before=len(sources),
        num_after=len(targets),
    )


def _colours(pixels: Int16Array, where: NDArray[np.bool_]) -> tuple[NDArray[np.uint32], NDArray[np.intp]]:
    """The distinct ones, and which of them each pixel has."""
    return np.unique(as_numbers(pixels.astype(np.uint8))[where], return_inverse=True)


def _about_group_means(
    values: NDArray[np.float64], averaged: NDArray[np.float64], groups: NDArray[np.intp], num_groups: int
) -> float:
    counts = np.bincount(groups, minlength=num_groups)
    means = np.stack(
        [np.bincount(groups, weights=averaged[:, k], minlength=num_groups) / counts for k in range(4)], axis=1
    )
    return float(np.sqrt(np.square(values - means[groups]).mean()))
