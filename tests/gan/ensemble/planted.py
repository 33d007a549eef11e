"""A small world with known answers: reals of eight modes, and candidates that draw from some of them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gan.ensemble.library import Candidate
from gan.metrics.evaluate import Reference
from gan.pixels import UInt8Array

NUM_MODES, NUM_FEATURES = 8, 12
NUM_ROWS = 160

CENTRES = np.random.default_rng(0).normal(size=(NUM_MODES, NUM_FEATURES)) * 4.0


def draw(modes: Sequence[int], count: int, seed: int, *, spread: float = 1.0) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    rows = CENTRES[rng.choice(list(modes), count)] + rng.normal(size=(count, NUM_FEATURES)) * spread
    return rows.astype(np.float32)


def reals(seed: int = 100) -> NDArray[np.float32]:
    """30 of each mode, so that two sets of reals differ by their pictures, not by their modes' shares."""
    return np.concatenate([draw([mode], 30, seed + 1000 * mode) for mode in range(NUM_MODES)])


def candidate(id: str, modes: Sequence[int], seed: int, *, spread: float = 1.0) -> Candidate:
    return Candidate(id=id, features=draw(modes, NUM_ROWS, seed, spread=spread), memorised=0.05)


def noise(id: str, seed: int) -> Candidate:
    return candidate(id, range(NUM_MODES), seed, spread=9.0)


class RowsOfPixels:
    """A feature net for tests: the first pixels, as they are."""

    name, fingerprint, num_features, standardised = "pixels", "0" * 16, NUM_FEATURES, True

    def __call__(self, images: UInt8Array) -> NDArray[np.float32]:
        return images.reshape(len(images), -1)[:, : self.num_features].astype(np.float32)


def as_pixels(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.clip(rows * 6 + 128, 0, 255)


def pixel_reference() -> tuple[Reference, UInt8Array]:
    """400 pictures of the eight modes, and what is computed once of them."""
    pixels = np.rint(as_pixels(draw(range(NUM_MODES), 400, 7))).astype(np.uint8)
    images = np.concatenate([pixels, pixels[:, :4]], axis=1).reshape(400, 1, 4, 4)
    return Reference.build(images, RowsOfPixels()), images


def raw(modes: Sequence[int], seed: int) -> NDArray[np.float32]:
    """Raw features of 200 pictures of these modes."""
    return as_pixels(draw(modes, 200, seed))


def mode_of_picture() -> NDArray[np.int64]:
    """The mode that each of the 400 pictures shows."""
    rows = draw(range(NUM_MODES), 400, 7)
    return np.square(rows[:, None] - CENTRES[None]).sum(axis=2).argmin(axis=1)
