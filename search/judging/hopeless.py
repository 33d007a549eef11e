"""When a trial of a search for two numbers is not worth its remaining budget: its curve and the others', in. Pure.

Early stopping by one number (median, successive halving) would end what is best at the other. So a trial is hopeless
only where several others, at the same number of images seen, had both a clearly lower FID and a clearly higher recall:
were it alone on its front, it would stay. Recorded curves say how often that is wrong (experiments/early_stopping).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from search.judging.collapse import CollapseRule, Moment, best_moment

_SAME_TICK = 0.01  # ticks of different batch sizes are some images apart


class Point(NamedTuple):
    """The best of a trial by that number of images: FID of the tick of lowest FID, and that same tick's recall."""

    images_seen: int
    fid: float
    recall: float


Curve = Sequence[Point]


def curve_of(history: Sequence[Moment], rule: CollapseRule, total_images: float) -> list[Point]:
    """A point a tick, from the first healthy one on; none while the best of them copies training pictures."""
    points = []
    for end in range(1, len(history) + 1):
        best = best_moment(history[:end], rule, total_images)
        if best is not None and best.copies <= rule.most_copies:
            points.append(Point(history[end - 1].images_seen, best.fid, best.recall))
    return points


def plain_curve(plain: Sequence[Sequence[float]]) -> list[Point]:
    """From what results and the study hold."""
    return [Point(int(images_seen), float(fid), float(recall)) for images_seen, fid, recall in plain]


@dataclass(frozen=True, kw_only=True)
class HopelessRule:
    """after: the share of the budget before which nothing is ended. dominators: how many others must be better.

    fid_margin, recall_margin: better by so much; the FID as a share, recall as it is. Measured on 75 recorded
    runs (experiments/early_stopping): a fifth of the images saved, none of 437 trials of final fronts ended; from a
    quarter of the budget on, two searches in five would have lost one.
    """

    after: float = 0.5
    fid_margin: float = 0.1
    recall_margin: float = 0.05
    dominators: int = 3

    def ahead(self, images_seen: int, curve: Curve, others: Mapping[str, Curve], total_images: float) -> list[str]:
        """Names of the others for which a trial with this curve, at that many images, is hopeless; none: go on."""
        if images_seen < self.after * total_images or images_seen >= total_images:
            return []
        own = _at(curve, images_seen) or Point(images_seen, math.inf, -math.inf)
        better = []
        for name, other in others.items():
            there = _at(other, images_seen)
            if there is not None and self._dominates(there, own):
                better.append(name)
        return better if len(better) >= self.dominators else []

    def reason(self, images_seen: int, curve: Curve, others: Mapping[str, Curve], total_images: float) -> str | None:
        """Why it is hopeless, in words; None: go on."""
        better = sorted(self.ahead(images_seen, curve, others, total_images))
        if not better:
            return None
        return f"at {images_seen / 1000:.4g} kimg behind in FID and recall: {', '.join(better[:5])} were ahead"

    def _dominates(self, other: Point, own: Point) -> bool:
        return other.fid * (1.0 + self.fid_margin) <= own.fid and other.recall >= own.recall + self.recall_margin


def _at(curve: Curve, images_seen: int) -> Point | None:
    """The curve's point at that tick; None where it has not come so far, or had nothing to show by then."""
    slack = _SAME_TICK * images_seen
    if not curve or curve[-1].images_seen < images_seen - slack:
        return None
    return next((point for point in reversed(curve) if point.images_seen <= images_seen + slack), None)
