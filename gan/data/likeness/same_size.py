"""By which process, if by any, one of two pictures of the same size came from the other."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gan.data.likeness import remakes
from gan.data.likeness.alignment import Overlap, align
from gan.data.likeness.jpeg import FULL_COLOUR, HALVED_COLOUR, through_jpeg, through_many
from gan.data.likeness.kinds import Kind, Match
from gan.data.likeness.miniature import as_numbers, averaged
from gan.data.likeness.side import Side
from gan.data.likeness.traces import (
    blurs_away,
    evenness,
    grain_shared,
    palette_map,
    root_mean_square,
    share_of_blocks_changed,
)
from gan.pixels import premultiply

UInt8Array = NDArray[np.uint8]
Float32Array = NDArray[np.float32]

# Differences are in levels of 0..255, means or root mean squares over the visible pixels.
# The greatest mean difference of the best overlap that any planted copy had was 34.
FARTHEST = 36.0
# Two pictures without a known process between them are worth a person's look up to this mean difference.
NEAR = 12.0
# A difference that no eye sees, at any pixel.
INVISIBLE = 4
# A copy made again lies this near to the copy that was found: rounding, not likeness.
REMADE = 1.0
# Two alphas that are one: all processes but resizing and a palette with alpha keep it to the bit.
SAME_ALPHA = 1.0

# The greatest change of any visible value by a recolouring that still leaves the same item.
SLIGHT_RECOLOUR = 40

# Noise alters at least this share of the colour values, even on white, where half of it is clipped.
LEAST_CHANGED = 0.3
# What stronger noise, a tint, a few changed pixels, a changed detail and a changed colour have beyond faint noise.
MOST_DEVIATION, MOST_BIAS, MOST_PEAK, MOST_CROWDING, MOST_SMOOTHNESS = 8.0, 5.0, 8.0, 3.2, 0.35
# Of two pictures that each have a grain of their own, however faint, none repeats the other's.
LEAST_GRAIN_SHARED = 0.5

# JPEG spares few blocks (of 150 planted copies none less than 0.69), and its error is not as smooth as a tint.
LEAST_BLOCKS_CHANGED = 0.65
MOST_SMOOTH_JPEG = 0.9
QUALITIES = range(50, 99)
# How far the quick search for the quality may lie from the copy before Pillow is asked to confirm.
GUESSED_JPEG = 6.0
# What a JPEG of unknown hidden colours or by another encoder leaves, and the share of the plain difference at most.
REMADE_JPEG, JPEG_SHARE = 2.5, 0.5

# The most visible colours that a palette may leave: its 256, or with the alpha kept aside each at several alphas.
MOST_COLOURS, MOST_COLOURS_AND_ALPHAS = 256, 1024
SMALLEST_PALETTE = 8
# How far a palette's colours may lie from one colour for each original colour, and from the mean of those they replace.
MOST_SPREAD, MOST_OFF_CENTRE = 8.0, 2.0

# One 3 x 3 kernel must explain all but this share of a softened copy's difference, and every pixel to within so much.
SOFTENED_SHARE, SOFTENED_PEAK = 0.25, 24


@dataclass(frozen=True, kw_only=True)
class _Pair:
    """plain: the match as far as the best overlap tells: how far moved, how different."""

    left: Side
    right: Side
    overlap: Overlap
    plain: Match

    @property
    def is_moved(self) -> bool:
        return bool(self.overlap.down or self.overlap.across)


def compare_pixels(left: Side, right: Side) -> Match | None:
    """What the two are to each other: moved, and by the first of the known processes that explains the rest."""
    pair = _aligned(left, right)
    difference = pair.overlap.second - pair.overlap.first
    if pair.overlap.mean_difference > FARTHEST:
        return None
    greatest = int(np.abs(difference).max())
    if greatest <= INVISIBLE:
        only_moved = pair.is_moved or (greatest == 0 and left.is_whole and right.is_whole)
        return replace(pair.plain, kind=Kind.SHIFTED if only_moved else Kind.NOISE, certain=True)
    same_alpha = root_mean_square(difference[3:], pair.overlap.visible) <= SAME_ALPHA
    # JPEG before palettes: a noisy copy of a picture of few colours would pass for the original of a quantised one
    processes: tuple[Callable[[_Pair], Match | None], ...] = (
        (_recoloured, _noisy, _through_jpeg, _quantised_colours, _softened)
        if same_alpha
        else (_quantised_with_alpha, _softened)
    )
    likely = pair.plain if pair.overlap.mean_difference <= NEAR else None
    for process in processes:
        match = process(pair)
        if match is not None and match.certain:
            return match
        likely = match or likely
    return likely


def _aligned(left: Side, right: Side) -> _Pair:
    _, height, width = min(left.straight.shape, right.straight.shape)
    overlap = align(*(premultiply(averaged(side.straight, height, width)) for side in (left, right)))
    difference = root_mean_square(overlap.second - overlap.first, overlap.visible)
    plain = Match(kind=Kind.NEAR, certain=False, down=overlap.down, across=overlap.across, difference=difference)
    return _Pair(left=left, right=right, overlap=overlap, plain=plain)


def _recoloured(pair: _Pair) -> Match | None:
    """Certain if slight: a red potion and a blue one are two items, however exactly one map makes one of the other."""
    first, second = pair.overlap.first, pair.overlap.second
    for original, copy in ((first, second), (second, first)):
        remake = remakes.recoloured(original, copy)
        if remake is None or np.abs(remake - copy).max() > 3:
            continue
        left_over = root_mean_square(remake - copy, pair.overlap.visible)
        if left_over <= REMADE:
            is_slight = bool(np.abs(remake - original).max() <= SLIGHT_RECOLOUR)
            return replace(pair.plain, kind=Kind.RECOLOURED, certain=is_slight, difference=left_over)
    return None


def _noisy(pair: _Pair) -> Match | None:
    spread = evenness(pair.overlap)
    if (
        spread is None
        or spread.changed < LEAST_CHANGED
        or spread.deviation > MOST_DEVIATION
        or spread.bias > max(MOST_BIAS, spread.deviation)
        or spread.peak > MOST_PEAK
        or spread.crowding > MOST_CROWDING
        or abs(spread.smoothness) > MOST_SMOOTHNESS
        or grain_shared(pair.overlap) < LEAST_GRAIN_SHARED
    ):
        return None
    second_is_copy = pair.right.num_colours > pair.left.num_colours
    return replace(pair.plain, kind=Kind.NOISE, certain=True, second_is_copy=second_is_copy)


def _through_jpeg(pair: _Pair) -> Match | None:
    # a JPEG copy has more colours than its original, so that only one direction needs a search
    second_is_copy = pair.right.num_colours >= pair.left.num_colours
    original, copy = (pair.left, pair.right) if second_is_copy else (pair.right, pair.left)
    if pair.is_moved or not original.is_whole or share_of_blocks_changed(pair.overlap) < LEAST_BLOCKS_CHANGED:
        return None
    spread = evenness(pair.overlap)
    if spread is not None and spread.smoothness > MOST_SMOOTH_JPEG:
        return None
    left_over = _jpeg_left_over(original.straight, premultiply(copy.straight).astype(np.float32))
    if left_over > min(REMADE_JPEG, JPEG_SHARE * pair.plain.difference):
        return None
    return replace(pair.plain, kind=Kind.JPEG, certain=True, difference=left_over, second_is_copy=second_is_copy)


def _jpeg_left_over(original: UInt8Array, wanted: Float32Array) -> float:
    """Of a premultiplied copy beyond the original saved at the best quality, background and way to store colour."""
    alpha = original[3:]
    best = np.inf
    for flat in remakes.flattened(original):
        for subsampling in (HALVED_COLOUR, FULL_COLOUR):
            guesses = [
                _colour_left_over(colour, alpha, wanted) for colour in through_many(flat, QUALITIES, subsampling)
            ]
            for place in np.argsort(guesses, kind="stable")[:2]:
                if guesses[place] <= GUESSED_JPEG:
                    colour = through_jpeg(flat, QUALITIES[place], subsampling)
                    best = min(best, _colour_left_over(colour, alpha, wanted))
            if best <= REMADE:
                return best
    return best


def _colour_left_over(colour: UInt8Array | Float32Array, alpha: UInt8Array, wanted: Float32Array) -> float:
    """Between straight colours `[3, h, w]` under an alpha and a premultiplied picture, which may be a smaller
    miniature."""
    if colour.shape[1:] != wanted.shape[1:]:
        small = averaged(np.concatenate([colour.astype(np.uint8), alpha]), *wanted.shape[1:])
        colour, alpha = small[:3], small[3:]
    difference = colour * (alpha / np.float32(255.0)) - wanted[:3]
    return float(np.sqrt(np.square(difference).sum() / (4.0 * max(1, int((wanted[3] > 0).sum())))))


def _quantised_colours(pair: _Pair) -> Match | None:
    return _quantised(pair, MOST_COLOURS_AND_ALPHAS)


def _quantised_with_alpha(pair: _Pair) -> Match | None:
    return _quantised(pair, MOST_COLOURS)


def _quantised(pair: _Pair, most_colours: int) -> Match | None:
    fewer, more = sorted((pair.left.num_colours, pair.right.num_colours))
    if pair.is_moved or fewer > most_colours or fewer == more:
        return None
    first, second, visible = pair.overlap.first, pair.overlap.second, pair.overlap.visible
    for second_is_copy in (True, False):
        original, copy = (pair.left, pair.right) if second_is_copy else (pair.right, pair.left)
        colours = palette_map(first, second, visible) if second_is_copy else palette_map(second, first, visible)
        if colours.num_after >= colours.num_before or colours.spread > MOST_SPREAD:
            continue
        # the other way round, a copy that JPEG or noise gave many colours seems to be the original of a flat picture
        tells = _num_colours(copy.straight, with_alpha=False) >= SMALLEST_PALETTE
        found = replace(pair.plain, kind=Kind.QUANTISED, certain=True, second_is_copy=second_is_copy if tells else None)
        if colours.spread <= REMADE and colours.off_centre <= MOST_OFF_CENTRE:
            return replace(found, difference=colours.off_centre)
        if original.straight.shape != copy.straight.shape:
            continue
        wanted = copy.premultiplied()
        for remake in _in_fewer_colours(original.straight, copy.straight):
            left_over = root_mean_square(premultiply(remake) - wanted, visible)
            if left_over <= REMADE:
                return replace(found, difference=left_over)
    return None


def _in_fewer_colours(original: UInt8Array, copy: UInt8Array) -> Iterator[UInt8Array]:
    """The original in palettes of the sizes that the copy's visible colours suggest."""
    for num_colours in _palette_sizes(_num_colours(copy, with_alpha=True)):
        yield remakes.with_palette(original, num_colours)
    for num_colours in _palette_sizes(_num_colours(copy, with_alpha=False)):
        yield from remakes.with_opaque_palette(original, num_colours)


