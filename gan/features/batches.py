"""Pictures in batches of one size, so that a picture's features cannot depend on how many came with it."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from gan.pixels import UInt8Array


def check_pictures(images: UInt8Array) -> None:
    """Raises ValueError unless uint8 `[n, c, h, w]` with c = 1, 3 or 4."""
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1] not in (1, 3, 4):
        raise ValueError(f"pictures are {images.dtype} {list(images.shape)}, not uint8 [n, c, h, w] with c = 1, 3 or 4")


def filled(rows: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """`[num, ...]` brought to `size` rows with zeros, for the reason that `full_batches` gives."""
    return np.concatenate([rows, np.zeros((size - len(rows), *rows.shape[1:]), dtype=np.float32)])


def full_batches(images: UInt8Array, size: int) -> Iterator[tuple[UInt8Array, int]]:
    """Batches of exactly `size` pictures and how many of them are real; the last is filled up with black.

    Convolution libraries choose their algorithm by the batch's size, and different algorithms round
    differently.
    """
    for start in range(0, len(images), size):
        batch = np.ascontiguousarray(images[start : start + size])
        num = len(batch)
        if num < size:
            batch = np.concatenate([batch, np.zeros((size - num, *batch.shape[1:]), dtype=np.uint8)])
        yield batch, num
