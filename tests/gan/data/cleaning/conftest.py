"""Pictures, zips and examinations of a few lines."""

import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from zipfile import ZipFile, ZipInfo

import numpy as np
import pytest
from PIL import Image

from gan.data.armory import draw_armory
from gan.data.cleaning.examine import Examination, examine
from gan.data.cleaning.wishes import Wishes
from gan.data.members import open_source
from gan.pixels import to_pil

Zipped = Callable[..., Path]
Examined = Callable[..., Examination]


def png(image: Image.Image, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, options.pop("format", "PNG"), **options)
    return buffer.getvalue()


def plain(colour: tuple[int, ...], size: tuple[int, int] = (32, 32)) -> Image.Image:
    return Image.new("RGBA" if len(colour) == 4 else "RGB", size, colour)


def noise(seed: int, size: tuple[int, int] = (32, 32)) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))


@pytest.fixture(scope="session")
def weapons() -> list[Image.Image]:
    """48 pictures of the armory, all different, of 32 x 32."""
    return [to_pil(image) for image in draw_armory(48, 32, 32).images]


@pytest.fixture
def zipped(tmp_path: Path) -> Zipped:
    """Writes a zip of names and pictures or bytes, with a dataset.json of labels where these are given."""

    def write(
        files: Mapping[str, Image.Image | bytes] | list[tuple[str | ZipInfo, Image.Image | bytes]],
        labels: Mapping[str, int] | None = None,
        name: str = "set.zip",
    ) -> Path:
        path = tmp_path / name
        with ZipFile(path, "w") as archive:
            for member, content in files.items() if isinstance(files, Mapping) else files:
                archive.writestr(member, content if isinstance(content, bytes) else png(content))
            if labels is not None:
                archive.writestr("dataset.json", json.dumps({"labels": list(map(list, labels.items()))}))
        return path

    return write


@pytest.fixture
def examined(zipped: Zipped) -> Examined:
    """Writes the zip and examines it."""

    def run(
        files: object, labels: Mapping[str, int] | None = None, *, mirror: bool = False, **wishes: set[str]
    ) -> Examination:
        with open_source(str(zipped(files, labels))) as source:
            lists = Wishes(**{key: frozenset(names) for key, names in wishes.items()})
            return examine(source, mirror=mirror, wishes=lists, spool=None)

    return run
