"""A weapon's item card: the picture large on a ground of its rarity's colour, its name, type, flavour and
perks.

One landscape layout in units of 1/1280 of the width, so that any size is the same card. Pixel art is enlarged
by a whole factor with hard pixels; large pictures that do not fit are reduced smoothly. Text shrinks, then
wraps, then ends in an ellipsis: it never leaves its box. Knows no HTTP and no store.
"""

from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from gan.pixels import UInt8Array, to_pil
from serve.pictures.fonts import Style, font_for
from serve.texts.lore import Lore, Rarity

Colour = tuple[int, int, int]
WIDTH, HEIGHT = 1280, 720
INK: Colour = (242, 243, 247)
FAINT: Colour = (176, 180, 194)
NIGHT: Colour = (14, 15, 21)
RARITY_COLOURS: dict[Rarity, Colour] = {
    "common": (139, 146, 160),
    "uncommon": (63, 150, 92),
    "rare": (62, 124, 205),
    "legendary": (134, 76, 190),
    "exotic": (214, 158, 40),
}


@dataclass(frozen=True, kw_only=True)
class Box:
    """A rectangle in layout units."""

    left: float
    top: float
    width: float
    height: float


PICTURE = Box(left=48, top=64, width=560, height=592)
NAME = Box(left=672, top=82, width=552, height=92)
KIND = Box(left=672, top=180, width=552, height=28)
FLAVOUR = Box(left=672, top=262, width=552, height=138)
PERKS = Box(left=672, top=424, width=552, height=214)
FOOT = Box(left=672, top=668, width=552, height=18)


def draw_card(picture: UInt8Array, lore: Lore, *, foot: str = "", width: int = WIDTH) -> Image.Image:
    """An RGB card `width` pixels wide, 16:9. `picture` is an inside picture uint8 `[c, h, w]`; `foot` a faint
    line.
    """
    scale = width / WIDTH
    colour = RARITY_COLOURS[lore.rarity]
    card = _ground(colour, (width, round(HEIGHT * scale))).copy()
    _place_picture(card, picture, scale)
    draw = ImageDraw.Draw(card)
    draw.rectangle(_corners(Box(left=640, top=64, width=8, height=592), scale), fill=colour)
    _write(draw, lore.name, NAME, scale, style="title", size=58, least=26, fill=INK, lines=2, at_bottom=True)
    kind = f"{lore.rarity} · {lore.type}".upper()
    _write(draw, kind, KIND, scale, style="strong", size=18, least=11, fill=_lighter(colour), lines=1)
    rule = Box(left=672, top=228, width=552, height=1.5)
    draw.rectangle(_corners(rule, scale), fill=_mix(colour, NIGHT, 0.45))
    _write(draw, lore.flavour, FLAVOUR, scale, style="italic", size=31, least=17, fill=INK, lines=5)
    _place_perks(draw, lore, scale, colour)
    _write(draw, foot, FOOT, scale, style="plain", size=13, least=8, fill=_mix(FAINT, NIGHT, 0.45), lines=1)
    return card


def enlarge(picture: Image.Image, width: int, height: int) -> Image.Image:
    """As large as fits: by a whole factor with hard pixels, or smoothly reduced where it is too large as it
    is.
    """
    factor = min(width // picture.width, height // picture.height)
    if factor >= 1:
        return picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.NEAREST)
    shrink = min(width / picture.width, height / picture.height)
    size = (max(1, int(picture.width * shrink)), max(1, int(picture.height * shrink)))
    if picture.mode != "RGBA":
        return picture.resize(size, Image.Resampling.LANCZOS)
    # Pillow resizes RGBA by premultiplied alpha only when told to: RGBa is its premultiplied mode.
    return picture.convert("RGBa").resize(size, Image.Resampling.LANCZOS).convert("RGBA")


def wrap(text: str, font: ImageFont.FreeTypeFont, width: float) -> list[str]:
    """Lines that fit the width; breaks at spaces, and inside a word only where the word alone is too long."""
    lines: list[str] = []
    for word in text.split():
        joined = f"{lines[-1]} {word}" if lines else word
        if lines and font.getlength(joined) <= width:
            lines[-1] = joined
            continue
        while font.getlength(word) > width and len(word) > 1:
            ends = range(1, len(word))
            fitting = bisect_right(ends, width, key=lambda end: font.getlength(word[:end]))
            end = max(1, fitting)
            lines.append(word[:end])
            word = word[end:]
        lines.append(word)
    return lines


