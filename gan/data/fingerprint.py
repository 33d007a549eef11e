"""What tells two sets of pictures apart, whatever they were read from."""

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from gan.data.pixels import UInt8Array


def fingerprint_of(shape: tuple[int, ...], images: Iterable[UInt8Array], labels: NDArray[np.int64]) -> str:
    """16 hexadecimal digits of the sha256 over shape `[n, c, h, w]`, pixels and labels `[n]`.

    `images`: the inside pictures (gan/data/pixels.py) in order, one or many at a time.
    """
    digest = hashlib.sha256(repr(shape).encode())
    for some in images:
        digest.update(np.ascontiguousarray(some).tobytes())
    digest.update(labels.tobytes())
    return digest.hexdigest()[:16]
