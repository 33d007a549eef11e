import numpy as np
import pytest

from gan.metrics.fid import fid
from gan.metrics.fid_infinity import extrapolate


def test_the_distance_of_the_gaussians_themselves() -> None:
    """Two Gaussians whose distance is known: FID is half as large again, the extrapolation within a few per cent."""
    size, told, plain = 32, [], []
    true = size * (0.3**2 + 0.2**2)
    for seed in range(8):
        rng = np.random.default_rng(seed)
        samples = rng.standard_normal((600, size)) * 0.8 + 0.3
        reals = rng.standard_normal((250, size))
        told.append(extrapolate(samples, reals).fid_infinity)
        plain.append(fid(samples, reals))
    assert np.mean(plain) > 1.2 * true
    assert np.mean(told) == pytest.approx(true, rel=0.05)


def test_equal_distributions_come_out_about_zero() -> None:
    rng = np.random.default_rng(0)
    found = extrapolate(rng.standard_normal((800, 16)), rng.standard_normal((800, 16)))
    assert found.slope > 0
    assert abs(found.fid_infinity) < 0.25 * found.fids[0]
    np.testing.assert_allclose(found.shares, [1, 1 / 2, 1 / 3, 1 / 4])
    assert (np.diff(found.fids) > 0).all()


def test_the_same_again_and_too_few() -> None:
    rng = np.random.default_rng(0)
    samples, reals = rng.standard_normal((50, 4)), rng.standard_normal((40, 4))
    assert extrapolate(samples, reals).fid_infinity == extrapolate(samples, reals).fid_infinity
    with pytest.raises(ValueError, match="needs at least 8"):
        extrapolate(samples[:7], reals)
