"""Each process is found in copies of the armory's weapons and called by its name; what an artist would do is not."""

import io
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from gan.data.armory import draw_armory
from gan.data.likeness.descriptor import describe
from gan.data.likeness.kinds import Kind, Match
from gan.data.likeness.verify import compare
from gan.pixels import to_pil

UInt8Image = np.ndarray
WEAPONS = [np.asarray(to_pil(picture)) for picture in draw_armory(24, 32, 32, seed=8).images]


def match_of(one: UInt8Image, other: UInt8Image, *, mirrored: bool = False) -> Match | None:
    first, second = (
        describe(np.ascontiguousarray(picture.transpose(2, 0, 1)), straight=True) for picture in (one, other)
    )
    return compare(first, second, mirrored=mirrored)


def hidden(pixels: UInt8Image) -> UInt8Image:
    copy = pixels.copy()
    copy[copy[..., 3] == 0, :3] = 99
    return copy


def shifted(pixels: UInt8Image) -> UInt8Image:
    return np.pad(pixels, ((1, 0), (0, 1), (0, 0)))[:-1, 1:]


def recoloured(pixels: UInt8Image) -> UInt8Image:
    copy = pixels.copy()
    copy[..., :3] = np.clip(pixels[..., :3] * np.array([1.08, 0.95, 0.92]) + np.array([-4, 6, 3]), 0, 255)
    return copy


def resized(filter_: Image.Resampling, side: int) -> Callable[[UInt8Image], UInt8Image]:
    return lambda pixels: np.asarray(Image.fromarray(pixels).resize((side, side), filter_))


def noisy(pixels: UInt8Image) -> UInt8Image:
    copy = pixels.copy()
    noise = np.random.default_rng(1).normal(0, 3, size=pixels[..., :3].shape)
    copy[..., :3] = np.clip(np.rint(pixels[..., :3] + noise), 0, 255)
    return copy


def jpeg(quality: int, subsampling: int) -> Callable[[UInt8Image], UInt8Image]:
    def make(pixels: UInt8Image) -> UInt8Image:
        stream = io.BytesIO()
        Image.fromarray(pixels).convert("RGB").save(stream, "JPEG", quality=quality, subsampling=subsampling)
        return np.dstack([np.asarray(Image.open(stream)), pixels[..., 3]])

    return make


def quantised(pixels: UInt8Image) -> UInt8Image:
    return np.asarray(Image.fromarray(pixels).quantize(16, method=Image.Quantize.FASTOCTREE).convert("RGBA"))


def with_own_palette(pixels: UInt8Image) -> UInt8Image:
    """A quantiser that is none of Pillow's: straight colours in cells of 64 levels, each cell at its mean."""
    cells = pixels // 64
    copy = pixels.copy()
    keys = cells[..., :3].astype(int) @ np.array([16, 4, 1]) + 64 * pixels[..., 3].astype(int)
    for key in np.unique(keys):
        copy[keys == key, :3] = np.rint(pixels[keys == key, :3].mean(axis=0))
    return copy


@pytest.mark.parametrize(
    ("process", "kind"),
    [
        (np.copy, Kind.EXACT),
        (hidden, Kind.VISIBLE),
        (shifted, Kind.SHIFTED),
        (recoloured, Kind.RECOLOURED),
        (resized(Image.Resampling.NEAREST, 96), Kind.RESIZED),
        (resized(Image.Resampling.BILINEAR, 24), Kind.RESIZED),
        (resized(Image.Resampling.LANCZOS, 64), Kind.RESIZED),
        (noisy, Kind.NOISE),
        (jpeg(85, 2), Kind.JPEG),
        (jpeg(67, 0), Kind.JPEG),
        (quantised, Kind.QUANTISED),
        (with_own_palette, Kind.QUANTISED),
    ],
    ids=lambda value: str(value) if isinstance(value, Kind) else "",
)
def test_a_copy_made_by_a_process_is_certain_and_named(process: Callable[..., UInt8Image], kind: Kind) -> None:
    for weapon in WEAPONS[:6]:
        copy = process(weapon)
        match = match_of(weapon, copy)
        assert match is not None
        assert match.certain
        assert match.kind is kind
        turned = match_of(copy, weapon)
        assert turned is not None
        assert turned.certain
        assert turned.kind is kind
        if kind in (Kind.JPEG, Kind.NOISE, Kind.QUANTISED):
            assert (match.second_is_copy, turned.second_is_copy) == (True, False)


