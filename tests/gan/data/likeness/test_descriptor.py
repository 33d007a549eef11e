import numpy as np
import pytest

from gan.data.armory import draw_armory
from gan.data.likeness.descriptor import NUM_VALUES, describe, mirrored
from gan.errors import UserError
from gan.pixels import premultiply, unpremultiply

WEAPONS = draw_armory(6, 32, 32, seed=1).images


def far(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.square(one.astype(np.float32) - other.astype(np.float32)).sum())


def test_hidden_colour_changes_the_pixels_key_alone() -> None:
    straight = unpremultiply(WEAPONS[0])
    other = straight.copy()
    other[:3, other[3] == 0] = 77
    one, two = describe(straight, straight=True), describe(other, straight=True)
    assert one.pixels_key != two.pixels_key
    assert one.visible_key == two.visible_key
    assert (one.vector == two.vector).all()


def test_straight_and_premultiplied_pictures_get_the_same_visible_key_and_vector() -> None:
    straight = unpremultiply(WEAPONS[0])
    one, two = describe(straight, straight=True), describe(premultiply(straight))
    assert one.visible_key == two.visible_key
    assert (one.vector == two.vector).all()


def test_pictures_of_the_same_bytes_and_another_shape_differ() -> None:
    picture = np.full((1, 4, 9), 50, dtype=np.uint8)
    assert describe(picture).pixels_key != describe(picture.reshape(1, 6, 6)).pixels_key


def test_the_vector_moves_little_with_shift_and_size_and_much_with_another_picture() -> None:
    vector = describe(WEAPONS[0]).vector
    assert vector.shape == (NUM_VALUES,)
    shifted = np.zeros_like(WEAPONS[0])
    shifted[:, 1:, 1:] = WEAPONS[0][:, :-1, :-1]
    larger = WEAPONS[0].repeat(3, axis=1).repeat(3, axis=2)
    assert far(vector, describe(shifted).vector) < 0.05
    assert far(vector, describe(larger).vector) < 0.05
    assert min(far(vector, describe(weapon).vector) for weapon in WEAPONS[1:]) > 0.1


def test_the_mirrored_vector_is_the_vector_of_the_mirrored_picture() -> None:
    vector, flipped = describe(WEAPONS[0]).vector, describe(WEAPONS[0][..., ::-1]).vector
    assert far(mirrored(vector[None])[0], flipped) < 1e-3
    assert far(vector, flipped) > 0.1


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_without_alpha_are_opaque(channels: int) -> None:
    picture = np.random.default_rng(0).integers(0, 256, size=(channels, 20, 30), dtype=np.uint8)
    assert (describe(picture).miniature.straight()[3] == 255).all()


@pytest.mark.parametrize("shape", [(2, 8, 8), (8, 8), (3, 0, 8)])
def test_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(UserError, match=r"\[c, h, w\]"):
        describe(np.zeros(shape, dtype=np.uint8))
