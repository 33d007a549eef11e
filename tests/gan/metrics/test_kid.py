from itertools import permutations, product

import numpy as np
import pytest
import torch

from gan.metrics.kid import kid, kid_with_error


def gaussian(seed: int, num: int, dimensions: int, shift: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((num, dimensions)) + shift


def by_hand(x: np.ndarray, y: np.ndarray) -> float:
    """Binkowski et al. 2018, section 4, pair by pair."""

    def mean(pairs: list[tuple[np.ndarray, np.ndarray]]) -> float:
        return float(np.mean([(a @ b / len(a) + 1) ** 3 for a, b in pairs]))

    return mean(list(permutations(x, 2))) + mean(list(permutations(y, 2))) - 2 * mean(list(product(x, y)))


def test_pair_by_pair() -> None:
    x, y = gaussian(0, 7, 3), gaussian(1, 5, 3, shift=0.5)
    assert kid(x, y) == pytest.approx(by_hand(x, y), rel=1e-12)


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


@pytest.mark.parametrize("block_bytes", [1, 8 * 23 * 4, 1000])
def test_blocks_equal_no_blocks(block_bytes: int) -> None:
    x, y = gaussian(0, 37, 5), gaussian(1, 23, 5)
    assert kid(x, y, block_bytes=block_bytes) == pytest.approx(kid(x, y), rel=1e-11)
    assert kid_with_error(x, y, block_bytes=block_bytes) == pytest.approx(kid_with_error(x, y), rel=1e-9)


@pytest.mark.parametrize(("num_x", "num_y"), [(120, 120), (120, 25), (25, 120)])
def test_parts_of_large_sets(num_x: int, num_y: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same expectation, and an error that is the spread; rows in an order that no part may follow."""
    monkeypatch.setattr("gan.metrics.kid.LARGEST_WHOLE", 30)
    wholes, parts, errors = [], [], []
    for seed in range(150):
        x, y = gaussian(seed, num_x, 6), gaussian(seed + 1000, num_y, 6, shift=0.4)
        x, y = x[x[:, 0].argsort()], y[y[:, 0].argsort()]
        part, error = kid_with_error(x, y, num_subsets=20, seed=seed)
        assert part == pytest.approx(kid(x, y, seed=seed), rel=1e-12)
        wholes.append(by_pairs(x, y))
        parts.append(part)
        errors.append(error)
    difference = np.array(parts) - wholes
    assert abs(difference.mean()) < 3 * difference.std() / np.sqrt(len(difference))
    assert 0.8 < np.mean(errors) / np.std(parts) < 2.0  # never much too small; too large where one set is whole


def by_pairs(x: np.ndarray, y: np.ndarray) -> float:
    k_xx, k_yy, k_xy = ((a @ b.T / a.shape[1] + 1) ** 3 for a, b in ((x, x), (y, y), (x, y)))
    off = [(k.sum() - np.trace(k)) / (len(k) * (len(k) - 1)) for k in (k_xx, k_yy)]
    return float(off[0] + off[1] - 2 * k_xy.mean())


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
