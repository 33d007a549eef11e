"""The reals' two halves: one to choose by, one to report by. Decided by the pictures' content alone.

Neither the order in which pictures were read, nor their names, nor chance has a say, so that two searches on
the same pictures, today and next year, hold out the same half.
"""

import hashlib

import numpy as np
from numpy.typing import NDArray

from gan.data.pixels import UInt8Array
from gan.errors import UserError


def picture_fingerprints(images: UInt8Array) -> list[str]:
    """sha256 of each picture's shape and decoded pixels. Cost: some 1 GB a second."""
    shape = repr(images.shape[1:]).encode()
    return [hashlib.sha256(shape + np.ascontiguousarray(image).tobytes()).hexdigest() for image in images]


def fingerprint(images: UInt8Array) -> str:
    """One for the whole set, independent of its order: the same pictures, the same fingerprint."""
    return hashlib.sha256("".join(sorted(picture_fingerprints(images))).encode()).hexdigest()


def split_halves(images: UInt8Array) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of the reference half and of the held-out half, each in the order of their fingerprints.

    Byte-identical pictures fall on one side, else the held-out half would be partly known. So the sizes are
    as equal as groups of copies allow. Raises UserError where all pictures are copies of one, or there is
    only one.
    """
    fingerprints = np.array(picture_fingerprints(images))
    order = np.argsort(fingerprints, kind="stable").astype(np.int64)
    ordered = fingerprints[order]
    borders = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1
    if len(borders) == 0:
        raise UserError(f"{len(images)} pictures, not two of them different: they cannot be split into two halves")
    cut = int(borders[np.argmin(np.abs(borders - len(images) / 2))])
    return order[:cut], order[cut:]
