"""Likely wrong labels: pictures that look like another class, and not at all like their own.

Two plain thresholds. Confident learning's rule (Northcutt, Jiang and Chuang 2021), a threshold for each class, found
fewer of the labels that had been changed at random, with more false alarms (experiments/cleaner/README.md).
"""

from collections.abc import Sequence

import numpy as np

from gan.data.cleaning.beliefs import Beliefs
from gan.data.cleaning.findings import Finding, Kind, Verdict
from gan.data.cleaning.space import Neighbours
from gan.data.cleaning.survey import Seen

FEWEST = 3  # pictures of a class by which the others of it can be judged
LEAST_BELIEF = 0.35
MOST_IN_OWN = 0.05
NUM_SHOWN = 3


def wrong_labels(
    beliefs: Beliefs,
    neighbours: Neighbours,
    classes: Sequence[str | None],
    places: Sequence[int],
    seen: Sequence[Seen],
) -> list[Finding]:
    """The likeliest first, each beside its nearest neighbours of the class that it looks like."""
    names, shares = beliefs.class_names, beliefs.shares
    number_of = {name: number for number, name in enumerate(names)}
    own = np.array([-1 if name is None else number_of[name] for name in classes])
    counts = np.bincount(own[own >= 0], minlength=len(names))
    found: list[tuple[float, Finding]] = []
    for row, number in enumerate(own.tolist()):
        if number < 0 or counts[number] < FEWEST:
            continue
        best = int(shares[row].argmax())
        believed, in_own = float(shares[row, best]), float(shares[row, number])
        if best == number or believed < LEAST_BELIEF or in_own > MOST_IN_OWN:
            continue
        around = neighbours.rows[row].tolist()
        alike = [other for other in around if own[other] == best]
        finding = Finding(
            kind=Kind.WRONG_LABEL,
            verdict=Verdict.FLAG,
            name=seen[places[row]].name,
            reason=(
                f"labelled {names[number]!r}, looks like {names[best]!r} ({believed:.0%} against {in_own:.0%}): "
                f"of the {len(around)} nearest {len(alike)} are {names[best]!r}"
            ),
            place=places[row],
            beside=tuple(places[other] for other in alike[:NUM_SHOWN]),
        )
        found.append((believed - in_own, finding))
    found.sort(key=lambda pair: -pair[0])
    return [finding for _, finding in found]
