"""Replayed searches count what was trained and what was lost."""

from experiments.early_stopping.run import RULES, Replay, recorded, replay
from search.judging.halving import HalvingRule
from search.judging.hopeless import Curve, HopelessRule, Point
from search.judging.objectives import OBJECTIVES


def steady(fid: float, recall: float) -> Curve:
    return [Point(1000 * tick, fid, recall) for tick in range(1, 9)]


def riser() -> Curve:
    """Behind until its last tick, where it is best of all."""
    return [*steady(300.0, 0.0)[:7], Point(8000, 1.0, 0.99)]


def test_a_replayed_search_counts() -> None:
    good = [steady(50.0 + number, 0.5) for number in range(3)]
    rule = HopelessRule()
    assert replay([*good, steady(200.0, 0.1)], rule, 4) == Replay(trained=28_000, planned=32_000, front=1, lost=0)
    assert replay([*good, riser()], rule, 4) == Replay(trained=28_000, planned=32_000, front=1, lost=1)
    assert replay([*good[:2], riser()], rule, 4).lost == 0  # two are ahead, three are asked for


def test_the_recorded_runs_bear_the_default_out() -> None:
    """In one search of all of them: something is saved, nothing of the front lost."""
    curves = [curve for curve in recorded() if len(curve) == 8]
    assert len(curves) >= 60
    found = replay(curves, RULES["the default"], 4)
    assert found.lost == 0
    assert found.trained < 0.9 * found.planned


def test_halving_counts_what_it_lost_by() -> None:
    fid = OBJECTIVES["fid"]
    assert fid.single is not None
    rule = HalvingRule(objective=fid.single, num_ticks=8)
    good = [steady(50.0 + number, 0.5) for number in range(3)]
    found = replay([*good, riser()], rule, 4, fid)
    assert (found.lost, found.front, found.worse) == (1, 1, 49.0)  # 50 is left of 1
    assert found.trained == 8000 * 3 + 3000  # at the second rung only two others are left
