"""Whether one of two pictures is the other resized."""

import numpy as np

from gan.data.likeness import remakes
from gan.data.likeness.kinds import Kind, Match
from gan.data.likeness.miniature import averaged
from gan.data.likeness.side import Side
from gan.data.likeness.traces import root_mean_square
from gan.pixels import premultiply

# All in levels of 0..255, root mean square. A copy made again differs by rounding, one that was made by another
# program's filter of the same name by a little more.
REMADE, REMADE_ELSEWHERE = 1.0, 2.0
# Worth a person's look.
NEAR = 12.0
# From such a left-over of one blurring filter no other can come down to NEAR.
HOPELESS = 48.0
# A copy with a longer side than this is made again at the size of its miniature.
LARGEST_REMAKE = 1024


def compare_sizes(left: Side, right: Side) -> Match | None:
    """Resized or nothing. Which is the copy: the larger if the smaller holds all that is in it, the smaller if it does
    not; where the larger is kept too small to tell, nobody knows."""
    small, large = (left, right) if left.area < right.area else (right, left)
    enlarged = _left_over(small, large)
    reduced = _left_over(large, small) if enlarged > REMADE else np.inf
    if min(enlarged, reduced) > NEAR:
        return None
    # a miniature no larger than the small picture cannot show what more the large one may hold
    shows_more = max(large.straight.shape[1:]) > max(small.straight.shape[1:])
    is_enlarged = enlarged <= reduced
    return Match(
        kind=Kind.RESIZED,
        certain=min(enlarged, reduced) <= REMADE_ELSEWHERE,
        difference=min(enlarged, reduced),
        second_is_copy=None if is_enlarged and not shows_more else is_enlarged == (large is right),
    )


def _left_over(original: Side, copy: Side) -> float:
    """Of the copy beyond the nearest remake from the original, by any filter."""
    target = copy.premultiplied()
    at_full_size = original.is_whole and max(copy.height, copy.width) <= LARGEST_REMAKE
    height, width = (copy.height, copy.width) if at_full_size else target.shape[1:]
    least = np.inf
    for number, remake in enumerate(remakes.resized(original.straight, height, width)):
        made = premultiply(averaged(remake, *target.shape[1:])).astype(np.int16)
        least = min(least, root_mean_square(made - target, (made[3] > 0) | (target[3] > 0)))
        if least <= REMADE or (number > 0 and least > HOPELESS):
            break
    return least
