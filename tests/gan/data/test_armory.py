"""The built-in pictures: reproducible, whole on the canvas, told apart by class and by material."""

import numpy as np
import pytest
from numpy.typing import NDArray

from gan.data.armory import CLASSES, MATERIALS, Armory, draw_armory, draw_weapon
from gan.data.armory.parts import Ramp, rod
from gan.data.armory.render import solid
from gan.errors import UserError

NUM_MODES = len(CLASSES) * len(MATERIALS)


@pytest.fixture(scope="module")
def armory() -> Armory:
    """Five of each mode at 32 px."""
    return draw_armory(5 * NUM_MODES, 32, 32, seed=1)


def test_there_are_enough_kinds() -> None:
    assert len(CLASSES) >= 10
    assert len(MATERIALS) >= 12
    assert len(set(CLASSES)) == len(CLASSES)


def test_same_seed_same_pictures_and_another_seed_others() -> None:
    first, again, other = (draw_armory(12, 24, 24, seed=seed) for seed in (5, 5, 6))
    assert np.array_equal(first.images, again.images)
    assert all(np.any(a != b) for a, b in zip(first.images, other.images, strict=True))


def test_a_longer_set_begins_with_the_shorter() -> None:
    short, long = draw_armory(7, 20, 28, seed=2), draw_armory(19, 20, 28, seed=2)
    assert np.array_equal(short.images, long.images[:7])
    assert np.array_equal(short.classes, long.classes[:7])
    assert np.array_equal(short.materials, long.materials[:7])


def test_a_picture_depends_on_its_generator_only() -> None:
    whole = draw_armory(5, 24, 24, seed=3)
    alone = draw_weapon(int(whole.classes[4]), int(whole.materials[4]), 24, 24, np.random.default_rng([3, 4]))
    assert np.array_equal(alone, whole.images[4])


def test_every_mode_is_equally_present(armory: Armory) -> None:
    assert sorted(set(armory.classes[: len(CLASSES)].tolist())) == list(range(len(CLASSES)))
    counts = np.zeros((len(CLASSES), len(MATERIALS)), dtype=np.int64)
    np.add.at(counts, (armory.classes, armory.materials), 1)
    assert (counts == 5).all()


@pytest.mark.parametrize(("height", "width"), [(16, 16), (16, 50), (33, 17), (64, 64), (128, 96), (300, 200)])
def test_any_size_and_aspect_holds_the_whole_weapon(height: int, width: int) -> None:
    drawn = draw_armory(len(CLASSES), height, width, seed=4)
    assert drawn.images.shape == (len(CLASSES), 4, height, width)
    assert drawn.images.dtype == np.uint8
    alpha = drawn.images[:, 3]
    border = np.concatenate([alpha[:, 0], alpha[:, -1], alpha[:, :, 0], alpha[:, :, -1]], axis=1)
    assert border.max() == 0, "a weapon touches the edge of its canvas"
    # It uses the canvas too: along the side that binds, even a dagger takes half of it.
    for picture in alpha:
        rows, columns = np.nonzero(picture)
        assert max(np.ptp(rows) / height, np.ptp(columns) / width) > 0.45


def test_nothing_is_clipped_in_any_mode(armory: Armory) -> None:
    alpha = armory.images[:, 3]
    border = np.concatenate([alpha[:, 0], alpha[:, -1], alpha[:, :, 0], alpha[:, :, -1]], axis=1)
    assert border.max() == 0


def test_colours_are_premultiplied_and_edges_smooth(armory: Armory) -> None:
    colour, alpha = armory.images[:, :3], armory.images[:, 3:]
    assert (colour <= alpha).all()
    assert (alpha == 255).any(axis=(1, 2, 3)).all()
    assert ((alpha > 0) & (alpha < 255)).any(axis=(1, 2, 3)).all()


def test_the_outline_is_dark_and_the_inside_is_not(armory: Armory) -> None:
    alpha = armory.images[:, 3].astype(np.float64)
    brightest = armory.images[:, :3].max(axis=1).astype(np.float64)
    solid_share = alpha > 128
    inside = solid_share.copy()
    for axis in (1, 2):
        for step in (-1, 1):
            inside &= np.roll(solid_share, step, axis=axis)
    rim = (alpha > 0) & ~inside
    rim_light = brightest[rim].sum() / alpha[rim].sum()
    inside_light = brightest[inside].sum() / alpha[inside].sum()
    assert rim_light < 0.5 * inside_light


