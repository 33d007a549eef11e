import numpy as np
import pytest

from gan.data.armory import draw_armory
from gan.data.likeness.alignment import align


def moved(picture: np.ndarray, down: int, across: int) -> np.ndarray:
    _, height, width = picture.shape
    canvas = np.zeros((4, height + 20, width + 20), dtype=np.uint8)
    canvas[:, 10 + down : 10 + down + height, 10 + across : 10 + across + width] = picture
    return canvas[:, 10 : 10 + height, 10 : 10 + width]


@pytest.mark.parametrize(("down", "across"), [(0, 0), (1, -1), (0, 1), (-4, 3)])
def test_a_shift_is_found_and_leaves_nothing(down: int, across: int) -> None:
    picture = moved(draw_armory(1, 24, 24, seed=2).images[0], 0, 0)
    picture = np.pad(picture, ((0, 0), (4, 4), (4, 4)))
    overlap = align(picture, moved(picture, down, across))
    assert (overlap.down, overlap.across) == (down, across)
    assert overlap.mean_difference == 0.0


def test_an_opaque_picture_is_found_when_cut_one_pixel_elsewhere() -> None:
    scene = np.random.default_rng(0).integers(0, 256, size=(4, 20, 20), dtype=np.uint8)
    scene[3] = 255
    overlap = align(scene[:, 1:, 1:], scene[:, :-1, :-1])
    assert (overlap.down, overlap.across) == (1, 1)
    assert overlap.mean_difference == 0.0


def test_a_blank_picture_lies_on_anything() -> None:
    overlap = align(np.zeros((4, 8, 8), dtype=np.uint8), np.full((4, 8, 8), 255, dtype=np.uint8))
    assert overlap.mean_difference == 255.0
