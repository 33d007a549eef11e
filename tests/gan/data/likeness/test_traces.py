import numpy as np

from gan.data.armory import draw_armory
from gan.data.likeness.alignment import align
from gan.data.likeness.traces import (
    blurs_away,
    evenness,
    grain_shared,
    palette_map,
    root_mean_square,
    share_of_blocks_changed,
)

WEAPON = draw_armory(1, 32, 32, seed=6).images[0]
SOLID = WEAPON[3] == 255


def test_noise_is_even_and_rough_and_a_painted_detail_is_neither() -> None:
    noise = np.random.default_rng(0).normal(0, 4, size=WEAPON[:3].shape)
    noisy = WEAPON.copy()
    noisy[:3, SOLID] = np.clip(WEAPON[:3] + noise, 0, 255).astype(np.uint8)[:, SOLID]
    spread = evenness(align(WEAPON, noisy))
    assert spread is not None
    assert 2 < spread.deviation < 6
    assert spread.changed > 0.5
    assert spread.crowding < 2.5
    assert abs(spread.smoothness) < 0.3
    painted = WEAPON.copy()
    rows, columns = np.nonzero(SOLID)
    painted[:3, rows[:30], columns[:30]] ^= 0x60
    detail = evenness(align(WEAPON, painted))
    assert detail is not None
    assert detail.changed < 0.2
    assert detail.crowding > 3.5


def test_too_few_solid_pixels_say_nothing() -> None:
    dot = np.zeros((4, 8, 8), dtype=np.uint8)
    dot[:, 2:4, 2:4] = 255
    assert evenness(align(dot, dot)) is None


def test_a_smaller_palette_stands_at_the_means_of_what_it_replaced_and_a_swap_does_not() -> None:
    original = np.zeros((4, 2, 4), dtype=np.int16)
    original[3] = 255
    original[0] = [[10, 20, 10, 20], [200, 210, 200, 210]]
    visible = np.ones((2, 4), dtype=bool)
    quantised = original.copy()
    quantised[0] = [[15] * 4, [205] * 4]
    merged = palette_map(original, quantised, visible)
    assert (merged.num_before, merged.num_after) == (4, 2)
    assert merged.spread == 0.0
    assert merged.off_centre == 0.0
    swapped = original.copy()
    swapped[1] = original[0]
    swap = palette_map(original, swapped, visible)
    assert swap.spread == 0.0
    assert swap.off_centre > 50
    uneven = original.copy()
    uneven[0, 0, 0] = 90
    assert palette_map(original, uneven, visible).spread > 1


def test_a_noisy_copy_repeats_the_grain_of_its_original_and_another_grain_does_not() -> None:
    generator = np.random.default_rng(2)
    one, other, noise = np.rint(generator.normal(90, 4, size=(3, 4, 32, 32))).astype(np.int16)
    one[3] = other[3] = 255
    noisy = one + noise - 90
    noisy[3] = 255
    assert grain_shared(align(one.astype(np.uint8), noisy.astype(np.uint8))) > 0.95
    assert grain_shared(align(one.astype(np.uint8), other.astype(np.uint8))) < 0.2
    flat = np.full((4, 32, 32), 255, dtype=np.uint8)
    assert grain_shared(align(flat, noisy.astype(np.uint8))) == np.inf


def test_root_mean_square_of_nowhere_is_nothing() -> None:
    assert root_mean_square(np.ones((4, 2, 2), dtype=np.int16), np.zeros((2, 2), dtype=bool)) == 0.0


def test_a_painted_detail_changes_few_blocks_and_a_process_all() -> None:
    painted, dimmed = WEAPON.copy(), WEAPON.copy()
    rows, columns = np.nonzero(SOLID)
    painted[:3, rows[0], columns[0]] ^= 0x60
    dimmed[:3] = WEAPON[:3] - WEAPON[:3] // 8
    assert share_of_blocks_changed(align(WEAPON, WEAPON)) == 0.0
    assert 0.0 < share_of_blocks_changed(align(WEAPON, painted)) < 0.25
    assert share_of_blocks_changed(align(WEAPON, dimmed)) > 0.9


def test_only_a_blurred_picture_differs_finely() -> None:
    wide = WEAPON.astype(np.uint16)
    padded = np.pad(wide, ((0, 0), (1, 1), (0, 0)))
    blurred = (2 * wide + padded[:, :-2] + padded[:, 2:]) // 4
    assert blurs_away(align(WEAPON, blurred.astype(np.uint8)))
    assert not blurs_away(align(WEAPON, draw_armory(2, 32, 32, seed=6).images[1]))
