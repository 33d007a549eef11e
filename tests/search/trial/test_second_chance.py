"""A collapsed run goes back to its last living tick, once, with gentler settings, at the images that it has seen."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from mlflow import MlflowClient
from rich.console import Console

from gan.begin import begin
from gan.config import RunConfig
from gan.data.dataset import PictureSet
from gan.loop import train
from gan.recipes import tiny_dcgan
from gan.regularisers import default_r1_gamma
from gan.training import Training
from search.judging.collapse import CollapseRule, Moment, since_return
from search.machines.wishes import Wishes
from search.plan import Plan
from search.storage.folder import SearchFolder
from search.study import search
from search.trial.second_chance import ALIVE, SecondChance, gentler
from tests.search.moments import moment

RULE = CollapseRule()


def config() -> RunConfig:
    run = tiny_dcgan()
    return dataclasses.replace(run, schedule=dataclasses.replace(run.schedule, total_kimg=0.048, tick_kimg=0.016))


def same(one: Training, other: Training, *, but: str) -> bool:
    first, second = one.state(), other.state()
    assert first.keys() == second.keys()
    return all(torch.equal(first[name], second[name]) for name in first if name != but)


def after_a_tick(pictures: PictureSet) -> Training:
    training = begin(config(), pictures, torch.device("cpu"))
    next(iter(train(training, pictures)))
    return training


def test_back_to_the_living_weights_at_the_images_of_now(few_pictures: PictureSet) -> None:
    chance = SecondChance("return", RULE)
    training = begin(config(), few_pictures, torch.device("cpu"))
    ticks = train(training, few_pictures)
    next(ticks)
    chance.follow(training, [moment(16)])
    alive = {name: value.clone() for name, value in training.state().items()}
    next(ticks)
    chance.follow(training, [moment(16), moment(32, diversity=0.0)])
    found = chance.take(training)
    assert found is not None
    again, how = found
    assert again.images_seen == training.images_seen == 32
    state = again.state()
    assert all(torch.equal(state[name], alive[name]) for name in alive if name != "images_seen")
    assert not same(again, training, but="images_seen"), "the weights are not those of the collapse"
    assert again.config == gentler(training.config)
    assert how == "back to 0.016 kimg, R1 x 10, rates x 0.5"
    rates = [t.generator_optimiser.param_groups[0]["lr"] for t in (again, training)]
    assert rates[0] == pytest.approx(rates[1] / 2)
    assert [tick.images_seen for tick in train(again, few_pictures)] == [48], "it goes on, to the same budget"


def test_once_and_only_where_it_is_wanted_and_something_lived(few_pictures: PictureSet) -> None:
    training = after_a_tick(few_pictures)
    never = SecondChance("stop", RULE)
    never.follow(training, [moment(16)])
    assert never.take(training) is None
    for dead in (moment(16, diversity=0.0), moment(16, recall=0.0), moment(16, diversity=9.0)):
        chance = SecondChance("return", RULE)
        chance.follow(training, [dead])
        assert chance.take(training) is None
    chance = SecondChance("return", RULE)
    chance.follow(training, [moment(8, returned="samples alike"), moment(16)])
    assert chance.take(training) is None, "it had its second chance"


def test_a_killed_trial_still_has_what_to_go_back_to(few_pictures: PictureSet, tmp_path: Path) -> None:
    training = after_a_tick(few_pictures)
    alive, dead = moment(16), moment(32, diversity=0.0)
    chance = SecondChance("return", RULE)
    chance.follow(training, [alive])
    chance.save(tmp_path, alive)
    assert not (tmp_path / ALIVE).exists(), "the checkpoint itself is alive"
    successor = SecondChance("return", RULE)
    successor.restore(tmp_path, training, [alive])
    taken = successor.take(training)
    assert taken is not None

    training.images_seen = 32
    chance.follow(training, [alive, dead])
    chance.save(tmp_path, dead)
    successor = SecondChance("return", RULE)
    successor.restore(tmp_path, training, [alive, dead])
    again = successor.take(training)
    uncut = chance.take(training)
    assert again is not None
    assert uncut is not None
    assert again[1] == uncut[1]
    assert same(again[0], uncut[0], but="")


def test_gentler_settings(few_pictures: PictureSet) -> None:
    run = begin(config(), few_pictures, torch.device("cpu")).config
    after = gentler(run)
    assert run.regulariser.r1_gamma
    assert after.regulariser.r1_gamma == pytest.approx(10 * run.regulariser.r1_gamma)
    assert after.optimiser.generator_lr == run.optimiser.generator_lr / 2
    without = dataclasses.replace(run, regulariser=dataclasses.replace(run.regulariser, r1_gamma=0.0))
    heuristic = default_r1_gamma(run.data.height, run.data.width, run.optimiser.batch_size)
    assert gentler(without).regulariser.r1_gamma == pytest.approx(10 * heuristic)


@pytest.mark.slow
def test_a_search_whose_trials_collapse_and_go_back(tmp_path: Path) -> None:
    """Every trial is told to have collapsed at its third tick; each goes on, its ticks in their places, to its end."""

    class Falls(CollapseRule):
        def reason(self, history: Sequence[Moment], total_images: float) -> str | None:
            fallen = len(history) == 3 and not history[-1].returned
            return "told so" if fallen and len(since_return(history)) == 3 else None

        def alive(self, moment: Moment) -> bool:
            return moment.finite

        def worth_returning_to(self, moment: Moment) -> bool:
            return moment.finite

    pictures = drawn_pictures()
    plan = Plan(
        name="falls",
        data="drawn",
        data_fingerprint=pictures.fingerprint,
        height=16,
        width=16,
        channels=3,
        conditional=False,
        recipes=("tiny-dcgan",),
        num_trials=2,
        kimg=0.16,
        num_ticks=5,
        num_samples=32,
        features="randconv",
        seed=0,
        early_stopping=False,
        on_collapse="return",
        keep=1,
    )
    tracking = f"sqlite:///{tmp_path / 'mlflow.db'}"
    outcome = search(
        plan,
        pictures,
        folder=SearchFolder(str(tmp_path / "runs"), plan.name),
        tracking_uri=tracking,
        wishes=Wishes(cpus=1, gpus=0, max_concurrent=2),
        resume=False,
        console=Console(quiet=True),
        rule=Falls(),
    )
    assert outcome.complete
    assert [finding.status for finding in outcome.found] == ["went back", "went back"]
    client = MlflowClient(tracking)
    runs = client.search_runs([outcome.experiment_id], "tags.`ganvil.kind` = 'trial'")
    assert len(runs) == 2
    for run in runs:
        steps = [metric.step for metric in client.get_metric_history(run.info.run_id, "images_per_second")]
        assert steps == [32, 64, 96, 128, 160]
        returned = run.data.tags["returned"]
        assert returned.startswith("at 0.096 kimg: told so; back to 0.0")
        kept = [int(Path(file.path).name) for file in client.list_artifacts(run.info.run_id, "checkpoints")]
        assert 1 <= len(kept) <= 3
        assert 96 not in kept, "collapsed weights are no candidate"


def drawn_pictures() -> PictureSet:
    chance = np.random.default_rng(0)
    blocks = np.kron(chance.integers(0, 256, (48, 3, 2, 2)), np.ones((1, 1, 8, 8))).astype(np.uint8)
    return PictureSet(
        images=blocks,
        labels=np.zeros(48, dtype=np.int64),
        class_names=(),
        names=tuple(f"{index}" for index in range(48)),
        fingerprint="0123456789abcdef",
        source="drawn",
        skipped=(),
    )
