from itertools import pairwise

import numpy as np
import pytest
from PIL import Image, ImageDraw

from serve.pictures import cards
from serve.pictures.cards import PICTURE, draw_card, enlarge, wrap
from serve.pictures.fonts import font_for
from serve.texts.grammar import write_lore
from serve.texts.lore import RARITIES, Lore, Perk

LONGEST = Lore(
    name="W" * 64,
    type="W" * 40,
    rarity="exotic",
    flavour="Ж" * 140 + " " + "слово " * 23,
    perks=tuple(Perk(name="W" * 48, text="W" * 160) for _ in range(4)),
    source="x",
)
SCRIPTS = ("Æther's Überaxt", "Секира Рассвета", "Πέλεκυς", "فأس الفجر", "گرز", "暁の斧", "גרזן", "🗡️ Blade")


@pytest.fixture
def picture() -> np.ndarray:
    chance = np.random.default_rng(0)
    made = chance.integers(0, 256, (4, 32, 32), dtype=np.uint8)
    made[3] = 255
    return made


def test_pixels_are_enlarged_by_a_whole_factor_and_stay_hard(picture: np.ndarray) -> None:
    card = np.asarray(draw_card(picture, write_lore("3-2-a", "axe")))
    factor = int(PICTURE.width // 32)
    left = int(PICTURE.left + (PICTURE.width - 32 * factor) / 2)
    top = int(PICTURE.top + (PICTURE.height - 32 * factor) / 2)
    shown = card[top : top + 32 * factor, left : left + 32 * factor]
    expected = picture[:3].transpose(1, 2, 0).repeat(factor, 0).repeat(factor, 1)
    np.testing.assert_array_equal(shown, expected)


def test_transparency_shows_the_ground(picture: np.ndarray) -> None:
    picture[:] = 0
    lore = write_lore("3-2-a", "axe")
    card = np.asarray(draw_card(picture, lore)).astype(int)
    colour = np.array(cards.RARITY_COLOURS[lore.rarity])
    middle = card[340:380, 300:360].reshape(-1, 3).mean(0)
    assert np.abs(middle - colour * 0.8).max() < 25


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("size", [(16, 16), (128, 96), (96, 128), (700, 700)])
@pytest.mark.parametrize("width", [640, 1920])
def test_any_picture_in_any_size(channels: int, size: tuple[int, int], width: int) -> None:
    card = draw_card(np.full((channels, *size), 200, np.uint8), write_lore("3-2-a", None), width=width)
    assert card.size == (width, width * 9 // 16)
    assert card.mode == "RGB"


@pytest.mark.parametrize(
    "lore", [LONGEST, *(LONGEST.model_copy(update={"name": name, "flavour": name}) for name in SCRIPTS)]
)
def test_no_text_leaves_its_box(lore: Lore, picture: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    inked: list[tuple[float, float, float, float]] = []
    plain = ImageDraw.ImageDraw.text

    def note(self, xy, text, font, **options):
        inked.append(font.getbbox(text) and tuple(np.add(self.textbbox(xy, text, font=font), 0)))
        plain(self, xy, text, font=font, **options)

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", note)
    draw_card(picture, lore, foot="3-2-k9x2m4 · Ganvil", width=1280)
    assert len(inked) >= 10
    for left, top, right, bottom in inked:
        assert left >= 670
        assert right <= 1226
        assert top >= 60
        assert bottom <= 700
    rows = sorted((top, bottom) for _, top, _, bottom in inked)
    assert all(upper[1] <= lower[0] + 8 for upper, lower in pairwise(rows)), "lines overlap"


def test_each_rarity_has_its_ground(picture: np.ndarray) -> None:
    picture[:] = 0
    lore = write_lore("3-2-a", "axe")
    grounds = {draw_card(picture, lore.model_copy(update={"rarity": each})).getpixel((320, 360)) for each in RARITIES}
    assert len(grounds) == len(RARITIES)


def test_large_pictures_are_reduced_with_clean_edges() -> None:
    picture = Image.new("RGBA", (1000, 1000), (255, 0, 255, 0))  # a loud colour where nothing is to be seen
    picture.paste((0, 255, 0, 255), (250, 250, 750, 750))
    reduced = np.asarray(enlarge(picture, 301, 301)).astype(int)
    visible = reduced[reduced[..., 3] > 8]
    assert visible[:, [0, 2]].max() <= 8


def test_wrap_keeps_every_word_and_the_width() -> None:
    font = font_for("a", "plain", 20)
    text = "one two three " * 5 + "x" * 90
    lines = wrap(text, font, 150)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(font.getlength(line) <= 150 for line in lines)
