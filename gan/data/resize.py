"""How a picture comes to a set's size: which filter, how far, and where on the canvas.

Filters work on premultiplied colour, so that the colour of transparent pixels leaks nowhere. Which filter suits is
decided for a whole source, from a sample of it (`judge`), so that its pictures stay of one kind.
"""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gan.data.resolution import Resolution
from gan.errors import UserError
from gan.pixels import UInt8Array

# letterbox: scaled until it fits, then padded; crop: scaled until it fills, then cut; pad: padded, never enlarged, and
# shrunk only where it is larger than the set; stretch: both ways to the set's size, whatever becomes of its shape
Fit = Literal["letterbox", "crop", "pad", "stretch"]
Method = Literal["pixel-art", "nearest", "lanczos", "area"]
Filter = Literal["none", "nearest", "lanczos", "area"]

# Measured on sets of 32 to 128 pixels: DCSS's tiles pass at 80 to 93 % of pictures; the same tiles after Lanczos,
# bicubic or JPEG, anti-aliased icons (game-icons.net) and the armory at under 10 %.
MOST_COLOURS = 128
MOST_COLOURS_A_PIXEL = 0.5
SOFT_STEP = 12  # of 255: neighbours that differ, but by no more than this, are a gradient or a blurred edge
MOST_SOFT_STEPS = 0.15
_MOST_JUDGED = 2048  # pixels along an edge
_MOST_BEYOND_CROP = 8  # times the size
_CHUNK_ROWS = 256


@dataclass(frozen=True, kw_only=True)
class Style:
    """What a sample of a source looks like: how many of the pictures looked at are pixel art. Blank ones are aside."""

    num_looked_at: int
    num_pixel_art: int

    @property
    def is_pixel_art(self) -> bool:
        return 2 * self.num_pixel_art > self.num_looked_at


def judge(images: Iterable[Image.Image]) -> Style:
    """Whether pictures are pixel art by most of a sample: few colours, hard edges, once shrunk to their own scale."""
    verdicts = [verdict for verdict in map(_looks_drawn_by_pixels, images) if verdict is not None]
    return Style(num_looked_at=len(verdicts), num_pixel_art=sum(verdicts))


def enlarged_by(image: Image.Image) -> int:
    """The largest k for which the picture consists of k x k squares of one colour each; 1: it was not enlarged."""
    pixels = _visible(image).view(np.uint32)[..., 0]
    across = np.flatnonzero((pixels[:, 1:] != pixels[:, :-1]).any(axis=0)) + 1
    down = np.flatnonzero((pixels[1:] != pixels[:-1]).any(axis=1)) + 1
    return math.gcd(image.width, image.height, *map(int, across), *map(int, down))


def resize(image: Image.Image, size: Resolution, fit: Fit, method: Method) -> tuple[Image.Image, Filter]:
    """As large as fits inside the size (letterbox, pad), or exactly that size (crop, stretch); and the filter used.

    `pixel-art`: nearest where each of the picture's own pixels becomes a whole square, also of a picture that was
    enlarged before and shrinks; else area, which gives each its exact share and neither blurs nor rings.
    """
    if fit != "crop":
        return _to(image, scaled_size(image.size, size, fit), method)
    image = _without_far_ends(image, size)
    scaled, used = _to(image, scaled_size(image.size, size, fit), method)
    return on_canvas(scaled, size), used


def scaled_size(before: tuple[int, int], size: Resolution, fit: Fit) -> tuple[int, int]:
    """Width and height of a picture of width and height `before`, scaled alike both ways (but by `stretch`)."""
    if fit == "stretch":
        return size.width, size.height
    ratios = (size.width / before[0], size.height / before[1])
    scale = max(ratios) if fit == "crop" else min(ratios)
    if fit == "pad":
        scale = min(scale, 1.0)
    return max(1, round(before[0] * scale)), max(1, round(before[1] * scale))


def is_whole_enlargement(before: tuple[int, int], after: tuple[int, int]) -> bool:
    """Whether each pixel becomes a square of whole pixels (or stays as it is)."""
    scale = after[0] // before[0]
    return scale >= 1 and after == (before[0] * scale, before[1] * scale)


