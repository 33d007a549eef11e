"""What each member adds to an ensemble: its worth alone, the rest's without it, the reals that only it reaches."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gan.ensemble.mixture import mixture_rows
from gan.ensemble.report import sample_of
from gan.ensemble.selection import Selection
from gan.metrics.arrays import Features
from gan.metrics.evaluate import Reference, Scores


@dataclass(frozen=True, kw_only=True, eq=False)
class Contribution:
    """One member, on the held-out half. Scores by one protocol, equally many samples: of it alone, and of the rest with
    their weights scaled up (None where there is no rest).

    num_covered: the reals that its share of the ensemble's samples reaches. only_here: those that no other member's
    reach, as indices of the pictures that the reference was built from.
    """

    id: str
    weight: float
    alone: Scores
    without: Scores | None
    num_covered: int
    only_here: NDArray[np.int64]


def contributions(chosen: Selection, raw: Mapping[str, Features], reference: Reference) -> list[Contribution]:
    """In the ensemble's order. raw `[n, d]`: each member's features. Costs two scorings a member, a second or less."""
    reached = _reached(chosen, raw, reference)
    of_real = reference.order[len(reference.reference) :]
    found = []
    for index, (member, weight) in enumerate(zip(chosen.members, chosen.weights, strict=True)):
        rest = _without(chosen, index)
        alone = Selection(members=(member,), weights=(1.0,))
        found.append(
            Contribution(
                id=member,
                weight=weight,
                alone=reference.score(sample_of(alone, raw), "held_out"),
                without=reference.score(sample_of(rest, raw), "held_out") if rest else None,
                num_covered=int(reached[index].sum()),
                only_here=of_real[reached[index] & (reached.sum(axis=0) == 1)],
            )
        )
    return found


def _reached(chosen: Selection, raw: Mapping[str, Features], reference: Reference) -> NDArray[np.bool_]:
    """`[members, held-out reals]`: whether one of the samples that it draws in the ensemble lies in the real's ball."""
    count = min(len(raw[member]) for member in chosen.members)
    balls = reference.held_out.coverage_balls
    rows = mixture_rows(chosen.weights, count)
    reached = np.zeros((len(chosen.members), len(reference.held_out)), dtype=np.bool_)
    for index, (member, part) in enumerate(zip(chosen.members, rows, strict=True)):
        if part.stop > part.start:
            reached[index] = balls.counts(reference.standardise(raw[member][part])).points_of_ball > 0
    return reached


def _without(chosen: Selection, index: int) -> Selection | None:
    members = chosen.members[:index] + chosen.members[index + 1 :]
    weights = chosen.weights[:index] + chosen.weights[index + 1 :]
    if not members:
        return None
    return Selection(members=members, weights=tuple(weight / sum(weights) for weight in weights))
