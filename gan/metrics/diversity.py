"""Cheap signs of collapse: how far the samples lie apart, against how far the reals do.

They cost milliseconds, so they can be had at every tick. At one moment they go with coverage (Spearman over
120 snapshots of ten short runs: similarity -.75, feature variance +.64, pixel distance +.60; DESIGN section
6); none foretells what comes next. They see lost variety only: noise may score well, so they end runs, but
never rank them.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from gan.metrics.arrays import Features
from gan.pixels import UInt8Array, over, to_float

NUM_PAIRS = 256
_WINDOW = 7
_EPSILON = 1e-12


@dataclass(frozen=True, kw_only=True)
class Diversity:
    """Samples against reals. pixel and feature: 1 as varied as the reals, 0 all the same, over 1 for noise.

    similarity: 0 as alike as the reals, 1 all the same, below 0 less alike than the reals.
    """

    pixel: float
    feature: float
    similarity: float

    def as_metrics(self) -> dict[str, float]:
        """By the names that the records use."""
        return {
            "diversity": self.pixel,
            "diversity_features": self.feature,
            "similarity": self.similarity,
        }


@dataclass(frozen=True, kw_only=True)
class RealSpread:
    """What `diversity` compares with; of the reals it is made once."""

    pixel_distance: float
    feature_variance: float
    similarity: float

    @classmethod
    def of(cls, images: UInt8Array, features: Features) -> "RealSpread":
        """Of uint8 `[n, c, h, w]` and features `[n, d]`. Raises ValueError for fewer than two pictures."""
        return cls(
            pixel_distance=pixel_distance(images),
            feature_variance=feature_variance(features),
            similarity=mean_similarity(images),
        )


def diversity(images: UInt8Array, features: Features, reals: RealSpread) -> Diversity:
    """The samples' spread over the reals'. Features that are not finite give NaN. Some 20 ms at 32 px."""
    return Diversity(
        pixel=pixel_distance(images) / max(reals.pixel_distance, _EPSILON),
        feature=feature_variance(features) / max(reals.feature_variance, _EPSILON),
        similarity=(mean_similarity(images) - reals.similarity) / max(1.0 - reals.similarity, _EPSILON),
    )


def pixel_distance(images: UInt8Array, num_pairs: int = NUM_PAIRS) -> float:
    """Mean over pairs of the root mean square difference, in grey levels 0..255. uint8 `[n, c, h, w]`."""
    first, second = _pairs(len(images), num_pairs)
    difference = images[first].astype(np.float32) - images[second].astype(np.float32)
    return float(np.sqrt(np.square(difference).mean(axis=(1, 2, 3))).mean())


def feature_variance(features: Features) -> float:
    """The trace of the covariance of `[n, d]`, n >= 2: half the mean squared distance of two rows."""
    if len(features) < 2:
        raise ValueError(f"the variance of {len(features)} rows of features: at least 2 are needed")
    return float(features.astype(np.float64).var(axis=0, ddof=1).sum())


def mean_similarity(images: UInt8Array, num_pairs: int = NUM_PAIRS) -> float:
    """Mean SSIM over pairs, in [-1, 1], 1 for equal; uint8 `[n, c, h, w]`, alpha shown over mid grey."""
    first, second = _pairs(len(images), num_pairs)
    shown = over(to_float(torch.from_numpy(images[np.concatenate([first, second])])), 0.0)
    return float(structural_similarity(shown[: len(first)], shown[len(first) :]).mean())


def structural_similarity(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """SSIM of each pair, `[n]`, of float `[n, c, h, w]` in [-1, 1] (Wang et al. 2004, equation 13).

    Departure: a flat 7x7 window (smaller where a side is under 7) instead of their Gaussian of 11, which
    small icons could not hold.
    """
    window = min(_WINDOW, a.shape[2], a.shape[3])
    c1, c2 = (0.01 * 2.0) ** 2, (0.03 * 2.0) ** 2  # the range of the values is 2

    def local_mean(x: torch.Tensor) -> torch.Tensor:
        return F.avg_pool2d(x, window, stride=1)

    mean_a, mean_b = local_mean(a), local_mean(b)
    variance_a = local_mean(a * a) - mean_a * mean_a
    variance_b = local_mean(b * b) - mean_b * mean_b
    covariance = local_mean(a * b) - mean_a * mean_b
    luminance = (2 * mean_a * mean_b + c1) / (mean_a * mean_a + mean_b * mean_b + c1)
    structure = (2 * covariance + c2) / (variance_a + variance_b + c2)
    return (luminance * structure).mean(dim=(1, 2, 3))


def _pairs(num: int, num_pairs: int) -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], ...]:
    """Indices of both members: the same for the same counts, never a picture with itself."""
    if num < 2:
        raise ValueError(f"pairs of {num} pictures: at least 2 are needed")
    chance = np.random.default_rng([num, num_pairs])
    first = chance.integers(0, num, num_pairs)
    return first, (first + chance.integers(1, num, num_pairs)) % num
