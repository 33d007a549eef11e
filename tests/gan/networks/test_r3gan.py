import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan.errors import UserError
from gan.networks.describe import parameters_of
from gan.networks.interface import Latents, PictureShape
from gan.networks.layers import LEAKY_SLOPE, downsample, upsample
from gan.networks.presets import preset_named
from gan.networks.r3gan import R3GANConfig, R3GANDiscriminator, R3GANGenerator, ResidualBlock

SMALL = R3GANConfig(z_dim=6, channel_base=512, channel_max=32, group_width=8)
SHAPE = PictureShape(channels=4, height=32, width=24)
CLASSES = PictureShape(channels=4, height=32, width=24, num_classes=3)


def latents(num: int, shape: PictureShape = SHAPE) -> Latents:
    chance = torch.Generator().manual_seed(1)
    labels = torch.arange(num) % shape.num_classes if shape.num_classes else None
    return Latents(z=torch.randn(num, SMALL.z_dim, generator=chance), labels=labels)


def pictures(num: int) -> Tensor:
    return torch.randn(num, 4, 32, 24, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize(
    ("preset", "side", "num_classes", "expected"),
    [  # the authors' own code (its presets CIFAR10 with and without --cond, FFHQ-64, FFHQ-256, ImageNet-32 and -64)
        ("r3gan-ffhq", 32, 0, (20_732_160, 20_683_776)),
        ("r3gan-ffhq", 32, 10, (20_781_952, 21_280_512)),
        ("r3gan-ffhq", 64, 0, (22_429_824, 22_381_440)),
        ("r3gan-ffhq", 256, 0, (23_057_952, 23_009_568)),
        ("r3gan-imagenet", 32, 1000, (82_914_304, 86_548_992)),
        ("r3gan-imagenet", 64, 1000, (103_570_432, 107_205_120)),
    ],
)
def test_as_many_parameters_as_the_authors_networks(
    preset: str, side: int, num_classes: int, expected: tuple[int, int]
) -> None:
    shape = PictureShape(channels=3, height=side, width=side, num_classes=num_classes)
    assert parameters_of(preset_named(preset), shape) == expected


def test_a_fresh_generator_is_its_basis_enlarged() -> None:
    """Fix-up: every block starts as the identity, so only basis, 1x1 convolutions and doublings are left."""
    torch.manual_seed(0)
    generator = R3GANGenerator(SMALL, SHAPE)
    given = latents(3)
    x = generator.basis.basis * generator.basis.strength(given.z)[:, :, None, None]
    for stage in generator.stages:
        x = upsample(stage.change(x))
    torch.testing.assert_close(generator(given), torch.tanh(generator.to_picture(x)))


def test_a_fresh_discriminator_is_linear_in_the_picture() -> None:
    torch.manual_seed(0)
    discriminator = R3GANDiscriminator(SMALL, SHAPE)
    x, y = pictures(2).split(1)
    torch.testing.assert_close(
        discriminator(2 * x - y, None), 2 * discriminator(x, None) - discriminator(y, None), rtol=1e-4, atol=1e-5
    )
    trained = R3GANDiscriminator(SMALL, SHAPE)
    for block in (module for module in trained.modules() if isinstance(module, ResidualBlock)):
        nn.init.normal_(block.narrow.weight)
    assert not torch.allclose(trained(2 * x - y, None), 2 * trained(x, None) - trained(y, None), rtol=1e-2)


def test_fresh_weights_have_fix_ups_scale() -> None:
    torch.manual_seed(0)
    block = ResidualBlock(R3GANConfig(group_width=16), 256, blocks_in_network=10)
    scale = math.sqrt(2.0 / (1.0 + LEAKY_SLOPE**2)) * 10 ** (-1 / 4)
    assert float(block.widen.weight.detach().std()) == pytest.approx(scale / math.sqrt(256), rel=0.02)
    assert float(block.grouped.weight.detach().std()) == pytest.approx(scale / math.sqrt(16 * 9), rel=0.02)
    assert block.narrow.weight.abs().max() == 0.0


def test_a_grouped_convolution_sees_its_own_group_only() -> None:
    """Beside the plain twin: one convolution of all channels, whose weights are zero outside the groups."""
    torch.manual_seed(0)
    block = ResidualBlock(R3GANConfig(group_width=4), 6, blocks_in_network=1)
    nn.init.normal_(block.narrow.weight)
    nn.init.normal_(block.grouped.bias)
    x = torch.randn(2, 6, 5, 7)
    whole = torch.block_diag(*block.grouped.weight.flatten(1).reshape(3, 4, -1)).reshape(12, 12, 9)
    y = F.leaky_relu(block.widen(x), 0.2)
    y = F.leaky_relu(F.conv2d(y, whole.unflatten(2, (3, 3)), block.grouped.bias, padding=1), 0.2)
    torch.testing.assert_close(block(x), x + block.narrow(y))


def test_the_discriminator_halves_by_the_papers_filter() -> None:
    torch.manual_seed(0)
    discriminator = R3GANDiscriminator(SMALL, SHAPE)
    x = discriminator.from_picture(pictures(2))
    for stage in discriminator.shrinking:
        x = stage.change(downsample(x))
    matched = (x * discriminator.basis.basis).sum(dim=(2, 3))
    torch.testing.assert_close(discriminator(pictures(2), None), discriminator.basis.out(matched).squeeze(1))


def test_the_logit_is_the_projection_on_the_class() -> None:
    torch.manual_seed(0)
    discriminator = R3GANDiscriminator(SMALL, CLASSES)
    embedding = discriminator.class_projection
    assert embedding is not None
    with torch.no_grad():
        embedding.weight[2] = 2 * embedding.weight[0] - embedding.weight[1]
    zero, one, two = (discriminator(pictures(4), torch.full((4,), label)) for label in range(3))
    torch.testing.assert_close(two, 2 * zero - one, rtol=1e-4, atol=1e-5)
    assert (zero != one).all()


@pytest.mark.parametrize("shape", [SHAPE, CLASSES], ids=["no classes", "classes"])
def test_gradients_reach_every_parameter_once_the_blocks_are_awake(shape: PictureShape) -> None:
    """While they start at zero, the last convolutions hold back the gradient of those before them."""
    torch.manual_seed(0)
    generator, discriminator = R3GANGenerator(SMALL, shape), R3GANDiscriminator(SMALL, shape)
    for block in (m for network in (generator, discriminator) for m in network.modules()):
        if isinstance(block, ResidualBlock):
            nn.init.normal_(block.narrow.weight, 0.0, 0.1)
    given = latents(3, shape)
    discriminator(generator(given), given.labels).square().sum().backward()
    for network in (generator, discriminator):
        assert not [n for n, p in network.named_parameters() if p.grad is None or p.grad.abs().max() == 0]


def test_truncation_over_one_scales_z() -> None:
    torch.manual_seed(0)
    generator = R3GANGenerator(SMALL, CLASSES)
    given = latents(2, CLASSES)
    torch.testing.assert_close(generator(given, 1.3), generator(Latents(z=given.z * 1.3, labels=given.labels)))


@pytest.mark.parametrize("width", [0.1, 0.5, 1.5])
def test_scaled_networks_have_whole_groups(width: int) -> None:
    config = SMALL.scaled(width)
    for side in (4, 8, 16, 32, 64):
        assert config.channels((side, side)) * config.expansion % config.group_width == 0
    before, after = (R3GANGenerator(c, SHAPE).to_picture.in_channels for c in (SMALL, config))
    assert (after < before) == (width < 1)
    discriminator = R3GANDiscriminator(config, SHAPE)
    assert discriminator(pictures(2), None).shape == (2,)


def test_stages_cover_every_parameter_but_the_classes() -> None:
    discriminator = R3GANDiscriminator(SMALL, CLASSES)
    staged = {id(parameter) for stage in discriminator.stages() for parameter in stage.parameters()}
    left = [name for name, parameter in discriminator.named_parameters() if id(parameter) not in staged]
    assert left == ["class_projection.weight"]


def test_sizes_under_one_are_the_users_error() -> None:
    with pytest.raises(UserError, match="r3gan sizes must be 1 or more"):
        R3GANConfig(blocks=0)
