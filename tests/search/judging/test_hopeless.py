"""When a trial is ended for others' sake, and when it must not be."""

import math
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState, create_trial

from search.judging.collapse import CollapseRule
from search.judging.hopeless import Curve, HopelessRule, Point, curve_of
from search.names import COLLAPSED, CURVE, FINISHED, STOPPED, TRIAL_NAME
from search.stopper import StopBehind, curves_of
from tests.search.moments import moment

TOTAL = 100_000.0
RULE = HopelessRule()


def curve(fid: float, recall: float, *, ticks: int = 10) -> Curve:
    """The same at every tick."""
    return [Point(10_000 * (tick + 1), fid, recall) for tick in range(ticks)]


AHEAD = {"001": curve(50.0, 0.5), "002": curve(60.0, 0.4), "003": curve(70.0, 0.3)}


@pytest.mark.parametrize(
    ("fid", "recall", "hopeless"),
    [
        (100.0, 0.1, True),
        (100.0, 0.45, False),  # only one has more recall
        (55.0, 0.1, False),  # only one has a lower FID
        (75.0, 0.1, False),  # 70 is not lower by a tenth
        (100.0, 0.28, False),  # .30 is not higher by .05
        (math.inf, -math.inf, True),
    ],
)
def test_only_what_several_beat_in_both(fid: float, recall: float, hopeless: bool) -> None:
    assert RULE.ahead(50_000, curve(fid, recall, ticks=5), AHEAD, TOTAL) == (list(AHEAD) if hopeless else [])


def test_only_between_half_and_all_of_the_budget() -> None:
    bad = curve(200.0, 0.0)
    ended = [
        bool(RULE.ahead(images, bad[: images // 10_000], AHEAD, TOTAL)) for images in range(10_000, 110_000, 10_000)
    ]
    assert ended == [False] * 4 + [True] * 5 + [False]


def test_others_count_where_they_were_at_that_time() -> None:
    """They are better now, but were not then; and one that has not come so far says nothing."""
    late = [Point(10_000 * tick, 300.0 if tick <= 5 else 10.0, 0.0 if tick <= 5 else 0.9) for tick in range(1, 11)]
    bad = curve(200.0, 0.0, ticks=5)
    assert not RULE.ahead(50_000, bad, {**AHEAD, "003": late}, TOTAL)
    assert not RULE.ahead(50_000, bad, {**AHEAD, "003": curve(10.0, 0.9, ticks=4)}, TOTAL)
    near = [Point(point.images_seen + 48, point.fid, point.recall) for point in AHEAD["003"]]  # another batch size
    assert RULE.ahead(50_000, bad, {**AHEAD, "003": near}, TOTAL)


def test_a_trial_with_nothing_to_show_is_behind_all() -> None:
    assert RULE.ahead(50_000, [], AHEAD, TOTAL) == list(AHEAD)
    assert not RULE.ahead(50_000, [], {"001": [], "002": [], "003": []}, TOTAL)


def test_the_curve_is_of_the_best_tick_so_far() -> None:
    """The first is too young, the third is worse, the fifth has collapsed, the sixth copies."""
    history = [
        moment(10_000, 90.0, 0.9),
        moment(30_000, 80.0, 0.1),
        moment(40_000, 85.0, 0.3),
        moment(50_000, 70.0, 0.2),
        moment(60_000, 10.0, 0.0, diversity=0.01),
        moment(70_000, 20.0, 0.9, copies=0.4),
    ]
    assert curve_of(history, CollapseRule(), TOTAL) == [
        (30_000, 80.0, 0.1),
        (40_000, 80.0, 0.1),
        (50_000, 70.0, 0.2),
        (60_000, 70.0, 0.2),
        (70_000, 70.0, 0.2),
    ]
    assert curve_of([moment(50_000, 20.0, 0.9, copies=0.4)], CollapseRule(), TOTAL) == []


def result(number: int, what: Curve, *, finished: bool = False, collapsed: str = "") -> dict[str, Any]:
    return {
        TRIAL_NAME: f"{number:03d}",
        CURVE: [list(point) for point in what],
        "images_seen": what[-1].images_seen,
        FINISHED: finished,
        COLLAPSED: collapsed,
        STOPPED: "",
    }


def test_the_stopper_knows_the_trials_of_an_earlier_driver() -> None:
    study = optuna.create_study(directions=["minimize", "maximize"])
    for known in AHEAD.values():
        attributes = {CURVE: [list(point) for point in known]}
        study.add_trial(create_trial(state=TrialState.COMPLETE, values=[1.0, 1.0], user_attrs=attributes))
    study.add_trial(create_trial(state=TrialState.FAIL))
    stopper = StopBehind(RULE, TOTAL, curves_of(study))
    good, bad = result(3, curve(40.0, 0.6, ticks=5)), result(4, curve(200.0, 0.0, ticks=5))
    assert not stopper("a", good)
    assert stopper("b", bad)
    assert (good[STOPPED], bad[STOPPED]) == (
        "",
        "at 50 kimg behind in FID and recall: 000, 001, 002, 003 were ahead",
    )
    assert not stopper("b", result(4, curve(200.0, 0.0), finished=True))
    assert not stopper("b", result(4, curve(200.0, 0.0, ticks=6), collapsed="samples alike"))
    assert not stopper.stop_all()
