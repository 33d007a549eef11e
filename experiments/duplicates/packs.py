"""The sets to score on: the dirty pack with its truth, and packs in which copies are planted here."""

import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from zipfile import ZipFile

import numpy as np
from PIL import Image

from experiments.duplicates.plant import COPIERS, is_visible_copy
from experiments.duplicates.scoring import Item
from gan.data.armory import draw_armory
from gan.pixels import to_pil

MOST_BYTES = 1_000_000
MOST_PIXELS = 1_000_000
# What a cleaner has taken out before it looks for duplicates.
REFUSED = {"reject", "reject_member", "ignore", "reject_or_repair", "reject_or_convert"}
ORIGINALS = {"clean", "odd_name", "mislabelled"}


def dirty_pack(folder: Path) -> list[Item]:
    """dcss-dirty.zip's readable pictures in the order of the zip, read in memory alone."""
    truth = json.loads((folder / "dcss-dirty.truth.json").read_text())
    entries = {entry["member"]: entry for entry in truth["entries"] if entry["kind"] != "member_name_twice"}
    items = []
    with ZipFile(folder / "dcss-dirty.zip") as archive:
        for member in archive.infolist():
            entry = entries.get(member.filename)
            if entry is None or entry["expect"] in REFUSED or member.file_size > MOST_BYTES:
                continue
            image = _decoded(archive.read(member))
            if image is None:
                continue
            is_copy = entry["expect"] == "drop"
            items.append(
                Item(
                    name=member.filename,
                    image=image,
                    kind=entry["kind"] if is_copy else "",
                    copy_of=entry["duplicate_of"] if is_copy else "",
                    judged=is_copy or entry["kind"] in ORIGINALS,
                )
            )
    return items


def _decoded(data: bytes) -> Image.Image | None:
    try:
        with Image.open(io.BytesIO(data)) as image:
            if image.width * image.height > MOST_PIXELS:
                return None
            return image.convert("RGBA")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def zip_pack(path: Path) -> list[Item]:
    """Every PNG of a clean zip, each an original."""
    with ZipFile(path) as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".png"))
        return [Item(name=name, image=Image.open(io.BytesIO(archive.read(name))).convert("RGBA")) for name in names]


def armory_pack(num_pictures: int, height: int, width: int, *, seed: int) -> list[Item]:
    pictures = draw_armory(num_pictures, height, width, seed=seed).images
    return [Item(name=f"{place:06d}", image=to_pil(picture).convert("RGBA")) for place, picture in enumerate(pictures)]


def with_copies(originals: Sequence[Item], num_of_each_kind: int, *, seed: int) -> list[Item]:
    """The originals and that many copies of each kind, each of another original, in random order."""
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(originals))
    items = list(originals)
    for number, kind in enumerate(COPIERS):
        for step in range(num_of_each_kind):
            original = originals[order[(number * num_of_each_kind + step) % len(order)]]
            items.append(copy_of(original, kind, generator, name=f"copy of {original.name}, {kind} {step}"))
    return [items[place] for place in generator.permutation(len(items))]


def copy_of(original: Item, kind: str, generator: np.random.Generator, *, name: str) -> Item:
    copy = COPIERS[kind](original.image, generator)
    truly = kind if is_visible_copy(original.image, copy) or kind in ("exact", "hidden_colour") else "exact"
    return Item(name=name, image=copy, kind=truly, copy_of=original.name)


def big_pack(num_pictures: int, share_of_copies: float, *, seed: int) -> Iterator[Item]:
    """An armory of that many 32 x 32 pictures, a share of them copies of the one just before, drawn one by one."""
    from gan.data.armory import CLASSES, MATERIALS, draw_weapon

    kinds = tuple(COPIERS)
    given = 0
    while given < num_pictures:
        generator = np.random.default_rng([seed, given])
        weapon_class, material = int(generator.integers(len(CLASSES))), int(generator.integers(len(MATERIALS)))
        picture = draw_weapon(weapon_class, material, 32, 32, generator)
        original = Item(name=f"{given:06d}", image=to_pil(picture).convert("RGBA"))
        yield original
        given += 1
        if given < num_pictures and generator.random() < share_of_copies / (1.0 - share_of_copies):
            kind = kinds[generator.integers(len(kinds))]
            yield copy_of(original, kind, generator, name=f"{given:06d}")
            given += 1
