import re

import pytest
import torch
from torch import nn

from gan.networks.__main__ import main
from gan.networks.dcgan import DCGANConfig
from gan.networks.describe import describe, multiply_adds, parameters_of, training_cost
from gan.networks.interface import PictureShape
from gan.networks.presets import PRESETS
from gan.networks.registry import NETWORKS
from gan.networks.stylegan2 import StyleGAN2Config

SHAPE_64 = PictureShape(channels=3, height=64, width=64)
# DCGAN at 64 px and 3 channels, by hand: inputs x outputs x 16 taps x places of the smaller map.
PROJECT = 100 * 512 * 16
MIDDLE = 512 * 256 * 16 * 16  # each of the three: half the channels, four times the places
PICTURE = 64 * 3 * 16 * 32 * 32
GENERATOR = PROJECT + 3 * MIDDLE + PICTURE
DISCRIMINATOR = PICTURE + 3 * MIDDLE + 512 * 16
STYLEGAN2 = StyleGAN2Config(z_dim=8, w_dim=8, mapping_layers=2, channel_base=64, channel_max=8)


def test_dcgan_counted_by_hand() -> None:
    description = describe(DCGANConfig(), SHAPE_64)
    assert description.generator.multiply_adds == GENERATOR
    assert description.discriminator.multiply_adds == DISCRIMINATOR
    assert [layer.multiply_adds for layer in description.discriminator.layers if layer.kind == "Conv2d"] == [
        PICTURE,
        MIDDLE,
        MIDDLE,
        MIDDLE,
    ]
    first = description.generator.layers[0]
    assert (first.name, first.kind, first.output) == ("project", "Linear", (512 * 16,))
    assert (first.num_parameters, first.multiply_adds) == (PROJECT, PROJECT)


def test_a_training_step_counted_by_hand() -> None:
    """Backwards costs each layer its forwards twice: for its input's gradient and for its weights'."""
    cost = training_cost(DCGANConfig(), SHAPE_64)
    generator_phase = 3 * GENERATOR - PROJECT + 2 * DISCRIMINATOR  # nobody asks for z's gradient, nor for D's weights'
    discriminator_phase = 2 * (3 * DISCRIMINATOR - PICTURE)  # nobody asks for the picture's
    assert cost.step == generator_phase + discriminator_phase
    assert cost.path_length is None


def test_a_penalty_costs_more_than_it_seems() -> None:
    """R1: forwards, the picture's gradient, and back through both for the weights: at most six times the forwards."""
    penalty = training_cost(DCGANConfig(discriminator_batch_norm=False), SHAPE_64).penalty
    assert 3.9 * DISCRIMINATOR < penalty <= 6 * DISCRIMINATOR


def test_a_grouped_convolution_costs_its_groups_alone() -> None:
    whole, grouped = (nn.Conv2d(32, 32, 3, padding=1, groups=groups) for groups in (1, 8))
    x = torch.zeros(2, 32, 8, 8, requires_grad=True)
    expected = 2 * 32 * 32 * 9 * 64
    assert multiply_adds(lambda: whole(x)) == expected
    assert multiply_adds(lambda: whole(x).sum().backward()) == 3 * expected
    assert multiply_adds(lambda: grouped(x)) == expected // 8
    assert multiply_adds(lambda: grouped(x).sum().backward()) == 3 * expected // 8


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("num_classes", [0, 3])
def test_layers_sum_to_the_network(network: str, num_classes: int) -> None:
    shape = PictureShape(channels=4, height=16, width=16, num_classes=num_classes)
    config = NETWORKS[network].config().scaled(0.125)
    description = describe(config, shape)
    for part in (description.generator, description.discriminator):
        assert sum(layer.num_parameters for layer in part.layers) == part.num_parameters
        assert sum(layer.multiply_adds for layer in part.layers) == part.multiply_adds > 0
        assert len({layer.name for layer in part.layers}) == len(part.layers)
        assert all(layer.output for layer in part.layers if layer.num_parameters)
    assert (description.generator.num_parameters, description.discriminator.num_parameters) == parameters_of(
        config, shape
    )


def test_packed_pictures_are_judged_together() -> None:
    alone, packed = (PictureShape(channels=4, height=16, width=16, packing=packing) for packing in (1, 2))
    config = DCGANConfig(z_dim=8, width=4, max_width=8)
    assert describe(config, packed).generator == describe(config, alone).generator
    assert training_cost(config, packed).step < training_cost(config, alone).step  # half as many judgements


def test_style_networks_have_a_path_length() -> None:
    shape = PictureShape(channels=4, height=16, width=16)
    path_length = training_cost(STYLEGAN2, shape).path_length
    assert path_length is not None
    assert path_length > 3 * describe(STYLEGAN2, shape).generator.multiply_adds


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    assert main(list(arguments)) == 0
    return capsys.readouterr().out.splitlines()


def test_the_command_lists_networks_and_presets(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys)
    assert lines[0] == f"networks: {', '.join(NETWORKS)}"
    assert [line.split()[0] for line in lines[4:-2]] == list(PRESETS)
    assert max(len(line) for line in lines) <= 100


def test_the_command_prints_layers_and_costs(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, "dcgan", "--resolution", "64", "--channels", "3")
    assert lines[0] == "dcgan: dcgan for pictures of 64x64x3, classes: none"
    totals = [re.split(r"\s{2,}", line) for line in lines if line.startswith("total")]
    assert totals == [["total", "3,576,707", f"{GENERATOR:,}"], ["total", "2,765,633", f"{DISCRIMINATOR:,}"]]
    assert any(line.endswith(f"{GENERATOR:,}             {2 * GENERATOR / 1e9:.3f}") for line in lines)
    assert any(re.match(r"to_picture +ConvTranspose2d +64x64x3 +3,075 +3,145,728", line) for line in lines)
    assert max(len(line) for line in lines) <= 100


def test_pictures_that_are_not_square_and_have_classes(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, "r3gan-small", "--resolution", "32x24", "--classes", "5")
    assert lines[0] == "r3gan-small: r3gan for pictures of 32x24x4, classes: 5"
    assert any(re.match(r"to_picture +Conv2d +32x24x4 ", line) for line in lines)
    assert max(len(line) for line in lines) <= 100


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["stylegan9"], "unknown preset 'stylegan9'"),
        (["dcgan", "--resolution", "50"], "resolution 50x50 cannot be built"),
        (["dcgan", "--resolution", "wide"], "resolution 'wide' cannot be read"),
        (["--channels", "2"], "channels 2"),
        (["dcgan", "--classes", "-1"], "--classes -1 must be 0"),
    ],
)
def test_a_users_error_is_one_line(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


def test_the_largest_network_needs_no_memory_and_chance_stays_where_it_was() -> None:
    state = torch.get_rng_state()
    description = describe(DCGANConfig(width=4096, max_width=65536), SHAPE_64)
    assert description.generator.num_parameters > 10e9
    assert torch.equal(torch.get_rng_state(), state)
