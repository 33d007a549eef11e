"""The built-in picture set: weapon icons drawn by a program, of known class and material, at any size.

A stand-in for a folder of game art that needs no download, and a measuring stick: since every picture's class
and material are known and all are equally frequent, modes that a generator loses can be counted. Pillow and
numpy only, no fonts. Knows nothing of training. On one core about 2 ms a picture at 32 px, 11 ms at 128 px.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gan.data.armory.blades import dagger, scythe, spear, sword
from gan.data.armory.hafted import axe, hammer, mace, shield, staff
from gan.data.armory.materials import MATERIAL_TABLE, draw_chance, draw_palette
from gan.data.armory.parts import Shape
from gan.data.armory.render import draw_pose, render
from gan.data.armory.shooters import bow, crossbow, gun
from gan.errors import UserError

UInt8Array = NDArray[np.uint8]

SMALLEST_SIDE = 16

SHAPES: dict[str, Callable[[np.random.Generator], Shape]] = {
    "sword": sword,
    "axe": axe,
    "bow": bow,
    "hammer": hammer,
    "spear": spear,
    "dagger": dagger,
    "staff": staff,
    "gun": gun,
    "mace": mace,
    "crossbow": crossbow,
    "scythe": scythe,
    "shield": shield,
}

CLASSES: tuple[str, ...] = tuple(SHAPES)
MATERIALS: tuple[str, ...] = tuple(MATERIAL_TABLE)


@dataclass(frozen=True, kw_only=True)
class Armory:
    """Pictures and what they truly show.

    images: `[n, 4, h, w]` uint8 premultiplied; classes, materials: `[n]` indices into CLASSES, MATERIALS.
    """

    images: UInt8Array
    classes: NDArray[np.int64]
    materials: NDArray[np.int64]


def draw_weapon(
    weapon_class: int, material: int, height: int, width: int, generator: np.random.Generator
) -> UInt8Array:
    """One weapon `[4, height, width]` uint8 premultiplied; class and material are indices.

    Everything is drawn from the generator before the size is looked at: the same generator state gives the
    same weapon at every size. Raises UserError for a side under 16 pixels or an index out of range.
    """
    _check_size(height, width)
    _check_index("class", weapon_class, CLASSES)
    _check_index("material", material, MATERIALS)
    substance = MATERIAL_TABLE[MATERIALS[material]]
    shape = SHAPES[CLASSES[weapon_class]](generator)
    pose = draw_pose(generator)
    palette = draw_palette(generator, substance)
    chance = draw_chance(generator)
    return render(shape, pose, substance, palette, chance, height, width)


def draw_armory(num_pictures: int, height: int, width: int, *, seed: int = 0) -> Armory:
    """That many weapons, picture i from (seed, i) alone, so that a longer set begins with the shorter one.

    Classes go round with each picture and materials shift by one each round: the first len(CLASSES) pictures
    have every class, the first len(CLASSES) * len(MATERIALS) every pair exactly once. Raises UserError for
    fewer than one picture, a negative seed, or a side under 16 pixels.
    """
    if num_pictures < 1:
        raise UserError(f"{num_pictures} pictures asked of the armory; it draws 1 or more")
    if seed < 0:
        raise UserError(f"seed {seed} for the armory is negative; use 0 or more")
    _check_size(height, width)
    index = np.arange(num_pictures, dtype=np.int64)
    classes = index % len(CLASSES)
    materials = (index + index // len(CLASSES)) % len(MATERIALS)
    images = np.empty((num_pictures, 4, height, width), dtype=np.uint8)
    for i in range(num_pictures):
        generator = np.random.default_rng([seed, i])
        images[i] = draw_weapon(int(classes[i]), int(materials[i]), height, width, generator)
    return Armory(images=images, classes=classes, materials=materials)


def _check_size(height: int, width: int) -> None:
    if min(height, width) < SMALLEST_SIDE:
        raise UserError(f"size {height}x{width} is too small for a weapon; use {SMALLEST_SIDE} pixels or more each way")


def _check_index(what: str, index: int, names: tuple[str, ...]) -> None:
    if not 0 <= index < len(names):
        raise UserError(f"weapon {what} {index} does not exist; choose 0 to {len(names) - 1} ({', '.join(names)})")
