"""What tells two sets of pictures apart, whatever they were read from."""

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from gan.pixels import UInt8Array


def fingerprint_of(shape: tuple[int, ...], images: Iterable[UInt8Array], labels: NDArray[np.int64]) -> str:
    """16 hexadecimal digits of the sha256 over shape `[n, c, h, w]`, pixels and labels `[n]`.

    `images`: the inside pictures (gan/pixels.py) in order, one or many at a time.
    """
    digest = hashlib.sha256(repr(shape).encode())
    for some in images:
        digest.update(np.ascontiguousarray(some).tobytes())
    digest.update(labels.tobytes())
    return digest.hexdigest()[:16]


def picture_fingerprints(images: UInt8Array) -> list[str]:
    """sha256 of each picture's shape and decoded pixels. Cost: some 1 GB a second."""
    shape = repr(images.shape[1:]).encode()
    return [hashlib.sha256(shape + np.ascontiguousarray(image).tobytes()).hexdigest() for image in images]
