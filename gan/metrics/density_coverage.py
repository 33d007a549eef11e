"""Density and coverage. Higher is better.

Naeem et al. 2020, arXiv:2002.09797, section 3; k = 5 as there. Both use balls around the reals only, so a
stray sample cannot blow them up. Density: in how many reals' balls a sample lies, over k; about 1 when
samples are distributed as the reals, above 1 when they crowd where reals are dense (memorised copies, blur).
Coverage, 0..1: the share of the reals that have a sample in their ball; it sees lost modes, and as every ball
needs a sample of its own it grows with the number of samples: compare only between equal counts.
"""

import numpy as np
from numpy.typing import NDArray

from gan.metrics.arrays import Features
from gan.metrics.neighbours import Balls

NUM_NEIGHBOURS = 5


def density(real_balls: Balls, samples: Features) -> float:
    """The mean number of reals' balls around a sample, over k."""
    return float(np.mean(real_balls.counts(samples).balls_of_point)) / real_balls.k


def covered(real_balls: Balls, samples: Features) -> NDArray[np.bool_]:
    """Which reals have a sample in their ball, `[n reals]`; its mean is the coverage."""
    return real_balls.counts(samples).points_of_ball > 0


def coverage(real_balls: Balls, samples: Features) -> float:
    """Share of the reals that have a sample in their ball."""
    return float(np.mean(covered(real_balls, samples)))


def density_coverage(reals: Features | Balls, samples: Features, *, k: int = NUM_NEIGHBOURS) -> tuple[float, float]:
    """Both in one pass; where balls are given, their k counts. ValueError on k reals or fewer, or NaN."""
    real_balls = reals if isinstance(reals, Balls) else Balls.of(reals, k)
    counts = real_balls.counts(samples)
    return float(np.mean(counts.balls_of_point)) / real_balls.k, float(np.mean(counts.points_of_ball > 0))
