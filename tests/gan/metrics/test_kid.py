import numpy as np
import pytest
import torch

from gan.metrics.kid import kernel_mean, kernel_mean_within, kid, kid_with_error


def gaussian(seed: int, num: int, dimensions: int, shift: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((num, dimensions)) + shift


def test_kernel_by_hand() -> None:
    x, y = np.array([[1.0, 0.0], [0.0, 2.0]]), np.array([[2.0, 2.0]])
    assert kernel_mean(x, y) == pytest.approx(((1 + 1) ** 3 + (2 + 1) ** 3) / 2)
    assert kernel_mean_within(x) == pytest.approx(1.0)  # the two rows are orthogonal


def test_known_answer_for_shifted_points() -> None:
    """All of x at 0 and all of y at 1 in one dimension: k(0,0) + k(1,1) - 2 k(0,1) = 1 + 8 - 2."""
    assert kid(np.zeros((4, 1)), np.ones((6, 1))) == pytest.approx(7.0)


def test_zero_on_average_for_one_distribution() -> None:
    estimates = [kid(gaussian(seed, 50, 4), gaussian(seed + 1000, 80, 4)) for seed in range(400)]
    assert abs(np.mean(estimates)) < 3 * np.std(estimates) / np.sqrt(400)
    assert min(estimates) < 0


def test_agrees_with_torch_fidelity_and_clean_fid() -> None:
    from cleanfid.fid import kernel_distance
    from torch_fidelity.metric_kid import kid_features_to_metric

    x, y = gaussian(0, 90, 16), gaussian(1, 90, 16, shift=0.4)
    theirs = kid_features_to_metric(
        torch.from_numpy(x), torch.from_numpy(y), kid_subsets=1, kid_subset_size=90, verbose=False
    )
    assert kid(x, y) == pytest.approx(theirs["kernel_inception_distance_mean"], rel=1e-6)
    assert kid(x, y) == pytest.approx(kernel_distance(x, y, num_subsets=1), rel=1e-6)


def test_blocks_equal_no_blocks() -> None:
    x, y = gaussian(0, 37, 5), gaussian(1, 23, 5)
    assert kernel_mean(x, y, block_bytes=8 * 23 * 4) == pytest.approx(kernel_mean(x, y), rel=1e-12)
    assert kernel_mean_within(x, block_bytes=1) == pytest.approx(kernel_mean_within(x), rel=1e-12)
    assert kid_with_error(x, y, block_bytes=1000) == pytest.approx(kid_with_error(x, y), rel=1e-9)


def test_error_is_the_spread_of_independent_estimates() -> None:
    pairs = [(gaussian(seed, 120, 8), gaussian(seed + 1000, 90, 8, shift=0.5)) for seed in range(200)]
    estimates, errors = np.array([kid_with_error(x, y, num_subsets=50) for x, y in pairs]).T
    assert estimates[0] == pytest.approx(kid(*pairs[0]), rel=1e-12)
    assert errors.mean() == pytest.approx(estimates.std(), rel=0.25)


def test_error_depends_on_its_seed_alone() -> None:
    x, y = gaussian(0, 40, 4), gaussian(1, 40, 4)
    assert kid_with_error(x, y, seed=3) == kid_with_error(x, y, seed=3)
    assert kid_with_error(x, y, seed=3)[1] != kid_with_error(x, y, seed=4)[1]


def test_too_few_rows() -> None:
    with pytest.raises(ValueError, match="at least 2"):
        kid(gaussian(0, 1, 3), gaussian(0, 9, 3))
    with pytest.raises(ValueError, match="at least 4"):
        kid_with_error(gaussian(0, 9, 3), gaussian(0, 3, 3))
