"""Which pictures of a set are near duplicates of each other, so that they are not torn apart when the set is split.

gan/data/likeness says what a pair is: a copy by a known process (shifted, recoloured, noisy, mirrored …), or merely
near. For dropping pictures only the first would do; for keeping two together both do, as a pair kept together by
mistake costs nothing. On DCSS items (947 pictures) a split by content alone tears some 50 such pairs apart.
"""

from collections import OrderedDict

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from gan.data.likeness.descriptor import describe, mirrored
from gan.data.likeness.index import Candidate, candidates
from gan.data.likeness.kinds import Match
from gan.data.likeness.verify import compare
from gan.pixels import UInt8Array

# 99.5 % of copies lie so near to their originals (gan/data/likeness/index.py); a pair further apart is not looked at,
# which makes the search some five times cheaper than one that is to drop pictures.
FARTHEST_SQUARED = 0.09
# Likeness does not carry over, and chains of it could tie a whole set together: no group grows beyond this share.
LARGEST_SHARE = 1 / 20

_REMEMBERED = 4
_known: OrderedDict[str, NDArray[np.int64]] = OrderedDict()


def near_groups(images: UInt8Array, fingerprint: str) -> NDArray[np.int64]:
    """For each different picture of uint8 `[n, c, h, w]` the first place that holds a picture of its group, `[n]`.

    `fingerprint` stands for the pictures in this order: the answers for the last few sets are remembered, so that a
    process pays once. Costs some 2 ms a picture; a bar on stderr shows it where it takes its time.
    """
    if fingerprint not in _known:
        _known[fingerprint] = _find(images)
        while len(_known) > _REMEMBERED:
            _known.popitem(last=False)
    return _known[fingerprint].copy()


def _find(images: UInt8Array) -> NDArray[np.int64]:
    largest = int(len(images) * LARGEST_SHARE)
    if largest < 2:
        return np.arange(len(images), dtype=np.int64)
    descriptors = [describe(picture) for picture in images]
    vectors = np.stack([descriptor.vector for descriptor in descriptors])
    matches: list[tuple[Candidate, Match]] = []
    for pair in tqdm(_close(vectors), desc="near duplicates", unit=" pairs", disable=None, delay=2.0, leave=False):
        match = compare(descriptors[pair.first], descriptors[pair.second], mirrored=pair.mirrored)
        if match is not None:
            matches.append((pair, match))
    # copies first, then the nearest: where a group is full, the surer pairs are in it
    matches.sort(key=lambda found: (not found[1].certain, found[1].difference, found[0]))
    return joined([(pair.first, pair.second) for pair, _ in matches], len(images), largest)


def _close(vectors: NDArray[np.float16]) -> list[Candidate]:
    """The pairs near enough to look at. Mirrored ones too, for training mirrors more often than not."""
    flipped = mirrored(vectors).astype(np.float32)
    straight = vectors.astype(np.float32)
    return [
        pair
        for pair in candidates(vectors, mirror=True)
        if np.square((flipped if pair.mirrored else straight)[pair.first] - straight[pair.second]).sum()
        <= FARTHEST_SQUARED
    ]


def joined(pairs: list[tuple[int, int]], num: int, largest: int) -> NDArray[np.int64]:
    """Places 0 to num - 1 tied together by pairs, each named by the first of its group; none of over `largest`.

    A pair that would make a larger one is passed over.
    """
    first = np.arange(num, dtype=np.int64)
    for one, other in pairs:
        root, second = sorted((int(first[one]), int(first[other])))
        if root != second and int(np.isin(first, (root, second)).sum()) <= largest:
            first[first == second] = root
    return first
