"""Conditional DCGAN: how the class joins z, the class's map, and DCGAN where there are no classes."""

import dataclasses

import pytest
import torch
from torch import Tensor

from gan.errors import UserError
from gan.networks.cdcgan import CDCGANConfig, CDCGANDiscriminator, CDCGANGenerator, Concatenate, JoinKind, Multiply
from gan.networks.dcgan import DCGANConfig, DCGANDiscriminator, DCGANGenerator
from gan.networks.interface import Latents, PictureShape

SMALL = CDCGANConfig(z_dim=6, class_dim=5, width=4, max_width=8)
SHAPE = PictureShape(channels=4, height=32, width=24, num_classes=3)
UNCONDITIONAL = dataclasses.replace(SHAPE, num_classes=0)
JOINS: list[JoinKind] = ["norm", "concatenate", "multiply"]


def generator_with(join: JoinKind, *, self_modulation: bool = False) -> CDCGANGenerator:
    torch.manual_seed(0)
    return CDCGANGenerator(dataclasses.replace(SMALL, join=join, self_modulation=self_modulation), SHAPE)


def spread_by_z(join: JoinKind) -> float:
    """Variance that z makes within a class over all variance, where the first norm has normalised; class vectors are
    made a hundred times longer, as a training that loves its classes might."""
    generator = generator_with(join)
    with torch.no_grad():
        for parameter in generator.join.parameters():
            parameter.mul_(100.0)
    labels = torch.arange(3).repeat(64)
    seen: list[Tensor] = []
    generator.norm.norm.register_forward_hook(lambda _module, _inputs, output: seen.append(output.detach()))
    generator(Latents(z=torch.randn(192, 6), labels=labels))
    (normalised,) = seen
    within = torch.stack([normalised[labels == label].var(dim=0) for label in range(3)]).mean()
    return float(within / normalised.var(dim=0).mean())


def test_beside_z_the_class_can_drown_it_elsewhere_it_cannot() -> None:
    assert spread_by_z("concatenate") < 0.05
    assert spread_by_z("norm") > 0.95
    assert spread_by_z("multiply") > 0.5


@pytest.mark.parametrize("self_modulation", [False, True])
@pytest.mark.parametrize("join", JOINS)
def test_class_and_z_both_change_the_picture_and_learn(join: JoinKind, self_modulation: bool) -> None:
    generator = generator_with(join, self_modulation=self_modulation)
    z, labels = torch.randn(4, 6), torch.tensor([0, 0, 1, 1])
    images = generator(Latents(z=z, labels=labels))
    assert images.shape == (4, 4, 32, 24)
    assert (images != generator(Latents(z=z, labels=1 - labels))).any()
    assert (images != generator(Latents(z=-z, labels=labels))).any()
    images.square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in generator.parameters())


def test_a_class_beside_z_starts_at_a_tenth_of_its_length() -> None:
    torch.manual_seed(0)
    config = CDCGANConfig(z_dim=100, class_dim=100)
    assert float(Concatenate(config, 50).class_embedding.weight.detach().std()) == pytest.approx(0.1, rel=0.05)
    weight = Multiply(config, 50).class_embedding.weight.detach()
    assert (float(weight.mean()), float(weight.std())) == pytest.approx((1.0, 0.5), rel=0.05)


@pytest.mark.parametrize("kind", ["dcgan", "residual"])
def test_the_discriminator_reads_the_class_as_a_channel(kind: str) -> None:
    torch.manual_seed(0)
    config = dataclasses.replace(SMALL, discriminator=kind)  # type: ignore[arg-type]
    discriminator = CDCGANDiscriminator(config, SHAPE).eval()
    assert discriminator.class_map is not None
    assert discriminator.class_map.weight.shape == (3, 32 * 24)
    images, labels = torch.randn(2, 4, 32, 24), torch.tensor([0, 1])
    told = discriminator(images, labels)
    stacked = torch.cat([images, discriminator.class_map(labels).reshape(2, 1, 32, 24)], dim=1)
    torch.testing.assert_close(told, discriminator.judge(stacked, None))
    assert (told != discriminator(images, 1 - labels)).all()


def test_without_classes_it_is_dcgan() -> None:
    torch.manual_seed(0)
    plain = DCGANConfig(z_dim=6, class_dim=5, width=4, max_width=8)
    theirs, ours = DCGANGenerator(plain, UNCONDITIONAL).eval(), CDCGANGenerator(SMALL, UNCONDITIONAL).eval()
    ours.load_state_dict(theirs.state_dict())
    latents = Latents(z=torch.randn(3, 6), labels=None)
    images = theirs(latents)
    assert torch.equal(ours(latents), images)
    judge, our_judge = DCGANDiscriminator(plain, UNCONDITIONAL), CDCGANDiscriminator(SMALL, UNCONDITIONAL)
    our_judge.judge.load_state_dict(judge.state_dict())
    assert torch.equal(our_judge(images, None), judge(images, None))


def test_packing_needs_no_classes_and_works() -> None:
    shape = dataclasses.replace(UNCONDITIONAL, packing=2)
    assert CDCGANDiscriminator(SMALL, shape)(torch.randn(2, 8, 32, 24), None).shape == (2,)


def test_stages_hold_all_so_that_freezing_freezes_the_class_map_too() -> None:
    discriminator = CDCGANDiscriminator(SMALL, SHAPE)
    staged = {id(parameter) for stage in discriminator.stages() for parameter in stage.parameters()}
    assert staged == {id(parameter) for parameter in discriminator.parameters()}


def test_an_unknown_join_is_refused() -> None:
    with pytest.raises(UserError, match=r"join 'add' is unknown: choose one of norm, concatenate, multiply"):
        dataclasses.replace(SMALL, join="add")  # type: ignore[arg-type]
