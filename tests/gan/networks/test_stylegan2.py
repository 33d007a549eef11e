"""StyleGAN2's wirings: each through the contract of all networks, and known answers from the paper's equations."""

import dataclasses
import itertools
import math
from collections.abc import Sequence

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load, save

from gan.errors import UserError
from gan.networks.interface import PictureShape, num_parameters
from gan.networks.layers import low_pass_plain, upsample
from gan.networks.registry import build_discriminator, build_generator
from gan.networks.stylegan2 import (
    ResidualJoin,
    StyleGAN2Config,
    StyleGAN2Discriminator,
    StyleGAN2Generator,
    upsample_zero,
)
from gan.recipes import stylegan2_f
from gan.sampling.latents import seeded_latents
from gan.sampling.sample import sample
from tests.gan.networks import test_contract as contract

SMALL = StyleGAN2Config(z_dim=6, w_dim=6, mapping_layers=2, channel_base=64, channel_max=8)
VARIANTS = {
    "residual generator": dataclasses.replace(SMALL, generator="residual"),
    "plain generator, linear": dataclasses.replace(SMALL, generator="original", output="linear"),
    "skip discriminator": dataclasses.replace(SMALL, discriminator="skip"),
    "plain discriminator": dataclasses.replace(SMALL, discriminator="original"),
    "as published": dataclasses.replace(
        SMALL, output="linear", border="zero", clamp=256.0, class_layers=2, class_dim=8, generator="residual"
    ),
}
SQUARE = PictureShape(channels=3, height=32, width=32)
CPU = torch.device("cpu")


@pytest.fixture(
    params=[(name, shape) for name in VARIANTS for shape in contract.SHAPES], ids=lambda p: f"{p[0]}-{p[1]}"
)
def variant(request: pytest.FixtureRequest) -> tuple[StyleGAN2Config, PictureShape]:
    name, shape = request.param
    return VARIANTS[name], shape


@pytest.fixture
def built(variant: tuple[StyleGAN2Config, PictureShape]) -> contract.Built:
    config, shape = variant
    torch.manual_seed(0)
    return build_generator(config, shape), build_discriminator(config, shape), shape


test_shapes_and_gradients = contract.test_shapes_and_gradients_reach_every_parameter
test_a_picture_alone = contract.test_a_picture_does_not_depend_on_its_batch
test_seeds = contract.test_seeds_fix_and_vary_pictures
test_truncation_zero = contract.test_truncation_zero_gives_one_picture_a_class
test_labels_matter = contract.test_labels_matter_where_there_are_classes


def test_save_and_load(built: contract.Built, variant: tuple[StyleGAN2Config, PictureShape]) -> None:
    generator, _, shape = built
    other = build_generator(*variant)
    other.load_state_dict(load(save({name: value.contiguous() for name, value in generator.state_dict().items()})))
    counts = [1] * shape.num_classes
    assert (sample(generator, [3], class_counts=counts) == sample(other, [3], class_counts=counts)).all()


def test_frozen_stages_hold_all_that_lies_before_the_rest(built: contract.Built) -> None:
    _, discriminator, _ = built
    in_stages = {id(p) for stage in discriminator.stages() for p in stage.parameters()}
    loose = [name for name, p in discriminator.named_parameters() if id(p) not in in_stages]
    assert all(name.startswith("class_") for name in loose), loose


def test_doubling_with_zeros_is_the_filter_on_zero_insertion_up_to_the_border() -> None:
    x = torch.randn(2, 3, 6, 5, dtype=torch.float64)
    inserted = torch.zeros(2, 3, 12, 10, dtype=torch.float64)
    inserted[:, :, ::2, ::2] = x
    torch.testing.assert_close(upsample_zero(x), low_pass_plain(F.pad(inserted, (2, 1, 2, 1)), padding=0) * 4.0)
    torch.testing.assert_close(upsample_zero(x)[:, :, 1:-1, 1:-1], upsample(x)[:, :, 1:-1, 1:-1])


def test_residual_join_keeps_the_variance() -> None:
    """Figure 7c: two branches of unit variance, added, times 1/sqrt(2)."""
    torch.manual_seed(0)
    join = ResidualJoin(64, 64, enlarge=lambda x: x)
    y = join(torch.randn(8, 64, 16, 16), torch.randn(8, 64, 16, 16))
    assert float(y.detach().std()) == pytest.approx(1.0, rel=0.05)