def test_the_light_comes_from_the_upper_left() -> None:
    """Balls and blades both: steel shields are brighter in the upper left half of themselves."""
    shields = np.stack(
        [
            draw_weapon(CLASSES.index("shield"), MATERIALS.index("steel"), 48, 48, np.random.default_rng(seed))
            for seed in range(24)
        ]
    ).astype(np.float64)
    row, column = np.mgrid[:48, :48]
    upper_left = row + column < 47
    light = shields[:, :3].sum(axis=1)
    cover = shields[:, 3]
    lit = light[:, upper_left].sum() / cover[:, upper_left].sum()
    shaded = light[:, ~upper_left].sum() / cover[:, ~upper_left].sum()
    assert lit > 1.15 * shaded


def test_the_same_weapon_at_another_size() -> None:
    """Reduced to 32 px, the 96 px picture is nearer to its own 32 px twin than to any other weapon."""
    small = draw_armory(24, 32, 32, seed=9).images.astype(np.float64)
    large = draw_armory(24, 96, 96, seed=9).images.astype(np.float64)
    reduced = large.reshape(24, 4, 32, 3, 32, 3).mean(axis=(3, 5))
    distance = _distances(reduced, small)
    assert np.array_equal(distance.argmin(axis=1), np.arange(24))


def _distances(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    flat_a, flat_b = a.reshape(len(a), -1), b.reshape(len(b), -1)
    squares: NDArray[np.float64] = (
        (flat_a**2).sum(axis=1)[:, None] + (flat_b**2).sum(axis=1)[None] - 2 * flat_a @ flat_b.T
    )
    return squares


def test_classes_are_told_apart_by_their_silhouettes(armory: Armory) -> None:
    """Nearest neighbour on alpha, held-out pictures; chance is 1/12."""
    known = 4 * NUM_MODES
    alpha = armory.images[:, 3].astype(np.float64)
    nearest = _distances(alpha[known:], alpha[:known]).argmin(axis=1)
    hit = armory.classes[:known][nearest] == armory.classes[known:]
    assert hit.mean() > 0.85


def test_materials_are_told_apart_by_their_colours(armory: Armory) -> None:
    """Nearest neighbour among the same class, on what colours cover how much; chance is 1/12."""
    known = 4 * NUM_MODES
    coarse = (armory.images[:, :3] // 43).astype(np.int64)
    code = coarse[:, 0] * 36 + coarse[:, 1] * 6 + coarse[:, 2]
    histogram = np.stack(
        [np.bincount(one[alpha > 0], minlength=216) for one, alpha in zip(code, armory.images[:, 3], strict=True)]
    )
    share = np.sqrt(histogram / histogram.sum(axis=1, keepdims=True))
    distance = _distances(share[known:], share[:known])
    distance[armory.classes[known:, None] != armory.classes[None, :known]] = np.inf
    hit = armory.materials[:known][distance.argmin(axis=1)] == armory.materials[known:]
    assert hit.mean() > 0.85


def test_shapes_vary_within_a_mode() -> None:
    """No two of forty golden axes share a silhouette, nor come near to it."""
    axes = np.stack(
        [
            draw_weapon(CLASSES.index("axe"), MATERIALS.index("gold"), 32, 32, np.random.default_rng(seed))
            for seed in range(40)
        ]
    )
    alpha = axes[:, 3].astype(np.float64) / 255
    distance = _distances(alpha, alpha)
    np.fill_diagonal(distance, np.inf)
    assert distance.min() > 5.0, "two weapons differ in fewer than five pixels"


def test_thin_rods_never_vanish() -> None:
    path = np.array([[0.0, 0.0], [0.0, 0.5], [0.0, 1.0]])
    part = solid(rod(path, 0.001, Ramp.WOOD), 0.02, np.array([-1.0, 0.0]))
    assert np.ptp(part.points[:, 0]) == pytest.approx(0.04)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((0, 32, 32), "0 pictures"),
        ((3, 15, 32), "15x32"),
        ((3, 32, 8), "32x8"),
    ],
)
def test_bad_requests_are_the_users_errors(arguments: tuple[int, int, int], words: str) -> None:
    with pytest.raises(UserError, match=words):
        draw_armory(*arguments)


def test_bad_seed_class_and_material_are_the_users_errors() -> None:
    generator = np.random.default_rng(0)
    with pytest.raises(UserError, match="seed -1"):
        draw_armory(1, 16, 16, seed=-1)
    with pytest.raises(UserError, match="class 99"):
        draw_weapon(99, 0, 16, 16, generator)
    with pytest.raises(UserError, match="material -1"):
        draw_weapon(0, -1, 16, 16, generator)