def test_an_enlargement_is_the_copy_and_so_is_a_reduction() -> None:
    for side, filter_ in ((96, Image.Resampling.NEAREST), (24, Image.Resampling.BOX)):
        match = match_of(WEAPONS[0], resized(filter_, side)(WEAPONS[0]))
        assert match is not None
        assert match.second_is_copy


def test_a_mirror_image_is_one_only_if_the_caller_mirrors() -> None:
    flipped = WEAPONS[2][:, ::-1]
    plain = match_of(WEAPONS[2], flipped)
    assert plain is None or not plain.certain
    match = match_of(WEAPONS[2], flipped, mirrored=True)
    assert match is not None
    assert (match.kind, match.mirrored, match.certain) == (Kind.MIRRORED, True, True)
    also_noisy = match_of(WEAPONS[2], noisy(flipped), mirrored=True)
    assert also_noisy is not None
    assert (also_noisy.kind, also_noisy.mirrored, also_noisy.certain) == (Kind.NOISE, True, True)


def test_a_softened_picture_of_the_same_size_was_resized_and_brought_back() -> None:
    soft = np.asarray(Image.fromarray(WEAPONS[0]).resize((64, 64), Image.Resampling.BILINEAR))
    soft = np.asarray(Image.fromarray(soft).resize((32, 32), Image.Resampling.BOX))
    match = match_of(WEAPONS[0], soft)
    assert match is not None
    assert (match.kind, match.certain) == (Kind.RESIZED, True)


def test_thin_lines_reduced_by_nearest_neighbour_are_found() -> None:
    lines = np.zeros((32, 32, 4), dtype=np.uint8)
    lines[1::4, :, :] = lines[:, 2::5, :] = (240, 240, 250, 255)
    for side in (24, 16, 48):
        match = match_of(lines, resized(Image.Resampling.NEAREST, side)(lines))
        assert match is not None
        assert (match.kind, match.certain) == (Kind.RESIZED, True)


def test_an_enlargement_too_large_to_be_kept_whole_does_not_make_the_original_a_copy() -> None:
    noise = np.random.default_rng(4).integers(0, 256, size=(128, 128, 4), dtype=np.uint8)
    original = np.asarray(Image.fromarray(noise[::8, ::8]).resize((128, 128), Image.Resampling.BICUBIC))
    match = match_of(original, resized(Image.Resampling.BILINEAR, 192)(original))
    assert match is not None
    assert match.certain
    assert match.second_is_copy is None


def test_a_recolouring_is_told_by_what_it_clipped() -> None:
    """One blue value lies between the limits: it alone tells neither gain nor offset."""
    pixels = WEAPONS[0].copy()
    pixels[..., 2] = np.array([0, 128, 255])[np.arange(32) % 3]
    copy = pixels.copy()
    copy[..., :3] = np.clip(pixels[..., :3] * np.array([0.94, 1.05, 1.03]) + np.array([-6, -2, -7]), 0, 255)
    match = match_of(pixels, copy)
    assert match is not None
    assert (match.kind, match.certain) == (Kind.RECOLOURED, True)


def test_a_recolouring_that_left_no_value_of_a_channel_is_told_by_the_others() -> None:
    """All greens go to nothing, so that any gain would do."""
    pixels = WEAPONS[0].copy()
    pixels[..., 1] = 4 * (np.arange(32) % 2)
    copy = pixels.copy()
    copy[..., :3] = np.clip(pixels[..., :3] * np.array([0.96, 1.05, 1.0]) + np.array([-8, -7, -2]), 0, 255)
    match = match_of(pixels, copy)
    assert match is not None
    assert (match.kind, match.certain) == (Kind.RECOLOURED, True)