def _num_colours(straight: UInt8Array, *, with_alpha: bool) -> int:
    """Distinct visible ones."""
    colours = straight if with_alpha else np.concatenate([straight[:3], np.zeros_like(straight[3:])])
    return len(np.unique(as_numbers(colours)[straight[3] > 0]))


def _palette_sizes(num_visible: int) -> list[int]:
    """The sizes of palette that leave that many visible colours: the next two powers of two (some may be on clear
    pixels alone), and just so many, with one for clear or without. None beyond 256."""
    powers = [size for size in (8, 16, 32, 64, 128, 256) if size >= num_visible][:2]
    return sorted({size for size in (*powers, num_visible, num_visible + 1) if 2 <= size <= 256})


def _softened(pair: _Pair) -> Match | None:
    """One of the two is the other resized and brought back, or blurred: one small kernel explains it everywhere."""
    if not blurs_away(pair.overlap):
        return None
    first, second = pair.overlap.first, pair.overlap.second
    for second_is_copy, original, copy in ((True, first, second), (False, second, first)):
        left_over = remakes.filtered(original, copy) - copy
        size = root_mean_square(left_over, pair.overlap.visible)
        if size <= SOFTENED_SHARE * pair.plain.difference and np.abs(left_over).max() <= SOFTENED_PEAK:
            return replace(pair.plain, kind=Kind.RESIZED, certain=True, difference=size, second_is_copy=second_is_copy)
    return None
