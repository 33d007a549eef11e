"""The four ball metrics of any part of the samples against any part of the reals, without a distance measured again.

Leave some reals out, and a ball reaches to its k-th neighbour among those that stay: further, but still to one of the
neighbours that it had. So of each pair only this is kept: before which of the centre's neighbours, counted by
distance, the point lies (its rank). It lies in the ball of the part just if its rank is not above that of the k-th
neighbour in the part. Of half of the reals the k-th neighbour is about the 2k-th of all; 4k + 8 neighbours are kept,
beyond which it lies less than twice in ten thousand times (binomial; it is then taken for the last).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gan.metrics.arrays import Features, checked
from gan.metrics.near_pairs import nearest_squared, pairs_within
from gan.metrics.neighbours import RIM

Places = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Side:
    """Balls around one set: neighbours `[n, kept]` in order of distance; of each pair that lies in the widest ball the
    centre, the point, and the rank."""

    neighbours: Places
    centres: Places
    points: Places
    ranks: NDArray[np.int16]
    num_points: int

    def counts(self, k: int, centres: NDArray[np.bool_], points: NDArray[np.bool_]) -> tuple[Places, Places]:
        """In how many balls of the part each point lies, and how many points of the part lie in each ball."""
        among = np.cumsum(centres[self.neighbours], axis=1) >= k
        reach = np.where(among[:, -1], among.argmax(axis=1), self.neighbours.shape[1] - 1)
        inside = (self.ranks <= reach[self.centres]) & centres[self.centres] & points[self.points]
        return (
            np.bincount(self.points[inside], minlength=self.num_points),
            np.bincount(self.centres[inside], minlength=len(self.neighbours)),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class BallRanks:
    """k for precision and recall, and for density and coverage, are those that it was made for."""

    precision_k: int
    coverage_k: int
    around_reals: _Side
    around_samples: _Side

    @classmethod
    def of(cls, samples: Features, reals: Features, *, precision_k: int, coverage_k: int) -> "BallRanks":
        """From features `[n, d]` and `[m, d]`. In memory some 20 (4k + 8) (n + m) bytes where samples lie as reals do.

        Raises ValueError on k rows or fewer, or NaN.
        """
        fewest = max(precision_k, coverage_k) + 1
        checked(samples, "samples", at_least=fewest)
        checked(reals, "reals", at_least=fewest)
        real_neighbours, real_reach = _neighbours(reals, max(precision_k, coverage_k))
        sample_neighbours, sample_reach = _neighbours(samples, precision_k)
        limits = sample_reach[:, -1] * RIM, real_reach[:, -1] * RIM
        parts = list(pairs_within(samples, reals, of_x=limits[0], of_y=limits[1]))
        at_sample, at_real = np.concatenate([part.x for part in parts]), np.concatenate([part.y for part in parts])
        squared = np.concatenate([part.squared for part in parts])

        def side(neighbours: Places, reach: NDArray[np.float64], centres: Places, points: Places, num: int) -> _Side:
            kept = squared <= reach[centres, -1] * RIM
            centres, points = centres[kept], points[kept]
            ranks = (reach[centres] * RIM < squared[kept, None]).sum(axis=1).astype(np.int16)
            return _Side(neighbours=neighbours, centres=centres, points=points, ranks=ranks, num_points=num)

        return cls(
            precision_k=precision_k,
            coverage_k=coverage_k,
            around_reals=side(real_neighbours, real_reach, at_real, at_sample, len(samples)),
            around_samples=side(sample_neighbours, sample_reach, at_sample, at_real, len(reals)),
        )

    def metrics(self, samples: NDArray[np.bool_], reals: NDArray[np.bool_]) -> tuple[float, float, float, float]:
        """Precision, recall, density and coverage of the parts that the masks `[n]` and `[m]` name."""
        near, _ = self.around_reals.counts(self.precision_k, reals, samples)
        wide, points_of_ball = self.around_reals.counts(self.coverage_k, reals, samples)
        own, _ = self.around_samples.counts(self.precision_k, samples, reals)
        return (
            float(np.mean(near[samples] > 0)),
            float(np.mean(own[reals] > 0)),
            float(np.mean(wide[samples])) / self.coverage_k,
            float(np.mean(points_of_ball[reals] > 0)),
        )


def _neighbours(features: Features, k: int) -> tuple[Places, NDArray[np.float64]]:
    return nearest_squared(features, features, min(4 * k + 8, len(features) - 1))
