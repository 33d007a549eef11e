"""What is kept of one picture: two hashes, a miniature and a short vector in which copies lie close together.

The vector is a blurred 8 x 8 view through a window that is centred on the picture's centre of alpha and sized by its
longest side, so that a shift, a resize, noise or JPEG hardly moves it, and a mirrored picture's vector is the mirrored
vector. It only proposes; gan.data.likeness.verify decides.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gan.data.likeness.miniature import MOST_BYTES, Miniature, as_numbers, keep, reduce_to
from gan.errors import UserError
from gan.pixels import MODE_OF_CHANNELS, premultiply, unpremultiply

UInt8Array = NDArray[np.uint8]
Float32Array = NDArray[np.float32]

CELLS = 8
COLOUR_CELLS = 4
NUM_VALUES = 2 * CELLS**2 + 2 * COLOUR_CELLS**2

# The window is a little wider than the picture: an off-centre centre of alpha must not push the far edge out.
WINDOW = 1.25
VIEWED_SIDE = 32
# Rec. 601 luma and the blue and red differences to it.
TO_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


@dataclass(frozen=True, kw_only=True, slots=True)
class Descriptor:
    """height, width: the picture's own; pixels_key, visible_key: equal for equal pixels, and for pictures that differ
    at most in the colour of invisible pixels; vector: float16 `[NUM_VALUES]`, distances in shares of full contrast;
    num_colours: distinct visible colours of the miniature."""

    height: int
    width: int
    pixels_key: bytes
    visible_key: bytes
    miniature: Miniature
    vector: NDArray[np.float16]
    num_colours: int

    @property
    def is_whole(self) -> bool:
        """Whether the miniature is the picture itself."""
        return (self.miniature.height, self.miniature.width) == (self.height, self.width)


def describe(picture: UInt8Array, *, straight: bool = False, most_bytes: int = MOST_BYTES) -> Descriptor:
    """The descriptor of one uint8 picture `[c, h, w]`, c = 1, 3 or 4, of any size.

    c = 4 is premultiplied as everywhere inside, or straight if so said: only straight pictures carry colour where
    alpha is 0, so only there do the two keys differ. most_bytes: for its miniature (gan.data.likeness.miniature has
    bytes_each for very many). About 0.3 ms and 1 to 4 KB at 32 px. Raises UserError for another shape.
    """
    if picture.ndim != 3 or picture.dtype != np.uint8 or picture.shape[0] not in MODE_OF_CHANNELS or not picture.size:
        raise UserError(
            f"picture of shape {list(picture.shape)} and type {picture.dtype}; give uint8 [c, h, w] with c = 1, 3 or 4"
        )
    given = _with_four_channels(picture)
    inside = premultiply(given) if straight else given
    miniature = keep(given if straight else unpremultiply(given), most_bytes)
    pixels = premultiply(miniature.straight())
    return Descriptor(
        height=picture.shape[1],
        width=picture.shape[2],
        pixels_key=_key(given),
        visible_key=_key(inside) if straight else _key(given),
        miniature=miniature,
        vector=_vector(premultiply(reduce_to(miniature.straight(), VIEWED_SIDE))),
        num_colours=len(np.unique(as_numbers(pixels)[pixels[3] > 0])),
    )


def mirrored(vectors: NDArray[np.float16]) -> NDArray[np.float16]:
    """The vectors `[n, NUM_VALUES]` of the same pictures mirrored left to right."""
    num = len(vectors)
    split = 2 * CELLS**2
    fine = vectors[:, :split].reshape(num, 2, CELLS, CELLS)[..., ::-1].reshape(num, -1)
    coarse = vectors[:, split:].reshape(num, 2, COLOUR_CELLS, COLOUR_CELLS)[..., ::-1].reshape(num, -1)
    return np.concatenate([fine, coarse], axis=1)


def centre_of_alpha(pixels: UInt8Array) -> tuple[float, float]:
    """(down, across) in pixels of the mean place of what is visible; the middle where nothing is."""
    alpha = pixels[3].astype(np.float32)
    total = float(alpha.sum())
    if total == 0.0:
        return pixels.shape[1] / 2.0, pixels.shape[2] / 2.0
    down = float(alpha.sum(axis=1) @ (np.arange(pixels.shape[1], dtype=np.float32) + 0.5)) / total
    across = float(alpha.sum(axis=0) @ (np.arange(pixels.shape[2], dtype=np.float32) + 0.5)) / total
    return down, across


def _with_four_channels(picture: UInt8Array) -> UInt8Array:
    if picture.shape[0] == 4:
        return np.ascontiguousarray(picture)
    colour = np.broadcast_to(picture, (3, *picture.shape[1:]))
    return np.concatenate([colour, np.full((1, *picture.shape[1:]), 255, dtype=np.uint8)])


def _key(picture: UInt8Array) -> bytes:
    digest = hashlib.blake2b(repr(picture.shape).encode(), digest_size=16)
    digest.update(picture.tobytes())
    return digest.digest()


def _vector(pixels: UInt8Array) -> NDArray[np.float16]:
    _, height, width = pixels.shape
    down, across = centre_of_alpha(pixels)
    side = WINDOW * max(height, width)
    rows = _cell_weights(height, down, side)
    columns = _cell_weights(width, across, side)
    cells = rows @ (pixels.astype(np.float32) / 255.0) @ columns.T
    luma = np.tensordot(TO_LUMA, cells[:3], axes=1)
    differences = np.stack([cells[2] - luma, cells[0] - luma])
    step = CELLS // COLOUR_CELLS
    coarse = differences.reshape(2, COLOUR_CELLS, step, COLOUR_CELLS, step).mean(axis=(2, 4))
    return np.concatenate([luma.ravel(), cells[3].ravel(), coarse.ravel()]).astype(np.float16)


def _cell_weights(length: int, centre: float, side: float) -> Float32Array:
    """`[CELLS, length]`: each cell a triangle as wide as two cells; what lies outside the picture counts as clear."""
    pitch = side / CELLS
    middles = centre + (np.arange(CELLS) + 0.5 - CELLS / 2) * pitch
    places = np.arange(length) + 0.5
    weights: Float32Array = np.maximum(0.0, 1.0 - np.abs(places - middles[:, None]) / pitch).astype(np.float32)
    return weights / np.float32(pitch)
