"""Precision, recall, density and coverage at once, and which pictures they are about.

What gan/metrics/precision_recall.py and density_coverage.py say one by one, from one pass over the distances between
samples and reals: the same balls, the same numbers.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gan.metrics.arrays import Features, checked
from gan.metrics.density_coverage import NUM_NEIGHBOURS as COVERAGE_NEIGHBOURS
from gan.metrics.near_pairs import pairs_within
from gan.metrics.neighbours import RIM, Balls, neighbour_distances
from gan.metrics.precision_recall import NUM_NEIGHBOURS as PRECISION_NEIGHBOURS


@dataclass(frozen=True, kw_only=True, eq=False)
class BallMetrics:
    """Sums are over samples or reals, so that any part of them (a class) has its numbers by the same rules.

    among_reals `[n]`: samples in a real's ball (precision). recalled `[m]`: reals in a sample's ball (recall).
    balls_of_sample `[n]`: in how many reals' balls (density, times k). covered `[m]`: reals with a sample in their
    ball (coverage).
    """

    among_reals: NDArray[np.bool_]
    recalled: NDArray[np.bool_]
    balls_of_sample: NDArray[np.int64]
    covered: NDArray[np.bool_]
    density_k: int

    @property
    def precision(self) -> float:
        return float(np.mean(self.among_reals))

    @property
    def recall(self) -> float:
        return float(np.mean(self.recalled))

    @property
    def density(self) -> float:
        return float(np.mean(self.balls_of_sample)) / self.density_k

    @property
    def coverage(self) -> float:
        return float(np.mean(self.covered))


def balls_of_reals(reals: Features) -> tuple[Balls, Balls]:
    """For precision, of k = 3, and for density and coverage, of k = 5, from one search for neighbours.

    Raises ValueError for fewer than 6 rows, or where they are not finite.
    """
    checked(reals, "reals", at_least=COVERAGE_NEIGHBOURS + 1)
    ks = (PRECISION_NEIGHBOURS, COVERAGE_NEIGHBOURS)
    narrow, wide = (
        Balls(centres=reals, radii=radii, k=k) for radii, k in zip(neighbour_distances(reals, ks), ks, strict=True)
    )
    return narrow, wide


def ball_metrics(precision_balls: Balls, coverage_balls: Balls, samples: Features) -> BallMetrics:
    """Reals' balls for k = 3 and 5, around the same centres, and features `[n, d]` of the samples.

    Raises ValueError for as few samples as the precision's k, or NaN. Costs 2 n (n + m) d.
    """
    sample_balls = Balls.of(samples, precision_balls.k)
    reals = precision_balls.centres
    checked(reals, "reals")
    near, wide, own = (np.square(balls.radii) * RIM for balls in (precision_balls, coverage_balls, sample_balls))
    among = np.zeros(len(samples), dtype=np.bool_)
    recalled, covered = np.zeros(len(reals), dtype=np.bool_), np.zeros(len(reals), dtype=np.bool_)
    counts = np.zeros(len(samples), dtype=np.int64)
    for found in pairs_within(samples, reals, of_x=own, of_y=np.maximum(near, wide)):
        among[found.x[found.squared <= near[found.y]]] = True
        recalled[found.y[found.squared <= own[found.x]]] = True
        inside = found.squared <= wide[found.y]
        covered[found.y[inside]] = True
        counts += np.bincount(found.x[inside], minlength=len(samples))
    return BallMetrics(
        among_reals=among, recalled=recalled, balls_of_sample=counts, covered=covered, density_k=coverage_balls.k
    )
