"""A small world with known answers: reals of eight modes, and candidates that draw from some of them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gan.ensemble.library import Candidate

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
