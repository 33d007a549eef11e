"""The same features through public implementations, in the same process."""

import numpy as np
import pytest
import torch

import gan  # noqa: F401  repairs torchvision's import, which the others need
from gan.metrics.ball_metrics import ball_metrics
from gan.metrics.fid import fid
from gan.metrics.kid import kid
from gan.metrics.neighbours import Balls

SETS = ["near", "apart", "shrunk", "few"]


def sets(kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Samples and reals, correlated features of uneven scale as nets make them."""
    rng = np.random.default_rng(SETS.index(kind))
    size = 48
    mixing = rng.standard_normal((size, size)) / np.arange(1, size + 1)
    num_samples, num_reals = (60, 40) if kind == "few" else (700, 500)
    samples, reals = rng.standard_normal((num_samples, size)) @ mixing, rng.standard_normal((num_reals, size)) @ mixing
    if kind == "apart":
        samples += 0.5 * mixing[0]
    if kind == "shrunk":
        samples *= 0.7
    return samples.astype(np.float32), reals.astype(np.float32)


@pytest.mark.parametrize("kind", SETS)
def test_prdc(kind: str) -> None:
    prdc = pytest.importorskip("prdc")
    samples, reals = sets(kind)
    ours = {k: ball_metrics(Balls.of(reals, k), Balls.of(reals, k), samples) for k in (3, 5)}
    for k, balls in ours.items():
        theirs = prdc.compute_prdc(reals.astype(np.float64), samples.astype(np.float64), nearest_k=k)
        assert balls.among_reals.sum() == round(theirs["precision"] * len(samples))
        assert balls.recalled.sum() == round(theirs["recall"] * len(reals))
        assert balls.density == pytest.approx(theirs["density"], rel=1e-3)
        assert balls.coverage == pytest.approx(theirs["coverage"], rel=1e-3)


@pytest.mark.parametrize("kind", SETS)
def test_torch_fidelity(kind: str) -> None:
    fidelity_prc = pytest.importorskip("torch_fidelity.metric_prc")
    fidelity_kid = pytest.importorskip("torch_fidelity.metric_kid")
    fidelity_fid = pytest.importorskip("torch_fidelity.metric_fid")
    samples, reals = sets(kind)
    ours, theirs = torch.from_numpy(samples).double(), torch.from_numpy(reals).double()
    balls = ball_metrics(Balls.of(reals, 3), Balls.of(reals, 5), samples)
    precision, recall = fidelity_prc.calculate_precision_recall_full(ours, theirs, 3)
    assert balls.among_reals.sum() == round(precision * len(samples))
    assert balls.recalled.sum() == round(recall * len(reals))
    num = min(len(samples), len(reals))  # theirs wants equal counts
    few, others = samples[:num].astype(np.float64), reals[:num].astype(np.float64)
    kernels = [
        fidelity_kid.kernel_poly(a, b, kid_kernel_poly_degree=3, kid_kernel_poly_gamma=None, kid_kernel_poly_coef0=1)
        for a, b in ((few, few), (few, others), (others, others))
    ]
    assert kid(few, others) == pytest.approx(float(fidelity_kid.mmd2(*kernels)), rel=1e-3, abs=1e-12)
    statistics = [fidelity_fid.fid_features_to_statistics(part) for part in (ours, theirs)]
    result = fidelity_fid.fid_statistics_to_metric(*statistics, False)
    assert fid(samples, reals) == pytest.approx(next(iter(result.values())), rel=1e-3)


@pytest.mark.parametrize("kind", SETS)
def test_clean_fid(kind: str) -> None:
    from cleanfid.fid import fid_from_feats, kernel_distance

    samples, reals = (part.astype(np.float64) for part in sets(kind))
    assert fid(samples, reals) == pytest.approx(fid_from_feats(samples, reals), rel=1e-3)
    # its KID is a mean over random subsets of equal size; with subsets as large as the smaller set it is one number
    num = min(len(samples), len(reals))
    np.random.seed(0)
    theirs = kernel_distance(samples[:num], reals[:num], num_subsets=1, max_subset_size=num)
    assert kid(samples[:num], reals[:num]) == pytest.approx(theirs, rel=1e-3, abs=1e-12)


@pytest.mark.parametrize("kind", SETS)
def test_torchmetrics(kind: str) -> None:
    from torchmetrics.image.fid import _compute_fid
    from torchmetrics.image.kid import poly_mmd

    samples, reals = sets(kind)
    ours, theirs = torch.from_numpy(samples).double(), torch.from_numpy(reals).double()
    result = _compute_fid(ours.mean(0), torch.cov(ours.T), theirs.mean(0), torch.cov(theirs.T))
    assert fid(samples, reals) == pytest.approx(float(result), rel=1e-3)
    num = min(len(samples), len(reals))
    assert kid(samples[:num], reals[:num]) == pytest.approx(float(poly_mmd(ours[:num], theirs[:num])), rel=1e-3)
