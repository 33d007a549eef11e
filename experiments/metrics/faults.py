"""Real pictures spoilt on purpose: samples of a generator whose fault, and how much of it, is known."""

import zlib
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from gan.pixels import UInt8Array

DOSES: Final = MappingProxyType(
    {
        "classes": (0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9, 1.0),
        "repeats": (0.05, 0.1, 0.25, 0.5, 0.9),
        "blur": (0.3, 0.45, 0.6, 1.0),
        "noise": (0.02, 0.04, 0.08, 0.15),
        "copies": (0.05, 0.1, 0.25, 0.5),
    }
)
"""classes: the share of them that is gone (at least one, at 1 all but one). repeats: the share of samples that show
one of `NUM_REPEATED` pictures again. blur: sigma in pixels. noise: deviation, of full contrast. copies: the share of
samples that are pictures of those compared with."""

NONE: Final = "none"
NUM_REPEATED: Final = 5
_REPEATED_NOISE = 0.01


@dataclass(frozen=True, kw_only=True, eq=False)
class Pool:
    """Pictures to draw samples from, with their classes, and the `originals` that samples are compared with."""

    name: str
    images: UInt8Array
    labels: NDArray[np.int64]
    originals: UInt8Array


def spoilt(pool: Pool, fault: str, dose: float, count: int, seed: int) -> UInt8Array | None:
    """`count` different pictures of the pool, with the fault; None where too few are left for that.

    The same seed draws the same pictures at each dose, as far as the fault leaves them; a larger dose has all of the
    smaller one.
    """
    rng = np.random.default_rng([seed, zlib.crc32(pool.name.encode())])
    order = rng.permutation(len(pool.images))
    classes = rng.permutation(np.unique(pool.labels))
    spoiling = np.random.default_rng([seed, zlib.crc32(fault.encode())])
    if fault == "classes":
        gone = classes[: min(len(classes) - 1, max(1, round(dose * len(classes))))]
        order = order[~np.isin(pool.labels[order], gone)]
    if len(order) < count:
        return None
    images = pool.images[order[:count]]
    share = round(dose * count)
    match fault:
        case "blur":
            return _blurred(images, dose)
        case "noise":
            return _noisy(images, dose, spoiling)
        case "copies":
            images[:share] = pool.originals[spoiling.integers(0, len(pool.originals), share)]
        case "repeats":
            few = images[-NUM_REPEATED:]
            images[:share] = _noisy(few[spoiling.integers(0, NUM_REPEATED, share)], _REPEATED_NOISE, spoiling)
    return images


def _blurred(images: UInt8Array, sigma: float) -> UInt8Array:
    """By a Gaussian, premultiplied as all pictures are inside."""
    soft = gaussian_filter(images.astype(np.float32), (0, 0, sigma, sigma), mode="nearest")
    return np.asarray(np.clip(np.rint(soft), 0, 255), dtype=np.uint8)


def _noisy(images: UInt8Array, sigma: float, rng: np.random.Generator) -> UInt8Array:
    """Normal noise of that share of full contrast on all channels."""
    loud = images + 255.0 * sigma * rng.standard_normal(images.shape, dtype=np.float32)
    return np.asarray(np.clip(np.rint(loud), 0, 255), dtype=np.uint8)
