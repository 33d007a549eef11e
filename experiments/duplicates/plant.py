"""Copies of pictures made by the processes that make duplicates in real folders, one function a kind.

Every function takes and gives a PIL RGBA image, and draws what it needs from the generator it is given. The ranges
are wider than those of ../shared/data/dcss-dirty.zip, so that a cleaner is not only scored where it was tuned.
"""

import io
from collections.abc import Callable

import numpy as np
from PIL import Image

from gan.pixels import premultiply

Copier = Callable[[Image.Image, np.random.Generator], Image.Image]

FILTERS = (
    Image.Resampling.NEAREST,
    Image.Resampling.BOX,
    Image.Resampling.BILINEAR,
    Image.Resampling.BICUBIC,
    Image.Resampling.LANCZOS,
)


def exact(image: Image.Image, generator: np.random.Generator) -> Image.Image:
    return image.copy()


def hidden_colour(image: Image.Image, generator: np.random.Generator) -> Image.Image:
    """Other colours where alpha is 0: the visible picture stays."""
    pixels = np.array(image)
    clear = pixels[..., 3] == 0
    pixels[clear, :3] = generator.integers(0, 256, size=(int(clear.sum()), 3))
    return Image.fromarray(pixels)


def shifted(image: Image.Image, generator: np.random.Generator) -> Image.Image:
    """By one pixel (two at 64 px and above) in one or both directions; what leaves is lost, what enters is clear."""
    step = 1 if max(image.size) < 64 else 2
    shifts = [(i, j) for i in (-step, 0, step) for j in (-step, 0, step) if (i, j) != (0, 0)]
    across, down = shifts[generator.integers(len(shifts))]
    moved = Image.new("RGBA", image.size)
    moved.paste(image, (across, down))
    return moved


def mirrored(image: Image.Image, generator: np.random.Generator) -> Image.Image:
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


def recoloured(image: Image.Image, generator: np.random.Generator) -> Image.Image:
    """One gain (0.9 to 1.1) and one offset (-10 to 10) a channel."""
    pixels = np.array(image).astype(np.float64)
    gain, offset = generator.uniform(0.9, 1.1, size=3), generator.uniform(-10, 10, size=3)
    pixels[..., :3] = np.clip(pixels[..., :3] * gain + offset, 0, 255)
    return Image.fromarray(pixels.astype(np.uint8))


def resized(image: Image.Image, generator: np.random.Generator) -> Image.Image:
    """To 0.75, 1.5, 2 or 3 times its size by one of five filters."""
    scale = (0.75, 1.5, 2.0, 3.0)[generator.integers(4)]
    return image.resize((round(image.width * scale), round(image.height * scale)), FILTERS[generator.integers(5)])


def jpeg(image: Image.Image, generator: np.random.Generator) -> Image.Image:
    """Quality 60 to 95, colour halved or not, over black, white or nothing; the alpha channel kept aside."""
    quality, subsampling = int(generator.integers(60, 96)), (0, 2)[generator.integers(2)]
    background = (None, (0, 0, 0), (255, 255, 255))[generator.integers(3)]
    flat = image.convert("RGB")
    if background is not None:
        flat = Image.new("RGB", image.size, background)
        flat.paste(image, mask=image)
    stream = io.BytesIO()
    flat.save(stream, "JPEG", quality=quality, subsampling=subsampling)
    copy = Image.open(stream).convert("RGB")
    copy.putalpha(image.getchannel("A"))
    return copy


def quantised(image: Image.Image, generator: np.random.Generator) -> Image.Image:
    """To 16 or 32 colours: alpha with the colours (octree), or the colours alone (median cut)."""
    colours = (16, 32)[generator.integers(2)]
    if generator.integers(2):
        return image.quantize(colours, method=Image.Quantize.FASTOCTREE).convert("RGBA")
    copy = image.convert("RGB").quantize(colours, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    copy = copy.convert("RGB")
    copy.putalpha(image.getchannel("A"))
    return copy


def noisy(image: Image.Image, generator: np.random.Generator) -> Image.Image:
    """Gaussian noise of deviation 2 to 6 on the colours."""
    pixels = np.array(image).astype(np.float64)
    sigma = generator.uniform(2.0, 6.0)
    noise = generator.normal(0.0, sigma, size=pixels[..., :3].shape)
    pixels[..., :3] = np.clip(np.rint(pixels[..., :3] + noise), 0, 255)
    return Image.fromarray(pixels.astype(np.uint8))


COPIERS: dict[str, Copier] = {
    "exact": exact,
    "hidden_colour": hidden_colour,
    "shift": shifted,
    "mirror": mirrored,
    "recolour": recoloured,
    "resize": resized,
    "jpeg": jpeg,
    "quantise": quantised,
    "noise": noisy,
}


def is_visible_copy(original: Image.Image, copy: Image.Image) -> bool:
    """False where a process changed nothing (quantising a picture of few colours): the copy is then an exact one."""
    if original.size != copy.size:
        return True
    before, after = (premultiply(np.asarray(image).transpose(2, 0, 1)) for image in (original, copy))
    return bool((before != after).any())
