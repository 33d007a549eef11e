"""DCGAN against its paper: layers, widths, start; and its switches."""

import dataclasses
import itertools

import pytest
import torch
from torch import nn

from gan.errors import UserError
from gan.networks.dcgan import (
    DCGANConfig,
    DCGANDiscriminator,
    DCGANGenerator,
    ModulatedBatchNorm2d,
    StridedDiscriminator,
)
from gan.networks.interface import Latents, PictureShape, num_parameters
from gan.networks.stylegan2 import StyleGAN2Config, StyleGAN2Discriminator

PAPER = DCGANConfig(z_dim=100, width=128, max_width=1024)
SHAPE_64 = PictureShape(channels=3, height=64, width=64)
SMALL = DCGANConfig(z_dim=6, width=4, max_width=8)
SHAPE = PictureShape(channels=4, height=32, width=24)


def test_generator_is_the_papers_figure_1() -> None:
    """1024 x 4 x 4, then 512, 256, 128, 3 at 8, 16, 32, 64; batch norm on all but the picture, no other biases."""
    with torch.device("meta"):
        generator = DCGANGenerator(PAPER, SHAPE_64)
    widths = [1024, 512, 256, 128]
    convolutions = [stage.convolution for stage in generator.stages] + [generator.to_picture]
    assert [(c.in_channels, c.out_channels) for c in convolutions] == [*itertools.pairwise(widths), (128, 3)]
    weights = 100 * 1024 * 16 + sum(16 * i * o for i, o in itertools.pairwise([*widths, 3]))
    assert num_parameters(generator) == weights + 2 * sum(widths) + 3


def test_discriminator_mirrors_it_with_no_norm_on_the_first() -> None:
    with torch.device("meta"):
        discriminator = DCGANDiscriminator(PAPER, SHAPE_64)
    normed = [
        [m.num_features for m in stage.modules() if isinstance(m, nn.BatchNorm2d)] for stage in discriminator.stages()
    ]
    assert normed == [[], [256], [512], [1024], []]
    weights = sum(16 * i * o for i, o in itertools.pairwise([3, 128, 256, 512, 1024])) + 1024 * 16
    assert num_parameters(discriminator) == weights + 2 * (256 + 512 + 1024) + 128 + 1


def test_weights_start_at_a_deviation_of_a_fiftieth() -> None:
    torch.manual_seed(0)
    generator = DCGANGenerator(DCGANConfig(), SHAPE_64)
    for weight in (generator.project.weight, generator.stages[0].convolution.weight, generator.to_picture.weight):
        assert float(weight.std().detach()) == pytest.approx(0.02, rel=0.05)
    assert float(generator.norm.norm.weight.mean().detach()) == pytest.approx(1.0, abs=0.01)


def test_modulated_norm_is_batch_norm_with_gains_and_biases_of_the_condition() -> None:
    torch.manual_seed(0)
    layer = ModulatedBatchNorm2d(3, 5)
    x, condition = torch.randn(4, 3, 2, 2) * 3.0 + 1.0, torch.randn(4, 5)
    centred = x - x.mean(dim=(0, 2, 3), keepdim=True)
    normalised = centred / (x.var(dim=(0, 2, 3), unbiased=False, keepdim=True) + 1e-5).sqrt()
    gain, bias = layer.gain(condition)[:, :, None, None], layer.bias(condition)[:, :, None, None]
    torch.testing.assert_close(layer(x, condition), (1.0 + gain) * normalised + bias)


@pytest.mark.parametrize("num_classes", [0, 3])
def test_what_steers_the_norms(num_classes: int) -> None:
    shape = dataclasses.replace(SHAPE, num_classes=num_classes)
    for self_modulation in (False, True):
        config = dataclasses.replace(SMALL, self_modulation=self_modulation, class_dim=5)
        generator = DCGANGenerator(config, shape)
        expected = 6 * self_modulation + (5 if num_classes else 0)
        steered = [m.gain.in_features for m in generator.modules() if isinstance(m, ModulatedBatchNorm2d)]
        assert steered == ([expected] * 3 if expected else [])


def test_residual_discriminator_is_stylegan2s_with_dcgans_channels() -> None:
    config = DCGANConfig(width=32, max_width=256, discriminator="residual")
    shape = PictureShape(channels=4, height=32, width=32)
    like = StyleGAN2Discriminator(StyleGAN2Config(channel_base=512, channel_max=256), shape)
    ours = DCGANDiscriminator(config, shape)
    assert num_parameters(ours) == num_parameters(like)
    assert isinstance(ours.judge, StyleGAN2Discriminator)
    widths = [block.second.weight.shape[0] for block in ours.judge.blocks]  # of the maps smaller than the picture
    assert widths == config.channels(3) == [32, 64, 128]


@pytest.mark.parametrize("deviation", [False, True])
def test_strided_stages_are_one_a_size_and_hold_all(deviation: bool) -> None:
    discriminator = DCGANDiscriminator(dataclasses.replace(SMALL, minibatch_deviation=deviation), SHAPE)
    stages = discriminator.stages()
    assert len(stages) == SHAPE.num_doublings + 1
    staged = {id(parameter) for stage in stages for parameter in stage.parameters()}
    assert staged == {id(parameter) for parameter in discriminator.parameters()}


def test_without_batch_norm_pictures_are_judged_one_by_one() -> None:
    torch.manual_seed(0)
    config = dataclasses.replace(SMALL, discriminator_batch_norm=False)
    images = torch.randn(4, 4, 32, 24)
    alone = StridedDiscriminator(config, SHAPE)
    torch.testing.assert_close(alone(images, None)[:1], alone(images[:1], None))
    normed = StridedDiscriminator(SMALL, SHAPE)
    assert (normed(images, None)[:1] - normed(images[:1], None)).abs().max() > 0


def test_classes_reach_the_generators_norms_but_not_its_convolutions() -> None:
    """Two classes with one vector make the same pictures; with two vectors they do not."""
    torch.manual_seed(0)
    generator = DCGANGenerator(SMALL, dataclasses.replace(SHAPE, num_classes=2)).eval()
    assert generator.class_embedding is not None
    z = torch.randn(2, 6)
    one, two = (Latents(z=z, labels=torch.full((2,), label)) for label in (0, 1))
    assert (generator(one) != generator(two)).any()
    with torch.no_grad():
        generator.class_embedding.weight[1] = generator.class_embedding.weight[0]
    assert (generator(one) == generator(two)).all()


def test_widths_scale() -> None:
    assert (SMALL.scaled(2.0).width, SMALL.scaled(2.0).max_width, SMALL.scaled(2.0).z_dim) == (8, 16, 6)


@pytest.mark.parametrize("wrong", [{"width": 0}, {"class_dim": 0}, {"discriminator": "patch"}])
def test_wrong_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UserError, match=r"dcgan widths must be 1 or more|discriminator 'patch' is unknown: .*residual"):
        dataclasses.replace(SMALL, **wrong)  # type: ignore[arg-type]