def on_canvas(image: Image.Image, size: Resolution, background: tuple[int, ...] | int = 0) -> Image.Image:
    """In the middle of a canvas of that size: padded (transparent or black, by default) where smaller, else cut."""
    if image.size == (size.width, size.height):
        return image
    canvas = Image.new(image.mode, (size.width, size.height), background)
    canvas.paste(image, ((size.width - image.width) // 2, (size.height - image.height) // 2))
    return canvas


def one_size(source: str, sizes: Counter[tuple[int, int]], fit: Fit = "letterbox") -> Resolution:
    """The one size (height, width) of all pictures, or the least that holds all where they are padded.

    UserError where there are several, and they are not.
    """
    if fit == "pad":
        return Resolution(height=max(height for height, _ in sizes), width=max(width for _, width in sizes))
    if len(sizes) > 1:
        shown = ", ".join(f"{height}x{width} ({count})" for (height, width), count in sizes.most_common(3))
        raise UserError(
            f"data {source!r} has {len(sizes)} different sizes: {shown}{', …' if len(sizes) > 3 else ''};"
            " say which one to train at, e.g. --resolution 64"
        )
    ((height, width),) = sizes
    return Resolution(height=height, width=width)


def area(image: Image.Image, width: int, height: int) -> Image.Image:
    """L, RGB or RGBA; each new pixel is the mean of what it covers, by exact shares of area: up or down, any scale."""
    pixels = np.asarray(image).reshape(image.height, image.width, -1)
    chunks = (pixels[start : start + _CHUNK_ROWS] for start in range(0, image.height, _CHUNK_ROWS))
    narrow = [_mean_shares(_premultiplied(chunk).swapaxes(0, 1), width).swapaxes(0, 1) for chunk in chunks]
    mean = _mean_shares(np.concatenate(narrow), height)
    if image.mode == "RGBA":
        alpha = mean[..., 3:]
        mean[..., :3] = np.divide(mean[..., :3] * 255, alpha, out=np.zeros_like(mean[..., :3]), where=alpha > 0)
    values = np.clip(np.rint(mean), 0, 255).astype(np.uint8)
    return Image.fromarray(values[..., 0] if image.mode == "L" else values)


def _premultiplied(pixels: UInt8Array) -> NDArray[np.float32]:
    """`[h, w, c]` in 0..255; unrounded, unlike pixels.premultiply."""
    values = pixels.astype(np.float32)
    if values.shape[2] == 4:
        values[..., :3] *= values[..., 3:] / 255
    return values


def _without_far_ends(image: Image.Image, size: Resolution) -> Image.Image:
    """What a crop would cut anyway, cut first where it is a lot: 1 x 100,000 pixels would grow a thousandfold."""
    width, height = scaled_size(image.size, size, "crop")
    most_width = -(-image.width * _MOST_BEYOND_CROP * size.width // width)
    most_height = -(-image.height * _MOST_BEYOND_CROP * size.height // height)
    if image.width <= most_width and image.height <= most_height:
        return image
    left, top = max(0, image.width - most_width) // 2, max(0, image.height - most_height) // 2
    return image.crop((left, top, min(image.width, left + most_width), min(image.height, top + most_height)))


def _to(image: Image.Image, after: tuple[int, int], method: Method) -> tuple[Image.Image, Filter]:
    if after == image.size:
        return image, "none"
    if method == "nearest":
        return image.resize(after, Image.Resampling.NEAREST), "nearest"
    if method == "lanczos":
        return image.resize(after, Image.Resampling.LANCZOS), "lanczos"
    if method == "pixel-art":
        scale = enlarged_by(image)
        own = (image.width // scale, image.height // scale)
        if is_whole_enlargement(own, after):
            return image.resize(after, Image.Resampling.NEAREST), "nearest"
    return area(image, *after), "area"


def _mean_shares(pixels: NDArray[np.float32], num: int) -> NDArray[np.float32]:
    """`[before, m, c]` to `[num, m, c]`: differences of the running total between the new pixels' borders."""
    before = len(pixels)
    total = np.zeros((before + 1, *pixels.shape[1:]))
    np.cumsum(pixels, axis=0, out=total[1:])
    borders = np.arange(num + 1) * before / num
    whole = np.minimum(borders.astype(np.int64), before - 1)
    at = total[whole] + (borders - whole)[:, None, None] * pixels[whole]
    shares: NDArray[np.float32] = (np.diff(at, axis=0) * (num / before)).astype(np.float32)
    return shares


def _looks_drawn_by_pixels(image: Image.Image) -> bool | None:
    """None: blank, and so no evidence. Of a large picture the corner where whole squares begin is enough."""
    image = image.crop((0, 0, min(image.width, _MOST_JUDGED), min(image.height, _MOST_JUDGED)))
    scale = enlarged_by(image)
    pixels = _visible(image)[::scale, ::scale].astype(np.int16)
    steps = np.concatenate([np.abs(np.diff(pixels, axis=axis)).max(axis=2).ravel() for axis in (0, 1)])
    steps = steps[steps > 0]
    if not len(steps):
        return None
    seen = pixels[pixels[..., 3] > 0]
    num_colours = len(np.unique(seen, axis=0))
    few = num_colours <= min(MOST_COLOURS, MOST_COLOURS_A_PIXEL * len(seen))
    return bool(few and (steps <= SOFT_STEP).mean() <= MOST_SOFT_STEPS)


def _visible(image: Image.Image) -> UInt8Array:
    """RGBA `[h, w, 4]`, 0 where transparent: colour there is nobody's choice."""
    pixels = np.array(image.convert("RGBA"))
    pixels[pixels[..., 3] == 0] = 0
    return pixels
