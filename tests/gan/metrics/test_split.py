import numpy as np
import pytest

from gan.errors import UserError
from gan.metrics.split import fingerprint, picture_fingerprints, split_halves


def pictures(seed: int, num: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (num, 4, 8, 6), dtype=np.uint8)


def contents(images: np.ndarray, indices: np.ndarray) -> list[str]:
    return picture_fingerprints(images[indices])


def test_every_picture_is_in_one_half() -> None:
    images = pictures(0, 101)
    reference, held_out = split_halves(images)
    assert sorted([*reference, *held_out]) == list(range(101))
    assert abs(len(reference) - len(held_out)) == 1


def test_the_order_of_reading_has_no_say() -> None:
    images = pictures(0, 60)
    shuffled = images[np.random.default_rng(1).permutation(60)]
    for half, other in zip(split_halves(images), split_halves(shuffled), strict=True):
        assert contents(images, half) == contents(shuffled, other)
    assert fingerprint(images) == fingerprint(shuffled)


def test_copies_fall_on_one_side() -> None:
    images = np.repeat(pictures(0, 20), 3, axis=0)
    reference, held_out = split_halves(images)
    assert not set(contents(images, reference)) & set(contents(images, held_out))
    assert len(reference) == len(held_out) == 30


def test_fingerprints_know_pixels_shape_and_count() -> None:
    images = pictures(0, 5)
    changed = images.copy()
    changed[0, 0, 0, 0] ^= 1
    turned = images.reshape(5, 4, 6, 8)
    assert len({fingerprint(i) for i in (images, changed, turned, images[:4], np.repeat(images, 2, 0))}) == 5


@pytest.mark.parametrize("images", [pictures(0, 1), np.repeat(pictures(0, 1), 9, axis=0), pictures(0, 0)])
def test_nothing_to_split(images: np.ndarray) -> None:
    with pytest.raises(UserError, match="cannot be split into two halves"):
        split_halves(images)
