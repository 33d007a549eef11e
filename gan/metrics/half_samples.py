"""How far a number would move with other pictures: its spread over random halves of the pictures at hand.

The ordinary bootstrap draws n of n with replacement, so that a third of the pictures is missing and the others come
twice or thrice. Almost nothing here survives that: two copies are each other's nearest neighbours at distance 0, so
balls shrink to points and precision, recall, density and coverage fall; copies vary less than fresh pictures, so FID
rises and the Vendi score falls; every copy of a training picture's neighbour hides memorisation. So nothing is drawn
twice: each replicate is a random half of the samples and a random half of the reals, without replacement. This is the
delete-half jackknife (Shao & Wu 1989; as subsampling Politis & Romano 1994): with half the pictures the variance is
twice as large, and drawing half of a finite set without replacement halves it, so that the spread over halves is the
standard error of the whole. The halves' mean is not the number (smaller sets bias it), so the spread is taken about
the halves' own mean and the interval laid around the number itself. On Gaussians (300 samples, 200 reals, d = 16) it is
1.2 to 1.7 times the deviation over fresh draws, never less: neighbours are scarcer among half, and where two
distributions are equal FID and KID are degenerate and shrink faster than 1 / sqrt(n). The intervals err on the
wide side.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

NUM_HALVES: Final = 100
NORMAL_95: Final = 1.959963984540054


@dataclass(frozen=True, kw_only=True)
class Interval:
    """About 95 %: low <= value <= high, and the standard error it was made from."""

    low: float
    high: float
    error: float


def paired_halves(
    num_samples: int, num_reals: int, num: int, seed: int = 0
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Halves of the samples with halves of the reals, places in order; the i-th pair is the same whatever `num` is."""
    for index in range(num):
        rng = np.random.default_rng([seed, index])
        yield (
            np.sort(rng.permutation(num_samples)[: num_samples // 2]),
            np.sort(rng.permutation(num_reals)[: num_reals // 2]),
        )


def spread(
    statistic: Callable[[NDArray[np.int64], NDArray[np.int64]], float],
    num_samples: int,
    num_reals: int,
    *,
    num: int = NUM_HALVES,
    seed: int = 0,
) -> float:
    """The standard error of `statistic(rows of the samples, rows of the reals)`."""
    return float(
        np.std([statistic(ours, theirs) for ours, theirs in paired_halves(num_samples, num_reals, num, seed)], ddof=1)
    )


def around(value: float, error: float, *, lowest: float = -np.inf) -> Interval:
    """The value and 1.96 errors to each side, cut at the lowest that the number can be."""
    reach = NORMAL_95 * error
    return Interval(low=max(lowest, value - reach), high=value + reach, error=error)


def around_share(share: float, error: float, count: int) -> Interval:
    """Around a share in 0..1 of `count` pictures: Wilson's interval (1927), at the count that the error speaks of.

    At 0 or 1 all halves agree and the error is 0, though the next picture may well differ; Wilson's interval knows
    that. The count put into it is the one at which independent pictures would have this error, p (1 - p) / error^2, at
    most `count`: pictures that share their balls are worth fewer.
    """
    effective = float(count)
    if error > 0 and 0 < share < 1:
        effective = min(effective, share * (1 - share) / error**2)
    z2 = NORMAL_95**2
    middle = (share + z2 / (2 * effective)) / (1 + z2 / effective)
    reach = NORMAL_95 / (1 + z2 / effective) * np.sqrt(share * (1 - share) / effective + z2 / (4 * effective**2))
    return Interval(
        low=float(max(0.0, min(share, middle - reach))), high=float(min(1.0, max(share, middle + reach))), error=error
    )
