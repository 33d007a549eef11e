import dataclasses

import numpy as np
import pytest
import torch

from gan.errors import UserError
from gan.networks.interface import Generator, PictureShape, StyleGenerator
from gan.networks.registry import build_generator
from gan.recipes import recipe_named
from gan.sampling.blend import Origin, can_morph, mix_styles, morph
from gan.sampling.sample import sample

RECIPES = ("tiny-dcgan", "tiny-cdcgan", "tiny-stylegan2", "tiny-biggan")
A, B = Origin(seed=3, truncation=0.9), Origin(seed=8, truncation=0.6)


def generator_of(recipe: str, *, num_classes: int = 0) -> Generator:
    torch.manual_seed(0)
    shape = PictureShape(channels=4, height=16, width=16, num_classes=num_classes)
    made = build_generator(recipe_named(recipe).network, shape)
    for parameter in made.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)  # so that noise and styles are of consequence
    return made


def drawn(generator: Generator, origin: Origin) -> np.ndarray:
    labels = None if origin.label is None else [origin.label]
    return sample(generator, [origin.seed], truncation=origin.truncation, labels=labels)[0]


def apart(a: np.ndarray, b: np.ndarray) -> int:
    return int(np.abs(a.astype(int) - b.astype(int)).max())


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_ends_are_the_two_pictures_and_the_way_between_is_no_leap(recipe: str) -> None:
    generator = generator_of(recipe)
    frames = morph(generator, A, B, np.linspace(0, 1, 33).tolist())
    assert apart(frames[0], drawn(generator, A)) <= 1
    assert apart(frames[-1], drawn(generator, B)) <= 1
    steps = [np.abs(np.diff(frames[i : i + 2].astype(int), axis=0)).mean() for i in range(32)]
    whole = np.abs(frames[0].astype(int) - frames[-1].astype(int)).mean()
    assert whole > 1.0
    assert max(steps) < 0.25 * whole


def test_half_way_is_as_varied_as_the_ends() -> None:
    """Straight lines between normal draws pass near the mean; the arc does not."""
    generator = generator_of("tiny-dcgan")
    pairs = [(Origin(seed=2 * i), Origin(seed=2 * i + 1)) for i in range(40)]
    middle = np.stack([morph(generator, a, b, [0.5])[0] for a, b in pairs]).astype(float)
    ends = np.stack([drawn(generator, a) for a, _ in pairs]).astype(float)
    assert middle.std(axis=0).mean() == pytest.approx(ends.std(axis=0).mean(), rel=0.25)


def test_between_classes_only_where_classes_are_styles() -> None:
    a, b = dataclasses.replace(A, label=0), dataclasses.replace(B, label=1)
    styled, plain = generator_of("tiny-stylegan2", num_classes=2), generator_of("tiny-cdcgan", num_classes=2)
    assert isinstance(styled, StyleGenerator)
    assert can_morph(styled, a, b)
    assert apart(morph(styled, a, b, [1.0])[0], drawn(styled, b)) <= 1
    assert not can_morph(plain, a, b)
    assert can_morph(plain, a, dataclasses.replace(b, label=0))
    with pytest.raises(ValueError, match="nothing between two classes"):
        morph(plain, a, b, [0.5])


def test_mixed_styles_are_the_networks_own_mixing() -> None:
    generator = generator_of("tiny-stylegan2")
    assert isinstance(generator, StyleGenerator)
    layers = generator.mixing_layers()
    pictures = [mix_styles(generator, A, B, layer) for layer in range(1, layers)]
    assert len({picture.tobytes() for picture in pictures}) == layers - 1
    assert all(apart(picture, drawn(generator, A)) > 1 for picture in pictures)
    for layer in (0, layers):
        with pytest.raises(UserError, match=f"from layer 1 to {layers - 1}"):
            mix_styles(generator, A, B, layer)
    with pytest.raises(UserError, match="no styles to mix"):
        mix_styles(generator_of("tiny-dcgan"), A, B, 1)
