"""Writes a set: a zip in StyleGAN2-ADA's layout that NVlabs' loader and ours read.

    00000/img00000000.png …    the pictures, 1,000 a folder, all of one size and mode
    dataset.json               {"labels": [["00000/img00000000.png", 0], …]} or {"labels": null}
    classes.json               {"classes": ["axe", …]}, by label, where there are classes
    provenance.csv             where each picture is from: member, source, name
    dataset-card.json          gan/data/card.py

The same pictures give the same bytes: no time stands in it. PNGs are stored, since they are deflated already.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gan.data.card import CARD_NAME, DatasetCard
from gan.data.label_files import CLASSES_JSON, DATASET_JSON, class_names_text, labels_text
from gan.whole_file import written_whole

PROVENANCE_NAME = "provenance.csv"
_LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the first time that a zip can hold


def write_set(
    path: Path,
    pngs: Iterable[bytes],
    *,
    labels: NDArray[np.int64],
    origins: Sequence[tuple[str, str]],
    card: DatasetCard,
    replace: bool,
) -> None:
    """`pngs` are the pictures as PNG files, in order; labels `[n]` into card.classes (all 0 where there are none);
    origins: each picture's source and its name there.

    Killed at any moment, `path` is as it was or whole. UserError: it exists and `replace` is False.
    """
    names = [member_name(index) for index in range(len(labels))]
    with written_whole(path, replace=replace) as file, ZipFile(file, "w") as archive:
        for name, png in zip(names, pngs, strict=True):
            archive.writestr(_info(name, ZIP_STORED), png)
        texts = {DATASET_JSON: labels_text(names, [int(label) for label in labels] if card.classes else None)}
        if card.classes:
            texts[CLASSES_JSON] = class_names_text(list(card.classes))
        texts[PROVENANCE_NAME] = _provenance(names, origins)
        texts[CARD_NAME] = card.to_json()
        for name, text in texts.items():
            text_bytes = text.encode(
                errors="backslashreplace"
            )  # on Linux a file's name may hold bytes that are no text
            archive.writestr(_info(name, ZIP_DEFLATED), text_bytes)


def member_name(index: int) -> str:
    return f"{index // 1000:05d}/img{index:08d}.png"


def encode_png(image: Image.Image) -> bytes:
    """L, RGB or RGBA; the colour of transparent pixels, which nobody sees, becomes black."""
    if image.mode == "RGBA":
        pixels = np.array(image)
        pixels[pixels[..., 3] == 0] = 0
        image = Image.fromarray(pixels)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def _info(name: str, compression: int) -> ZipInfo:
    info = ZipInfo(name, date_time=_LONG_AGO)
    info.compress_type = compression
    info.external_attr = 0o644 << 16
    return info


def _provenance(names: Sequence[str], origins: Sequence[tuple[str, str]]) -> str:
    buffer = io.StringIO()
    table = csv.writer(buffer, lineterminator="\n")
    table.writerow(("member", "source", "name"))
    table.writerows((name, *origin) for name, origin in zip(names, origins, strict=True))
    return buffer.getvalue()
