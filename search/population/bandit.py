"""PB2 (Parker-Holder et al. 2020, arXiv 2002.02518): a population's explore step, chosen instead of drawn. Pure.

A Gaussian process over time, loss and settings learns from all intervals so far how much a member's loss falls in one.
Who takes over goes on with the settings of the highest upper confidence bound: those that promise most, or are least
known. Made for small populations, where PBT's steps by chance see little of the space.

Departures from the paper: the bound is maximised over points drawn at random, the kernel's length and the noise are
the likeliest of a few. Tune's `PB2` is bound to Tune's own scheduler (population_search.py: why that is not ours).
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search.space.fields import Field, Point, Range

Array = NDArray[np.float64]
_LENGTHS = (0.25, 0.5, 1.0, 2.0)  # of inputs in 0 .. 1
_NOISES = (0.01, 0.1, 0.5)  # of gains of variance 1
_FORGETTING = 0.1  # the paper's epsilon: how much an exchange forgets, more or less
_CANDIDATES = 1000
_MOST = 500  # intervals that are learned from, the latest


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A member from one exchange to the next: its settings, and how much its loss fell.

    time, loss: when it began, counted in exchanges, and with what loss.
    """

    time: float
    loss: float
    point: Point
    gain: float


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What the next interval of one that takes over cannot choose."""

    time: float
    loss: float


def chosen(
    intervals: Sequence[Interval],
    situation: Situation,
    taken: Sequence[Point],
    fields: Sequence[Field],
    point: Point,
    rng: np.random.Generator,
) -> Point:
    """The donor's point with other numbers, its choices kept. taken: what others got at this exchange already.

    Without intervals, at a first exchange, it is drawn from the ranges.
    """
    ranges = [field for field in fields if isinstance(field, Range) and field.name in point]
    candidates = rng.uniform(size=(_CANDIDATES, len(ranges)))
    candidates[0] = _units(ranges, point)
    best = int(np.argmax(_bound(intervals, situation, taken, ranges, candidates))) if intervals else 1
    return {**point, **{field.name: _value(field, u) for field, u in zip(ranges, candidates[best], strict=True)}}


def _bound(
    intervals: Sequence[Interval],
    situation: Situation,
    taken: Sequence[Point],
    ranges: Sequence[Range],
    candidates: Array,
) -> Array:
    """Mean plus deviations of the gain at each candidate [n, d]; where others go already, the deviation is smaller."""
    known = list(intervals)[-_MOST:]
    losses = np.array([one.loss for one in known] + [situation.loss])
    low, spread = losses.min(), np.ptp(losses) or 1.0

    def inputs(time: float, loss: float, units: Array) -> Array:
        return np.concatenate([[time, (loss - low) / spread], units])

    x = np.array([inputs(one.time, one.loss, _units(ranges, one.point)) for one in known])
    gains = np.array([one.gain for one in known])
    y = (gains - gains.mean()) / (gains.std() or 1.0)
    there = np.array([inputs(situation.time, situation.loss, units) for units in candidates])
    length, noise = max(itertools.product(_LENGTHS, _NOISES), key=lambda pair: _likelihood(x, y, *pair))
    mean = _kernel(there, x, length) @ np.linalg.solve(_noisy(x, length, noise), y)
    pending = [inputs(situation.time, situation.loss, _units(ranges, one)) for one in taken]
    seen = np.array([*x, *pending])
    cross = _kernel(there, seen, length)
    variance = 1.0 - (cross * np.linalg.solve(_noisy(seen, length, noise), cross.T).T).sum(axis=1)
    beta = 0.2 + max(0.0, math.log(0.4 * len(known)))  # the paper's constants
    return np.asarray(mean + math.sqrt(beta) * np.sqrt(np.maximum(variance, 0.0)))


def _kernel(a: Array, b: Array, length: float) -> Array:
    """Squared exponential of loss and settings, times what is left after the time between (Bogunovic et al. 2016)."""
    apart = ((a[:, None, 1:] - b[None, :, 1:]) ** 2).sum(axis=2)
    between = np.abs(a[:, None, 0] - b[None, :, 0])
    return np.asarray(np.exp(-apart / (2.0 * length**2)) * (1.0 - _FORGETTING) ** (between / 2.0))


def _noisy(x: Array, length: float, noise: float) -> Array:
    return _kernel(x, x, length) + noise * np.eye(len(x))


def _likelihood(x: Array, y: Array, length: float, noise: float) -> float:
    """Of the gains, by its logarithm, but for a constant."""
    covariance = _noisy(x, length, noise)
    return float(-0.5 * y @ np.linalg.solve(covariance, y) - 0.5 * np.linalg.slogdet(covariance)[1])


def _units(ranges: Sequence[Range], point: Point) -> Array:
    """The point's numbers in 0 .. 1 of their ranges; the middle for one that it does not have."""
    units = []
    for field in ranges:
        low, high = _ends(field)
        value = float(point[field.name]) if field.name in point else None
        units.append(0.5 if value is None else ((math.log(value) if field.log else value) - low) / (high - low))
    return np.array(units)


def _value(field: Range, unit: float) -> float:
    low, high = _ends(field)
    value = low + unit * (high - low)
    return min(max(math.exp(value) if field.log else value, field.low), field.high)


def _ends(field: Range) -> tuple[float, float]:
    return (math.log(field.low), math.log(field.high)) if field.log else (field.low, field.high)
