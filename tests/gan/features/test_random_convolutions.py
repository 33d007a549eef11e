import hashlib

import numpy as np
import pytest
import torch

from gan.features.random_convolutions import RandomConvolutions, draw_weights, working_size


def pictures(seed: int, num: int, channels: int = 4, height: int = 32, width: int = 32) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (num, channels, height, width), dtype=np.uint8)


@pytest.fixture(scope="module")
def net() -> RandomConvolutions:
    return RandomConvolutions(torch.device("cpu"))


def test_weights_are_the_same_everywhere() -> None:
    """Were they to change, every cached feature and every recorded FID would silently mean another thing."""
    weights = draw_weights()
    digest = hashlib.sha256(b"".join(weight.tobytes() for weight in weights)).hexdigest()
    assert digest[:16] == "3cf5efb428d58370"
    for weight in weights:
        fan_in = weight[0].size
        np.testing.assert_allclose(weight.sum(axis=(1, 2, 3)), 0.0, atol=1e-6)
        assert weight.var() == pytest.approx(2 / fan_in, rel=0.1)


def test_global_random_state_has_no_say(net: RandomConvolutions) -> None:
    torch.manual_seed(7)
    np.random.seed(7)
    assert RandomConvolutions(torch.device("cpu")).fingerprint == net.fingerprint


def test_a_picture_does_not_know_its_neighbours(net: RandomConvolutions) -> None:
    images = pictures(0, 70)
    together = net(images)
    assert together.shape == (70, net.num_features)
    assert together.dtype == np.float32
    for index in (0, 5, 69):
        np.testing.assert_array_equal(net(images[index : index + 1])[0], together[index])
    np.testing.assert_array_equal(net(images[::-1]), together[::-1])
    assert net(images[:0]).shape == (0, net.num_features)


def test_sizes_at_which_pictures_are_looked_at() -> None:
    assert working_size(32, 32) == (32, 32)
    assert working_size(64, 48) == (64, 48)
    assert working_size(128, 96) == (64, 48)
    assert working_size(16, 16) == (32, 32)
    assert working_size(512, 20) == (64, 16)
    assert working_size(40, 40) == (48, 48)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(("height", "width"), [(32, 32), (128, 96), (16, 16), (7, 90)])
def test_any_size_and_channels(net: RandomConvolutions, channels: int, height: int, width: int) -> None:
    features = net(pictures(0, 3, channels, height, width))
    assert np.isfinite(features).all()
    assert (features.std(axis=0) > 0).mean() > 0.6


def test_grey_is_seen_as_its_rgb_and_opaque_rgba_too(net: RandomConvolutions) -> None:
    grey = pictures(0, 4, channels=1)
    rgb = np.repeat(grey, 3, axis=1)
    rgba = np.concatenate([rgb, np.full_like(grey, 255)], axis=1)
    np.testing.assert_array_equal(net(grey), net(rgb))
    np.testing.assert_array_equal(net(rgb), net(rgba))


def test_alpha_is_seen_where_colour_is_black(net: RandomConvolutions) -> None:
    black = np.zeros((2, 4, 32, 32), dtype=np.uint8)
    black[1, 3, 8:24, 8:24] = 255
    one, other = net(black)
    assert np.abs(one - other).max() > 0.1


def test_whole_enlargements_of_pixel_art_are_seen_as_the_original(net: RandomConvolutions) -> None:
    def enlarged(images: np.ndarray) -> np.ndarray:
        return np.repeat(np.repeat(images, 2, axis=2), 2, axis=3)

    medium, small = pictures(0, 4, height=64, width=48), pictures(0, 4, height=16, width=16)
    np.testing.assert_allclose(net(enlarged(medium)), net(medium), atol=1e-5)
    np.testing.assert_allclose(net(enlarged(small)), net(small), atol=1e-5)


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((2, 4, 32, 32), dtype=np.float32),
        np.zeros((2, 2, 32, 32), dtype=np.uint8),
        np.zeros((4, 32, 32), np.uint8),
    ],
)
def test_what_is_no_picture(net: RandomConvolutions, images: np.ndarray) -> None:
    with pytest.raises(ValueError, match="not uint8"):
        net(images)
