"""What a trial tells of itself, from its history: to MLflow, to Tune, to the study and to the live table. Pure."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from search.judging.collapse import CollapseRule, Moment
from search.judging.hopeless import Point, curve_of
from search.judging.ticks import tick_at
from search.names import (
    BEST,
    BEST_IMAGES,
    BEST_TICK,
    COLLAPSED,
    COPIES_OVER,
    CURVE,
    EXAMPLE,
    EXCHANGED,
    FID,
    FINISHED,
    LOSS,
    RECALL,
    RETURNED,
    SECOND_CHANCE,
    SETTING,
    STOPPED,
    TAKE_OVER,
    TAKEN_FROM,
    TRIAL_NAME,
    TRIAL_NUMBER,
    WAITING,
    point_of,
)
from search.plan import Plan
from search.population.rule import PopulationRule
from search.trial.history import Entry, best_entry


def best_metrics(history: Sequence[Entry], rule: CollapseRule, plan: Plan) -> dict[str, float]:
    """The scores of the best tick so far, for columns to sort by in MLflow; empty before there is one."""
    best = best_entry(history, rule, plan.total_images)
    if best is None:
        return {}
    scores = {name: value for name, value in best.metrics.items() if name.startswith(("fid_", "recall_"))}
    tick = {"images_seen": float(best.moment.images_seen), "copies_over": best.moment.copies - rule.most_copies}
    return {
        **{f"{BEST}{name}": value for name, value in scores.items()},
        **{f"{BEST_TICK}{name}": value for name, value in tick.items()},
    }


def settings_metrics(plan: Plan, config: Mapping[str, Any], images_seen: int) -> dict[str, float]:
    """Of a population's member at that tick: its settings, and at the first tick since it took over from whom."""
    if not plan.is_population:
        return {}
    point = point_of(config)
    settings = {f"{SETTING}{name}": float(value) for name, value in point.items() if not isinstance(value, str)}
    is_first = tick_at(images_seen, plan.tick_images) == config[EXCHANGED] + 1
    if config[TAKE_OVER] and is_first:
        settings[f"{SETTING}{TAKEN_FROM}"] = float(config[TAKEN_FROM])
    return settings


def result_of(
    history: Sequence[Entry],
    plan: Plan,
    rule: CollapseRule,
    config: Mapping[str, Any],
    *,
    collapsed: str | None,
    run_id: str,
    num_waiting: int,
) -> dict[str, Any]:
    """A report to Tune: the latest tick, and the best one so far as `best_…`.

    run_id: of MLflow; num_waiting: records that it has not got yet.
    """
    last = history[-1]
    best = best_entry(history, rule, plan.total_images)
    result: dict[str, Any] = {
        **last.metrics,
        "network": config["network"],
        TRIAL_NAME: f"{config[TRIAL_NUMBER]:03d}",
        "images_seen": last.moment.images_seen,
        "run_id": run_id,
        WAITING: num_waiting,
        COLLAPSED: collapsed or "",
        STOPPED: "",  # search/stopper.py may say otherwise
        RETURNED: last.moment.returned,
        SECOND_CHANCE: next((entry.moment.returned for entry in history if entry.moment.returned), ""),
        CURVE: [list(point) for point in curve_of([entry.moment for entry in history], rule, plan.total_images)],
        FINISHED: last.moment.images_seen >= plan.total_images,
        FID: math.nan,
        RECALL: math.nan,
        LOSS: loss_now(last.moment, plan, rule),
        EXAMPLE: rule.healthy(last.moment, plan.total_images) and last.moment.copies <= rule.most_copies,
    }
    if best is not None:
        scores = {name: value for name, value in best.metrics.items() if name.endswith(f"_{plan.features}")}
        result |= {f"best_{name}": value for name, value in scores.items()}
        result |= {FID: best.moment.fid, RECALL: best.moment.recall, BEST_IMAGES: best.moment.images_seen}
        result[COPIES_OVER] = best.moment.copies - rule.most_copies
    return result


def loss_now(moment: Moment, plan: Plan, rule: CollapseRule) -> float:
    """Of these weights by the only objective, lower is better; NaN: unknown, or bought by copies or noise.

    A young one whose samples are still alike has one, too: what it is to take over must be better.
    """
    single = plan.objectives.single
    bought = moment.copies > rule.most_copies or moment.diversity_features > rule.feature_ceiling
    if single is None or bought or not moment.finite:
        return math.nan
    return single.loss(single.value_at(Point(moment.images_seen, moment.fid, moment.recall)))


def waits(history: Sequence[Entry], plan: Plan, config: Mapping[str, Any]) -> bool:
    """Whether a member of a population has come to an exchange that its driver did not live to make."""
    if not plan.is_population or not history:
        return False
    tick = tick_at(history[-1].moment.images_seen, plan.tick_images)
    return tick in PopulationRule().exchanges(plan.num_ticks) and tick > config[EXCHANGED]
