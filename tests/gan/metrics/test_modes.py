import numpy as np
import pytest

from gan.metrics.discriminant import Discriminant
from gan.metrics.modes import modes


def test_known_counts() -> None:
    """Two of four classes held, in shares 3/4 and 1/4 where the reals have 1/4 each."""
    found = modes(np.array([0, 0, 0, 2]), np.array([0, 1, 2, 3]), 4)
    assert (found.num_modes, found.num_classes) == (2, 4)
    assert found.divergence == pytest.approx(0.75 * np.log(3) + 0.25 * np.log(1))
    same = modes(np.arange(4), np.arange(4).repeat(5), 4)
    assert (same.num_modes, same.divergence) == (4, 0.0)


def test_classes_without_reals_are_no_modes() -> None:
    assert modes(np.array([1]), np.array([1, 3]), 9).num_classes == 2
    with pytest.raises(ValueError, match="samples of 1 classes of which there are no reals"):
        modes(np.array([0]), np.array([1, 3]), 9)
    with pytest.raises(ValueError, match="0 labels"):
        modes(np.array([], dtype=np.int64), np.array([1]), 9)


def test_classes_of_gaussians() -> None:
    """Far apart: told rightly, also with more features than pictures; numbers of classes need not be dense."""
    rng = np.random.default_rng(0)
    means = rng.standard_normal((3, 200)) * 3
    labels = np.array([2, 5, 9]).repeat(20)
    features = means.repeat(20, axis=0) + rng.standard_normal((60, 200))
    classifier = Discriminant.fit(features, labels)
    fresh = means.repeat(50, axis=0) + rng.standard_normal((150, 200))
    assert classifier.accuracy(fresh, np.array([2, 5, 9]).repeat(50)) == 1.0
    assert Discriminant.fit(means, np.arange(3)).accuracy(means, np.arange(3)) == 1.0
    with pytest.raises(ValueError, match="1 class among"):
        Discriminant.fit(features, np.zeros(60, dtype=np.int64))


def test_correlated_features_beat_the_nearest_mean() -> None:
    """Classes that differ along a narrow direction while both stretch along another: what the covariance is for."""
    rng = np.random.default_rng(0)
    stretch = np.array([[6.0, 6.0], [0.3, -0.3]])
    features = rng.standard_normal((400, 2)) @ stretch
    labels = np.arange(400) % 2
    features[labels == 1] += [0.8, -0.8]
    half = Discriminant.fit(features[:200], labels[:200], shrinkage=0.001)
    assert half.accuracy(features[200:], labels[200:]) > 0.85
