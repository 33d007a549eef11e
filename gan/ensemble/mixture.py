"""What a mixture of generators puts out, as rows: which of its pictures each member draws.

A mixture is scored as what it is: `count` pictures, seed i drawn by one member, the members sharing the seeds by
weight. So it meets the same protocol, with the same number of pictures, as a single generator; and as no seed is
drawn twice, two checkpoints of one run, which answer a seed alike, do not put near copies into one sample.
"""

import itertools
from collections.abc import Sequence

import numpy as np

from gan.metrics.arrays import Features


def mixture_rows(weights: Sequence[float], count: int) -> tuple[slice, ...]:
    """The seeds that each member draws: neighbouring blocks that fill 0..count, of weight x count rounded.

    The borders are the running sums, rounded, so the parts always add up, and many small members (all checkpoints,
    more than there are seeds) are thinned evenly. Weights >= 0, not all 0; they are scaled to sum 1.
    """
    shares = np.asarray(weights, dtype=np.float64)
    if shares.ndim != 1 or not (shares >= 0).all() or not shares.sum() > 0:
        raise ValueError(f"weights of a mixture must be >= 0 and not all 0, got {list(weights)}")
    borders = np.rint(np.concatenate([[0.0], np.cumsum(shares / shares.sum())]) * count).astype(int).tolist()
    return tuple(slice(start, stop) for start, stop in itertools.pairwise(borders))


def mixture_features(features: Sequence[Features], weights: Sequence[float], *, count: int | None = None) -> Features:
    """The features `[count, d]` of one sample of the mixture, row i from seed i.

    features: one table `[n, d]` a member, row i from seed i in each. count: None takes as many as all tables have.
    Raises ValueError where a table is shorter than `count`.
    """
    shortest = min(len(table) for table in features)
    wanted = shortest if count is None else count
    if wanted > shortest:
        raise ValueError(f"a mixture of {wanted} rows needs that many of each member, one has {shortest}")
    parts = zip(features, mixture_rows(weights, wanted), strict=True)
    return np.concatenate([table[rows] for table, rows in parts])
