"""Distances between sets of features, in blocks, and the balls from which four of the metrics are counted.

Precision, recall, density and coverage all ask one question: which points lie in which balls, where a ball
reaches from its centre to the centre's k-th nearest neighbour. It is answered here once. All distances are in float64:
the quick formula |x|^2 + |y|^2 - 2xy subtracts large numbers, and in float32 its error is as large as the distance of
near duplicates. Which few pairs are worth measuring is found in float32 (gan/metrics/near_pairs.py).

Cost: 2 n m d operations for n against m rows; memory is bounded by blocks plus the features themselves.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gan.metrics import near_pairs
from gan.metrics.arrays import Features, Float64Array, checked
from gan.metrics.near_pairs import ROUNDING, nearest_squared, pairs_within

BLOCK_BYTES = 64 * 2**20

# Balls are closed, and a point that is a copy of a centre's k-th neighbour lies on the rim: rounding must not
# decide.
RIM = 1.0 + 1e-9


def squared_distance_blocks(
    x: Features, y: Features, *, block_bytes: int = BLOCK_BYTES
) -> Iterator[tuple[slice, Tensor]]:
    """Pairs of (rows of x, their squared Euclidean distances to all of y, float64 `[rows, m]`), in order.

    Equal rows have distance exactly 0. A block is the caller's to change.
    """
    ys = torch.from_numpy(np.ascontiguousarray(y, dtype=np.float64))
    centre = ys.mean(dim=0)  # distances stay, norms shrink, and with them the rounding error
    ys = ys - centre
    y_norms = ys.square().sum(dim=1)
    num_rows = max(1, block_bytes // (8 * max(1, len(ys))))
    for start in range(0, len(x), num_rows):
        rows = slice(start, min(start + num_rows, len(x)))
        xs = torch.from_numpy(np.ascontiguousarray(x[rows], dtype=np.float64)) - centre
        norms = xs.square().sum(dim=1)[:, None] + y_norms[None, :]
        squared = torch.addmm(norms, xs, ys.T, alpha=-2.0)
        squared[squared <= ROUNDING * norms] = 0.0
        yield rows, squared


def kth_neighbour_distances(features: Features, k: int, *, block_bytes: int = near_pairs.BLOCK_BYTES) -> Float64Array:
    """For each row the distance to its k-th nearest other row, `[n]`.

    A copy of the row is another row, at distance 0. Raises ValueError unless 1 <= k < n.
    """
    return neighbour_distances(features, (k,), block_bytes=block_bytes)[0]


def neighbour_distances(
    features: Features, ks: Sequence[int], *, block_bytes: int = near_pairs.BLOCK_BYTES
) -> list[Float64Array]:
    """`kth_neighbour_distances` for several k, at the cost of the largest."""
    for k in ks:
        if not 1 <= k < len(features):
            raise ValueError(f"neighbour number {k} of {len(features)} rows: it must be from 1 to {len(features) - 1}")
    squared = nearest_squared(features, features, max(ks), block_bytes=block_bytes)[1]
    return [np.sqrt(squared[:, k - 1]) for k in ks]


def nearest(
    points: Features, others: Features, *, block_bytes: int = near_pairs.BLOCK_BYTES
) -> tuple[NDArray[np.int64], Float64Array]:
    """For each point the index of the nearest of the others and its distance, `[n]` each."""
    if len(points) == 0:
        return np.empty(0, dtype=np.int64), np.empty(0)
    indices, squared = nearest_squared(points, others[:], 1, block_bytes=block_bytes)  # [:]: a point may find itself
    return indices[:, 0], np.sqrt(squared[:, 0])


@dataclass(frozen=True, kw_only=True, eq=False)
class BallCounts:
    """In how many balls each point lies `[points]`, and how many points lie in each ball `[balls]`."""

    balls_of_point: NDArray[np.int64]
    points_of_ball: NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Balls:
    """A closed ball around every row of a set of features, reaching to its k-th nearest other row.

    The union of the balls is the manifold estimate of Kynkäänniemi et al. 2019, equation 1. Closed as there;
    the `prdc` package takes open ones, which differs only for points on a rim, and for a centre that has k
    copies: its ball is a point, and its copies lie in it only if it is closed.
    """

    centres: Features
    radii: Float64Array
    k: int

    @classmethod
    def of(cls, features: Features, k: int) -> "Balls":
        """Raises ValueError unless 1 <= k < n, or where features are not finite."""
        checked(features, "ball centres", at_least=2)
        return cls(centres=features, radii=kth_neighbour_distances(features, k), k=k)

    def counts(self, points: Features, *, block_bytes: int = near_pairs.BLOCK_BYTES) -> BallCounts:
        checked(points, "points")
        balls_of_point = np.zeros(len(points), dtype=np.int64)
        points_of_ball = np.zeros(len(self.centres), dtype=np.int64)
        limits = np.square(self.radii) * RIM
        for found in pairs_within(points, self.centres, of_x=None, of_y=limits, block_bytes=block_bytes):
            balls_of_point += np.bincount(found.x, minlength=len(points))
            points_of_ball += np.bincount(found.y, minlength=len(self.centres))
        return BallCounts(balls_of_point=balls_of_point, points_of_ball=points_of_ball)
