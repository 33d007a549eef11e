import dataclasses
import math
from collections.abc import Callable

import pytest
import torch

from gan.augment import AugmentConfig
from gan.begin import begin
from gan.config import RunConfig
from gan.data.dataset import PictureSet
from gan.loop import train
from gan.recipes import tiny_dcgan, tiny_stylegan2
from gan.training import Training

CPU = torch.device("cpu")
Recipe = Callable[[], RunConfig]


def run(config: RunConfig, pictures: PictureSet) -> Training:
    training = begin(config, pictures, CPU)
    for _ in train(training, pictures):
        pass
    return training


def with_network(config: RunConfig, **changes: object) -> RunConfig:
    return dataclasses.replace(config, network=dataclasses.replace(config.network, **changes))


def assert_same_weights(one: Training, two: Training) -> None:
    for name, value in one.state().items():
        assert torch.equal(value, two.state()[name]), name


@pytest.mark.parametrize("recipe", [tiny_dcgan, tiny_stylegan2])
def test_ticks_come_at_their_places(recipe: Recipe, few_pictures: PictureSet) -> None:
    training = begin(recipe(), few_pictures, CPU)
    ticks = list(train(training, few_pictures))
    assert [(tick.images_seen, tick.finished) for tick in ticks] == [(32, False), (64, True)]
    assert all(math.isfinite(value) for tick in ticks for value in tick.as_metrics().values())
    assert ticks[0].r1_penalty > 0.0
    assert ticks[0].ada_p > 0.0


@pytest.mark.parametrize("recipe", [tiny_dcgan, tiny_stylegan2])
def test_the_same_seed_gives_the_same_weights_and_another_seed_others(recipe: Recipe, few_pictures: PictureSet) -> None:
    one, two = run(recipe(), few_pictures), run(recipe(), few_pictures)
    assert_same_weights(one, two)
    other = run(dataclasses.replace(recipe(), seed=1), few_pictures)
    assert any(not torch.equal(a, b) for a, b in zip(one.state().values(), other.state().values(), strict=True))


@pytest.mark.parametrize("recipe", [tiny_dcgan, tiny_stylegan2])
def test_every_trained_weight_moves(recipe: Recipe, few_pictures: PictureSet) -> None:
    before = begin(recipe(), few_pictures, CPU)
    after = run(recipe(), few_pictures)
    for module in ("generator", "discriminator", "average"):
        started = dict(getattr(before, module).named_parameters())
        still = [n for n, p in getattr(after, module).named_parameters() if torch.equal(p, started[n])]
        assert not still


def test_accumulated_microbatches_give_the_gradient_of_the_whole_batch(few_pictures: PictureSet) -> None:
    """Same step, same chance: one pass of 8 or two of 4. Without anything that looks across the batch."""
    config = with_network(tiny_stylegan2(), minibatch_group=1)
    config = dataclasses.replace(
        config,
        augment=AugmentConfig(policy="none"),
        schedule=dataclasses.replace(config.schedule, total_kimg=0.008),
        optimiser=dataclasses.replace(config.optimiser, beta1=0.9, beta2=0.9),
    )
    split = dataclasses.replace(config, optimiser=dataclasses.replace(config.optimiser, microbatch=4))
    whole_loss = next(iter(train(begin(config, few_pictures, CPU), few_pictures)))
    split_loss = next(iter(train(begin(split, few_pictures, CPU), few_pictures)))
    assert split_loss.r1_penalty == pytest.approx(whole_loss.r1_penalty, rel=1e-4)
    assert split_loss.sign_real == pytest.approx(whole_loss.sign_real, abs=1e-6)


@pytest.mark.parametrize("policy", ["none", "ada", "fixed", "diffaugment"])
@pytest.mark.parametrize("recipe", [tiny_dcgan, tiny_stylegan2])
def test_trains_with_every_augmentation(recipe: Recipe, policy: str, few_pictures: PictureSet) -> None:
    config = dataclasses.replace(recipe(), augment=AugmentConfig(policy=policy))  # type: ignore[arg-type]
    training = run(config, few_pictures)
    assert all(torch.isfinite(value).all() for value in training.state().values())


@pytest.mark.parametrize(
    "changes",
    [
        {"style_mixing_probability": 0.9},
        {"path_length_weight": 2.0},
        {"style_mixing_probability": 0.5, "path_length_weight": 2.0, "minibatch_group": 2},
    ],
)
def test_stylegan2_switches_change_the_run(changes: dict[str, float], few_pictures: PictureSet) -> None:
    plain = run(tiny_stylegan2(), few_pictures)
    changed = run(with_network(tiny_stylegan2(), **changes), few_pictures)
    assert any(not torch.equal(a, changed.average.state_dict()[n]) for n, a in plain.average.state_dict().items())
    assert all(torch.isfinite(value).all() for value in changed.state().values())


@pytest.mark.parametrize("recipe", [tiny_dcgan, tiny_stylegan2])
def test_trains_with_classes(recipe: Recipe, few_pictures: PictureSet) -> None:
    config = dataclasses.replace(recipe(), data=dataclasses.replace(recipe().data, conditional=True))
    training = run(config, few_pictures)
    assert training.shape.num_classes == 3


def test_trains_in_bf16(few_pictures: PictureSet) -> None:
    training = run(dataclasses.replace(tiny_stylegan2(), precision="bf16"), few_pictures)
    assert all(torch.isfinite(value).all() for value in training.state().values())
    assert all(parameter.dtype == torch.float32 for parameter in training.generator.parameters())


def test_losing_numbers_are_told_not_hidden(few_pictures: PictureSet) -> None:
    config = tiny_dcgan()
    config = dataclasses.replace(config, optimiser=dataclasses.replace(config.optimiser, generator_lr=1e30))
    ticks = list(train(begin(config, few_pictures, CPU), few_pictures))
    assert not math.isfinite(ticks[-1].loss_generator)
