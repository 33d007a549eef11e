"""Tune asks after every report: is this trial to end here? The rules are in search/judging/{hopeless,halving}.py."""

from collections.abc import Mapping
from typing import Any, Protocol

import optuna
from ray import tune

from search.judging.halving import HalvingRule
from search.judging.hopeless import Curve, HopelessRule, plain_curve
from search.names import COLLAPSED, CURVE, FINISHED, STOPPED, TRIAL_NAME
from search.plan import Plan


class Rule(Protocol):
    """Why a trial with this curve is to end at that many images, the others' being these; None: go on."""

    def reason(
        self, images_seen: int, curve: Curve, others: Mapping[str, Curve], total_images: float
    ) -> str | None: ...


def rule_of(plan: Plan) -> Rule | None:
    """Of the search: none, by domination for two numbers, by halving for one. A population has its own way."""
    if not plan.early_stopping or plan.is_population:
        return None
    single = plan.objectives.single
    return HopelessRule() if single is None else HalvingRule(objective=single, num_ticks=plan.num_ticks)


class StopBehind(tune.Stopper):  # type: ignore[misc]
    """Keeps every trial's curve, those of an earlier driver among them. Names are the trials' numbers, for people.

    The reason is written into the result as `STOPPED`, where the study, the records and the table find it.
    """

    def __init__(self, rule: Rule, total_images: float, known: Mapping[str, Curve]) -> None:
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
        reason = self._rule.reason(int(result["images_seen"]), curve, others, self._total_images)
        if reason is not None:
            result[STOPPED] = reason
        return reason is not None

    def stop_all(self) -> bool:
        return False


def curves_of(study: optuna.Study) -> dict[str, Curve]:
    """Of all trials that have ended, by their numbers."""
    ended = [trial for trial in study.get_trials(deepcopy=False) if CURVE in trial.user_attrs]
    return {f"{trial.number:03d}": plain_curve(trial.user_attrs[CURVE]) for trial in ended}
