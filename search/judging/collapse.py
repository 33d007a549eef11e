"""When a trial has collapsed: its history so far, in; a reason to end it, or None, out. Pure.

Training on after a collapse never recovers (seed projects), so the time is better spent on another trial. The other
mistake costs more, though: a trial wrongly ended is lost for good. So the floors lie well under what a living run
shows, and each must be undershot more than once.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

OnCollapse = Literal["stop", "return"]
"""What becomes of a collapsed trial: its end, or a second chance (search/trial/second_chance.py)."""


@dataclass(frozen=True, kw_only=True)
class Moment:
    """A trial at one tick. Scores are those of the reference half; NaN where they could not be had.

    diversity and diversity_features: samples over reals (gan/metrics/diversity.py). finite: weights and losses. copies:
    the share of samples that are near-copies of training pictures, less what fresh pictures would score. returned: why
    the run went back to earlier weights after this tick (search/trial/second_chance.py), "" if it did not.
    """

    images_seen: int
    finite: bool
    diversity: float
    diversity_features: float
    fid: float
    recall: float
    copies: float
    returned: str = ""


@dataclass(frozen=True, kw_only=True)
class CollapseRule:
    """The parameters. Figures are of short runs at 32 px, batch 32, on 1,440 armory weapons.

    warm_up_images: earlier ticks never end a run: a young DCGAN makes nearly the same blob from every seed (.1 of the
    pixel distance at 1,000 images, past both floors at 4,000; four times as long at a quarter of its rate), a young
    StyleGAN2 noise. It is a matter of steps taken, not of the budget.
    pixel_floor, feature_floor: living runs stayed over .4 (pixels) and .3 (features) from 8,000 images on.
    ticks: how often in a row a floor must be undershot: single dips recover.
    recall_had, recall_ticks: a run whose recall was once that high after warm-up and is 0 for so many ticks in a row
    has lost what it covered. One that never had recall is young or poor, not collapsed: its scores say so.
    feature_ceiling: over it samples are noise. Recall believes noise (its balls grow with the samples' distances: .76
    for a StyleGAN2 at 2,000 images whose feature variance was 25), so noise must never be anybody's best tick. Living
    runs stayed under 1.6 from 6,000 images on.
    candidate_after: checkpoints before this share of the budget are no candidates: later ones of the run are better.
    most_copies: FID, recall and coverage all reward copies, and the share of copies alone sees them: at 5 % of them it
    lay outside its interval in nearly every set, seed and count that was tried (experiments/metrics). A tick over it
    is a trial's best only where it has no other.
    """

    warm_up_images: int = 20_000
    pixel_floor: float = 0.2
    feature_floor: float = 0.05
    feature_ceiling: float = 3.0
    ticks: int = 2
    recall_had: float = 0.05
    recall_ticks: int = 3
    candidate_after: float = 0.25
    most_copies: float = 0.05

    def reason(self, history: Sequence[Moment], total_images: float) -> str | None:
        """Why the run is to be ended after its latest tick, in words for a table; None: go on."""
        if not history:
            return None
        if not history[-1].finite and not history[-1].returned:
            return "weights or losses are not finite"
        judged = [moment for moment in since_return(history) if moment.images_seen >= self.warm_up_images]
        last = judged[-self.ticks :]
        if len(last) == self.ticks:
            if all(moment.diversity < self.pixel_floor for moment in last):
                return f"samples alike: {last[-1].diversity:.2f} of the reals' pixel distance"
            if all(moment.diversity_features < self.feature_floor for moment in last):
                return f"samples alike: {last[-1].diversity_features:.2f} of the reals' feature variance"
        last = judged[-self.recall_ticks :]
        had = max((moment.recall for moment in judged), default=0.0)
        if len(last) == self.recall_ticks and had >= self.recall_had and all(m.recall == 0.0 for m in last):
            return f"recall lost: was {had:.2f}, none for {self.recall_ticks} ticks"
        ended = history[-1].images_seen >= total_images
        if ended and not any(self.healthy(moment, total_images) for moment in history):
            return "never healthy: samples alike, or noise, at every tick"
        return None

    def healthy(self, moment: Moment, total_images: float) -> bool:
        """Whether that tick's checkpoint is worth keeping as a candidate: late enough, and alive."""
        return moment.images_seen >= self.candidate_after * total_images and self.alive(moment)

    def alive(self, moment: Moment) -> bool:
        """Whether its samples were varied, and not noise. Its scores must be numbers."""
        if not (moment.finite and math.isfinite(moment.fid) and math.isfinite(moment.recall)):
            return False
        return (
            moment.diversity >= self.pixel_floor
            and self.feature_floor <= moment.diversity_features <= self.feature_ceiling
        )

    def worth_returning_to(self, moment: Moment) -> bool:
        """Alive, and covering something: where recall is 0, the loss may have begun already."""
        return self.alive(moment) and moment.recall > 0.0


def since_return(history: Sequence[Moment]) -> Sequence[Moment]:
    """What is to be judged of a run that went back: the ticks after that."""
    last = max((index for index, moment in enumerate(history) if moment.returned), default=-1)
    return history[last + 1 :]


def best_moment(history: Sequence[Moment], rule: CollapseRule, total_images: float) -> Moment | None:
    """What a trial is judged by: its healthy tick of lowest FID, with that same tick's recall; None without any.

    One tick, not the best FID of one and the best recall of another: both numbers must be true of one checkpoint. By
    FID, because it is the steadier of the two; an equal FID goes to the higher recall. One without too many copies
    goes before any with them.
    """
    healthy = [moment for moment in history if rule.healthy(moment, total_images)]
    return min(healthy, key=lambda moment: (moment.copies > rule.most_copies, moment.fid, -moment.recall), default=None)


def non_dominated(values: Sequence[tuple[float, float]]) -> list[int]:
    """Indices of the Pareto front of (FID, recall), FID down and recall up, by falling FID; equals stay together."""
    points = np.asarray(values, dtype=np.float64).reshape(-1, 2)
    front = [
        index
        for index, (fid, recall) in enumerate(points)
        if not (
            (points[:, 0] <= fid) & (points[:, 1] >= recall) & ((points[:, 0] < fid) | (points[:, 1] > recall))
        ).any()
    ]
    return sorted(front, key=lambda index: (-points[index, 0], points[index, 1]))
