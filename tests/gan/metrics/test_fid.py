import numpy as np
import pytest

from gan.metrics.fid import Moments, fid, frechet_distance, mix


def gaussian(seed: int, num: int, dimensions: int, scale: float = 1.0, shift: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((num, dimensions)) * scale + shift


def exact(mean: np.ndarray, covariance: np.ndarray) -> Moments:
    return Moments(mean=mean, covariance=covariance, count=10**6)


def test_gaussians_with_known_distance() -> None:
    a = exact(np.zeros(3), np.diag([1.0, 4.0, 9.0]))
    b = exact(np.array([1.0, 2.0, 2.0]), np.diag([4.0, 4.0, 1.0]))
    assert frechet_distance(a, b) == pytest.approx(9 + (2 - 1) ** 2 + 0 + (3 - 1) ** 2)


def test_known_distance_between_rotated_gaussians() -> None:
    """Covariances that do not commute: tr (A B)^(1/2) from the eigenvalues of the product, by another road."""
    rng = np.random.default_rng(0)
    factors = [rng.standard_normal((5, 5)) for _ in range(2)]
    a, b = (factor @ factor.T for factor in factors)
    root_trace = np.sqrt(np.linalg.eigvals(a @ b).real).sum()
    expected = np.trace(a) + np.trace(b) - 2 * root_trace
    assert frechet_distance(exact(np.zeros(5), a), exact(np.zeros(5), b)) == pytest.approx(expected)


def test_samples_approach_the_known_distance() -> None:
    assert fid(gaussian(0, 100_000, 4), gaussian(1, 100_000, 4, scale=2.0, shift=1.0)) == pytest.approx(8.0, rel=0.02)


@pytest.mark.parametrize(("num_x", "num_y"), [(40, 50), (40, 300), (300, 40), (300, 200)])
def test_agrees_with_clean_fid_also_for_fewer_rows_than_dimensions(num_x: int, num_y: int) -> None:
    from cleanfid.fid import fid_from_feats

    x, y = gaussian(0, num_x, 64), gaussian(1, num_y, 64, scale=1.5, shift=0.3)
    assert fid(x, y) == pytest.approx(fid_from_feats(x, y), rel=1e-3)


def test_agrees_with_torchmetrics() -> None:
    import torch
    from torchmetrics.image.fid import FrechetInceptionDistance

    x, y = gaussian(0, 200, 32), gaussian(1, 150, 32, scale=1.5)
    theirs = FrechetInceptionDistance(feature=torch.nn.Identity(), input_img_size=(32,)).double()
    theirs.update(torch.from_numpy(x), real=True)
    theirs.update(torch.from_numpy(y), real=False)
    assert fid(x, y) == pytest.approx(float(theirs.compute()), rel=1e-3)


def test_low_rank_and_full_form_agree() -> None:
    """The fast form beside the plain one: the same moments, with and without their factors."""
    a, b = Moments.of(gaussian(0, 30, 50)), Moments.of(gaussian(1, 20, 50, shift=0.5))
    plain_a, plain_b = (Moments(mean=m.mean, covariance=m.covariance, count=m.count) for m in (a, b))
    expected = frechet_distance(plain_a, plain_b)
    for pair in ((a, b), (b, a), (a, plain_b), (plain_a, b)):
        assert frechet_distance(*pair) == pytest.approx(expected, rel=1e-6)


def test_equal_sets_have_distance_zero() -> None:
    x = gaussian(0, 30, 50)
    assert fid(x, x) == pytest.approx(0.0, abs=1e-5)
    assert fid(np.ones((5, 3)), np.ones((5, 3))) == 0.0


def test_mixture_has_the_moments_of_the_pooled_rows() -> None:
    sets = [gaussian(0, 40, 6), gaussian(1, 100, 6, scale=2.0, shift=1.0), gaussian(2, 60, 6, shift=-1.0)]
    mixture = mix([Moments.of(rows) for rows in sets], [40, 100, 60])
    pooled = Moments.of(np.concatenate(sets))
    assert mixture.count == pooled.count == 200
    np.testing.assert_allclose(mixture.mean, pooled.mean, atol=1e-12)
    np.testing.assert_allclose(mixture.covariance, pooled.covariance, atol=1e-12)


def test_mixture_with_other_weights() -> None:
    """Weights 1 : 3 of equal sets: as the pool of the first and of three copies of the second, up to n - 1."""
    x, y = gaussian(0, 1000, 4), gaussian(1, 1000, 4, scale=2.0, shift=1.0)
    mixture = mix([Moments.of(x), Moments.of(y)], [0.25, 0.75])
    pooled = np.concatenate([x, y, y, y])
    assert mixture.count == 1333
    np.testing.assert_allclose(mixture.covariance, np.cov(pooled, rowvar=False), rtol=2e-3)
    alone = mix([Moments.of(x), Moments.of(y)], [0.0, 2.0])
    np.testing.assert_allclose(alone.covariance, np.cov(y, rowvar=False))
    assert alone.count == 1000


@pytest.mark.parametrize("weights", [[1.0], [0.0, 0.0], [-1.0, 2.0], [np.nan, 1.0]])
def test_impossible_weights(weights: list[float]) -> None:
    moments = [Moments.of(gaussian(seed, 10, 2)) for seed in range(2)]
    with pytest.raises(ValueError, match="one weight >= 0 a set"):
        mix(moments, weights)


def test_features_that_mean_nothing() -> None:
    x = gaussian(0, 10, 3)
    x[4, 1] = np.nan
    with pytest.raises(ValueError, match="1 of 10 rows of features hold NaN"):
        fid(x, gaussian(1, 10, 3))
    with pytest.raises(ValueError, match="at least 2"):
        Moments.of(gaussian(0, 1, 3))
    with pytest.raises(ValueError, match="one net"):
        fid(gaussian(0, 10, 3), gaussian(0, 10, 4))
