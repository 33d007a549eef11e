"""One contract over every registered network: shape, range, gradients, seeds, batch independence, save and load."""

import pytest
import torch
from safetensors.torch import load, save

from gan.networks.biggan import BigGANConfig
from gan.networks.biggan_deep import BigGANDeepConfig
from gan.networks.cdcgan import CDCGANConfig
from gan.networks.dcgan import DCGANConfig
from gan.networks.interface import Discriminator, Generator, Latents, NetworkConfig, PictureShape
from gan.networks.r3gan import R3GANConfig
from gan.networks.registry import NETWORKS, build_discriminator, build_generator, name_of
from gan.networks.stylegan2 import StyleGAN2Config
from gan.networks.swagan import SWAGANConfig
from gan.sampling.latents import random_latents, seeded_latents
from gan.sampling.sample import sample

SMALL: dict[str, NetworkConfig] = {
    # attention starts with a gain of 0, behind which no gradient passes: test_biggan.py wakes it
    "biggan": BigGANConfig(width=2, max_width=8, z_chunk_dim=3, class_dim=4, attention_side=8),
    "biggan-deep": BigGANDeepConfig(width=4, max_width=8, bottleneck=2, z_dim=6, class_dim=4, attention_side=8),
    "cdcgan": CDCGANConfig(z_dim=16, width=4, max_width=8, self_modulation=True),
    "dcgan": DCGANConfig(z_dim=16, width=4, max_width=8, self_modulation=True),
    "r3gan": R3GANConfig(z_dim=6, channel_base=64, channel_max=8, group_width=4, blocks=1),
    "stylegan2": StyleGAN2Config(z_dim=6, w_dim=6, mapping_layers=2, channel_base=64, channel_max=8),
    "swagan": SWAGANConfig(z_dim=6, w_dim=6, mapping_layers=2, channel_base=64, channel_max=8),
}
SHAPES = [
    PictureShape(channels=4, height=32, width=32),
    PictureShape(channels=3, height=16, width=16, num_classes=3),
    PictureShape(channels=1, height=32, width=24),
    PictureShape(channels=4, height=128, width=96, num_classes=2),
]


def test_every_registered_network_is_in_this_contract() -> None:
    assert set(SMALL) == set(NETWORKS)


@pytest.fixture(params=[(name, shape) for name in SMALL for shape in SHAPES], ids=lambda p: f"{p[0]}-{p[1]}")
def built(request: pytest.FixtureRequest) -> tuple[Generator, Discriminator, PictureShape]:
    name, shape = request.param
    torch.manual_seed(0)
    return build_generator(SMALL[name], shape), build_discriminator(SMALL[name], shape), shape


def latents_for(generator: Generator, num: int, seed: int = 0) -> Latents:
    chance = torch.Generator().manual_seed(seed)
    classes = generator.shape.num_classes
    labels = torch.randint(0, classes, (num,), generator=chance) if classes else None
    return random_latents(generator, labels, num, style_mixing_probability=0.5, chance=chance)


Built = tuple[Generator, Discriminator, PictureShape]


def test_shapes_and_gradients_reach_every_parameter(built: Built) -> None:
    generator, discriminator, shape = built
    latents = latents_for(generator, 4)
    with torch.no_grad():  # what starts at zero holds back the gradient of what is before it
        for parameter in (*generator.parameters(), *discriminator.parameters()):
            parameter += 0.01 * torch.randn_like(parameter)
    for parameter in generator.parameters():  # noise strengths start at 0, which hides nothing from the gradient
        assert parameter.requires_grad
    images = generator(latents)
    assert images.shape == (4, shape.channels, shape.height, shape.width)
    logits = discriminator(images, latents.labels)
    assert logits.shape == (4,)
    logits.square().sum().backward()
    for module in (generator, discriminator):
        silent = [n for n, p in module.named_parameters() if p.grad is None or not torch.isfinite(p.grad).all()]
        assert not silent
        mute = [n for n, p in module.named_parameters() if p.grad is not None and p.grad.abs().max() == 0]
        assert not [n for n in mute if "class" not in n], mute  # a class that no label names gets no gradient


def test_a_picture_does_not_depend_on_its_batch(built: Built) -> None:
    generator, _, shape = built
    counts = [1] * shape.num_classes
    together = sample(generator, range(6), class_counts=counts)
    alone = sample(generator, [4], class_counts=counts)
    assert abs(together[4].astype(int) - alone[0].astype(int)).max() <= 1


def test_seeds_fix_and_vary_pictures(built: Built) -> None:
    generator, _, shape = built
    counts = [1] * shape.num_classes
    first, again = (sample(generator, [1, 2], class_counts=counts) for _ in range(2))
    assert (first == again).all()
    assert (first[0] != first[1]).any()


def test_truncation_zero_gives_one_picture_a_class(built: Built) -> None:
    generator, _, shape = built
    generator.eval()
    labels = [0, 0] if shape.num_classes else None
    latents = seeded_latents(generator, [1, 2], labels=labels, device=torch.device("cpu"))
    calm = Latents(z=latents.z, labels=latents.labels, noise=tuple(torch.zeros_like(n) for n in latents.noise))
    with torch.no_grad():
        images = generator(calm, 0.0)
    torch.testing.assert_close(images[0], images[1], rtol=0, atol=1e-5)


def test_save_and_load_give_the_same_pictures(built: Built) -> None:
    generator, _, shape = built
    counts = [1] * shape.num_classes
    other = build_generator(SMALL[name_of_built(generator)], shape)
    other.load_state_dict(load(save({k: v.contiguous() for k, v in generator.state_dict().items()})))
    assert (sample(generator, [3], class_counts=counts) == sample(other, [3], class_counts=counts)).all()


def name_of_built(generator: Generator) -> str:
    return next(name for name, network in NETWORKS.items() if type(generator) is network.generator)


def test_labels_matter_where_there_are_classes(built: Built) -> None:
    generator, discriminator, shape = built
    if not shape.num_classes:
        with pytest.raises(AssertionError, match="labels"):
            discriminator(torch.zeros(1, shape.channels, shape.height, shape.width), torch.zeros(1, dtype=torch.long))
        return
    one, two = (sample(generator, [5], labels=[label]) for label in (0, 1))
    assert (one != two).any()


def test_names_of_settings() -> None:
    assert [name_of(SMALL[name]) for name in NETWORKS] == list(NETWORKS)
