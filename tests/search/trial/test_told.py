"""What a member of a population tells of itself."""

import dataclasses
import math

import pytest

from search.judging.collapse import CollapseRule
from search.names import (
    EXCHANGED,
    IDENTITY,
    TAKE_OVER,
    TAKEN_FROM,
)
from search.plan import Plan
from search.trial.history import Entry
from search.trial.told import loss_now, settings_metrics, waits
from tests.search.moments import moment


@pytest.fixture
def plan(plan: Plan) -> Plan:
    """Four members of one network, eight ticks of 10,000 images."""
    return dataclasses.replace(plan, recipes=("dcgan",), algorithm="pbt", objective="fid", kimg=80.0, num_ticks=8)


def entry(images: int, fid: float, *, diversity: float = 0.8, copies: float = 0.0) -> Entry:
    return Entry(moment=moment(images, fid, diversity=diversity, copies=copies), metrics={})


def test_what_a_member_is_ranked_by_is_what_it_is_now(plan: Plan) -> None:
    """Copies and noise buy their numbers; a young one has an honest, high FID."""
    rule = CollapseRule()
    assert loss_now(entry(40_000, 30.0).moment, plan, rule) == 30.0
    assert loss_now(entry(10_000, 30.0, diversity=0.01).moment, plan, rule) == 30.0
    assert loss_now(entry(40_000, 30.0).moment, dataclasses.replace(plan, objective="recall"), rule) == -0.2
    for bad in (entry(40_000, 30.0, diversity=9.0), entry(40_000, 30.0, copies=0.3)):
        assert math.isnan(loss_now(bad.moment, plan, rule))


def test_an_exchange_that_was_not_made_is_waited_for(plan: Plan) -> None:
    config = {EXCHANGED: 2}
    assert waits([entry(40_016, 30.0)], plan, config)
    assert not waits([entry(30_016, 30.0)], plan, config)
    assert not waits([entry(20_016, 30.0)], plan, config)
    assert not waits([entry(80_000, 30.0)], plan, config)
    assert not waits([], plan, config)
    assert not waits([entry(40_016, 30.0)], dataclasses.replace(plan, algorithm="tpe"), config)


def test_settings_are_recorded_by_step(plan: Plan) -> None:
    identity = dict.fromkeys(IDENTITY, "") | {EXCHANGED: 2, TAKE_OVER: "there", TAKEN_FROM: 3}
    config = {"network": "dcgan", "dcgan.generator_lr": 1e-3, "augment": "ada", **identity}
    assert settings_metrics(plan, config, 30_016) == {"setting/dcgan.generator_lr": 1e-3, "setting/taken_from": 3.0}
    assert settings_metrics(plan, config, 40_016) == {"setting/dcgan.generator_lr": 1e-3}
    assert settings_metrics(plan, config | {TAKE_OVER: ""}, 30_016) == {"setting/dcgan.generator_lr": 1e-3}
    assert settings_metrics(dataclasses.replace(plan, algorithm="tpe"), config, 30_016) == {}
