"""What JPEG makes of a picture at many qualities at once, to find the one at which a copy was saved.

`through_jpeg` is Pillow's, slow in a search for its calls and files; `through_many` computes the same steps (ITU-T T.81
annex A, K.1; JFIF colours; the triangle filter by which libjpeg enlarges halved colour) for all qualities in one go,
within one to three levels of it: it proposes, `through_jpeg` confirms. Colours are uint8 `[3, h, w]`.
"""

import io
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

UInt8Array = NDArray[np.uint8]
Float32Array = NDArray[np.float32]

# Pillow's numbers for the two ways to store colour: one value a pixel, or one for each 2 x 2.
FULL_COLOUR, HALVED_COLOUR = 0, 2
BLOCK = 8

FROM_RGB = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]], dtype=np.float32)
TO_RGB = np.array([[1.0, 0.0, 1.402], [1.0, -0.344136, -0.714136], [1.0, 1.772, 0.0]], dtype=np.float32)


def through_jpeg(colour: UInt8Array, quality: int, subsampling: int) -> UInt8Array:
    """Saved as JPEG and read again, by Pillow."""
    stream = io.BytesIO()
    image = Image.fromarray(np.ascontiguousarray(colour.transpose(1, 2, 0)))
    image.save(stream, "JPEG", quality=quality, subsampling=subsampling)
    read: UInt8Array = np.asarray(Image.open(stream)).transpose(2, 0, 1)
    return read


def through_many(colour: UInt8Array, qualities: Sequence[int], subsampling: int) -> Float32Array:
    """float32 `[qualities, 3, h, w]`, 0..255; at 32 px about 3 ms for 49 qualities."""
    _, height, width = colour.shape
    tables = np.stack([_tables(quality) for quality in qualities])
    luma, *chroma = np.rint(np.tensordot(FROM_RGB, colour.astype(np.float32), axes=1))
    planes = [_quantised(luma - 128.0, tables[:, 0])[:, :height, :width] + 128.0]
    for plane in chroma:
        if subsampling == FULL_COLOUR:
            planes.append(_quantised(plane, tables[:, 1])[:, :height, :width])
        else:
            small = _quantised(_halved(plane), tables[:, 1])[:, : -(-height // 2), : -(-width // 2)]
            planes.append(_doubled(_doubled(small, axis=1), axis=2)[:, :height, :width])
    made: Float32Array = np.einsum("ij,jqhw->qihw", TO_RGB, np.stack(planes))
    return np.clip(np.rint(made), 0.0, 255.0)


@lru_cache(maxsize=128)
def _tables(quality: int) -> Float32Array:
    """`[2, 8, 8]`: the steps for luma and for chroma at that quality, as Pillow writes them."""
    stream = io.BytesIO()
    Image.new("RGB", (BLOCK, BLOCK)).save(stream, "JPEG", quality=quality)
    with Image.open(stream) as image:
        tables = getattr(image, "quantization")  # noqa: B009 (known to JPEG images alone)
    return np.array([tables[0], tables[1]], dtype=np.float32).reshape(2, BLOCK, BLOCK)


def _cosines() -> Float32Array:
    """The orthonormal 8-point DCT-II."""
    place = np.arange(BLOCK)
    rows = np.cos((2 * place + 1) * place[:, None] * np.pi / (2 * BLOCK)) * np.sqrt(2.0 / BLOCK)
    rows[0] /= np.sqrt(2.0)
    matrix: Float32Array = rows.astype(np.float32)
    return matrix


COSINES = _cosines()


def _quantised(plane: Float32Array, tables: Float32Array) -> Float32Array:
    """A plane `[h, w]` after each of the tables `[q, 8, 8]`: `[q, h', w']`, padded at the far edges to whole blocks."""
    height, width = plane.shape
    padded = np.pad(plane, ((0, -height % BLOCK), (0, -width % BLOCK)), mode="edge")
    rows, columns = padded.shape[0] // BLOCK, padded.shape[1] // BLOCK
    blocks = padded.reshape(rows, BLOCK, columns, BLOCK).transpose(0, 2, 1, 3)
    waves = COSINES @ blocks @ COSINES.T
    steps = tables[:, None, None]
    restored = COSINES.T @ (np.rint(waves / steps) * steps) @ COSINES
    return np.clip(np.rint(restored), -128.0, 127.0).transpose(0, 1, 3, 2, 4).reshape(len(tables), *padded.shape)


def _halved(plane: Float32Array) -> Float32Array:
    """Means of 2 x 2, the last row and column doubled where odd."""
    padded = np.pad(plane, ((0, plane.shape[0] % 2), (0, plane.shape[1] % 2)), mode="edge")
    means: Float32Array = padded.reshape(padded.shape[0] // 2, 2, padded.shape[1] // 2, 2).mean(axis=(1, 3))
    return np.rint(means)


def _doubled(planes: Float32Array, axis: int) -> Float32Array:
    """Twice as long along an axis: each new value 3/4 of the nearer old one and 1/4 of the farther."""
    lines = np.moveaxis(planes, axis, -1)
    padded = np.concatenate([lines[..., :1], lines, lines[..., -1:]], axis=-1)
    before = 0.75 * lines + 0.25 * padded[..., :-2]
    after = 0.75 * lines + 0.25 * padded[..., 2:]
    joined = np.stack([before, after], axis=-1).reshape(*lines.shape[:-1], -1)
    return np.moveaxis(joined, -1, axis).astype(np.float32)
