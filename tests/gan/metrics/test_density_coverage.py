import numpy as np
import pytest

from gan.metrics.density_coverage import coverage, covered, density, density_coverage
from gan.metrics.neighbours import Balls


def gaussian(seed: int, num: int, dimensions: int, scale: float = 1.0, shift: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((num, dimensions)) * scale + shift


@pytest.mark.parametrize(("scale", "shift"), [(1.0, 0.0), (0.5, 0.0), (1.0, 1.0), (2.0, 0.0)])
def test_agrees_with_prdc(scale: float, shift: float) -> None:
    from prdc import compute_prdc

    reals, samples = gaussian(0, 150, 8), gaussian(1, 200, 8, scale, shift)
    theirs = compute_prdc(reals, samples, nearest_k=5)
    our_density, our_coverage = density_coverage(reals, samples)
    assert our_density == pytest.approx(theirs["density"], rel=1e-9)
    assert round(our_coverage * 150) == round(theirs["coverage"] * 150)


def test_expectation_for_equal_distributions() -> None:
    """Naeem et al. 2020, section 3.3: density 1, coverage 1 - (n-1)…(n-k) / (2n-1)…(2n-k), near 1 - 2^-k."""
    num, k = 300, 5
    scores = [density_coverage(gaussian(2 * s, num, 3), gaussian(2 * s + 1, num, 3)) for s in range(30)]
    densities, coverages = np.array(scores).T
    ranks = np.arange(1, k + 1)
    assert densities.mean() == pytest.approx(1.0, abs=0.02)
    assert coverages.mean() == pytest.approx(1 - np.prod((num - ranks) / (2 * num - ranks)), abs=0.01)


def test_lost_modes_cost_coverage_and_not_density() -> None:
    reals = np.concatenate([gaussian(seed, 50, 6, shift=20.0 * seed) for seed in range(4)])
    samples = np.concatenate([gaussian(seed + 10, 100, 6, shift=20.0 * seed) for seed in range(2)])
    balls = Balls.of(reals, 5)
    assert density(balls, samples) > 0.8
    assert 0.4 < coverage(balls, samples) <= 0.5
    assert not covered(balls, samples)[100:].any()


def test_a_union_covers_what_its_parts_cover() -> None:
    """What a greedy choice of members relies on."""
    balls = Balls.of(gaussian(0, 80, 4), 5)
    one, two = gaussian(1, 30, 4, shift=1.0), gaussian(2, 30, 4, shift=-1.0)
    union = covered(balls, np.concatenate([one, two]))
    np.testing.assert_array_equal(union, covered(balls, one) | covered(balls, two))


def test_far_apart() -> None:
    assert density_coverage(gaussian(0, 30, 3), gaussian(0, 30, 3) + 50.0) == (0.0, 0.0)
