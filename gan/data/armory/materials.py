"""What the armory's weapons are made of: colours from shadow to glint, and the grain of each material."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from gan.data.armory.parts import Ramp, between

Floats = NDArray[np.float64]

TONES = 256


@dataclass(frozen=True, kw_only=True)
class Chance:
    """All that is left to chance in a surface, drawn once per weapon, before any size is known."""

    coarse: Floats
    fine: Floats
    cells: Floats
    phase: float
    turn: float


def draw_chance(generator: np.random.Generator) -> Chance:
    return Chance(
        coarse=generator.random((16, 16)),
        fine=generator.random((48, 48)),
        cells=generator.random(64),
        phase=between(generator, 0.0, 1.0),
        turn=between(generator, -0.5, 0.5),
    )


@dataclass(frozen=True, kw_only=True)
class Surface:
    """The visible points of the material, each array `[m]`: where they are in weapon units, how deep inside.

    depth: 0 at a part's edge .. 1 far inside a thick part.
    """

    along: Floats
    across: Floats
    depth: Floats
    chance: Chance

    def noise(self, grid: Floats, frequency: float, stretch: float = 1.0) -> Floats:
        """Smooth noise 0..1, between random values on a torus; `stretch` draws it out along the weapon."""
        size = len(grid)
        y = self.along * (frequency / stretch) + self.chance.phase * size
        x = self.across * frequency + self.chance.phase * size * 0.61
        row, column = np.floor(y), np.floor(x)
        down, right = y - row, x - column
        down, right = down * down * (3 - 2 * down), right * right * (3 - 2 * right)
        r, c = row.astype(np.int64) % size, column.astype(np.int64) % size
        r_next, c_next = (r + 1) % size, (c + 1) % size
        upper = grid[r, c] * (1 - right) + grid[r, c_next] * right
        lower = grid[r_next, c] * (1 - right) + grid[r_next, c_next] * right
        return upper * (1 - down) + lower * down

    def planes(self, spacing: float) -> tuple[Floats, Floats]:
        """Triangular cut planes: a random value 0..1 for each, and how near the next seam is (0 on it)."""
        key = np.zeros(len(self.along), dtype=np.int64)
        seam = np.ones_like(self.along)
        for index, factor in enumerate((7, 13, 29)):
            angle = self.chance.turn + np.pi * index / 3
            # Drawn out along the weapon by 1.7, as a smith would cut a long stone.
            position = (self.across * np.cos(angle) + self.along / 1.7 * np.sin(angle)) / spacing
            position += self.chance.phase * (index + 1)
            cell = np.floor(position)
            key += factor * cell.astype(np.int64)
            share = position - cell
            seam = np.minimum(seam, np.minimum(share, 1 - share))
        return self.chance.cells[key % 64], seam

    def sheen(self, frequency: float) -> Floats:
        """Bands of reflected sky across the weapon, -1..1."""
        wave = self.along * frequency + self.across * frequency * 0.9 + self.chance.phase * 2 * np.pi
        return np.sin(wave + 0.6 * np.sin(wave * 0.53))


Grain = Callable[[Surface], tuple[Floats, Floats]]
"""Surface → (what to add to the tone, share 0..1 of the material's second scale of colours)."""


def rusted(surface: Surface) -> tuple[Floats, Floats]:
    mottle = surface.noise(surface.chance.fine, 26.0)
    rust = surface.noise(surface.chance.coarse, 7.0) + 0.35 * (mottle - 0.5) - 0.25 * surface.depth
    return 0.2 * (mottle - 0.5), np.clip((rust - 0.5) * 5, 0.0, 0.9)


def polished(surface: Surface) -> tuple[Floats, Floats]:
    return 0.16 * surface.sheen(13.0), np.zeros_like(surface.along)


def patinated(surface: Surface) -> tuple[Floats, Floats]:
    fleck = surface.noise(surface.chance.fine, 20.0)
    patina = surface.noise(surface.chance.coarse, 6.5) + 0.3 * (fleck - 0.5)
    return 0.1 * surface.sheen(9.0), np.clip((patina - 0.6) * 8, 0.0, 1.0)


def gilded(surface: Surface) -> tuple[Floats, Floats]:
    return 0.13 * surface.sheen(10.0) + 0.03, np.zeros_like(surface.along)


def glassy(surface: Surface) -> tuple[Floats, Floats]:
    """Volcanic glass: black, with curved shells of violet light and bright broken edges."""
    plane, seam = surface.planes(0.17)
    shell = np.sin(plane * 9.0 + surface.along * 30.0 + surface.across * 22.0)
    edge = np.clip(1 - seam / 0.07, 0.0, 1.0)
    return -0.2 + 0.3 * (plane - 0.4) + 0.07 * shell + 0.3 * edge * (plane > 0.5), np.zeros_like(plane)


def bony(surface: Surface) -> tuple[Floats, Floats]:
    stain = surface.noise(surface.chance.coarse, 5.0)
    fibre = surface.noise(surface.chance.fine, 34.0, stretch=5.0)
    crack = np.clip((fibre - 0.76) * 7, 0.0, 1.0)
    return 0.1 + 0.16 * (fibre - 0.5) - 0.34 * crack, np.clip((stain - 0.58) * 2.4, 0.0, 0.6)


def cut(surface: Surface) -> tuple[Floats, Floats]:
    """A precious stone: planes at chance angles, bright seams, light gathered deep inside."""
    plane, seam = surface.planes(0.1)
    edge = np.clip(1 - seam / 0.09, 0.0, 1.0)
    return 0.42 * (plane - 0.5) + 0.16 * edge + 0.05 * surface.depth, np.zeros_like(plane)


def frozen(surface: Surface) -> tuple[Floats, Floats]:
    plane, seam = surface.planes(0.14)
    frost = surface.noise(surface.chance.fine, 24.0)
    edge = np.clip(1 - seam / 0.08, 0.0, 1.0)
    rime = np.clip((0.62 - surface.depth) * 1.6, 0.0, 0.3)
    return 0.3 * (plane - 0.5) + 0.2 * edge + 0.1 * (frost - 0.5) + rime, np.zeros_like(plane)


def burning(surface: Surface) -> tuple[Floats, Floats]:
    """White-hot inside, red at the edges, with tongues that run along the weapon."""
    tongue = surface.noise(surface.chance.fine, 17.0, stretch=2.6)
    body = surface.noise(surface.chance.coarse, 6.0, stretch=1.5)
    return -0.3 + 0.5 * surface.depth + 0.5 * (tongue - 0.5) + 0.4 * (body - 0.5), np.zeros_like(tongue)


@dataclass(frozen=True, kw_only=True)
class Material:
    """Colours from darkest to brightest as hexadecimal RGB, the grain, and the fittings that suit it.

    relief: how strongly light and shadow model it.
    """

    colours: str
    grain: Grain
    second: str = ""
    trims: tuple[str, str]
    relief: float = 1.0


GOLD = "3d1c02 8a4b05 cf8a0c f6c126 ffe568 fffbd2"
SILVER = "1e2230 4d566b 8791a6 bcc5d4 e6ecf5 ffffff"
BLACK_IRON = "0e0e14 24252e 3d3f4c 5c5f70 898da0 c3c8d8"
COPPER = "2b0d08 66260f a34a1f d07a42 f0ab77 ffdfc0"

MATERIAL_TABLE: dict[str, Material] = {
    "iron": Material(
        colours="121114 2c2a2e 4a484d 6b696e 908f93 c2c0c0",
        second="22100a 4e2410 7d3c19 a9602c c78a50 e0b888",
        grain=rusted,
        trims=(BLACK_IRON, COPPER),
        relief=0.85,
    ),
    "steel": Material(
        colours="191e2b 434e63 7c89a0 b4c0d0 e2e9f2 ffffff",
        grain=polished,
        trims=(GOLD, BLACK_IRON),
        relief=1.1,
    ),
    "bronze": Material(
        colours="260f08 5a270f 98501f c97c3b e8a964 ffdda8",
        second="08302c 155a50 2f8d7c 5cbba3 98e0c8 d8fff0",
        grain=patinated,
        trims=(BLACK_IRON, SILVER),
    ),
    "gold": Material(colours=GOLD, grain=gilded, trims=(SILVER, BLACK_IRON), relief=1.1),
    "obsidian": Material(
        colours="050409 100d19 1f1a31 3a2e5c 7c66c4 efe6ff", grain=glassy, trims=(SILVER, GOLD), relief=1.15
    ),
    "bone": Material(
        colours="3a2a1c 7c6549 b8a17b dccaa4 f3e9cd fffdf3",
        second="2c1c10 5c4226 8f6e42 b8965f d8bc88 f0dcb4",
        grain=bony,
        trims=(BLACK_IRON, COPPER),
        relief=0.9,
    ),
    "emerald": Material(colours="011f17 03483a 078257 18bf72 74eda4 ecfff2", grain=cut, trims=(GOLD, SILVER)),
    "ruby": Material(colours="26010e 600417 a80a29 e0263f ff7480 ffe8e4", grain=cut, trims=(GOLD, SILVER)),
    "sapphire": Material(colours="040833 0a1a70 143bbd 3673ee 80b2ff ebf5ff", grain=cut, trims=(SILVER, GOLD)),
    "amethyst": Material(colours="1a0630 420e6e 7424b4 a44fe4 d294ff fbeaff", grain=cut, trims=(GOLD, SILVER)),
    "ice": Material(
        colours="0d4562 2590bd 5cc9ea 9be8f8 d6faff ffffff",
        grain=frozen,
        trims=(SILVER, BLACK_IRON),
        relief=0.8,
    ),
    "flame": Material(
        colours="3d0404 980f06 e23a0a ff8510 ffcb34 fff8c0",
        grain=burning,
        trims=(BLACK_IRON, COPPER),
        relief=0.55,
    ),
}

WOODS = ("1c0e08 3e2414 633c20 8a5a32 b5814f dcb283", "130c0a 2b1b16 472d24 684638 8e6652 bd9880")
WRAPS = (
    "170b06 3a1e10 603620 875334 af7a54 d9ae88",
    "1a0408 470c16 7a1826 aa3038 d0605c eea89a",
    "060b1f 14254c 24427a 3e66a6 6e94c8 b0cdea",
    "07140c 163320 28563a 437d57 70a780 b0d8b8",
    "0b0a10 1d1b26 33303f 4f4b5e 787388 b0acbe",
    "130820 2e1748 4e2a72 73489c 9f78c2 d2b6e6",
)
GEMS = (
    "26010e 700418 c0102c ff3a50 ff8c92 fff0f0",
    "04122e 0a2f80 1560d8 3c98ff 8cc8ff f0faff",
    "012016 045a3c 0a9c5c 28dc80 86f6b0 f0fff4",
    "2c1500 7c4400 d08800 ffc020 ffe484 fffcea",
    "1c0634 500e86 9028d8 c064ff e2a8ff fdf0ff",
    "02262c 046470 0aa8b4 34e4e4 98faf2 f2ffff",
)
STRING = "3a3226 6b604c 9c917a c8bfa8 ece6d4 fffdf4"


@cache
def scale_of(colours: str) -> Floats:
    """Six hexadecimal colours as `[TONES, 3]` float64 0..255, equally spaced and joined by straight lines."""
    stops = np.array([[int(one[at : at + 2], 16) for at in (0, 2, 4)] for one in colours.split()], dtype=np.float64)
    at = np.linspace(0.0, len(stops) - 1.0, TONES)
    return np.stack([np.interp(at, np.arange(len(stops)), stops[:, channel]) for channel in range(3)], axis=1)


@dataclass(frozen=True, kw_only=True)
class Palette:
    """One weapon's colours by ramp and tone `[ramps, TONES, 3]` (row 0: the material's second scale)."""

    scales: Floats
    outline: Floats


def draw_palette(generator: np.random.Generator, material: Material) -> Palette:
    """The material's own colours, nearly fixed; woods, wraps, stones and fittings as they come."""
    gain = 1.0 + generator.uniform(-0.05, 0.05, size=3)
    wood_mix = between(generator, 0.0, 1.0)
    wrap, gem = WRAPS[int(generator.integers(len(WRAPS)))], GEMS[int(generator.integers(len(GEMS)))]
    trim = material.trims[int(generator.random() < 0.4)]
    own = scale_of(material.colours)
    wood = scale_of(WOODS[0]) * wood_mix + scale_of(WOODS[1]) * (1 - wood_mix)
    scales = np.zeros((len(Ramp) + 1, TONES, 3))
    scales[0] = scale_of(material.second or material.colours)
    scales[Ramp.MATERIAL] = own * gain
    scales[Ramp.TRIM] = scale_of(trim)
    # The haft takes a little of the material's colour, so that a small head is not alone in telling it.
    scales[Ramp.WOOD] = wood * 0.82 + own * 0.18
    scales[Ramp.WRAP] = scale_of(wrap)
    scales[Ramp.GEM] = scale_of(gem)
    scales[Ramp.STRING] = scale_of(STRING)
    return Palette(scales=np.clip(scales, 0.0, 255.0), outline=own[0] * 0.45 + np.array([7.0, 5.0, 8.0]))
