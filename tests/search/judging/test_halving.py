"""Successive halving: as Tune's own, and by trials' curves."""

import dataclasses
import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState, create_trial
from ray.tune.schedulers import AsyncHyperBandScheduler, TrialScheduler

from search.judging.halving import HalvingRule
from search.judging.hopeless import Curve, Point
from search.judging.objectives import OBJECTIVES, Objective
from search.names import COLLAPSED, CURVE, FINISHED, STOPPED, TRIAL_NAME
from search.plan import Plan
from search.stopper import StopBehind, curves_of, rule_of

FID, RECALL = (OBJECTIVES[name].single for name in ("fid", "recall"))
assert FID is not None
assert RECALL is not None
TOTAL = 80_000.0
RULE = HalvingRule(objective=FID, num_ticks=8)


def curve(fid: float, *, ticks: int = 8, first: int = 1, recall: float = 0.5) -> Curve:
    return [Point(10_000 * tick, fid, recall) for tick in range(first, ticks + 1)]


def test_the_rungs_are_ticks_before_the_last() -> None:
    assert RULE.rungs() == [3, 6]
    assert HalvingRule(objective=FID, num_ticks=10).rungs() == [4, 8]
    assert HalvingRule(objective=FID, num_ticks=16, first=0.125).rungs() == [2, 4, 8]
    assert HalvingRule(objective=FID, num_ticks=2).rungs() == [1]
    assert HalvingRule(objective=FID, num_ticks=1).rungs() == []


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("objective", [FID, RECALL])
@pytest.mark.parametrize(("first", "factor"), [(0.125, 2.0), (0.25, 2.0), (0.0625, 4.0)])
def test_it_decides_as_tunes_own(seed: int, objective: Objective, first: float, factor: float) -> None:
    """The same trials end at the same ticks, four at a time, each with a curve that falls by chance."""
    num_ticks, num_trials = 16, 24
    rng = np.random.default_rng(seed)
    rule = HalvingRule(objective=objective, num_ticks=num_ticks, first=first, factor=factor, fewest=1)
    tune_mode = "min" if objective is FID else "max"
    tunes = AsyncHyperBandScheduler(
        time_attr="tick",
        metric="value",
        mode=tune_mode,
        max_t=num_ticks,
        grace_period=int(first * num_ticks),
        reduction_factor=factor,
    )
    values = np.sort(rng.uniform(0.0, 1.0, (num_trials, num_ticks)), axis=1)
    values = values[:, ::-1] if objective is FID else values
    waiting, running, curves = list(range(num_trials)), list[int](), dict[str, list[Point]]()
    num_ended = 0
    while waiting or running:
        while waiting and len(running) < 4:
            running.append(waiting.pop(0))
            curves[str(running[-1])] = []
            tunes.on_trial_add(None, SimpleNamespace(trial_id=str(running[-1])))
        for trial in [int(trial) for trial in rng.permutation(running)]:
            own = curves[str(trial)]
            value = float(values[trial, len(own)])
            own.append(Point(5000 * (len(own) + 1), value, value))
            result = {"tick": len(own), "value": value}
            decision = tunes.on_trial_result(None, SimpleNamespace(trial_id=str(trial)), result)
            others = {name: of for name, of in curves.items() if name != str(trial)}
            reason = rule.reason(own[-1].images_seen, own, others, 5000.0 * num_ticks)
            if len(own) < num_ticks:
                assert (decision == TrialScheduler.STOP) == (reason is not None), (trial, len(own))
                num_ended += reason is not None
            else:
                assert reason is None, "the last tick is the trial's own end"
            if reason is not None or len(own) == num_ticks:
                running.remove(trial)
    assert 0 < num_ended < num_trials


def test_only_at_a_rung_and_only_behind_the_better_half() -> None:
    others = {str(number): curve(50.0 + number) for number in range(4)}
    assert RULE.reason(30_000, curve(52.0, ticks=3), others, TOTAL) == "at 30 kimg 2 of 4 others were ahead in FID"
    assert RULE.reason(30_000, curve(51.0, ticks=3), others, TOTAL) is None
    ended = [RULE.reason(10_000 * t, curve(99.0, ticks=t), others, TOTAL) is not None for t in range(1, 9)]
    assert ended == [False, False, True, False, False, True, False, False]
    assert RULE.reason(30_016, [*curve(99.0, ticks=2), Point(30_016, 99.0, 0.5)], others, TOTAL)  # another batch size


def test_others_count_where_they_were_at_that_rung() -> None:
    late = [Point(10_000 * tick, 300.0 if tick <= 3 else 10.0, 0.5) for tick in range(1, 9)]
    assert RULE.reason(30_000, curve(200.0, ticks=3), {str(n): late for n in range(4)}, TOTAL) is None
    young = {str(number): curve(10.0, ticks=2) for number in range(4)}
    assert RULE.reason(30_000, curve(200.0, ticks=3), young, TOTAL) is None
    few = {str(number): curve(10.0) for number in range(2)}
    assert RULE.reason(30_000, curve(200.0, ticks=3), few, TOTAL) is None


def test_nothing_to_show_is_the_worst() -> None:
    good = {str(number): curve(50.0) for number in range(3)}
    assert RULE.reason(30_000, [], good, TOTAL)
    late = {str(number): curve(50.0, first=4) for number in range(3)}  # healthy from the fourth tick on
    assert RULE.reason(30_000, [], late, TOTAL) is None
    assert RULE.reason(30_000, curve(1000.0, ticks=3), late, TOTAL) is None
    assert math.isinf(RULE.cutoff([1.0, math.inf]))


def result(number: int, what: Curve) -> dict[str, Any]:
    plain = {TRIAL_NAME: f"{number:03d}", CURVE: [list(point) for point in what], "images_seen": what[-1].images_seen}
    return {**plain, FINISHED: False, COLLAPSED: "", STOPPED: ""}


def test_the_rungs_of_a_dead_driver_are_read_from_the_study() -> None:
    study = optuna.create_study()
    for fid in (50.0, 60.0, 70.0):
        attributes = {CURVE: [list(point) for point in curve(fid)]}
        study.add_trial(create_trial(state=TrialState.PRUNED, user_attrs=attributes))
    stopper = StopBehind(RULE, TOTAL, curves_of(study))
    bad = result(3, curve(65.0, ticks=3))
    assert stopper("a", bad)
    assert bad[STOPPED] == "at 30 kimg 2 of 3 others were ahead in FID"
    # one that goes on from a checkpoint beyond a rung brings its whole curve, and so counts there
    assert not stopper("b", result(4, curve(10.0, ticks=5)))
    assert stopper("c", result(5, curve(61.0, ticks=3)))
    assert not stopper("d", result(6, curve(55.0, ticks=3)))


def test_each_objective_has_its_rule(plan: Plan) -> None:
    assert "HopelessRule" in str(rule_of(plan))
    by_recall = rule_of(dataclasses.replace(plan, objective="recall"))
    assert by_recall == HalvingRule(objective=RECALL, num_ticks=5)
    assert rule_of(dataclasses.replace(plan, objective="recall", early_stopping=False)) is None
