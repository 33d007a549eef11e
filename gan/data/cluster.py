"""Labels for pictures that have none: k groups that look alike, by k-means on features of the embedded net.

With them a set without folders can be trained with classes: a network that must serve k groups cannot lose all but
one of them unseen. The groups are of shape, place and colour; they are not what a person would call the things.
Adjusted mutual information with the true classes (0: no more than chance, 1: the same), k as many as these, seed 0,
from `pytest tests/gan/data/test_cluster.py -s`:

    armory .82   dcss-items .45   dcss-weapons-plus .39   dcss-monsters .23   gameicons .08

Gameicons is next to nothing: its 35 classes are the artists. Other seeds differ by up to .05.
Tried, and within that of each other in the mean over the five sets: 8 to 64 components; none, half and full
whitening; the mean of a picture's and its mirror image's features; the alpha channel alone. What decided: without the
unit length there were groups of one to five pictures in four of the five sets, with it none under 21.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from gan.data.pixels import UInt8Array
from gan.errors import UserError
from gan.metrics.features import FeatureNet

Float64Array = NDArray[np.float64]

NUM_COMPONENTS = 64
NUM_STARTS = 8
NUM_ROUNDS = 100
SMALLEST, LARGEST = 8, 50


def fewest_pictures(num: int, k: int) -> int:
    """The default least size of a group: a tenth of an even share, but 8 at least and 50 at most."""
    return min(max(SMALLEST, num // (10 * k)), LARGEST)


def cluster_pictures(
    images: UInt8Array, k: int, net: FeatureNet, *, seed: int = 0, fewest: int | None = None
) -> NDArray[np.int64]:
    """Each picture's group `[n]`, 0..k-1, the largest first; none under `fewest` pictures.

    images uint8 `[n, c, h, w]`. The same pictures in the same order, seed and k give the same groups. Cost: the
    features (gan/metrics), then some 1 s for 4,000 pictures and 35 groups on one core, 12 s where a least size of half
    an even share binds. Raises UserError: k under 2, fewer than k different pictures, fewer than k x fewest pictures.
    """
    least = fewest_pictures(len(images), k) if fewest is None else fewest
    _check(len(images), k, least)
    return cluster_features(embed(net(images)), k, seed=seed, fewest=least)


def embed(features: NDArray[np.float32]) -> Float64Array:
    """Features `[n, d]` as points `[n, at most 64]` of length 1, whose angles say how alike pictures look.

    Standardised; principal components, each divided by the root of its deviation (half-way to whitening, so that
    the first few do not decide alone); then unit length, as in spherical k-means (Dhillon & Modha 2001), so that an
    odd picture lies in a direction instead of far away.
    """
    x = features.astype(np.float64)
    deviation = x.std(axis=0)
    x = (x - x.mean(axis=0)) / np.where(deviation > 1e-6, deviation, 1.0)
    variances, directions = np.linalg.eigh(x.T @ x / len(x))
    kept = np.argsort(variances)[::-1][:NUM_COMPONENTS]
    kept = kept[variances[kept] > 1e-9 * max(variances.max(), 1e-300)]
    points = (x @ directions[:, kept]) / variances[kept] ** 0.25
    length = np.linalg.norm(points, axis=1, keepdims=True)
    return np.asarray(points / np.where(length > 0, length, 1.0))


def cluster_features(points: Float64Array, k: int, *, seed: int = 0, fewest: int = 1) -> NDArray[np.int64]:
    """k-means with a least size, the best of 8 starts (k-means++, Arthur & Vassilvitskii 2007), `[n]` in 0..k-1.

    The least size is Bradley, Bennett & Demiriz 2000 ("Constrained k-means clustering", MSR-TR-2000-65): each round
    assigns points to centres at the lowest sum of squared distances among all assignments that give every centre at
    least `fewest`. Raises as `cluster_pictures`.
    """
    _check(len(points), k, fewest)
    num_different = len(np.unique(points, axis=0))
    if num_different < k:
        raise UserError(f"{k} groups of {num_different} different pictures: ask for {num_different} at most")
    best, best_labels = np.inf, np.zeros(len(points), dtype=np.int64)
    for start in range(NUM_STARTS):
        spread, labels = _one_start(points, k, np.random.default_rng((seed, start)), fewest)
        if spread < best:
            best, best_labels = spread, labels
    sizes = np.bincount(best_labels, minlength=k)
    rank = np.empty(k, dtype=np.int64)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(k)
    return rank[best_labels]


def _check(num: int, k: int, fewest: int) -> None:
    if k < 2:
        raise UserError(f"--cluster {k}: 2 groups or more, or leave the set without labels")
    if fewest < 1:
        raise UserError(f"a least size of {fewest}: 1 picture a group or more")
    if k * fewest > num:
        way_out = f"ask for {num // fewest} at most, or for smaller ones with --fewest"
        raise UserError(f"{k} groups of {fewest} pictures or more do not come out of {num}: {way_out}")


def _one_start(points: Float64Array, k: int, rng: np.random.Generator, fewest: int) -> tuple[float, NDArray[np.int64]]:
    """The sum of squared distances to the centres, and the groups."""
    labels = np.full(len(points), -1, dtype=np.int64)
    squared = _squared_distances(points, _spread_out(points, k, rng))
    for _ in range(NUM_ROUNDS):
        previous, labels = labels, _assign(squared, fewest)
        if np.array_equal(previous, labels):
            break
        sizes = np.bincount(labels, minlength=k)[:, None]
        totals = np.zeros((k, points.shape[1]))
        np.add.at(totals, labels, points)
        squared = _squared_distances(points, totals / sizes)
    return float(squared[np.arange(len(points)), labels].sum()), labels


def _spread_out(points: Float64Array, k: int, rng: np.random.Generator) -> Float64Array:
    """k of the points, each drawn in proportion to its squared distance to those already drawn (k-means++)."""
    centres = points[rng.integers(len(points))][None]
    nearest = _squared_distances(points, centres)[:, 0]
    while len(centres) < k:
        drawn = points[rng.choice(len(points), p=nearest / nearest.sum())][None]
        centres = np.concatenate([centres, drawn])
        nearest = np.minimum(nearest, _squared_distances(points, drawn)[:, 0])
    return np.asarray(centres)


def _squared_distances(points: Float64Array, centres: Float64Array) -> Float64Array:
    """`[n, k]`."""
    cross = points @ centres.T
    squared = (points**2).sum(axis=1)[:, None] + (centres**2).sum(axis=1) - 2.0 * cross
    return np.asarray(np.maximum(squared, 0.0))


def _assign(squared: Float64Array, fewest: int) -> NDArray[np.int64]:
    """Each point's centre `[n]`, of the least sum in which every centre has at least `fewest` points.

    Where the nearest centres do, they are it. Else each centre has `fewest` places to fill; a point in a place costs
    what it loses against its nearest centre, the others lose nothing: a linear assignment, solved exactly.
    """
    nearest: NDArray[np.int64] = squared.argmin(axis=1).astype(np.int64)
    k = squared.shape[1]
    if np.bincount(nearest, minlength=k).min() >= fewest:
        return nearest
    loss = (squared - squared.min(axis=1, keepdims=True)).T
    places, points = linear_sum_assignment(np.repeat(loss, fewest, axis=0))
    nearest[points] = places // fewest
    return nearest
