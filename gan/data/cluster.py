"""Labels for pictures that have none: k groups that look alike, by k-means on how they look.

With them a set without folders can be trained with classes: a network that must serve k groups cannot lose all but
one of them unseen. The groups are of shape, place and colour; they are not what a person would call the things: how
far they are from that, on sets whose classes are known, is measured in experiments/clusters.

A picture is looked at twice: by the features of the embedded net (texture and parts) and by its pixels at 32 px (what
is where). Both together agree better with the true classes than the net alone in eight of nine cases measured; plain
k-means on raw pixels comes near, and is better for dcss-monsters. Tried besides: 8 to 64
components; none, half and full whitening; the mean of a picture's and its mirror image's features; the alpha channel
alone; histograms of colour (worse); the cleaner's centred view. What decided for the unit length: without it there
were groups of one to five pictures in four of five sets.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from gan.errors import UserError
from gan.features.interface import FeatureNet
from gan.pixels import UInt8Array

Float64Array = NDArray[np.float64]

NUM_COMPONENTS = 64
PIXELS_SIDE = 32
MOST_VALUES_EXACT, SUBSPACE_ROUNDS = 1024, 6
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
    return cluster_features(look(images, net), k, seed=seed, fewest=least)


def look(images: UInt8Array, net: FeatureNet) -> Float64Array:
    """Pictures uint8 `[n, c, h, w]` as points `[n, at most 128]`: the net's features and its pixels, of one weight."""
    return np.concatenate([embed(net(images)), embed(pixels_of(images))], axis=1)


def pixels_of(images: UInt8Array) -> NDArray[np.float32]:
    """The pixels as they are inside, 0..255, or their means over squares down to some 32 px, `[n, values]`."""
    times = max(1, min(images.shape[2:]) // PIXELS_SIDE)
    height, width = images.shape[2] // times * times, images.shape[3] // times * times
    squares = images[:, :, :height, :width].reshape(*images.shape[:2], height // times, times, width // times, times)
    means: NDArray[np.float32] = squares.mean(axis=(3, 5), dtype=np.float32).reshape(len(images), -1)
    return means


def embed(features: NDArray[np.float32]) -> Float64Array:
    """Features `[n, d]` as points `[n, at most 64]` of length 1, whose angles say how alike pictures look.

    Standardised; principal components, each divided by the root of its deviation (half-way to whitening, so that
    the first few do not decide alone); then unit length, as in spherical k-means (Dhillon & Modha 2001), so that an
    odd picture lies in a direction instead of far away.
    """
    x = features.astype(np.float64)
    deviation = x.std(axis=0)
    x = (x - x.mean(axis=0)) / np.where(deviation > 1e-6, deviation, 1.0)
    variances, directions = _principal(x)
    kept = variances > 1e-9 * max(variances.max(), 1e-300)
    points = (x @ directions[:, kept]) / variances[kept] ** 0.25
    length = np.linalg.norm(points, axis=1, keepdims=True)
    return np.asarray(points / np.where(length > 0, length, 1.0))


def _principal(x: Float64Array) -> tuple[Float64Array, Float64Array]:
    """The up to 64 largest variances of centred values `[n, d]`, and their directions `[d, 64]`.

    Exactly up to 1,024 values; beyond (pixels), where that takes a minute, by iterating a random subspace of twice the
    size (Halko, Martinsson & Tropp 2011, algorithm 4.4).
    """
    if x.shape[1] > MOST_VALUES_EXACT:
        basis = np.random.default_rng(0).standard_normal((x.shape[1], 2 * NUM_COMPONENTS))
        for _ in range(SUBSPACE_ROUNDS):
            basis, _ = np.linalg.qr(x.T @ (x @ basis))
        variances, inside = np.linalg.eigh((x @ basis).T @ (x @ basis) / len(x))
        directions = basis @ inside
    else:
        variances, directions = np.linalg.eigh(x.T @ x / len(x))
    order = np.argsort(variances)[::-1][:NUM_COMPONENTS]
    return variances[order], directions[:, order]


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
        members = np.equal.outer(np.arange(k), labels).astype(np.float64)
        squared = _squared_distances(points, members @ points / members.sum(axis=1, keepdims=True))
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
