"""SWAGAN against its paper: the order of transforms, sizes, parameter counts, known answers of both networks."""

import itertools

import pytest
import torch
from torch import Tensor

from gan.errors import UserError
from gan.networks.describe import describe
from gan.networks.interface import PictureShape, num_parameters
from gan.networks.layers import downsample, leaky
from gan.networks.stylegan2 import StyleGAN2Config
from gan.networks.swagan import (
    SWAGANConfig,
    SWAGANDiscriminator,
    SWAGANGenerator,
    feature_sizes,
    skips_in_wavelets_plain,
)
from gan.networks.wavelets import haar, haar_plain, inverse_haar_plain
from gan.sampling.latents import seeded_latents

SMALL = SWAGANConfig(z_dim=6, w_dim=6, mapping_layers=2, channel_base=64, channel_max=8)
SHAPE = PictureShape(channels=4, height=32, width=24)
PAPER = SWAGANConfig(z_dim=512, w_dim=512, mapping_layers=8, channel_base=32768, channel_max=512)
CPU = torch.device("cpu")


def generator_and_coefficients() -> tuple[SWAGANGenerator, list[Tensor], Tensor]:
    """A generator, what its levels add for two seeds, and its pictures of them."""
    torch.manual_seed(0)
    generator = SWAGANGenerator(SMALL, SHAPE).eval()
    latents = seeded_latents(generator, [1, 2], labels=None, device=CPU)
    with torch.no_grad():
        return generator, generator.coefficients(generator.mapping(latents), latents.noise), generator(latents)


def test_the_largest_feature_map_is_half_as_large_as_the_picture() -> None:
    assert feature_sizes(SHAPE) == [(4, 3), (8, 6), (16, 12)]
    generator, levels, images = generator_and_coefficients()
    assert [tuple(level.shape) for level in levels] == [(2, 16, 4, 3), (2, 16, 8, 6), (2, 16, 16, 12)]
    assert images.shape == (2, 4, 32, 24)
    assert generator.noise_shapes == ((4, 3), (8, 6), (8, 6), (16, 12), (16, 12))
    assert generator.mixing_layers() == 6


def test_skips_in_pixels_are_the_papers_skips_in_wavelets() -> None:
    _, levels, images = generator_and_coefficients()
    torch.testing.assert_close(images, torch.tanh(skips_in_wavelets_plain(levels)))
    assert images.std() > 0.1


def test_the_discriminator_sees_the_papers_transforms_of_the_halved_picture() -> None:
    """Section 3: from one level to the next the coefficients go back to pixels, are halved and transformed again."""
    torch.manual_seed(0)
    discriminator = SWAGANDiscriminator(SMALL, SHAPE)
    seen: list[Tensor] = []
    for layer in discriminator.from_wavelets.children():
        layer.get_submodule("convolution").register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    images = torch.rand(4, 4, 32, 24) * 2.0 - 1.0
    discriminator(images, None)
    coefficients = haar_plain(images)
    torch.testing.assert_close(seen[0], coefficients)
    for x in seen[1:]:
        coefficients = haar_plain(downsample(inverse_haar_plain(coefficients)))
        torch.testing.assert_close(x, coefficients)
    assert [tuple(x.shape[2:]) for x in seen] == [(16, 12), (8, 6), (4, 3)]


def test_every_level_of_the_discriminator_adds_its_own_view() -> None:
    """With its blocks silenced, all that reaches the last layers is the view of the smallest picture."""
    torch.manual_seed(0)
    discriminator = SWAGANDiscriminator(SMALL, SHAPE)
    for block in discriminator.blocks:
        for parameter in block.parameters():
            torch.nn.init.zeros_(parameter)
    reached: list[Tensor] = []
    discriminator.deviation.register_forward_pre_hook(lambda _, inputs: reached.append(inputs[0]))
    images = torch.rand(4, 4, 32, 24) * 2.0 - 1.0
    discriminator(images, None)
    smallest = discriminator.from_wavelets[-1].get_submodule("convolution")
    torch.testing.assert_close(reached[0], leaky(smallest(haar(downsample(downsample(images))))))


@pytest.mark.parametrize(("size", "expected"), [(32, 16_028_201), (64, 21_541_943), (256, 29_354_067)])
def test_generator_parameters_at_the_papers_widths(size: int, expected: int) -> None:
    """The counts of the public implementation of rosinality, counted by hand, and by the sum below."""
    channels = [512, 512, 512, 512, 512, 256][: size.bit_length() - 3]
    mapping = 8 * (512 * 512 + 512)
    total = mapping + 512 * 4 * 4
    inputs = [channels[0], *(c for a, b in itertools.pairwise(channels) for c in (a, b))]
    outputs = [channels[0], *(c for b in channels[1:] for c in (b, b))]
    for num_in, num_out in zip(inputs, outputs, strict=True):
        total += num_out * num_in * 9 + (512 * num_in + num_in) + num_out + 1  # weight, style, bias, noise strength
    for num in channels:
        total += 12 * num + (512 * num + num) + 12
    assert total == expected
    shape = PictureShape(channels=3, height=size, width=size)
    with torch.device("meta"):
        assert num_parameters(SWAGANGenerator(PAPER, shape)) == expected


def test_discriminator_parameters_at_the_papers_widths() -> None:
    channels = [256, 512, 512, 512, 512, 512]  # of the maps 128, 64, …, 4 under a picture of 256 px
    total = sum(12 * num + num for num in channels)
    for num_in, num_out in itertools.pairwise(channels):
        total += 9 * num_in * num_in + num_in + 9 * num_in * num_out + num_out
    total += 9 * 513 * 512 + 512 + (512 * 16 * 512 + 512) + 512 + 1
    shape = PictureShape(channels=3, height=256, width=256)
    with torch.device("meta"):
        assert num_parameters(SWAGANDiscriminator(PAPER, shape)) == total == 27_245_057


def test_it_costs_less_than_stylegan2_at_the_same_widths() -> None:
    """The paper's point: no map as large as the picture. At 32 px that is one level of four."""
    shape = PictureShape(channels=4, height=32, width=32)
    ours, theirs = describe(SWAGANConfig(), shape), describe(StyleGAN2Config(), shape)
    assert ours.generator.multiply_adds < 0.9 * theirs.generator.multiply_adds
    assert ours.discriminator.multiply_adds < 0.8 * theirs.discriminator.multiply_adds


def test_widths_scale() -> None:
    wide = SMALL.scaled(2.0)
    assert (wide.channel_base, wide.channel_max, wide.w_dim) == (128, 16, 6)
    shape = PictureShape(channels=3, height=32, width=32)
    assert num_parameters(SWAGANGenerator(wide, shape)) > num_parameters(SWAGANGenerator(SMALL, shape))


def test_stages_hold_all_but_the_class_layer() -> None:
    shape = PictureShape(channels=3, height=32, width=32, num_classes=2)
    discriminator = SWAGANDiscriminator(SMALL, shape)
    in_stages = {id(p) for stage in discriminator.stages() for p in stage.parameters()}
    loose = {name for name, p in discriminator.named_parameters() if id(p) not in in_stages}
    assert loose == {"class_mapping.weight", "class_mapping.bias"}


def test_a_width_of_nothing_is_refused() -> None:
    with pytest.raises(UserError, match="swagan sizes must be 1 or more"):
        SWAGANConfig(channel_max=0)