def drawn(config: StyleGAN2Config, shape: PictureShape, seeds: Sequence[int] = (1, 2)) -> torch.Tensor:
    torch.manual_seed(0)
    generator = StyleGAN2Generator(config, shape).eval()
    with torch.no_grad():
        for layer in generator.convolutions:
            layer.noise_strength.fill_(0.5)
        images: torch.Tensor = generator(seeded_latents(generator, seeds, device=CPU))
    return images


def test_tanh_is_the_last_thing_that_happens() -> None:
    linear = drawn(dataclasses.replace(SMALL, output="linear"), SQUARE)
    assert linear.abs().max() > 1.0
    torch.testing.assert_close(drawn(SMALL, SQUARE), linear.tanh())


def test_the_sum_of_skips_by_hand() -> None:
    """Figure 7b: the picture is the sum of what each map puts out, doubled as often as the map is smaller."""
    torch.manual_seed(0)
    generator = StyleGAN2Generator(dataclasses.replace(SMALL, output="linear"), SQUARE).eval()
    details: list[torch.Tensor] = []
    for layer in generator.to_pictures:
        layer.bound.register_forward_hook(lambda module, inputs, output: details.append(output))
    with torch.no_grad():
        image = generator(seeded_latents(generator, [1], device=CPU))
    assert [detail.shape[-1] for detail in details] == [4, 8, 16, 32]
    total = details[0]
    for detail in details[1:]:
        total = upsample(total) + detail
    torch.testing.assert_close(total, image)


def test_a_clamp_that_bites_changes_the_picture_and_one_that_does_not_leaves_it() -> None:
    config = dataclasses.replace(SMALL, output="linear")
    free = drawn(config, SQUARE)
    torch.testing.assert_close(drawn(dataclasses.replace(config, clamp=1e4), SQUARE), free)
    tight = drawn(dataclasses.replace(config, clamp=0.1), SQUARE)
    assert tight.abs().max() <= 4 * 0.1 + 1e-6  # each of four maps puts out 0.1 at most
    assert not torch.allclose(tight, free)


def test_only_the_skip_discriminator_sees_the_picture_at_every_size() -> None:
    def num_from_picture(config: StyleGAN2Config) -> int:
        names = StyleGAN2Discriminator(config, SQUARE).state_dict()
        return sum(name.startswith("from_") and name.endswith("weight") for name in names)

    assert num_from_picture(SMALL) == 1
    assert num_from_picture(dataclasses.replace(SMALL, discriminator="skip")) == SQUARE.num_doublings + 1


def test_wirings_differ_in_their_shortcuts_alone() -> None:
    """Table 2's networks: a residual one has a 1x1 convolution a doubling more than the plain one."""
    config, shape = dataclasses.replace(SMALL, channel_base=512, channel_max=64), SQUARE
    channels = [config.channels(shape.size_after(level)) for level in range(shape.num_doublings + 1)]
    shortcuts = sum(a * b for a, b in itertools.pairwise(channels))
    for kind in (StyleGAN2Generator, StyleGAN2Discriminator):
        field = "generator" if kind is StyleGAN2Generator else "discriminator"
        plain, residual = (
            num_parameters(kind(dataclasses.replace(config, **{field: wiring}), shape))
            for wiring in ("original", "residual")
        )
        assert residual - plain == shortcuts


def test_parameters_of_configurations_e_and_f() -> None:
    """At 1024 px with 3 channels: what NVlabs' own networks of these configurations count."""
    shape = PictureShape(channels=3, height=1024, width=1024)
    f = stylegan2_f().network
    assert isinstance(f, StyleGAN2Config)
    builds = (build_generator, build_discriminator)
    with torch.device("meta"):
        counts = {
            config.channel_base: tuple(num_parameters(build(config, shape)) for build in builds)
            for config in (dataclasses.replace(f, channel_base=16384), f)
        }
    assert counts == {16384: (24_900_764, 24_038_161), 32768: (30_370_060, 29_012_513)}


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"generator": "resnet"}, "generator 'resnet'"),
        ({"discriminator": "orig"}, "discriminator 'orig'"),
        ({"output": "sigmoid"}, "output 'sigmoid'"),
        ({"border": "mirror"}, "border 'mirror'"),
        ({"clamp": 0.0}, "clamp 0.0"),
        ({"clamp": math.nan}, "clamp nan"),
        ({"class_layers": -1}, "class_layers"),
    ],
)
def test_unknown_settings_are_named(changes: dict[str, object], named: str) -> None:
    with pytest.raises(UserError, match=named):
        dataclasses.replace(SMALL, **changes)  # type: ignore[arg-type]
