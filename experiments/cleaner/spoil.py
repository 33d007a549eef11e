"""Makes a hostile pack of any clean set, as ../shared/data/dcss-dirty.zip was made of dcss-items, with its truth.

So that `clean` is scored on pictures and chance that nobody looked at while its rules were set. The same set and seed
give the same pack. The copies are experiments/duplicates/plant.py's, with ranges wider than the given pack's.
"""

import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import numpy as np
from PIL import Image, ImageDraw

from experiments.cleaner.broken import BROKEN
from experiments.duplicates.plant import COPIERS, is_visible_copy

NUM_CLEAN, NUM_MISLABELLED = 200, 12
NUM_EXACT, NUM_OTHER_CLASS, NUM_RESAVED, NUM_HIDDEN = 40, 10, 30, 12
NUM_NEAR = {
    "near_shift1": (25, "shift"),
    "near_mirror": (20, "mirror"),
    "near_recolour": (20, "recolour"),
    "near_resized": (20, "resize"),
    "near_jpeg_roundtrip": (15, "jpeg"),
    "near_quantised16": (10, "quantise"),
    "near_noise": (10, "noise"),
}
ODD_NAMES = (
    "CON.png",
    ".hidden.png",
    "-rf.png",
    "a" * 200 + ".png",
    "new\nline.png",
    "剣_épée_меч.png",
    "tab\tname.png",
    "semi;colon&amp.png",
    "quote'\".png",
    "UPPER.PNG",
    "trailing_dot..png",
    "with space and (1).png",
    "percent%2e%2e%2fx.png",
    "⚔️ sword ⚔️.png",
)
TRAPS = (
    "../dirty_escape_1.png",
    "/tmp/dirty_escape_2.png",
    "{}/../../dirty_escape_3.png",
    "..\\dirty_escape_4.png",
    "C:\\dirty_escape_5.png",
    "{}/./../../../dirty_escape_6.png",
)
LITTER = ("__MACOSX/{}/._x.png", "{}/.DS_Store", "{}/Thumbs.db", "readme.txt")


def spoil(source: Path, out: Path, *, seed: int) -> Mapping[str, Any]:
    """Writes the pack at `out` and gives its truth, in the form of dcss-dirty.truth.json."""
    pack = _Pack(source, np.random.default_rng(seed))
    pack.fill()
    return pack.write(out)


