"""Two descriptors in, what the pictures are to each other out: this decides, and is meant to be right when it says
`certain`.

A copy that a known process made can be made again from its original, nearly to the pixel (gan.data.likeness.remakes),
or carries that process's marks everywhere (gan.data.likeness.traces). An item that an artist drew from another leaves
most pixels exactly as they were and changes some by much: no process explains that, however near the two lie, so such
a pair is at most likely. experiments/duplicates/README.md has the pairs that set the thresholds.
"""

from dataclasses import replace

import numpy as np

from gan.data.likeness.descriptor import Descriptor
from gan.data.likeness.kinds import Kind, Match
from gan.data.likeness.other_size import compare_sizes
from gan.data.likeness.same_size import compare_pixels
from gan.data.likeness.side import Side, side_of

# With fewer edges than this between neighbouring pixels a few dots may agree by chance.
FEWEST_EDGES = 24
EDGE = 16
# Levels of 0..255 of mean difference under which a mirrored pair differs in nothing else.
ONLY_MIRRORED = 1.0


def compare(first: Descriptor, second: Descriptor, *, mirrored: bool = False) -> Match | None:
    """What the two pictures are to each other, or None; `mirrored`: what the first flipped left to right is.

    About 0.8 ms for a pair of 32 px that is nothing to each other, to 30 ms for one that only JPEG might explain.
    """
    if not mirrored and first.visible_key == second.visible_key:
        kind = Kind.EXACT if first.pixels_key == second.pixels_key else Kind.VISIBLE
        return Match(kind=kind, certain=True)
    left, right = side_of(first, mirrored=mirrored), side_of(second)
    if not _in_proportion(left, right):
        return None
    same_size = (left.height, left.width) == (right.height, right.width)
    match = compare_pixels(left, right) if same_size else compare_sizes(left, right)
    if match is None:
        return None
    if match.certain and min(_num_edges(left), _num_edges(right)) < FEWEST_EDGES:
        match = replace(match, certain=False)
    if not mirrored:
        return match
    in_nothing_else = match.kind is Kind.SHIFTED or (match.kind is Kind.NOISE and match.difference <= ONLY_MIRRORED)
    return replace(match, kind=Kind.MIRRORED if in_nothing_else else match.kind, mirrored=True)


def _in_proportion(left: Side, right: Side) -> bool:
    """Whether one could be the other resized: the same proportion of sides, to a pixel of the smaller."""
    difference = abs(left.width * right.height - left.height * right.width)
    return difference <= max(left.width, left.height, right.width, right.height)


def _num_edges(side: Side) -> int:
    pixels = side.premultiplied()
    right = np.abs(pixels[:, :, 1:] - pixels[:, :, :-1]).max(axis=0) > EDGE
    below = np.abs(pixels[:, 1:] - pixels[:, :-1]).max(axis=0) > EDGE
    return int(right.sum()) + int(below.sum())
