"""A run whose numbers break goes back to its last good tick and goes on more slowly."""

import dataclasses
import math

import pytest
import torch

from gan.begin import begin
from gan.config import with_values
from gan.data.dataset import PictureSet
from gan.loop import train
from gan.recipes import tiny_dcgan
from gan.training import Training

CPU = torch.device("cpu")


def broken_once(pictures: PictureSet, monkeypatch: pytest.MonkeyPatch) -> Training:
    """A run whose weights become NaN in the middle of its second tick, the first time it comes there."""
    import gan.loop

    training = begin(with_values(tiny_dcgan(), {"schedule.total_kimg": "0.096"}), pictures, CPU)
    plain_step, broken = gan.loop.step, []

    def step(training: Training, *rest: object) -> dict[str, torch.Tensor]:
        if training.images_seen == 40 and not broken:
            broken.append(True)
            with torch.no_grad():
                next(training.generator.parameters()).fill_(math.nan)
        return plain_step(training, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(gan.loop, "step", step)
    return training


def test_goes_back_and_on_at_half_the_rates(few_pictures: PictureSet, monkeypatch: pytest.MonkeyPatch) -> None:
    training = broken_once(few_pictures, monkeypatch)
    ticks = list(train(training, few_pictures))
    assert [(tick.images_seen, tick.num_returns, tick.finite) for tick in ticks] == [
        (32, 0, True),
        (64, 1, True),
        (96, 1, True),
    ]
    assert all(torch.isfinite(value).all() for value in training.state().values())
    rate = training.config.optimiser.generator_lr
    assert training.generator_optimiser.param_groups[0]["lr"] == pytest.approx(rate / 2)


def test_ends_where_going_back_does_not_help(few_pictures: PictureSet) -> None:
    config = tiny_dcgan()
    config = dataclasses.replace(config, optimiser=dataclasses.replace(config.optimiser, generator_lr=1e30))
    training = begin(config, few_pictures, CPU)
    (tick,) = train(training, few_pictures)
    assert not tick.finite
    assert not tick.finished
    assert tick.num_returns == config.guard.most_returns


def test_without_returns_it_ends_at_once(few_pictures: PictureSet, monkeypatch: pytest.MonkeyPatch) -> None:
    training = broken_once(few_pictures, monkeypatch)
    guard = dataclasses.replace(training.config.guard, most_returns=0)
    training.config = dataclasses.replace(training.config, guard=guard)
    ticks = list(train(training, few_pictures))
    assert [tick.finite for tick in ticks] == [True, False]
