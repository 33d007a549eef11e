"""Improved precision and recall.

Kynkäänniemi et al. 2019, arXiv:1904.06991, equations 1 and 2, k = 3 as there. Both are shares in 0..1, higher
is better. Precision: samples that lie among the reals; it never sees lost modes. Recall: reals that lie among
the samples; it sees lost modes, and one sample far away from all others has a large ball, so that scattered
noise can raise it. The paper takes equally many of both; here the counts are the caller's, so numbers compare
only between equal counts. Under about 50 of either they say next to nothing.
"""

import numpy as np
from numpy.typing import NDArray

from gan.metrics.arrays import Features
from gan.metrics.neighbours import Balls

NUM_NEIGHBOURS = 3


def precision(real_balls: Balls, samples: Features) -> float:
    """Share of the samples that lie in at least one real's ball."""
    return float(np.mean(real_balls.counts(samples).balls_of_point > 0))


def recalled(sample_balls: Balls, reals: Features) -> NDArray[np.bool_]:
    """Which reals lie in at least one sample's ball, `[n reals]`; its mean is the recall."""
    return sample_balls.counts(reals).balls_of_point > 0


def recall(sample_balls: Balls, reals: Features) -> float:
    """Share of the reals that lie in at least one sample's ball."""
    return float(np.mean(recalled(sample_balls, reals)))


def precision_recall(reals: Features | Balls, samples: Features, *, k: int = NUM_NEIGHBOURS) -> tuple[float, float]:
    """Both; where balls around the reals are given, their k counts. ValueError on k rows or fewer, or NaN."""
    real_balls = reals if isinstance(reals, Balls) else Balls.of(reals, k)
    return precision(real_balls, samples), recall(Balls.of(samples, real_balls.k), real_balls.centres)
