"""Tune's question after every report: is this trial to end here? The rule is in search/hopeless.py."""

from collections.abc import Mapping, Sequence
from typing import Any

import optuna
from ray import tune

from search.hopeless import Curve, HopelessRule, Point
from search.names import COLLAPSED, CURVE, FINISHED, STOPPED, TRIAL_NAME


class StopHopeless(tune.Stopper):  # type: ignore[misc]
    """Keeps every trial's curve, those of an earlier driver among them. Names are the trials' numbers, for people.

    The reason is written into the result as `STOPPED`, where the study, the records and the table find it.
    """

    def __init__(self, rule: HopelessRule, total_images: float, known: Mapping[str, Curve]) -> None:
        self._rule = rule
        self._total_images = total_images
        self._curves: dict[str, Curve] = dict(known)

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        name = str(result[TRIAL_NAME])
        curve = plain_curve(result[CURVE])
        self._curves[name] = curve
        if result[COLLAPSED] or result[FINISHED]:
            return False  # it ends by itself
        others = {other: of for other, of in self._curves.items() if other != name}
        better = self._rule.ahead(int(result["images_seen"]), curve, others, self._total_images)
        if better:
            kimg = result["images_seen"] / 1000
            result[STOPPED] = f"at {kimg:.4g} kimg behind in FID and recall: {', '.join(sorted(better)[:5])} were ahead"
        return bool(better)

    def stop_all(self) -> bool:
        return False


def plain_curve(plain: Sequence[Sequence[float]]) -> list[Point]:
    """From what results and the study hold."""
    return [Point(int(images_seen), float(fid), float(recall)) for images_seen, fid, recall in plain]


def curves_of(study: optuna.Study) -> dict[str, Curve]:
    """Of all trials that have ended, by their numbers."""
    ended = [trial for trial in study.get_trials(deepcopy=False) if CURVE in trial.user_attrs]
    return {f"{trial.number:03d}": plain_curve(trial.user_attrs[CURVE]) for trial in ended}
