"""Weights that are the best there are: the mixture with the lowest KID, as a convex quadratic program.

    minimise    w^T K w - 2 w^T c        (gan/ensemble/kernel_means.py)
    subject to  sum w = 1,  0 <= w <= largest weight,
                precision . w >= floor,  memorised . w <= ceiling

K is positive semidefinite and all else is linear, so a minimum is the minimum. Clarabel (Goulart & Chen 2024,
arXiv:2405.12762) solves it to 1e-8. The solution of some hundred candidates has weights on some tens; a budget of
members is met by leaving out, one after the other, the member without which the best weights of the rest are best.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import clarabel
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from gan.ensemble.kernel_means import KernelMeans
from gan.ensemble.selection import Selection
from gan.errors import UserError
from gan.metrics.arrays import Float64Array

SMALLEST_WEIGHT = 1e-4  # below it a weight is the solver's zero: one picture of ten thousand

Indices = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Limits:
    """What a mixture must keep. precision and memorised `[N]`: each candidate's own shares, linear in a mixture."""

    precision: Float64Array
    memorised: Float64Array
    precision_floor: float = 0.0
    memorised_ceiling: float = 1.0
    largest_weight: float = 1.0

    def of(self, index: Indices) -> "Limits":
        """The same for some of the candidates."""
        return Limits(
            precision=self.precision[index],
            memorised=self.memorised[index],
            precision_floor=self.precision_floor,
            memorised_ceiling=self.memorised_ceiling,
            largest_weight=self.largest_weight,
        )


def lowest_kid(means: KernelMeans, limits: Limits, *, size: int | None = None) -> Selection:
    """The mixture with the lowest KID within the limits, of at most `size` members; None: of as many as it takes.

    Exact for None. UserError where no mixture keeps the limits, with what the candidates can do.
    """
    if size is not None and size < 1:
        raise UserError(f"ensemble size {size}: it must be 1 or more")
    if size is not None and limits.largest_weight * size < 1.0 - 1e-9:
        raise UserError(
            f"{size} members of at most {limits.largest_weight:.0%} each do not fill an ensemble: allow more members or"
            f" a largest weight of {1.0 / size:.0%} or more"
        )
    everyone = np.arange(len(means.ids))
    weights = _solved(means, limits, everyone)
    if weights is None:
        raise UserError(_why_not(limits))
    index, weights = _held(everyone, weights)
    while size is not None and len(index) > size:
        index, weights = _one_less(means, limits, index, weights, size)
    return _selection([means.ids[place] for place in index], weights)


def _one_less(
    means: KernelMeans, limits: Limits, index: Indices, weights: Float64Array, size: int
) -> tuple[Indices, Float64Array]:
    """Without the member that is missed least. While there are many, only the lightest quarter is tried."""
    order = np.argsort(weights, kind="stable")
    tried = order[: max(len(order) // 4, 2 * size)]
    best: tuple[float, Indices, Float64Array] | None = None
    for place in tried.tolist():
        rest = np.delete(index, place)
        found = _solved(means, limits, rest)
        if found is None:
            continue
        value = _value(means, rest, found)
        if best is None or value < best[0]:
            best = (value, rest, found)
    if best is None:
        raise UserError(f"no {len(index) - 1} of the candidates keep the limits together: {_why_not(limits)}")
    return _held(best[1], best[2])


def _value(means: KernelMeans, index: Indices, weights: Float64Array) -> float:
    return float(weights @ means.between[np.ix_(index, index)] @ weights - 2.0 * weights @ means.to_reals[index])


def _held(index: Indices, weights: Float64Array) -> tuple[Indices, Float64Array]:
    kept = weights > SMALLEST_WEIGHT
    return index[kept], weights[kept] / weights[kept].sum()


def _solved(means: KernelMeans, limits: Limits, index: Indices) -> Float64Array | None:
    """The best weights of these candidates; None where they cannot keep the limits."""
    bound = limits.of(index)
    count = len(index)
    quadratic = sparse.triu(sparse.csc_matrix(2.0 * means.between[np.ix_(index, index)]), format="csc")
    identity = sparse.identity(count, format="csc")
    first = np.stack([np.ones(count), -bound.precision, bound.memorised])  # equal to 1; the others at most
    matrix = sparse.vstack([first, -identity, identity], format="csc")
    limit = np.concatenate(
        [
            [1.0, -bound.precision_floor, bound.memorised_ceiling],
            np.zeros(count),
            np.full(count, bound.largest_weight),
        ]
    )
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    cones = [clarabel.ZeroConeT(1), clarabel.NonnegativeConeT(2 + 2 * count)]
    solver = clarabel.DefaultSolver(quadratic, -2.0 * means.to_reals[index], matrix, limit, cones, settings)
    solution = solver.solve()
    if solution.status in (clarabel.SolverStatus.PrimalInfeasible, clarabel.SolverStatus.AlmostPrimalInfeasible):
        return None
    if solution.status not in (clarabel.SolverStatus.Solved, clarabel.SolverStatus.AlmostSolved):
        raise RuntimeError(f"the quadratic program of {count} candidates ended as {solution.status}")
    return np.maximum(np.asarray(solution.x, dtype=np.float64), 0.0)


def _why_not(limits: Limits) -> str:
    return (
        f"no mixture of these {len(limits.precision)} candidates has precision {limits.precision_floor:.2f} or more and"
        f" {limits.memorised_ceiling:.0%} or fewer copies with no weight over {limits.largest_weight:.0%}: the highest"
        f" precision of one is {limits.precision.max():.2f}, the fewest copies {limits.memorised.min():.0%}; loosen the"
        " one that binds, or search on"
    )


def _selection(members: Sequence[str], weights: Float64Array) -> Selection:
    order = np.argsort(-weights, kind="stable").tolist()
    return Selection(
        members=tuple(members[place] for place in order), weights=tuple(float(weights[place]) for place in order)
    )