def in_other_metal(pixels: UInt8Image) -> UInt8Image:
    """As artists make a golden sword of an iron one: the brighter half of the tones from another ramp."""
    copy = pixels.copy()
    bright = pixels[..., :3].mean(axis=-1) > 90
    copy[bright, :3] = pixels[bright, :3] * np.array([1.0, 0.8, 0.35])
    return copy


def with_detail(pixels: UInt8Image) -> UInt8Image:
    """A gem of 3 x 3 pixels set in the middle of what is drawn."""
    copy = pixels.copy()
    rows, columns = np.nonzero(pixels[..., 3] == 255)
    row, column = rows[len(rows) // 2], columns[len(rows) // 2]
    copy[row - 1 : row + 2, column - 1 : column + 2] = (220, 30, 60, 255)
    return copy


def hue_turned(pixels: UInt8Image) -> UInt8Image:
    """A whole item in another colour: one map for all pixels, but not the same item to anyone who looks."""
    return pixels[..., [2, 0, 1, 3]]


@pytest.mark.parametrize("variant", [in_other_metal, with_detail, hue_turned])
def test_an_honest_variant_is_never_certain(variant: Callable[[UInt8Image], UInt8Image]) -> None:
    tried = 0
    for weapon in WEAPONS:
        other = variant(weapon)
        if np.abs(other.astype(int) - weapon).max() <= 40:
            continue
        tried += 1
        match = match_of(weapon, other)
        assert match is None or not match.certain
        smaller = match_of(weapon, resized(Image.Resampling.BILINEAR, 24)(other))
        assert smaller is None or not smaller.certain
    assert tried > 12


def test_two_weapons_are_nothing_to_each_other() -> None:
    for one, other in pairwise(WEAPONS):
        match = match_of(one, other)
        assert match is None or not match.certain


def grainy(ground: UInt8Image, deviation: float, seed: int) -> UInt8Image:
    """An opaque picture: `[h, w, 3]` under Gaussian grain."""
    grain = np.random.default_rng(seed).normal(0, deviation, size=ground.shape)
    colours = np.clip(np.rint(ground + grain), 0, 255)
    return np.dstack([colours, np.full(ground.shape[:2], 255)]).astype(np.uint8)


FLAT = np.full((32, 32, 3), 40.0)
SHADED = FLAT + np.linspace(0, 120, 32)[:, None]
FRAMED = np.pad(FLAT[4:-4, 4:-4], ((4, 4), (4, 4), (0, 0)), constant_values=200.0)


@pytest.mark.parametrize("ground", [FLAT, SHADED, FRAMED], ids=["flat", "shaded", "framed"])
@pytest.mark.parametrize("deviation", [4.5, 5.5])
def test_two_dim_pictures_each_of_its_own_grain_are_no_copies(ground: UInt8Image, deviation: float) -> None:
    for seed in range(0, 20, 2):
        match = match_of(grainy(ground, deviation, seed), grainy(ground, deviation, seed + 1))
        assert match is None or not match.certain


@pytest.mark.parametrize("ground", [FLAT, SHADED, FRAMED], ids=["flat", "shaded", "framed"])
def test_a_dim_grainy_picture_under_noise_is_a_copy(ground: UInt8Image) -> None:
    for seed in range(50, 55):
        original = grainy(ground, 5.5, seed)
        match = match_of(original, noisy(original))
        assert match is not None
        assert (match.kind, match.certain) == (Kind.NOISE, True)


def test_a_few_dots_may_agree_by_chance() -> None:
    one, other = np.zeros((2, 32, 32, 4), dtype=np.uint8)
    one[10, 10:13] = other[11, 11:14] = (200, 40, 40, 255)
    match = match_of(one, other)
    assert match is not None
    assert (match.kind, match.certain) == (Kind.SHIFTED, False)


def test_other_proportions_are_another_picture() -> None:
    assert match_of(WEAPONS[0], np.asarray(Image.fromarray(WEAPONS[0]).resize((64, 32)))) is None
