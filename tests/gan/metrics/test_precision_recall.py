import numpy as np
import pytest
import torch

from gan.metrics.neighbours import Balls
from gan.metrics.precision_recall import precision_recall, recalled


def gaussian(seed: int, num: int, dimensions: int, scale: float = 1.0, shift: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((num, dimensions)) * scale + shift


@pytest.mark.parametrize(("scale", "shift"), [(1.0, 0.0), (0.5, 0.0), (1.0, 1.0), (2.0, 0.0)])
def test_counts_agree_with_torch_fidelity_and_prdc(scale: float, shift: float) -> None:
    from prdc import compute_prdc
    from torch_fidelity.metric_prc import prc_features_to_metric

    reals, samples = gaussian(0, 150, 8), gaussian(1, 200, 8, scale, shift)
    fidelity = prc_features_to_metric(
        torch.from_numpy(samples), torch.from_numpy(reals), prc_neighborhood=3, prc_batch_size=64, verbose=False
    )
    prdc = compute_prdc(reals, samples, nearest_k=3)
    precision, recall = precision_recall(reals, samples)
    assert round(precision * 200) == round(fidelity["precision"] * 200) == round(prdc["precision"] * 200)
    assert round(recall * 150) == round(fidelity["recall"] * 150) == round(prdc["recall"] * 150)


def test_far_apart_and_equal() -> None:
    reals = gaussian(0, 60, 4)
    assert precision_recall(reals, reals + 100.0) == (0.0, 0.0)
    assert precision_recall(reals, reals) == (1.0, 1.0)


def test_lost_modes_cost_recall_and_not_precision() -> None:
    modes = [gaussian(seed, 50, 6, shift=20.0 * seed) for seed in range(4)]
    samples = np.concatenate([gaussian(seed + 10, 50, 6, shift=20.0 * seed) for seed in range(2)])
    precision, recall = precision_recall(np.concatenate(modes), samples)
    assert precision > 0.8
    assert recall < 0.51
    assert not recalled(Balls.of(samples, 3), np.concatenate(modes))[100:].any()


def test_invariant_under_order_and_given_balls() -> None:
    reals, samples = gaussian(0, 50, 5), gaussian(1, 70, 5)
    assert precision_recall(reals[::-1], samples[::-1]) == precision_recall(reals, samples)
    assert precision_recall(Balls.of(reals, 2), samples) == precision_recall(reals, samples, k=2)


def test_too_few() -> None:
    with pytest.raises(ValueError, match="neighbour number 3 of 3 rows"):
        precision_recall(gaussian(0, 3, 2), gaussian(1, 10, 2))
