import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from gan.data import cluster
from gan.data.armory import draw_armory
from gan.data.cluster import cluster_features, cluster_pictures, embed, fewest_pictures, pixels_of
from gan.data.dataset import load_pictures
from gan.errors import UserError
from gan.features.registry import load_feature_net

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"


def blobs(sizes: list[int], *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Points around far apart centres, and which centre."""
    rng = np.random.default_rng(seed)
    centres = np.eye(len(sizes), 6) * 10
    labels = np.repeat(np.arange(len(sizes)), sizes)
    return centres[labels] + 0.1 * rng.standard_normal((len(labels), 6)), labels


def agreement(a: np.ndarray, b: np.ndarray) -> float:
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn measures the agreement; it comes with MLflow")
    return float(metrics.adjusted_mutual_info_score(a, b))


def test_finds_groups_that_are_there_and_puts_the_largest_first() -> None:
    points, truth = blobs([20, 60, 40])
    found = cluster_features(points, 3)
    assert np.bincount(found).tolist() == [60, 40, 20]
    assert agreement(found, truth) == pytest.approx(1.0)


def test_the_same_seed_gives_the_same_groups() -> None:
    points = np.random.default_rng(0).standard_normal((200, 5))
    assert np.array_equal(cluster_features(points, 7, seed=3), cluster_features(points, 7, seed=3))
    assert not np.array_equal(cluster_features(points, 7, seed=3), cluster_features(points, 7, seed=4))


def test_no_group_is_smaller_than_asked_for() -> None:
    points, _ = blobs([50, 48, 2])
    assert np.bincount(cluster_features(points, 3)).min() == 2
    sizes = np.bincount(cluster_features(points, 3, fewest=20))
    assert len(sizes) == 3
    assert sizes.min() >= 20


def test_a_least_size_costs_as_little_as_can_be() -> None:
    """On a line of two heaps the group that must have six takes the nearest of the other heap."""
    points = np.array([0.0, 0.1, 0.2, 0.3, 5.0, 5.1, 9.0, 9.1, 9.2, 9.3])[:, None]
    found = cluster_features(points, 2, fewest=5)
    assert np.bincount(found).tolist() == [5, 5]
    assert len(set(found[:5])) == 1


def test_copies_of_a_few_pictures_cannot_make_many_groups() -> None:
    points = np.repeat(np.eye(3), 10, axis=0)
    assert np.bincount(cluster_features(points, 3)).tolist() == [10, 10, 10]
    with pytest.raises(UserError, match="4 groups of 3 different pictures"):
        cluster_features(points, 4)


@pytest.mark.parametrize(("k", "fewest", "message"), [(1, 1, "2 groups or more"), (5, 7, "ask for 4 at most")])
def test_what_cannot_be_grouped_says_what_can(k: int, fewest: int, message: str) -> None:
    points, _ = blobs([20, 10])
    with pytest.raises(UserError, match=message):
        cluster_features(points, k, fewest=fewest)


def test_the_default_least_size() -> None:
    assert [fewest_pictures(num, k) for num, k in ((429, 12), (4000, 20), (100_000, 5))] == [8, 20, 50]


def test_embedding_has_unit_length_and_no_dead_directions() -> None:
    features = np.random.default_rng(0).standard_normal((30, 512)).astype(np.float32)
    features[:, 7] = 3.0
    points = embed(features)
    assert points.shape == (30, 29)  # thirty points lie in 29 dimensions
    assert np.allclose(np.linalg.norm(points, axis=1), 1.0)
    assert np.isfinite(embed(np.ones((5, 8), dtype=np.float32))).all()


def test_many_values_are_reduced_as_exactly_as_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a random subspace: the same points, up to the direction of each axis."""
    rng = np.random.default_rng(0)
    pixels = (rng.standard_normal((120, 20)) * 2.0 ** -np.arange(20)) @ rng.standard_normal((20, 300))
    exact = embed(pixels.astype(np.float32))
    monkeypatch.setattr(cluster, "MOST_VALUES_EXACT", 100)
    near = embed(pixels.astype(np.float32))
    assert near.shape == exact.shape
    assert np.allclose(near @ near.T, exact @ exact.T, atol=1e-3)


def test_pixels_are_means_of_whole_squares() -> None:
    images = np.zeros((1, 1, 64, 96), dtype=np.uint8)
    images[:, :, :2, :2] = [[[[0, 100], [200, 100]]]]
    assert pixels_of(images).shape == (1, 32 * 48)
    assert pixels_of(images)[0, 0] == 100
    assert pixels_of(images[:, :, :40, :40]).shape == (1, 40 * 40)


def test_weapons_of_one_class_come_together() -> None:
    armory = draw_armory(288, 32, 32)
    found = cluster_pictures(armory.images, 12, load_feature_net("randconv", torch.device("cpu")))
    assert np.bincount(found).min() >= 8
    assert agreement(found, armory.classes) > 0.65


@pytest.mark.parametrize(
    ("name", "at_least"), [("dcss-weapons-plus", 0.36), ("dcss-items", 0.46), ("dcss-monsters", 0.23)]
)
def test_agreement_with_the_true_classes(name: str, at_least: float) -> None:
    path = SHARED / f"{name}.zip"
    if not zipfile.is_zipfile(path):
        pytest.skip(f"{path} is not on this machine")
    pictures = load_pictures(str(path))
    found = cluster_pictures(
        pictures.images, len(pictures.class_names), load_feature_net("randconv", torch.device("cpu"))
    )
    score = agreement(pictures.labels, found)
    print(f"{name}: adjusted mutual information {score:.3f}, smallest group {np.bincount(found).min()}")
    assert score > at_least
