"""Copies made again: given an original and a supposed copy, what each known process would have made of the original.

A copy that a process made can be made again, nearly to the pixel, from the original alone; a picture that an artist
drew as another item cannot, however near it lies. Every function takes premultiplied uint8 or int16 `[4, h, w]` and
gives remakes as int16 `[4, h, w]` for the caller to compare. Knows nothing of thresholds.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gan.data.likeness.miniature import resample
from gan.pixels import premultiply

UInt8Array = NDArray[np.uint8]
Int16Array = NDArray[np.int16]

# The first keeps thin lines whole that all others blur: how far it leaves a copy says nothing about them.
FILTERS = (
    Image.Resampling.NEAREST,
    Image.Resampling.BILINEAR,
    Image.Resampling.BOX,
    Image.Resampling.HAMMING,
    Image.Resampling.BICUBIC,
    Image.Resampling.LANCZOS,
)

LEAST_GAIN, MOST_GAIN = 0.6, 1.6
MOST_FITS = 4
# Weighs like one pixel that is 8 levels off for a gain or an offset of 1.
TOWARDS_NOTHING = 64.0


def recoloured(original: Int16Array, copy: Int16Array) -> Int16Array | None:
    """The original under the one gain and one offset a channel that come nearest to the copy (least squares; pixels
    that the process clipped at the limits are left out).

    None where a gain would fold the colours together or tear them apart: with few colours any two pictures fit so.
    """
    alpha = original[3]
    remake = original.copy()
    for channel in range(3):
        known = original[channel]
        gain, offset = _gain_and_offset(known, copy[channel], alpha)
        if not LEAST_GAIN <= gain <= MOST_GAIN:
            return None
        remake[channel] = np.rint(np.clip(gain * known + offset * (alpha / 255.0), 0, alpha))
    return remake


def _gain_and_offset(known: Int16Array, wanted: Int16Array, alpha: Int16Array) -> tuple[float, float]:
    """Of one channel. A value at the limits counts only where the line does not lead beyond them, which is known when
    a line is: with few values between the limits, those at them may be all that tells the gain. Where nothing tells,
    the gain is 1, and an offset likelier than a gain."""
    # premultiplied, an offset is an offset times alpha; in shares of 255, so that it costs less than a gain
    terms = np.stack([known, alpha], axis=-1).astype(np.float64)
    change = (wanted - known).astype(np.float64)
    between = (alpha > 0) & (wanted > 1) & (wanted < alpha - 1)
    free = between
    gain, offset = 1.0, 0.0
    for _ in range(MOST_FITS):
        rows = terms[free]
        more, offset = np.linalg.solve(rows.T @ rows + TOWARDS_NOTHING * np.eye(2), rows.T @ change[free])
        gain = 1.0 + more
        line = terms @ (gain, offset)
        missed = ((wanted <= 1) & (line > wanted + 1)) | ((wanted >= alpha - 1) & (line < wanted - 1))
        missed &= alpha > 0
        if not missed.any():
            break
        free = between | missed
    return float(gain), 255.0 * float(offset)


def filtered(original: Int16Array, copy: Int16Array) -> Int16Array:
    """The original under the one 3 x 3 kernel, the same for all channels and places, that comes nearest to the copy."""
    padded = np.pad(original.astype(np.float64), ((0, 0), (1, 1), (1, 1)), mode="edge")
    _, height, width = original.shape
    terms = np.stack([padded[:, i : i + height, j : j + width].ravel() for i in range(3) for j in range(3)], axis=1)
    kernel, *_ = np.linalg.lstsq(terms.T @ terms, terms.T @ copy.ravel().astype(np.float64), rcond=None)
    remake: Int16Array = np.rint((terms @ kernel).reshape(original.shape)).astype(np.int16)
    return remake


def resized(original: UInt8Array, height: int, width: int) -> Iterator[UInt8Array]:
    """The straight original at another size, by each of Pillow's filters."""
    for filter_ in FILTERS:
        yield resample(original, height, width, filter_)


def with_palette(original: UInt8Array, num_colours: int) -> UInt8Array:
    """The straight original in that many colours, alpha being part of a colour (Pillow's octree)."""
    image = Image.fromarray(np.ascontiguousarray(original.transpose(1, 2, 0)))
    reduced = image.quantize(num_colours, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    pixels: UInt8Array = np.asarray(reduced.convert("RGBA")).transpose(2, 0, 1)
    return pixels


def with_opaque_palette(original: UInt8Array, num_colours: int) -> Iterator[UInt8Array]:
    """The straight original in that many opaque colours, its alpha kept aside, by each of Pillow's quantisers."""
    image = Image.fromarray(np.ascontiguousarray(original[:3].transpose(1, 2, 0)))
    for method in (Image.Quantize.MEDIANCUT, Image.Quantize.MAXCOVERAGE, Image.Quantize.FASTOCTREE):
        reduced = image.quantize(num_colours, method=method, dither=Image.Dither.NONE).convert("RGB")
        yield np.concatenate([np.asarray(reduced).transpose(2, 0, 1), original[3:]])


def flattened(original: UInt8Array) -> list[UInt8Array]:
    """What colours `[3, h, w]` of a straight original a program may hand to JPEG, which knows no alpha: those over
    black, over white, and as they stand; each once."""
    over_black = premultiply(original)[:3]
    over_white = over_black + (255 - original[3:])
    distinct: list[UInt8Array] = []
    for flat in (over_black, over_white, original[:3]):
        if not any((flat == known).all() for known in distinct):
            distinct.append(flat)
    return distinct
