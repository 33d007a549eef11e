"""Fonts for cards: those that matplotlib brings (DejaVu, STIX: both free to ship), found in its own data
folder.

Every text gets the first font of its style that has all of its letters, so that no script falls out of a card
for want of a fallback; letters that none has are drawn as that font's empty box.
"""

from functools import cache
from pathlib import Path
from typing import Literal

import matplotlib
from matplotlib.ft2font import FT2Font
from PIL import ImageFont

Style = Literal["title", "plain", "strong", "italic"]
FILES: dict[Style, tuple[str, ...]] = {
    "title": ("STIXGeneralBol.ttf", "DejaVuSerif-Bold.ttf", "DejaVuSans-Bold.ttf"),
    "plain": ("DejaVuSans.ttf",),
    "strong": ("DejaVuSans-Bold.ttf", "DejaVuSans.ttf"),
    "italic": ("STIXGeneralItalic.ttf", "DejaVuSerif-Italic.ttf", "DejaVuSans-Oblique.ttf", "DejaVuSans.ttf"),
}


def font_for(text: str, style: Style, size: float) -> ImageFont.FreeTypeFont:
    """The style's first font with every letter of the text, else the one that lacks the fewest; size in
    pixels.
    """
    needed = {ord(letter) for letter in text if not letter.isspace()}
    best = min(FILES[style], key=lambda file: len(needed - _letters(file)))
    return _font(best, round(size))


@cache
def _folder() -> Path:
    return Path(matplotlib.get_data_path()) / "fonts" / "ttf"


@cache
def _letters(file: str) -> frozenset[int]:
    return frozenset(FT2Font(str(_folder() / file)).get_charmap())


@cache
def _font(file: str, size: int) -> ImageFont.FreeTypeFont:
    # Basic layout on every machine: with libraqm present, Pillow would set the same text differently.
    return ImageFont.truetype(str(_folder() / file), size, layout_engine=ImageFont.Layout.BASIC)
