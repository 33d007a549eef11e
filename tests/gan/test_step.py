"""A step's gradients, from one judgement of each fake, against the papers' two passes written out."""

import dataclasses
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from gan.augment import AugmentConfig
from gan.begin import begin
from gan.chance import Purpose, chance_at
from gan.config import RunConfig, with_values
from gan.data.dataset import PictureSet
from gan.data.stream import PictureStream
from gan.pixels import to_float
from gan.recipes import tiny_dcgan, tiny_r3gan, tiny_stylegan2
from gan.regularisers import gradient_penalty
from gan.sampling.latents import random_latents
from gan.step import step
from gan.training import Training

CPU = torch.device("cpu")


def plain(recipe: Callable[[], RunConfig], values: dict[str, str]) -> RunConfig:
    off = {"regulariser.r1_gamma": "0", "regulariser.r2_gamma": "0"}
    config = dataclasses.replace(recipe(), augment=AugmentConfig(policy="none"))
    return with_values(config, off | values)


def gradients_of_two_passes(training: Training, images: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """Make fakes and judge them for the generator; make them and judge them again for the discriminator."""
    chance = chance_at(training.config.seed, Purpose.STEP, 0, CPU)
    latents = random_latents(
        training.generator,
        None,
        len(images),
        style_mixing_probability=training.style_mixing_probability,
        chance=chance,
    )
    reals, judge = to_float(images), training.discriminator
    fakes = training.generator(latents)
    loss = training.loss.generator(judge(fakes, None), judge(reals, None).detach()).mean()
    generator = torch.autograd.grad(loss, list(training.generator.parameters()))
    fakes = training.generator(latents).detach()
    loss = training.loss.discriminator(judge(reals, None), judge(fakes, None))
    gamma = training.config.regulariser.r1_gamma
    if gamma:
        penalty = gradient_penalty(judge, reals.requires_grad_(), None)
        loss = loss + gamma * training.config.regulariser.r1_interval * penalty
    return list(generator), list(torch.autograd.grad(loss, training.discriminator_parameters))


@pytest.mark.parametrize("values", [{}, {"regulariser.r1_gamma": "0.7"}], ids=["bare", "with R1"])
@pytest.mark.parametrize("recipe", [tiny_dcgan, tiny_stylegan2, tiny_r3gan])
def test_one_judgement_gives_what_two_passes_give(
    recipe: Callable[[], RunConfig], values: dict[str, str], few_pictures: PictureSet
) -> None:
    training = begin(plain(recipe, values), few_pictures, CPU)
    images, labels = PictureStream(few_pictures, seed=0, mirror=False, conditional=False, device=CPU).batch(0, 8)
    training.generator.train()
    training.discriminator.train()
    expected = gradients_of_two_passes(training, images)
    step(training, images, labels)
    for module_parameters, gradients in zip(
        (list(training.generator.parameters()), training.discriminator_parameters), expected, strict=True
    ):
        for parameter, gradient in zip(module_parameters, gradients, strict=True):
            assert parameter.grad is not None
            torch.testing.assert_close(parameter.grad, gradient, rtol=1e-4, atol=1e-6)


def test_frozen_stages_get_no_gradient(few_pictures: PictureSet) -> None:
    config = plain(tiny_stylegan2, {"transfer.freeze_discriminator": "1", "regulariser.r1_gamma": "0.7"})
    training = begin(config, few_pictures, CPU)
    images, labels = PictureStream(few_pictures, seed=0, mirror=False, conditional=False, device=CPU).batch(0, 8)
    step(training, images, labels)
    trained = {id(parameter) for parameter in training.discriminator_parameters}
    frozen = [p for p in training.discriminator.parameters() if id(p) not in trained]
    assert frozen
    assert all(parameter.grad is None for parameter in frozen)
