"""The one picture of an evaluation: samples beside their nearest reals, what has been lost, and classes as bars."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from gan.metrics.per_class import ClassNumbers
from gan.pixels import UInt8Array, to_pil

WIDTH = 1200
MARGIN, GAP, LINE = 24, 3, 22
CELL = 64  # pictures are shown about so large
SAMPLE_ROWS, LOST_ROWS = 3, 4
GROUND, INK, QUIET, COPY = (30, 32, 38), (232, 232, 238), (150, 152, 162), (240, 92, 80)
BARS = {"coverage": (110, 200, 140), "recall": (92, 168, 240), "precision": (232, 178, 84)}


@dataclass(frozen=True, kw_only=True, eq=False)
class Shown:
    """samples beside nearest, `[n, c, h, w]` both; is_copy `[n]`: nearer than memorised copies are. lost: reals without
    a sample in their ball, the furthest from any first, of num_reals. num_lost of them."""

    title: str
    subtitle: str
    samples: UInt8Array
    nearest: UInt8Array
    is_copy: NDArray[np.bool_]
    lost: UInt8Array
    num_lost: int
    num_reals: int
    classes: Sequence[ClassNumbers]


def draw_picture(shown: Shown) -> Image.Image:
    """RGB, 1,200 wide. Pixels are enlarged whole, never smeared; larger pictures are reduced."""
    sections = [_heading(shown), _samples(shown), _lost(shown)]
    if shown.classes:
        sections.append(_classes(shown.classes))
    canvas = Image.new("RGB", (WIDTH, sum(part.height for part in sections) + MARGIN), GROUND)
    down = 0
    for part in sections:
        canvas.paste(part, (0, down))
        down += part.height
    return canvas


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _heading(shown: Shown) -> Image.Image:
    part = Image.new("RGB", (WIDTH, 84), GROUND)
    draw = ImageDraw.Draw(part)
    draw.text((MARGIN, 20), _cut(draw, shown.title, 24), fill=INK, font=_font(24))
    draw.text((MARGIN, 54), _cut(draw, shown.subtitle, 15), fill=QUIET, font=_font(15))
    return part


def _cut(draw: ImageDraw.ImageDraw, text: str, size: int) -> str:
    while draw.textlength(text, font=_font(size)) > WIDTH - 2 * MARGIN and len(text) > 4:
        text = text[:-4] + "…"
    return text


def _titled(title: str, note: str, height: int) -> tuple[Image.Image, int]:
    """A section with its title, and where its content begins."""
    part = Image.new("RGB", (WIDTH, height + 2 * LINE + 16), GROUND)
    draw = ImageDraw.Draw(part)
    draw.line((MARGIN, 4, WIDTH - MARGIN, 4), fill=(60, 62, 70))
    draw.text((MARGIN, 12), title, fill=INK, font=_font(17))
    draw.text((MARGIN + draw.textlength(title, font=_font(17)) + 14, 14), note, fill=QUIET, font=_font(14))
    return part, 2 * LINE


def _cell(images: UInt8Array) -> tuple[int, int]:
    """Height and width at which pictures of that size are shown."""
    height, width = images.shape[2:]
    scale = max(1, CELL // max(height, width)) if max(height, width) <= CELL else CELL / max(height, width)
    return round(height * scale), round(width * scale)


def _columns(images: UInt8Array) -> int:
    return (WIDTH - 2 * MARGIN + GAP) // (_cell(images)[1] + GAP)


def _paste(part: Image.Image, image: UInt8Array, at: tuple[int, int], size: tuple[int, int]) -> None:
    height, width = size
    whole = height >= image.shape[1]
    picture = to_pil(image).convert("RGBA")
    shown = picture.resize((width, height), Image.Resampling.NEAREST if whole else Image.Resampling.LANCZOS)
    part.paste(Image.new("RGB", (width, height), (44, 46, 54)), at)
    part.paste(shown, at, shown)


def _samples(shown: Shown) -> Image.Image:
    height, width = _cell(shown.samples)
    columns = _columns(shown.samples)
    num = min(len(shown.samples), columns * SAMPLE_ROWS)
    rows = -(-num // columns)
    pair = 2 * height + GAP + 14
    note = "top: sample, below it: the nearest real"
    if shown.is_copy[:num].any():
        note += "; framed in red: a copy, nearer to its real than half of what lies between reals there"
    part, top = _titled("Samples and their nearest reals", note, rows * pair)
    draw = ImageDraw.Draw(part)
    for index in range(num):
        across, down = MARGIN + index % columns * (width + GAP), top + index // columns * pair
        _paste(part, shown.samples[index], (across, down), (height, width))
        _paste(part, shown.nearest[index], (across, down + height + GAP), (height, width))
        if shown.is_copy[index]:
            draw.rectangle((across - 1, down - 1, across + width, down + 2 * height + GAP), outline=COPY, width=2)
    return part


def _lost(shown: Shown) -> Image.Image:
    note = f"{shown.num_lost} of {shown.num_reals} reals ({shown.num_lost / shown.num_reals:.0%}) have no sample near"
    if shown.num_lost == 0:
        return _titled("What has been lost", "nothing: every real has a sample near", 0)[0]
    height, width = _cell(shown.lost)
    columns = _columns(shown.lost)
    num = min(len(shown.lost), columns * LOST_ROWS)
    if num < shown.num_lost:
        note += f"; the {num} furthest from any sample, the furthest first"
    part, top = _titled("What has been lost", note, -(-num // columns) * (height + GAP))
    for index in range(num):
        at = MARGIN + index % columns * (width + GAP), top + index // columns * (height + GAP)
        _paste(part, shown.lost[index], at, (height, width))
    return part


def _classes(classes: Sequence[ClassNumbers]) -> Image.Image:
    """Bars, the class with the least coverage first; the fine line is coverage's interval."""
    ordered = sorted(classes, key=lambda one: (one.coverage is None, one.coverage, one.name))
    columns = 1 if len(ordered) <= 8 else 2 if len(ordered) <= 24 else 3
    rows = -(-len(ordered) // columns)
    part, top = _titled("By class", "the least coverage first; the line is its 95 % interval", rows * 44 + LINE)
    draw = ImageDraw.Draw(part)
    across = WIDTH - MARGIN
    for name, colour in reversed(BARS.items()):
        across -= int(draw.textlength(name, font=_font(14)))
        draw.text((across, 14), name, fill=INK, font=_font(14))
        across -= 18
        draw.rectangle((across, 17, across + 11, 28), fill=colour)
        across -= 16
    column_width = (WIDTH - 2 * MARGIN) // columns
    for index, row in enumerate(ordered):
        left, down = MARGIN + index // rows * column_width, top + index % rows * 44
        _class_bars(draw, row, left, down, column_width - 28)
    return part


def _class_bars(draw: ImageDraw.ImageDraw, row: ClassNumbers, left: int, down: int, width: int) -> None:
    label = 150
    name = row.name
    while draw.textlength(name, font=_font(14)) > label - 10 and len(name) > 4:
        name = name[:-2] + "…"
    draw.text((left, down + 2), name, fill=INK, font=_font(14))
    draw.text((left, down + 20), f"{row.num_reals} reals", fill=QUIET, font=_font(11))
    start, length = left + label, width - label - 44
    for place, (kind, colour) in enumerate(BARS.items()):
        value: float | None = getattr(row, kind)
        top = down + 3 + place * 11
        draw.rectangle((start, top, start + length, top + 8), fill=(44, 46, 54))
        if value is None:
            draw.text((start + 4, top - 2), "too few", fill=QUIET, font=_font(10))
            continue
        if value > 0:
            draw.rectangle((start, top, start + round(length * value), top + 8), fill=colour)
        if kind == "coverage" and row.coverage_interval is not None:
            low, high = (start + round(length * end) for end in row.coverage_interval)
            draw.line((low, top + 4, high, top + 4), fill=INK)
        draw.text((start + length + 6, top - 2), f"{value:.2f}", fill=QUIET, font=_font(11))
