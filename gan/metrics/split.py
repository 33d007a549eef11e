"""The reals' two halves: one to choose by, one to report by. Decided by the pictures' content alone.

Neither the order in which pictures were read, nor their names, nor chance has a say, so that two searches on
the same pictures, today and next year, hold out the same half.
"""

import hashlib

import numpy as np
from numpy.typing import NDArray

from gan.data.fingerprint import picture_fingerprints
from gan.errors import UserError
from gan.metrics.near_groups import near_groups
from gan.pixels import UInt8Array


def fingerprint(images: UInt8Array) -> str:
    """One for the whole set, independent of its order: the same pictures, the same fingerprint."""
    return hashlib.sha256("".join(sorted(picture_fingerprints(images))).encode()).hexdigest()


def split_halves(images: UInt8Array) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of the reference half and of the held-out half, in the order of their groups' and own fingerprints.

    Byte-identical pictures fall on one side, and so do near duplicates (gan/metrics/near_groups.py), else the held-out
    half would be partly known. A group takes the place of its smallest fingerprint, so that a set without near
    duplicates is split as by content alone, and one with a few almost so. The sizes are as equal as groups allow.
    Raises UserError where all pictures are copies of one, or there is only one. Costs some 2 ms a picture, once in a
    process.
    """
    return halves_in_order(images, fingerprint_order(images))


def fingerprint_order(images: UInt8Array) -> NDArray[np.int64]:
    """Indices in the order of the pictures' fingerprints, copies in the order given."""
    return np.argsort(np.array(picture_fingerprints(images)), kind="stable").astype(np.int64)


def halves_in_order(images: UInt8Array, order: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """`split_halves` where the order of the fingerprints is known already."""
    ordered = images[order]
    is_new = np.ones(len(order), dtype=np.bool_)
    is_new[1:] = [not np.array_equal(a, b) for a, b in zip(ordered[1:], ordered[:-1], strict=True)]
    groups = near_groups(ordered[is_new], fingerprint(images))
    group = groups[np.cumsum(is_new) - 1]
    by_group = np.argsort(group, kind="stable")
    order, group = order[by_group], group[by_group]
    borders = np.flatnonzero(group[1:] != group[:-1]) + 1
    if len(borders) == 0:
        raise UserError(f"{len(images)} pictures, not two of them different: they cannot be split into two halves")
    cut = int(borders[np.argmin(np.abs(borders - len(images) / 2))])
    return order[:cut], order[cut:]
