"""The doors between pictures outside and arrays inside, and what a picture's channels mean inside.

Inside, everywhere: uint8 or float `[n, c, h, w]` with c = 1 (grey), 3 (RGB) or 4 (RGB premultiplied by alpha, then
alpha). Premultiplied, because then resizing, blurring and averaging never drag the arbitrary colour of transparent
pixels into the visible ones (Porter & Duff 1984), and an image over a background is one multiply-add. As floats,
0..255 becomes [-1, 1]. Outside (PNG files, PIL) alpha is straight.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

UInt8Array = NDArray[np.uint8]

MODE_OF_CHANNELS = {1: "L", 3: "RGB", 4: "RGBA"}


def premultiply(images: UInt8Array) -> UInt8Array:
    """Straight-alpha uint8 `[..., 4, h, w]` to premultiplied, rounded to the nearest."""
    colour = images[..., :3, :, :].astype(np.uint16)
    alpha = images[..., 3:, :, :].astype(np.uint16)
    return np.concatenate([(colour * alpha + 127) // 255, alpha], axis=-3).astype(np.uint8)


def unpremultiply(images: UInt8Array) -> UInt8Array:
    """Premultiplied uint8 `[..., 4, h, w]` to straight alpha; fully transparent pixels become black.

    A generator may put out more colour than its alpha allows; that is clipped to full colour.
    """
    colour = images[..., :3, :, :].astype(np.float32)
    alpha = images[..., 3:, :, :].astype(np.float32)
    straight = np.where(alpha > 0, colour * 255.0 / np.maximum(alpha, 1.0), 0.0)
    return np.concatenate([np.clip(np.rint(straight), 0, 255), alpha], axis=-3).astype(np.uint8)


def to_float(images: Tensor) -> Tensor:
    """uint8 0..255 to float32 [-1, 1]."""
    return images.to(torch.float32).div_(127.5).sub_(1.0)


def to_uint8(images: Tensor) -> Tensor:
    """Float [-1, 1] (beyond it is clipped) to uint8 0..255, rounded to the nearest."""
    return images.detach().to(torch.float32).add(1.0).mul(127.5).round().clamp(0, 255).to(torch.uint8)


def over(images: Tensor, background: float) -> Tensor:
    """Float images in [-1, 1], any channel count, shown as RGB `[n, 3, h, w]` over a grey of that value."""
    channels = images.shape[1]
    if channels == 1:
        return images.expand(-1, 3, -1, -1)
    if channels == 3:
        return images
    transparency = (1.0 - images[:, 3:]) / 2.0
    return images[:, :3] + transparency * (background + 1.0)


def to_pil(image: UInt8Array) -> Image.Image:
    """One inside picture uint8 `[c, h, w]` as a PIL image (L, RGB or straight-alpha RGBA)."""
    channels = image.shape[0]
    if channels == 1:
        return Image.fromarray(np.ascontiguousarray(image[0]))
    straight = unpremultiply(image) if channels == 4 else image
    return Image.fromarray(np.ascontiguousarray(straight.transpose(1, 2, 0)))


def from_pil(image: Image.Image, channels: int) -> UInt8Array:
    """A PIL image of any mode as an inside picture uint8 `[c, h, w]`.

    Alpha asked for and absent is opaque; alpha present and not asked for is flattened on black.
    """
    rgba = np.asarray(image.convert("RGBA")).transpose(2, 0, 1)
    inside = premultiply(rgba)
    if channels == 4:
        return inside
    if channels == 3:
        return inside[:3]
    grey = np.asarray(Image.fromarray(np.ascontiguousarray(inside[:3].transpose(1, 2, 0))).convert("L"))
    return np.ascontiguousarray(grey[None])


def sheet(
    images: UInt8Array,
    columns: int,
    *,
    scale: int = 1,
    background: tuple[int, int, int] = (38, 40, 48),
    gap: int = 2,
    row_titles: Sequence[str] = (),
) -> Image.Image:
    """Inside pictures `[n, c, h, w]` as one contact sheet, enlarged by a whole number with hard pixels."""
    from PIL import ImageDraw

    num, _, height, width = images.shape
    rows = -(-num // columns)
    title_width = max((len(title) for title in row_titles), default=0) * 7
    cell_height, cell_width = height * scale + gap, width * scale + gap
    canvas = Image.new("RGB", (title_width + columns * cell_width + gap, rows * cell_height + gap), background)
    for index in range(num):
        picture = (
            to_pil(images[index]).convert("RGBA").resize((width * scale, height * scale), Image.Resampling.NEAREST)
        )
        at = (title_width + gap + index % columns * cell_width, gap + index // columns * cell_height)
        canvas.paste(picture, at, picture)
    draw = ImageDraw.Draw(canvas)
    for row, title in enumerate(row_titles):
        draw.text((4, gap + row * cell_height + cell_height // 2 - 6), title, fill=(200, 200, 210))
    return canvas
