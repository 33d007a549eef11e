import csv
import dataclasses
import io
import json
import os
import signal
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan.data.archive import encode_png, member_name, write_set
from gan.data.card import DatasetCard, SourceCard
from gan.data.dataset import load_pictures
from gan.data.members import Skipped
from gan.errors import UserError

SOURCE = SourceCard(
    source="icons",
    kind="folder",
    licence=None,
    num_pictures=3,
    sizes={"8x8": 3},
    method="none",
    filters={"none": 3},
    num_looked_at=0,
    num_pixel_art=0,
)
CARD = DatasetCard(
    name="set",
    num_pictures=3,
    height=8,
    width=8,
    channels=4,
    classes={"axe": 2, "bow": 1},
    licence="CC0",
    fit="letterbox",
    background=None,
    sources=(SOURCE,),
    skipped=(Skipped("bad.png", "not a picture"),),
    fingerprint="0" * 16,
    ganvil_version="1",
)
LABELS = np.array([0, 1, 0])
ORIGINS = [("icons", "axe/a.png"), ("icons", "bow/b,c.png"), ("icons", "axe/\udcff.png")]
PNGS = [encode_png(Image.new("RGBA", (8, 8), (10 * index, 0, 0, 255 - index))) for index in range(3)]


def write(path: Path, *, replace: bool = False, pngs: Iterator[bytes] | None = None, card: DatasetCard = CARD) -> None:
    write_set(path, PNGS if pngs is None else pngs, labels=LABELS, origins=ORIGINS, card=card, replace=replace)


def text_of(path: Path, name: str) -> str:
    with zipfile.ZipFile(path) as archive:
        return archive.read(name).decode()


def test_the_layout_of_stylegan2_ada(tmp_path: Path) -> None:
    write(tmp_path / "set.zip")
    with zipfile.ZipFile(tmp_path / "set.zip") as archive:
        assert archive.testzip() is None
        assert archive.namelist()[:3] == [f"00000/img0000000{index}.png" for index in range(3)]
        stored = {info.filename: info.compress_type == zipfile.ZIP_STORED for info in archive.infolist()}
        assert [stored[member_name(0)], stored["dataset.json"]] == [True, False]
        assert archive.read(member_name(1)) == PNGS[1]
    labels = dict(json.loads(text_of(tmp_path / "set.zip", "dataset.json"))["labels"])
    assert labels == {"00000/img00000000.png": 0, "00000/img00000001.png": 1, "00000/img00000002.png": 0}
    assert member_name(12_345) == "00012/img00012345.png"


def test_ours_reads_it(tmp_path: Path) -> None:
    write(tmp_path / "set.zip")
    pictures = load_pictures(str(tmp_path / "set.zip"))
    assert pictures.class_names == ("axe", "bow")
    assert pictures.labels.tolist() == LABELS.tolist()


def test_without_classes_there_are_no_labels(tmp_path: Path) -> None:
    write(tmp_path / "set.zip", card=dataclasses.replace(CARD, classes={}))
    assert json.loads(text_of(tmp_path / "set.zip", "dataset.json")) == {"labels": None}
    assert load_pictures(str(tmp_path / "set.zip")).class_names == ()


def test_the_card_comes_back(tmp_path: Path) -> None:
    write(tmp_path / "set.zip")
    assert DatasetCard.from_json(text_of(tmp_path / "set.zip", "dataset-card.json")) == CARD
    with pytest.raises(UserError, match="cannot be read"):
        DatasetCard.from_json('{"name": "set"}')


def test_where_each_picture_is_from(tmp_path: Path) -> None:
    write(tmp_path / "set.zip")
    rows = list(csv.reader(io.StringIO(text_of(tmp_path / "set.zip", "provenance.csv"))))
    assert rows[0] == ["member", "source", "name"]
    assert rows[2] == ["00000/img00000001.png", "icons", "bow/b,c.png"]
    assert rows[3][2] == "axe/\\udcff.png", "a name that is no text must not stop the import"


def test_the_same_pictures_give_the_same_bytes(tmp_path: Path) -> None:
    write(tmp_path / "one.zip")
    write(tmp_path / "two.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    (tmp_path / "set.zip").write_text("old")
    with pytest.raises(UserError, match="--force"):
        write(tmp_path / "set.zip")
    assert (tmp_path / "set.zip").read_text() == "old"
    write(tmp_path / "set.zip", replace=True)
    assert zipfile.is_zipfile(tmp_path / "set.zip")


@pytest.mark.parametrize(("path", "message"), [("", "is a folder"), ("absent/set.zip", "does not exist")])
def test_where_nothing_can_be_written(path: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        write(tmp_path / path, replace=True)


def test_an_error_leaves_nothing(tmp_path: Path) -> None:
    def breaks() -> Iterator[bytes]:
        yield PNGS[0]
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write(tmp_path / "set.zip", pngs=breaks())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("old", [None, "old"])
def test_killed_at_any_moment_the_old_file_or_none(old: str | None, tmp_path: Path) -> None:
    path = tmp_path / "set.zip"
    if old is not None:
        path.write_text(old)

    def dies() -> Iterator[bytes]:
        yield PNGS[0]
        yield PNGS[1]
        os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if child == 0:
        write(path, replace=True, pngs=dies())
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert (path.read_text() if path.exists() else None) == old
    assert all(left == path or left.name.endswith(".unfinished") for left in tmp_path.iterdir())


def test_the_colour_of_transparent_pixels_is_not_kept() -> None:
    image = Image.open(io.BytesIO(encode_png(Image.new("RGBA", (2, 2), (9, 8, 7, 0)))))
    assert image.getpixel((0, 0)) == (0, 0, 0, 0)
    half = Image.new("RGBA", (2, 2), (200, 8, 7, 3))
    assert Image.open(io.BytesIO(encode_png(half))).tobytes() == half.tobytes(), "straight alpha, to the bit"
