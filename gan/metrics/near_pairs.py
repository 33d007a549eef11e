"""Which rows lie near which: the pairs that matter out of n x m, found in float32 and measured in float64.

Of all pairs only those within a ball count, a handful a row. A float32 matrix product finds them in twice the speed
and half the memory, but its error may be as large as the distance of near duplicates. So it is only asked which pairs
may matter, never how far they are: its result is lowered by the most that it can be wrong, so that no pair that
matters is missed, and each pair that remains is measured anew in float64, as the sum of its squared differences. What
comes out is what float64 throughout would have said.

How wrong it can be: with u = 2^-24 a float32 sum of N products is within N u / (1 - N u) of the sum of their absolute
values in whatever order, and with or without fused operations, they are added (Higham 2002, "Accuracy and Stability
of Numerical Algorithms", equations 3.3 to 3.5). Here N = d + 2: the norms ride along as two more columns,
|x|^2 + |y|^2 - 2 x.y = (x, |x|^2, 1) . (-2 y, 1, |y|^2), whose absolute values sum to at most 2 (|x|^2 + |y|^2). The
four roundings of each input to float32 are counted as four more products.

Memory: `BLOCK_BYTES` for a block of the product and as much again for its mask, plus the features in both precisions.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gan.metrics.arrays import Features, Float64Array

BLOCK_BYTES: Final = 16 * 2**20
# Rows whose distance is under a millionth of their norms are equal: float32 features say no more than that.
ROUNDING: Final = 1e-12

_UNIT = 2.0**-24
_UNDERFLOW = 1e-36  # more than products below float32's range can lose, where the largest norm is about 1
_MEASURED_BYTES = 8 * 2**20  # of differences at a time
_GROUP = 32  # columns whose least value stands for them in the search for the k-th least
_WORTH_PROJECTING = 5e8  # products; below it finding the directions costs more than they save
_SHARE_HELD = 0.98
_ROWS_FOR_DIRECTIONS = 4096
_MANY = 1 / 16  # above this share of pairs to measure, a matrix product in float64 is quicker than one by one


@dataclass(frozen=True, kw_only=True, eq=False)
class Found:
    """Pairs of one block: places in x and in y, and their squared distances in float64, `[pairs]` each."""

    x: NDArray[np.int64]
    y: NDArray[np.int64]
    squared: Float64Array


class Distances:
    """All that is made once of two sets of rows, `[n, d]` and `[m, d]`, both finite."""

    def __init__(self, x: Features, y: Features, *, block_bytes: int = BLOCK_BYTES) -> None:
        centre = np.mean(y, axis=0, dtype=np.float64)  # distances stay, norms shrink, and with them the error
        self._x = torch.from_numpy(np.asarray(x, dtype=np.float64) - centre)
        self._y = self._x if y is x else torch.from_numpy(np.asarray(y, dtype=np.float64) - centre)
        # brought to about 1 by a power of two, which rounds nothing: squares stay inside float32's range
        largest = max(float(self._x.abs().max()), float(self._y.abs().max()))
        self.scale = float(2.0 ** np.ceil(np.log2(largest))) if largest > 0 else 1.0
        self._x /= self.scale
        if self._y is not self._x:
            self._y /= self.scale
        self._x_norms, self._y_norms = self._x.square().sum(dim=1), self._y.square().sum(dim=1)
        few_x, few_y = self._x, self._y
        if len(self._x) * len(self._y) * x.shape[1] > _WORTH_PROJECTING:
            directions = _principal(self._y)
            few_x = _projected(self._x, directions, self._x_norms)
            few_y = few_x if self._y is self._x else _projected(self._y, directions, self._y_norms)
        terms = (few_x.shape[1] + 6) * _UNIT
        wrong_by = 2.0 * terms / (1.0 - terms)  # times (|x|^2 + |y|^2)
        lowered_x, lowered_y = (
            ((1.0 - wrong_by) * norms - _UNDERFLOW).float()[:, None] for norms in (self._x_norms, self._y_norms)
        )
        ones_x, ones_y = torch.ones_like(lowered_x), torch.ones_like(lowered_y)
        self._left = torch.cat([few_x.float(), lowered_x, ones_x], dim=1)
        self._right = torch.cat([-2.0 * few_y.float(), ones_y, lowered_y], dim=1).T
        self.rows = max(1, block_bytes // (4 * max(1, len(self._y))))

    def limits(self, squared: Float64Array) -> Tensor:
        """Squared distances in the measure of the lower bounds: float32, rounded up."""
        return torch.from_numpy(np.nextafter((squared / self.scale**2).astype(np.float32), np.float32(np.inf)))

    def lower_bounds(self) -> Iterator[tuple[slice, Tensor]]:
        """Blocks of float32 `[rows, m]`, none above the true squared distance over scale^2; the caller's to change."""
        for start in range(0, len(self._x), self.rows):
            rows = slice(start, min(start + self.rows, len(self._x)))
            yield rows, self._left[rows] @ self._right

    def squared(self, rows: slice, columns: Tensor) -> Tensor:
        """The true squared distances of these rows to the columns `[rows, k]` named for each, `[rows, k]`."""
        at = torch.arange(rows.start, rows.stop).repeat_interleave(columns.shape[1])
        return self._each_squared(at, columns.flatten()).reshape(columns.shape) * self.scale**2

    def measured(self, rows: slice, mask: Tensor) -> Found:
        """The pairs of the mask `[rows, m]`, exactly."""
        flat = np.flatnonzero(mask.numpy())
        at_x, at_y = (torch.from_numpy(at) for at in np.divmod(flat, mask.shape[1]))
        if len(flat) > _MANY * mask.numel():
            values = self._all_squared(rows)[at_x, at_y]
        else:
            values = self._each_squared(at_x + rows.start, at_y)
        return Found(x=(at_x + rows.start).numpy(), y=at_y.numpy(), squared=values.numpy() * self.scale**2)

    def _each_squared(self, at_x: Tensor, at_y: Tensor) -> Tensor:
        values = torch.empty(len(at_x), dtype=torch.float64)
        step = max(1, _MEASURED_BYTES // (8 * self._x.shape[1]))
        for start in range(0, len(at_x), step):
            part = slice(start, start + step)
            values[part] = (self._x[at_x[part]] - self._y[at_y[part]]).square_().sum(dim=1)
        return _rounded(values, self._x_norms[at_x] + self._y_norms[at_y])

    def _all_squared(self, rows: slice) -> Tensor:
        norms = self._x_norms[rows, None] + self._y_norms[None, :]
        return _rounded(torch.addmm(norms, self._x[rows], self._y.T, alpha=-2.0), norms)


def _rounded(squared: Tensor, norms: Tensor) -> Tensor:
    squared[squared <= ROUNDING * norms] = 0.0
    return squared


def pairs_within(
    x: Features, y: Features, *, of_x: Float64Array | None, of_y: Float64Array | None, block_bytes: int = BLOCK_BYTES
) -> Iterator[Found]:
    """All pairs whose squared distance is at most the limit of its row of x, `[n]`, or that of its row of y, `[m]`.

    Block by block, rows of x in order. Costs 2 n m d operations in float32.
    """
    distances = Distances(x, y, block_bytes=block_bytes)
    limits_x = None if of_x is None else distances.limits(of_x)[:, None]
    limits_y = None if of_y is None else distances.limits(of_y)
    for rows, lower in distances.lower_bounds():
        mask = torch.zeros(lower.shape, dtype=torch.bool) if limits_y is None else lower <= limits_y
        if limits_x is not None:
            mask |= lower <= limits_x[rows]
        found = distances.measured(rows, mask)
        kept = np.zeros(len(found.x), dtype=np.bool_)
        if of_x is not None:
            kept |= found.squared <= of_x[found.x]
        if of_y is not None:
            kept |= found.squared <= of_y[found.y]
        yield Found(x=found.x[kept], y=found.y[kept], squared=found.squared[kept])


def nearest_squared(
    x: Features, y: Features, k: int, *, block_bytes: int = BLOCK_BYTES
) -> tuple[NDArray[np.int64], Float64Array]:
    """For each row of x the k nearest rows of y and their squared distances, `[n, k]` each, nearest first.

    Where y is x itself (the same array) a row is not its own neighbour, though a copy of it is. Of equally near ones
    the first come first.
    """
    itself = y is x
    distances = Distances(x, y, block_bytes=block_bytes)
    indices = np.empty((len(x), k), dtype=np.int64)
    squared = np.empty((len(x), k))
    for rows, lower in distances.lower_bounds():
        if itself:
            lower[torch.arange(len(lower)), torch.arange(rows.start, rows.stop)] = torch.inf
        limit = distances.squared(rows, _low_places(lower, k)).amax(dim=1).numpy()
        found = distances.measured(rows, lower <= distances.limits(limit)[:, None])
        order = np.lexsort((found.y, found.squared, found.x))
        at = found.x[order] - rows.start
        first = np.searchsorted(at, np.arange(rows.stop - rows.start))
        chosen = order[first[:, None] + np.arange(k)[None, :]]
        indices[rows], squared[rows] = found.y[chosen], found.squared[chosen]
    return indices, squared


def _low_places(lower: Tensor, k: int) -> Tensor:
    """For each row k different columns of low values, `[rows, k]`: the furthest of them bounds the k-th nearest.

    The least of each of the k groups of columns with the least minima: near to the k least, at the cost of one pass.
    """
    num_groups = lower.shape[1] // _GROUP
    if num_groups < 2 * k:
        return lower.topk(k, dim=1, largest=False).indices
    minima = lower[:, : num_groups * _GROUP].reshape(len(lower), _GROUP, num_groups).amin(dim=1)
    groups = minima.topk(k, dim=1, largest=False).indices
    columns = groups[:, :, None] + num_groups * torch.arange(_GROUP)
    least = lower.gather(1, columns.flatten(1)).reshape(columns.shape).argmin(dim=2, keepdim=True)
    return columns.gather(2, least)[:, :, 0]


def _principal(rows: Tensor) -> Tensor:
    """The directions `[d, r]` that hold `_SHARE_HELD` of the variance of (some of) the rows `[n, d]`."""
    some = rows[:: max(1, len(rows) // _ROWS_FOR_DIRECTIONS)]
    values, vectors = torch.linalg.eigh(some.T @ some)
    held = values.flip(0).clamp_min(0).cumsum(0)
    num = int((held < _SHARE_HELD * held[-1]).sum()) + 1
    kept: Tensor = vectors.flip(1)[:, : min(num, rows.shape[1])]
    return kept


def _projected(rows: Tensor, directions: Tensor, norms: Tensor) -> Tensor:
    """`[n, r + 1]`: the rows along the directions, and the length of the rest. Norms stay as they are."""
    along = rows @ directions
    return torch.cat([along, (norms - along.square().sum(dim=1)).clamp_min(0).sqrt()[:, None]], dim=1)