class _Pack:
    """entries and the bytes beside each, in order; classes are the folders of the source."""

    def __init__(self, source: Path, generator: np.random.Generator) -> None:
        self._generator = generator
        self._originals = list(_distinct(source))
        self._classes = sorted({folder for folder, _, _ in self._originals})
        self._members: list[tuple[dict[str, Any], bytes | None]] = []
        self._names: set[str] = set()

    def fill(self) -> None:
        order = self._generator.permutation(len(self._originals))
        chosen = [self._originals[place] for place in order]
        num = min(NUM_CLEAN, len(chosen) - len(ODD_NAMES) - NUM_MISLABELLED - len(BROKEN))
        clean = [(f"{folder}/{name}", image) for folder, name, image in chosen[:num]]
        rest = iter(chosen[num:])
        for name, image in clean:
            self._add(name, "clean", "keep", _png(image))
        for odd in ODD_NAMES:
            folder, name, image = next(rest)
            self._add(f"{folder}/{odd}", "odd_name", "keep", _png(image), was=f"{folder}/{name}")
        for _ in range(NUM_MISLABELLED):
            folder, name, image = next(rest)
            self._add(
                f"{self._other_than(folder)}/{name}", "mislabelled", "keep_flag_label", _png(image), true_class=folder
            )
        self._copies(clean)
        self._strangers()
        self._broken(image for _, _, image in rest)
        self._traps(_png(clean[0][1]))

    def _copies(self, clean: list[tuple[str, Image.Image]]) -> None:
        """Every copy of another original, as long as there are enough."""
        chosen = iter([clean[place] for _ in range(20) for place in self._generator.permutation(len(clean))])
        for _ in range(NUM_EXACT):
            name, image = next(chosen)
            self._copy(name, "exact_copy", _png(image))
        for _ in range(NUM_OTHER_CLASS):
            name, image = next(chosen)
            folder = _folder(name)
            other = self._other_than(folder)
            self._copy(name, "exact_copy_other_class", _png(image), folder=other, true_class=folder)
        for _ in range(NUM_RESAVED):
            name, image = next(chosen)
            self._copy(name, "exact_pixels_resaved", _png(image, compress_level=1))
        for _ in range(NUM_HIDDEN):
            name, image = next(chosen)
            self._copy(name, "exact_visible_alpha_garbage", _png(COPIERS["hidden_colour"](image, self._generator)))
        for kind, (num_copies, process) in NUM_NEAR.items():
            for _ in range(num_copies):
                name, image = next(chosen)
                copy = COPIERS[process](image, self._generator)
                # a picture of few colours comes out of many processes as it was
                while not is_visible_copy(image, copy):
                    name, image = next(chosen)
                    copy = COPIERS[process](image, self._generator)
                self._copy(name, kind, _png(copy))

    def _copy(self, of: str, kind: str, data: bytes, *, folder: str = "", **more: str) -> None:
        self._add(self._free(folder or _folder(of)), kind, "drop", data, duplicate_of=of, **more)

    def _strangers(self) -> None:
        """Pictures of no style of the set: opaque texture, noise, and words."""
        _, _, some = self._originals[0]
        width, height = some.size
        for _ in range(12):
            coarse = self._generator.integers(0, 256, size=(height // 4 + 1, width // 4 + 1, 3), dtype=np.uint8)
            tile = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
            self._add(self._free(), "outlier_terrain_tile", "flag", _png(tile))
        for _ in range(3):
            noise = self._generator.integers(0, 256, size=(height, width, 3), dtype=np.uint8)
            self._add(self._free(), "outlier_noise", "flag", _png(Image.fromarray(noise)))
        for words in ("no image", "404"):
            page = Image.new("RGB", (width, height), (230, 230, 230))
            ImageDraw.Draw(page).text((1, height // 3), words, fill=(60, 60, 60))
            self._add(self._free(), "outlier_text_placeholder", "flag", _png(page))

    def _broken(self, images: Iterator[Image.Image]) -> None:
        """Each of a picture of its own, so that none is a copy of another."""
        for kind, (expect, ending, make) in BROKEN.items():
            self._add(self._free(ending=ending), kind, expect, make(next(images), self._generator))

    def _traps(self, data: bytes) -> None:
        folder = self._classes[0]
        for name in TRAPS:
            self._add(name.format(folder), "path_traversal", "reject_member", data)
        self._add(f"{folder}/link.png", "symlink_member", "reject_member", b"/etc/passwd")
        for name in LITTER:
            self._add(name.format(folder), "litter", "ignore", b"\0" * 24)
        self._add("empty_class/", "empty_folder", "ignore", None)

    def write(self, out: Path) -> Mapping[str, Any]:
        """In random order, labels beside them, some of them wrong in the ways of dcss-dirty."""
        entries = [self._members[place] for place in self._generator.permutation(len(self._members))]
        number_of = {name: number for number, name in enumerate(self._classes)}
        labels = [
            [entry["member"], number_of[_folder(entry["member"])]]
            for entry, _ in entries
            if entry["expect"] not in ("reject_member", "ignore")
        ]
        clean = [entry["member"] for entry, _ in entries if entry["kind"] == "clean"]
        missing = ["nowhere/not_in_the_zip_1.png", "nowhere/not_in_the_zip_2.png"]
        unlabelled, out_of_range = clean[:3], clean[3]
        labels = [pair for pair in labels if pair[0] not in unlabelled] + [[name, 0] for name in missing]
        labels = [[name, 999 if name == out_of_range else number] for name, number in labels]
        with ZipFile(out, "w", ZIP_DEFLATED) as archive:
            archive.writestr("dataset.json", json.dumps({"labels": labels}))
            for entry, data in entries:
                info = ZipInfo(entry["member"])
                info.compress_type = ZIP_DEFLATED
                mode = 0o120777 if entry["kind"] == "symlink_member" else 0o100644
                info.external_attr = mode << 16
                archive.writestr(info, data or b"")
        return {
            "entries": [entry for entry, _ in entries],
            "dataset_json_faults": {
                "labels_for_missing_files": missing,
                "images_without_label": unlabelled,
                "class_index_out_of_range": out_of_range,
            },
        }

    def _add(self, member: str, kind: str, expect: str, data: bytes | None, **more: str) -> None:
        if member in self._names:
            member = f"{_folder(member)}/again_{len(self._names)}_{PurePosixPath(member).name}"
        self._names.add(member)
        self._members.append(({"member": member, "kind": kind, "expect": expect, **more}, data))

    def _free(self, folder: str = "", ending: str = ".png") -> str:
        folder = folder or str(self._generator.choice(self._classes))
        while (name := f"{folder}/img_{self._generator.integers(1000, 10_000)}{ending}") in self._names:
            pass
        return name

    def _other_than(self, folder: str) -> str:
        return str(self._generator.choice([name for name in self._classes if name != folder]))


def _distinct(source: Path) -> Iterator[tuple[str, str, Image.Image]]:
    """Class, name and picture, each of what can be seen once, and none blank."""
    seen: set[bytes] = set()
    with ZipFile(source) as archive:
        for member in sorted(archive.namelist()):
            if not member.endswith(".png"):
                continue
            image = Image.open(io.BytesIO(archive.read(member))).convert("RGBA")
            pixels = np.array(image)
            pixels[pixels[..., 3] == 0] = 0
            key = pixels.tobytes()
            if key not in seen and (pixels[..., 3] > 0).mean() > 0.02:
                seen.add(key)
                yield _folder(member), PurePosixPath(member).name, image


def _folder(member: str) -> str:
    return member.split("/", maxsplit=1)[0]


def _png(image: Image.Image, **options: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", **options)
    return buffer.getvalue()