@lru_cache(maxsize=10)  # five rarities in two sizes: at most 35 MB for 1920 and 640 pixels of width
def _ground(colour: Colour, size: tuple[int, int]) -> Image.Image:
    """Night, lit in the rarity's colour from behind the picture, darker towards the edges."""
    width, height = size
    y, x = np.mgrid[0:height, 0:width]
    centre_x, centre_y = (PICTURE.left + PICTURE.width / 2) / WIDTH, 0.5
    away = np.hypot((x / width - centre_x) * 16 / 9, y / height - centre_y)
    light = np.clip(1.0 - away / 0.95, 0.0, 1.0)[..., None] ** 1.6 * 0.85 + 0.10
    shade = np.array(NIGHT) * (1.0 - light) + np.array(colour) * 0.8 * light
    # A fixed dither, or the dark gradient would show bands in 8 bits.
    shade += np.random.default_rng(7).uniform(-0.8, 0.8, (height, width, 1))
    return Image.fromarray(np.clip(shade, 0, 255).astype(np.uint8))


def _place_picture(card: Image.Image, picture: UInt8Array, scale: float) -> None:
    left, top, right, bottom = _corners(PICTURE, scale)
    inner = to_pil(picture).convert("RGBA")
    shown = enlarge(inner, right - left, bottom - top)
    at = (left + (right - left - shown.width) // 2, top + (bottom - top - shown.height) // 2)
    # The shadow is soft, so a quarter of the resolution is enough for it.
    quarter = (card.width // 4, card.height // 4)
    alpha = Image.new("L", card.size, 0)
    alpha.paste(shown.getchannel("A"), (at[0], at[1] + round(10 * scale)))
    shadow = alpha.resize(quarter).filter(ImageFilter.GaussianBlur(3.5 * scale)).resize(card.size)
    card.paste((0, 0, 0), (0, 0), shadow.point([round(value * 0.55) for value in range(256)]))
    card.paste(shown, at, shown)


def _place_perks(draw: ImageDraw.ImageDraw, lore: Lore, scale: float, colour: Colour) -> None:
    each = PERKS.height / max(3, len(lore.perks))
    for index, perk in enumerate(lore.perks):
        top = PERKS.top + index * each
        mark = Box(left=PERKS.left, top=top + 5, width=22, height=22)
        left, upper, right, lower = _corners(mark, scale)
        middle = ((left + right) / 2, (upper + lower) / 2)
        corners = [(left, middle[1]), (middle[0], upper), (right, middle[1]), (middle[0], lower)]
        draw.polygon(corners, fill=colour, outline=_lighter(colour))
        name = Box(left=PERKS.left + 38, top=top, width=PERKS.width - 38, height=26)
        _write(draw, perk.name, name, scale, style="strong", size=18, least=11, fill=INK, lines=1)
        text = Box(left=PERKS.left + 38, top=top + 26, width=PERKS.width - 38, height=each - 30)
        _write(draw, perk.text, text, scale, style="plain", size=15.5, least=10, fill=FAINT, lines=2)


def _write(
    draw: ImageDraw.ImageDraw,
    text: str,
    box: Box,
    scale: float,
    *,
    style: Style,
    size: float,
    least: float,
    fill: Colour,
    lines: int,
    at_bottom: bool = False,
) -> None:
    """The text in the largest size that fits, between `size` and `least`; what still does not fit is cut."""
    left, top, right, bottom = _corners(box, scale)
    while True:
        font = font_for(text, style, size * scale)
        wrapped = wrap(text, font, right - left)
        ascent, descent = font.getmetrics()
        step = ascent + descent
        room = max(1, min(lines, int((bottom - top) / step)))
        if len(wrapped) <= room or size <= least:
            break
        size = max(least, size * 0.93)
    if len(wrapped) > room:
        wrapped = wrapped[:room]
        while wrapped[-1] and font.getlength(wrapped[-1] + "…") > right - left:
            wrapped[-1] = wrapped[-1][:-1]
        wrapped[-1] += "…"
    start = bottom - step * len(wrapped) if at_bottom else top
    for index, line in enumerate(wrapped):
        draw.text((left, start + index * step), line, font=font, fill=fill)


def _corners(box: Box, scale: float) -> tuple[int, int, int, int]:
    return (
        round(box.left * scale),
        round(box.top * scale),
        round((box.left + box.width) * scale),
        round((box.top + box.height) * scale),
    )


def _mix(one: Colour, other: Colour, share: float) -> Colour:
    """`one`, and `share` of `other` in it."""
    red, green, blue = (round(a * (1 - share) + b * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _lighter(colour: Colour) -> Colour:
    return _mix(colour, (255, 255, 255), 0.45)
