"""Where pictures lie by the look of them: features of the embedded net, brought to one scale, and their neighbours."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from usearch.index import BatchMatches, Index

from gan.data.cleaning.sizes import CommonSize
from gan.data.cleaning.survey import Seen
from gan.data.resize import on_canvas, resize
from gan.data.resolution import Resolution
from gan.data.threads import with_progress
from gan.features.interface import FeatureNet
from gan.features.registry import load_feature_net
from gan.pixels import UInt8Array, from_pil

NUM_DIMENSIONS = 64  # of 512: beyond them the directions of a few hundred pictures are chance
MOST_BY_ALL_PAIRS = 20_000
USUAL = 0.9  # of the pictures; see distances_from_usual
LEAST_DEVIATION = 0.05  # of a feature, beside the median of all features'
LONGEST_SIDE = 64  # the net looks at no more
_BATCH = 512

Float32Array = NDArray[np.float32]


@dataclass(frozen=True)
class Neighbours:
    """Of each of n pictures its k nearest others, nearest first: rows `[n, k]` and distances `[n, k]`."""

    rows: NDArray[np.int64]
    distances: Float32Array


@dataclass(frozen=True)
class StyleSpace:
    """Of n pictures: places `[n, d]`, mean 0, in the principal directions of their standardised features; distances
    `[n]` from the middle of the usual ones, over all features."""

    places: Float32Array
    distances: Float32Array


def style_space(seen: Sequence[Seen], common: CommonSize) -> StyleSpace:
    """Made from the descriptors' miniatures, so that nothing is decoded again. About 0.5 ms a picture of 32 px."""
    net = load_feature_net("randconv", torch.device("cpu"))
    size = _looked_at(common)
    starts = range(0, len(seen), _BATCH)
    batches = with_progress((_features(seen[at : at + _BATCH], size, net) for at in starts), total=None, what="style")
    raw = np.concatenate(list(batches))
    mean, deviation = _moments(raw)
    return StyleSpace(_principal(raw, mean, deviation), distances_from_usual(raw))


def with_layout(style: Float32Array, seen: Sequence[Seen]) -> Float32Array:
    """The style `[n, d]` beside the descriptors' centred view of shape and colour, each of mean square length 1.

    Classes differ by what is where as much as by texture: with 5 in 100 labels changed at random, both together find
    more of them in every set than either does (experiments/cleaner/README.md).
    """
    layout = np.stack([one.descriptor.vector for one in seen]).astype(np.float32)
    return np.concatenate([_of_length_one(style), _of_length_one(layout)], axis=1)


def _of_length_one(values: Float32Array) -> Float32Array:
    centred: Float32Array = values - values.mean(axis=0)
    return centred / np.float32(max(1e-6, np.sqrt(np.square(centred).sum(axis=1).mean())))


def nearest(space: Float32Array, num: int) -> Neighbours:
    """The nearest others, exactly by all pairs for up to 20,000 pictures, by an HNSW index beyond."""
    num = min(num, len(space) - 1)
    if len(space) <= MOST_BY_ALL_PAIRS:
        return _by_all_pairs(space, num)
    index = Index(ndim=space.shape[1], metric="l2sq", dtype="f32", connectivity=16, expansion_search=64)
    index.add(np.arange(len(space), dtype=np.uint64), space, threads=1)
    matches = index.search(space, num + 1, threads=1)
    assert isinstance(matches, BatchMatches)
    keys, squares = np.asarray(matches.keys).astype(np.int64), np.asarray(matches.distances)
    # itself goes to the end, whether the index found it or not
    order = np.argsort(np.where(keys == np.arange(len(space))[:, None], np.inf, squares), axis=1, kind="stable")[
        :, :num
    ]
    squares = np.take_along_axis(squares, order, axis=1).astype(np.float32)
    return Neighbours(np.take_along_axis(keys, order, axis=1), np.sqrt(squares))


def _looked_at(common: CommonSize) -> Resolution:
    scale = min(1.0, LONGEST_SIDE / max(common.height, common.width))
    return Resolution(height=max(1, round(common.height * scale)), width=max(1, round(common.width * scale)))


