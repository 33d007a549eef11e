"""--set and --vary reach every field of a run, and say at once what they cannot."""

import dataclasses

import optuna
import pytest

from gan.config import flatten
from gan.errors import UserError
from search.plan import Plan
from search.space.vary import Varied


def flat(plan: Plan, network: str = "dcgan") -> dict[str, object]:
    space = plan.space()
    point = next(point for point in space.first_points() if point["network"] == network)
    return flatten(space.build_run(point))


def test_set_reaches_every_network_that_has_the_field(plan: Plan) -> None:
    changed = dataclasses.replace(plan, settings=("loss.packing=2", "network.w_dim=24", "dcgan:network.z_dim=12"))
    assert flat(changed)["loss.packing"] == flat(changed, "stylegan2")["loss.packing"] == 2
    assert flat(changed, "stylegan2")["network.w_dim"] == 24
    assert flat(changed)["network.z_dim"] == 12
    assert flat(changed, "stylegan2")["network.z_dim"] == flat(plan, "stylegan2")["network.z_dim"]


VARIED = (
    "loss.kind=non_saturating,hinge",
    "regulariser.r2_gamma=0.01..10:log",
    "optimiser.gradient_clip=null,1,10",
    "data.class_balance=0..1",
    "stylegan2:network.style_mixing_probability=0..0.9",
    "network.minibatch_deviation=false,true",
)


def test_varied_fields_reach_the_run(plan: Plan) -> None:
    space = dataclasses.replace(plan, varied=VARIED).space()
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    seen: dict[str, set[object]] = {}
    for _ in range(40):
        point = space.point_from(study.ask())
        run = flatten(space.build_run(point))
        for name in ("loss.kind", "regulariser.r2_gamma", "optimiser.gradient_clip", "data.class_balance"):
            seen.setdefault(name, set()).add(run[name])
        if point["network"] == "stylegan2":
            seen.setdefault("mixing", set()).add(run["network.style_mixing_probability"])
            assert "network.minibatch_deviation" not in point
        else:
            seen.setdefault("deviation", set()).add(run["network.minibatch_deviation"])
    assert seen["loss.kind"] == {"non_saturating", "hinge"}
    assert seen["optimiser.gradient_clip"] == {None, 1.0, 10.0}
    assert seen["deviation"] == {False, True}
    assert all(len(seen[name]) > 5 for name in ("regulariser.r2_gamma", "data.class_balance", "mixing"))


def test_the_first_points_hold_the_recipes_values_where_the_range_does(plan: Plan) -> None:
    point = dataclasses.replace(plan, varied=VARIED).space().first_points()[1]
    assert point["loss.kind"] == "non_saturating"
    assert point["optimiser.gradient_clip"] == "null"
    assert point["regulariser.r2_gamma"] == 0.01  # the recipe's 0 is under the range
    assert point["stylegan2:network.style_mixing_probability"] == 0.0


def test_the_plan_keeps_them(plan: Plan) -> None:
    changed = dataclasses.replace(plan, settings=("loss.packing=2",), varied=VARIED)
    assert Plan.from_json(changed.to_json()) == changed


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("loss.packing", "write FIELD=VALUE"),
        ("loss.pack=1,2", "no run of dcgan, stylegan2 has a field loss.pack"),
        ("vae:loss.packing=1,2", "unknown network 'vae'"),
        ("loss.packing=2", "give two values or more"),
        ("loss.packing=1,x", "loss.packing = 'x'"),
        ("loss.top_k=0.5..1.5", "top_k 1.5"),
        ("regulariser.r2_gamma=5..1", "low end must be under"),
        ("regulariser.r2_gamma=0..1:log", "over 0 for :log"),
        ("optimiser.generator_lr=1e-4..1e-3", "is searched already"),
        ("seed=1,2", "a search sets seed"),
        ("schedule.total_kimg=1,2", "a search sets schedule.total_kimg"),
    ],
)
def test_what_cannot_be_varied_is_said(plan: Plan, typed: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        Varied.parse(typed, plan.space().bases)


@pytest.mark.parametrize(
    ("typed", "message"),
    [("loss.kind=nothing", "loss.kind = 'nothing'"), ("data.source=armory", "a search sets data.source")],
)
def test_what_cannot_be_set_is_said(plan: Plan, typed: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        dataclasses.replace(plan, settings=(typed,)).space()
