"""The same numbers class by class: what a mean over all classes hides.

`shares` breaks the numbers of the whole set down: a class's recall is the share of its reals that any sample reaches,
its precision the share of its samples that lie among any reals. `own_classes` is for conditional models: the samples
that were asked for as a class, against the reals of that class alone, so that a right picture of a wrong class is a
fault.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gan.metrics.arrays import Features
from gan.metrics.ball_metrics import BallMetrics, ball_metrics, balls_of_reals
from gan.metrics.fid import fid
from gan.metrics.half_samples import around_share
from gan.metrics.smallest import SMALLEST

Labels = NDArray[np.int64]

FEWEST_IN_A_CLASS = 20  # a share of 20 is known to about +-.2


@dataclass(frozen=True, kw_only=True)
class ClassNumbers:
    """One class's numbers; None where it has too few samples or reals for that number.

    coverage_interval: Wilson's, over its reals alone: it says which classes are lost in this set, and other samples
    may move it further.
    """

    name: str
    num_samples: int
    num_reals: int
    fid: float | None
    precision: float | None
    recall: float | None
    coverage: float | None
    coverage_interval: tuple[float, float] | None

    def to_plain(self) -> dict[str, Any]:
        return asdict(self)


def shares(balls: BallMetrics, sample_labels: Labels, real_labels: Labels, names: Sequence[str]) -> list[ClassNumbers]:
    """By class, in the order of the names; classes without reals are left out. No FID: it is no mean over pictures."""
    found = []
    for label, name in enumerate(names):
        ours, theirs = sample_labels == label, real_labels == label
        if not theirs.any():
            continue
        recalled, covered = balls.recalled[theirs], balls.covered[theirs]
        many = len(recalled) >= FEWEST_IN_A_CLASS
        found.append(
            ClassNumbers(
                name=name,
                num_samples=int(ours.sum()),
                num_reals=len(recalled),
                fid=None,
                precision=float(balls.among_reals[ours].mean()) if ours.sum() >= FEWEST_IN_A_CLASS else None,
                recall=float(recalled.mean()) if many else None,
                coverage=float(covered.mean()) if many else None,
                coverage_interval=_interval(covered) if many else None,
            )
        )
    return found


def own_classes(
    samples: Features, sample_labels: Labels, reals: Features, real_labels: Labels, names: Sequence[str]
) -> list[ClassNumbers]:
    """Each class's samples against its own reals, features `[n, d]` and `[m, d]`. Costs as much as all of them at once.

    Counts differ from class to class, so numbers compare between models, not between classes.
    """
    found = []
    for label, name in enumerate(names):
        ours, theirs = samples[sample_labels == label], reals[real_labels == label]
        if len(theirs) == 0:
            continue
        many = min(len(ours), len(theirs)) >= FEWEST_IN_A_CLASS
        balls = None
        if many:
            balls = ball_metrics(*balls_of_reals(theirs), ours)
        found.append(
            ClassNumbers(
                name=name,
                num_samples=len(ours),
                num_reals=len(theirs),
                fid=fid(ours, theirs) if not SMALLEST["fid"].too_few(len(ours), len(theirs)) else None,
                precision=None if balls is None else balls.precision,
                recall=None if balls is None else balls.recall,
                coverage=None if balls is None else balls.coverage,
                coverage_interval=None if balls is None else _interval(balls.covered),
            )
        )
    return found


def _interval(covered: NDArray[np.bool_]) -> tuple[float, float]:
    interval = around_share(float(covered.mean()), 0.0, len(covered))
    return interval.low, interval.high