def _features(some: Sequence[Seen], size: Resolution, net: FeatureNet) -> NDArray[np.float16]:
    pictures: UInt8Array = np.stack([_picture(one, size) for one in some])
    features: NDArray[np.float16] = net(pictures).astype(np.float16)  # half the memory; they are of order 1
    return features


def _picture(one: Seen, size: Resolution) -> UInt8Array:
    straight = np.ascontiguousarray(one.descriptor.miniature.straight().transpose(1, 2, 0))
    image = Image.fromarray(straight)
    if image.size != (size.width, size.height):
        image = on_canvas(resize(image, size, "letterbox", "lanczos")[0], size)
    return from_pil(image, 4)


def _moments(raw: NDArray[np.float16]) -> tuple[Float32Array, Float32Array]:
    mean = raw.mean(axis=0, dtype=np.float64)
    square = sum((np.square(some - mean).sum(axis=0) for some in _chunks(raw)), np.zeros(raw.shape[1]))
    deviation = np.sqrt(square / len(raw))
    return mean.astype(np.float32), np.where(deviation > 1e-6, deviation, np.inf).astype(np.float32)


def distances_from_usual(raw: NDArray[np.float16]) -> Float32Array:
    """`[n]`, of features `[n, d]` over the deviations of the USUAL nearest to the middle: strangers, of which a set
    may hold a few in a hundred, else stretch the very measure that should tell them."""
    distances = _distances(raw, *_moments(raw))
    usual = np.argsort(distances, kind="stable")[: max(2, round(USUAL * len(raw)))]
    mean, deviation = _moments(raw[np.sort(usual)])
    finite = deviation[np.isfinite(deviation)]
    # a feature that is all but constant among the usual would alone make a stranger of any other picture
    least = LEAST_DEVIATION * float(np.median(finite)) if len(finite) else 1.0
    return _distances(raw, mean, np.maximum(deviation, np.float32(least)))


def _distances(raw: NDArray[np.float16], mean: Float32Array, deviation: Float32Array) -> Float32Array:
    return np.concatenate([np.linalg.norm((some - mean) / deviation, axis=1) for some in _chunks(raw)])


def _principal(raw: NDArray[np.float16], mean: Float32Array, deviation: Float32Array) -> Float32Array:
    covariance = np.zeros((raw.shape[1], raw.shape[1]))
    for some in _chunks(raw):
        scaled = ((some - mean) / deviation).astype(np.float64)
        covariance += scaled.T @ scaled
    _, directions = np.linalg.eigh(covariance)
    kept = directions[:, ::-1][:, :NUM_DIMENSIONS].astype(np.float32)
    space: Float32Array = np.concatenate(
        [((some - mean) / deviation).astype(np.float32) @ kept for some in _chunks(raw)]
    )
    return space


def _chunks(raw: NDArray[np.float16]) -> Sequence[NDArray[np.float16]]:
    return [raw[start : start + 8 * _BATCH] for start in range(0, len(raw), 8 * _BATCH)]


def _by_all_pairs(space: Float32Array, num: int) -> Neighbours:
    lengths = np.square(space).sum(axis=1)
    rows, distances = [], []
    for start in range(0, len(space), _BATCH):
        some = space[start : start + _BATCH]
        squares = lengths[start : start + _BATCH, None] - 2 * some @ space.T + lengths
        squares[np.arange(len(some)), np.arange(start, start + len(some))] = np.inf
        near = np.argpartition(squares, num - 1, axis=1)[:, :num]
        near_squares = np.take_along_axis(squares, near, axis=1)
        order = np.argsort(near_squares, axis=1, kind="stable")
        rows.append(np.take_along_axis(near, order, axis=1).astype(np.int64))
        distances.append(np.sqrt(np.maximum(np.take_along_axis(near_squares, order, axis=1), 0)))
    return Neighbours(np.concatenate(rows), np.concatenate(distances).astype(np.float32))
