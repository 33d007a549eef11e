"""Several pictures as one: a row with captions, and an animation. Knows no HTTP."""

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from gan.pixels import UInt8Array, sheet, to_pil
from serve.pictures.cards import FAINT, NIGHT, enlarge
from serve.pictures.fonts import font_for

SIDE, GAP, CAPTION = 128, 12, 26  # pixels
COLUMNS = 12


def captioned_row(pictures: Sequence[UInt8Array], captions: Sequence[str]) -> Image.Image:
    """Side by side, each enlarged to fit `SIDE`, its caption below."""
    large = [enlarge(to_pil(picture).convert("RGBA"), SIDE, SIDE) for picture in pictures]
    width, height = large[0].size
    row = Image.new("RGB", (len(large) * (width + GAP) + GAP, height + 2 * GAP + CAPTION), NIGHT)
    draw = ImageDraw.Draw(row)
    for index, (picture, caption) in enumerate(zip(large, captions, strict=True)):
        left = GAP + index * (width + GAP)
        row.paste(picture, (left, GAP), picture)
        middle = (left + width / 2, GAP + height + CAPTION / 2 + GAP / 2)
        draw.text(middle, caption, fill=FAINT, font=font_for(caption, "plain", 15), anchor="mm")
    return row


def member_sheet(pictures: Sequence[UInt8Array]) -> Image.Image:
    """In rows of `COLUMNS`, small ones at twice their size."""
    scale = max(1, SIDE // 2 // max(pictures[0].shape[1:]))
    return sheet(np.stack(pictures), COLUMNS, scale=scale, background=NIGHT, gap=6)


def there_and_back(frames: Sequence[UInt8Array], milliseconds: int) -> bytes:
    """A WebP that runs to its last frame and back, for ever, without loss; the ends stay for three times as long."""
    first, *others = [to_pil(frame) for frame in (*frames, *frames[-2:0:-1])]
    durations = [milliseconds * (3 if index in (0, len(frames) - 1) else 1) for index in range(1 + len(others))]
    buffer = io.BytesIO()
    first.save(
        buffer, "WEBP", save_all=True, append_images=others, duration=durations, loop=0, lossless=True, exact=True,
        method=0, quality=20,
    )  # fmt: skip
    return buffer.getvalue()
