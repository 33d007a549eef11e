"""Kernel distance: the unbiased squared MMD under a cubic kernel. Lower is better.

Binkowski et al. 2018, arXiv:1801.01401, section 4: the kernel is (x.y / d + 1)^3. Unbiased: 0 on average for
two sets from one distribution, so single values may be negative; unlike FID's it does not drift with the
counts, which makes it the better number for small sets. Computed on all pairs of rows instead of on the
paper's random subsets: the same expectation, less variance. Beyond `LARGEST_WHOLE` rows the pairs are those
within disjoint random parts of about that size: their mean has the same expectation, and the variance that is
left to save is less than the parts' own. Blocks of kernel values bound the memory; float64.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np

from gan.metrics.arrays import Features, Float64Array, checked
from gan.metrics.neighbours import BLOCK_BYTES

LARGEST_WHOLE: Final = 5000


def _kernel(x: Float64Array, y: Float64Array) -> Float64Array:
    base = x @ y.T
    base /= x.shape[1]
    base += 1.0
    return np.asarray(base * base * base)  # `** 3` would call pow, four times as slow as all the rest


def _diagonal(x: Float64Array) -> Float64Array:
    return np.asarray((np.einsum("nd,nd->n", x, x) / x.shape[1] + 1.0) ** 3)


def _sums(x: Float64Array, y: Float64Array, in_x: Float64Array, in_y: Float64Array, block_bytes: int) -> Float64Array:
    """The kernel's sum over the pairs of each subset, `[subsets]`; `in_x` `[n, subsets]` is 1 for members.

    Where y is x (the same array, with the same members) each pair is computed once and counts twice.
    """
    same = y is x
    totals = np.zeros(in_x.shape[1])
    num_rows = max(1, block_bytes // (8 * len(y)))
    for start in range(0, len(x), num_rows):
        rows = slice(start, min(start + num_rows, len(x)))
        if same:
            totals += (_kernel(x[rows], x[rows]) @ in_x[rows] * in_x[rows]).sum(axis=0)
        rest = slice(rows.stop, None) if same else slice(None)
        between = (_kernel(x[rows], y[rest]) @ in_y[rest] * in_x[rows]).sum(axis=0)
        totals += 2.0 * between if same else between
    return totals


def _means_within(x: Float64Array, members: Float64Array, block_bytes: int) -> Float64Array:
    """The kernel's mean over all pairs of two different rows of each subset: the unbiased estimate of E k(x, x')."""
    counts = members.sum(axis=0)
    totals = _sums(x, x, members, members, block_bytes) - _diagonal(x) @ members
    return np.asarray(totals / (counts * (counts - 1)))


def _estimates(
    x: Float64Array, y: Float64Array, in_x: Float64Array, in_y: Float64Array, block_bytes: int
) -> Float64Array:
    """The unbiased squared MMD of each subset, `[subsets]`."""
    between = _sums(x, y, in_x, in_y, block_bytes) / (in_x.sum(axis=0) * in_y.sum(axis=0))
    within = _means_within(x, in_x, block_bytes) + _means_within(y, in_y, block_bytes)
    return np.asarray(within - 2.0 * between)


def _parts(x: Float64Array, y: Float64Array, seed: int) -> Iterator[tuple[Float64Array, Float64Array]]:
    """Both as they are, or disjoint random parts of each, the smaller set's used again and again."""
    num_x, num_y = (-(-len(rows) // LARGEST_WHOLE) for rows in (x, y))
    if num_x == num_y == 1:
        yield x, y
        return
    rng = np.random.default_rng(seed)
    of_x, of_y = (np.array_split(rng.permutation(len(rows)), num) for rows, num in ((x, num_x), (y, num_y)))
    for part in range(max(num_x, num_y)):
        yield x[of_x[part % num_x]], y[of_y[part % num_y]]


def kid(x: Features, y: Features, *, seed: int = 0, block_bytes: int = BLOCK_BYTES) -> float:
    """The unbiased estimate. ValueError under two rows each, or on NaN. Costs (n + m)^2 d up to `LARGEST_WHOLE` rows.

    The seed decides the parts of larger sets, and nothing else.
    """
    xs, ys = checked(x, "x", at_least=2), checked(y, "y", at_least=2)
    found = [
        _estimates(one, other, np.ones((len(one), 1)), np.ones((len(other), 1)), block_bytes)[0]
        for one, other in _parts(xs, ys, seed)
    ]
    return float(np.mean(found))


def _halves_and_whole(count: int, num_subsets: int, rng: np.random.Generator) -> Float64Array:
    """`[count, num_subsets + 1]`: 1 where a row is in that random half; the last column holds all rows."""
    members = np.zeros((count, num_subsets + 1))
    for subset in range(num_subsets):
        members[rng.permutation(count)[: count // 2], subset] = 1.0
    members[:, -1] = 1.0
    return members


def kid_with_error(
    x: Features, y: Features, *, num_subsets: int = 100, seed: int = 0, block_bytes: int = BLOCK_BYTES
) -> tuple[float, float]:
    """KID and its standard error, in one pass over the kernel.

    The error is the delete-d jackknife with half of either set left out (Shao & Wu 1989, "A general theory
    for jackknife variance estimation"): at half, the spread of the estimates on random halves about the full
    one is the standard error itself. Too large (up to twice) where the two distributions are equal: the
    estimate is then degenerate and shrinks faster than 1/sqrt(n). Of sets in parts it is a part's own over the
    root of the scarcer set's number of parts, which is too large again (up to twice) where that set is whole.
    Raises ValueError under four rows each, or on NaN.
    """
    xs, ys = checked(x, "x", at_least=4), checked(y, "y", at_least=4)
    rng = np.random.default_rng(seed)
    values, variances = [], []
    for one, other in _parts(xs, ys, seed):
        in_x, in_y = (_halves_and_whole(len(rows), num_subsets, rng) for rows in (one, other))
        estimates = _estimates(one, other, in_x, in_y, block_bytes)
        values.append(estimates[-1])
        variances.append(np.mean((estimates[:-1] - estimates[-1]) ** 2))
    independent = min(-(-len(rows) // LARGEST_WHOLE) for rows in (xs, ys))
    return float(np.mean(values)), float(np.sqrt(np.mean(variances) / independent))
