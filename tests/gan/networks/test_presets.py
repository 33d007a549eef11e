import pytest

from gan.errors import UserError
from gan.networks.describe import parameters_of
from gan.networks.interface import PictureShape
from gan.networks.presets import PRESETS, preset_named
from gan.networks.registry import NETWORKS, name_of


def square(side: int, num_classes: int = 0, channels: int = 3) -> PictureShape:
    return PictureShape(channels=channels, height=side, width=side, num_classes=num_classes)


@pytest.mark.parametrize(
    ("preset", "shape", "generator", "discriminator"),
    [
        # What the authors' own code has at those widths (NVlabs' stylegan2-ada-pytorch, mapping network included).
        ("stylegan2-e", square(1024), 24_900_764, 24_038_161),
        ("stylegan2-f", square(1024), 30_370_060, 29_012_513),
        ("stylegan2-ada-256", square(256), 24_767_458, 24_001_089),
        ("stylegan2-ada-cifar", square(32), 19_947_539, 20_720_641),
        # The author's PyTorch code, with shared embedding, hierarchical z and attention at 64 px.
        ("biggan-128", square(128, 1000), 70_433_988, 87_982_370),
        ("biggan-deep-128", square(128, 1000), 50_244_484, 34_590_210),
        # PyTorch's DCGAN example has 3,576,704 and 2,765,568: ours has three biases of the picture in G, in D the
        # first layer's 64 and the logit's.
        ("dcgan", square(64), 3_576_704 + 3, 2_765_568 + 64 + 1),
    ],
)
def test_presets_weigh_what_is_published(preset: str, shape: PictureShape, generator: int, discriminator: int) -> None:
    assert parameters_of(preset_named(preset), shape) == (generator, discriminator)


@pytest.mark.parametrize("network", NETWORKS)
def test_every_network_has_a_preset_of_its_own_name(network: str) -> None:
    assert preset_named(network) == NETWORKS[network].config()


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_begins_with_its_networks_name(preset: str) -> None:
    network = name_of(PRESETS[preset].config)
    assert preset == network or preset.startswith(f"{network}-")


def test_an_unknown_preset_names_the_known() -> None:
    with pytest.raises(UserError, match=r"unknown preset 'stylegan9': known are .*stylegan2-f"):
        preset_named("stylegan9")
