"""Who takes over from whom, and with what settings."""

import dataclasses
import math
from typing import Any

import numpy as np
import optuna
import pytest

from gan.errors import UserError
from search.plan import Plan
from search.population.rule import Member, PopulationRule
from search.space.fields import Choice, Point, Range

RULE = PopulationRule()
FIELDS = [
    Choice(name="augment", values=("ada", "none")),
    Range(name="lr", low=1e-4, high=1e-3, log=True),
    Range(name="target", low=0.4, high=0.8, log=False),
]


def member(number: int, loss: float, *, collapsed: bool = False, is_example: bool = True) -> Member:
    point: Point = {"augment": "ada", "lr": 3e-4, "target": 0.6}
    return Member(
        number=number, loss=loss, is_example=is_example and not math.isnan(loss), collapsed=collapsed, point=point
    )


def pairs(*members: Member, seed: int = 0, tick: int = 4) -> dict[int, int]:
    return {one.receiver: one.donor for one in RULE.take_overs(members, FIELDS, seed=seed, tick=tick)}


def test_the_worst_quarter_takes_over_from_the_best() -> None:
    eight = [member(number, 10.0 * number) for number in range(8)]
    for seed in range(20):
        took = pairs(*eight, seed=seed)
        assert set(took) == {6, 7}
        assert set(took.values()) <= {0, 1}
    donors = {donor for seed in range(20) for donor in pairs(*eight, seed=seed).values()}
    assert donors == {0, 1}
    assert pairs(member(0, 2.0), member(1, 1.0)) == {0: 1}
    assert pairs(member(0, 2.0), member(1, 1.0), member(2, 3.0)) == {2: 1}
    assert pairs(member(0, 2.0)) == {}


def test_who_collapsed_or_copies_is_nobodys_donor() -> None:
    """All that collapsed take over; one without a score only where it is among the last."""
    nan, low = math.nan, 0.1
    assert pairs(member(0, low, collapsed=True), member(1, 5.0), member(2, 6.0), member(3, 7.0)) == {0: 1}
    took = pairs(*[member(n, nan, collapsed=True) for n in range(3)], member(3, 9.0))
    assert took == {0: 3, 1: 3, 2: 3}
    assert pairs(member(0, nan), member(1, 5.0), member(2, nan), member(3, 7.0)) == {2: 1}
    assert pairs(member(0, nan), member(1, nan, collapsed=True)) == {}
    assert pairs(member(0, nan), member(1, nan), member(2, 3.0)) == {1: 2}


def test_nobody_takes_over_what_is_worse_than_itself() -> None:
    """A young one, whose samples are alike, is nobody's example; but its FID may be the better one for all that."""
    young = [member(number, 990.0 + number, is_example=False) for number in range(3)]
    assert pairs(member(3, 8000.0), *young) == {}
    assert pairs(member(3, 700.0), *young) == {2: 3}
    assert pairs(member(3, 8000.0), *young[:2], member(2, math.nan)) == {2: 3}
    assert pairs(member(3, 8000.0), *young[:2], member(2, 1.0, collapsed=True)) == {2: 3}
    assert pairs(*young, member(3, 995.0, is_example=False)) == {}


def test_a_step_is_a_share_of_the_range() -> None:
    rule = PopulationRule(resample=0.0)
    (lr_low, lr_high), steps = (10 ** (-1 / 12), 10 ** (1 / 12)), set()
    for seed in range(40):
        point = rule.explore({"augment": "ada", "lr": 3e-4, "target": 0.6}, FIELDS, np.random.default_rng(seed))
        assert point["augment"] == "ada"
        assert float(point["lr"]) / 3e-4 in (pytest.approx(lr_low), pytest.approx(lr_high))
        assert abs(float(point["target"]) - 0.6) == pytest.approx(0.4 / 12)
        steps.add((float(point["lr"]) > 3e-4, float(point["target"]) > 0.6))
    assert len(steps) == 4, "each setting moves by itself"
    edge: Point = {"augment": "none", "lr": 1e-3}
    moved = [float(rule.explore(edge, FIELDS, np.random.default_rng(seed))["lr"]) for seed in range(20)]
    assert max(moved) == 1e-3
    assert all("target" not in rule.explore(edge, FIELDS, np.random.default_rng(seed)) for seed in range(3))
    drawn = [
        float(PopulationRule(resample=1.0).explore(edge, FIELDS, np.random.default_rng(seed))["lr"])
        for seed in range(40)
    ]
    assert min(drawn) < 2e-4
    assert max(drawn) > 5e-4


def test_draws_depend_on_the_place_alone() -> None:
    some = [member(number, float(number)) for number in range(8)]
    once = RULE.take_overs(some, FIELDS, seed=1, tick=4)
    assert RULE.take_overs(list(reversed(some)), FIELDS, seed=1, tick=4) == once
    assert RULE.take_overs(some, FIELDS, seed=1, tick=6) != once
    assert RULE.take_overs(some, FIELDS, seed=2, tick=4) != once


def test_exchanges_lie_between_a_quarter_and_the_end() -> None:
    assert RULE.exchanges(10) == [4, 6, 8]
    assert RULE.exchanges(8) == [2, 4, 6]
    assert RULE.exchanges(3) == [2]
    assert RULE.exchanges(2) == []


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"recipes": ("dcgan", "stylegan2")}, "--networks"),
        ({"objective": "both"}, "--objective fid or recall"),
        ({"num_trials": 1}, "--trials 1"),
        ({"num_ticks": 2}, "--ticks 2"),
        ({"on_collapse": "return"}, "--on-collapse return"),
    ],
)
def test_what_no_population_can_be(plan: Plan, settings: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        dataclasses.replace(plan, **settings)


def test_members_have_networks_of_one_shape(plan: Plan) -> None:
    """So that each can take over any other's; what differs are numbers and the augmentation."""
    space = plan.space()
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    runs = [space.build_run(space.point_from(study.ask())) for _ in range(12)]
    assert len({str(run.network) for run in runs}) == 1
    assert len({run.optimiser.batch_size for run in runs}) == 1
    assert len({run.optimiser.generator_lr for run in runs}) == 12
    assert len({run.augment.policy for run in runs}) > 1
