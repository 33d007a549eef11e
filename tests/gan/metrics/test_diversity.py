import numpy as np
import pytest
import torch

from gan.metrics.diversity import RealSpread, diversity, feature_variance, mean_similarity, pixel_distance
from gan.metrics.diversity import structural_similarity as ours
from gan.pixels import UInt8Array


def noise(num: int, seed: int = 0, channels: int = 3, side: int = 16) -> UInt8Array:
    return np.random.default_rng(seed).integers(0, 256, (num, channels, side, side), dtype=np.uint8)


def test_as_varied_as_the_reals_is_one_and_all_the_same_is_none() -> None:
    features = np.random.default_rng(1).normal(size=(400, 8)).astype(np.float32)
    spread = RealSpread.of(noise(400), features)
    fresh = diversity(noise(400, seed=2), features[::-1], spread)
    assert fresh.pixel == pytest.approx(1.0, abs=0.02)
    assert fresh.feature == pytest.approx(1.0, abs=1e-6)
    assert fresh.similarity == pytest.approx(0.0, abs=0.02)
    same = diversity(np.repeat(noise(1), 400, axis=0), np.repeat(features[:1], 400, axis=0), spread)
    assert (same.pixel, same.feature) == (0.0, pytest.approx(0.0, abs=1e-9))
    assert same.similarity == pytest.approx(1.0, abs=1e-5)


def test_every_signal_falls_with_the_number_of_modes() -> None:
    features = np.random.default_rng(1).normal(size=(400, 8)).astype(np.float32)
    reals = noise(400)
    spread = RealSpread.of(reals, features)
    seen = [diversity(reals[np.arange(400) % modes], features[np.arange(400) % modes], spread) for modes in (2, 4, 200)]
    assert [s.pixel for s in seen] == sorted(s.pixel for s in seen)
    assert [s.feature for s in seen] == sorted(s.feature for s in seen)
    assert [s.similarity for s in seen] == sorted((s.similarity for s in seen), reverse=True)


def test_pixel_distance_of_two_known_pictures() -> None:
    pair = np.stack([np.zeros((1, 8, 8), np.uint8), np.full((1, 8, 8), 90, np.uint8)])
    assert pixel_distance(pair) == 90.0


def test_feature_variance_is_half_the_mean_squared_distance() -> None:
    features = np.random.default_rng(3).normal(size=(50, 4))
    squared = ((features[:, None] - features[None]) ** 2).sum(axis=2)
    assert feature_variance(features) == pytest.approx(squared.sum() / (50 * 49) / 2)


def test_ssim_against_torchmetrics_with_the_same_flat_window() -> None:
    from torchmetrics.functional.image import structural_similarity_index_measure as theirs

    chance = torch.Generator().manual_seed(0)
    a = torch.rand(3, 3, 24, 20, generator=chance) * 2 - 1
    b = (a + 0.3 * torch.randn(3, 3, 24, 20, generator=chance)).clamp(-1, 1)
    _, full = theirs(
        b, a, gaussian_kernel=False, kernel_size=7, data_range=2.0, reduction="none", return_full_image=True
    )
    inside = full[:, :, 3:-3, 3:-3].mean(dim=(1, 2, 3))  # theirs adds a reflected border
    torch.testing.assert_close(ours(a, b), inside, atol=1e-5, rtol=0)


def test_grey_alpha_and_tiny_pictures_can_be_compared() -> None:
    for channels, side in ((1, 16), (4, 16), (3, 4)):
        assert -1.0 <= mean_similarity(noise(20, channels=channels, side=side)) <= 1.0


def test_features_that_are_not_finite_give_nan_and_one_picture_is_an_error() -> None:
    features = np.random.default_rng(1).normal(size=(20, 8)).astype(np.float32)
    spread = RealSpread.of(noise(20), features)
    broken = features.copy()
    broken[3, 2] = np.nan
    assert np.isnan(diversity(noise(20), broken, spread).feature)
    with pytest.raises(ValueError, match="at least 2"):
        pixel_distance(noise(1))
