import csv
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan.command_line import Parser
from gan.data.armory import CLASSES
from gan.data.commands import labels as command
from gan.data.dataset import load_pictures
from gan.data.labels import assign, from_csv, from_folders, shown
from gan.errors import UserError

NAMES = ("axe/a.png", "axe/b.png", "bow/c.png")


def test_folders() -> None:
    labels = from_folders(NAMES)
    assert labels.labels.tolist() == [0, 0, 1]
    assert labels.class_names == ("axe", "bow")
    assert labels.counts().tolist() == [2, 1]


def test_pictures_beside_the_folders_are_a_class_that_is_named() -> None:
    labels = from_folders((*NAMES, "z.png"))
    assert labels.class_names == ("axe", "bow", "unsorted")
    assert labels.without == ("z.png",)
    assert from_folders(("unsorted/a.png", "axe/b.png", "c.png")).class_names == ("axe", "unsorted", "unsorted (2)")


def test_one_class_is_none() -> None:
    labels = from_folders(("axe/a.png", "axe/b.png"))
    assert labels.class_names == ()
    assert labels.labels.tolist() == [0, 0]


def test_numbers_as_of_a_dataset_json() -> None:
    labels = assign(NAMES, {"axe/a.png": 7, "axe/b.png": 1, "bow/c.png": 1, "gone.png": 1}, ("axe", "bow"))
    assert labels.labels.tolist() == [1, 0, 0]
    assert labels.class_names == ("bow", "class 7")
    assert labels.unknown == ("gone.png",)


def test_the_shards_of_a_stylegan_zip_are_no_classes() -> None:
    assert from_folders(("00000/img00000000.png", "00001/img00001000.png")).class_names == ()


def test_csv() -> None:
    text = "label,size,File\nbow,1,axe/a.png\naxe,2,./axe/b.png\nbow,3,elsewhere.png\n"
    labels = from_csv(NAMES, text, "l.csv")
    assert labels.class_names == ("axe", "bow", "unsorted")
    assert labels.labels.tolist() == [1, 0, 2]
    assert labels.without == ("bow/c.png",)
    assert labels.unknown == ("elsewhere.png",)


@pytest.mark.parametrize(
    "text",
    [
        "\ufefffile;label\naxe/a.png;one, two\naxe/b.png;b\nbow/c.png;b\n",
        'file,label\r\naxe/a.png,"one, two"\r\naxe\\b.png,b\r\nbow/c.png,b\r\n',
        "file\tlabel\naxe/a.png\tone, two\naxe/b.png\tb\nbow/c.png\tb",
    ],
)
def test_csv_as_spreadsheets_write_it(text: str) -> None:
    labels = from_csv(NAMES, text, "l.csv")
    assert labels.class_names == ("b", "one, two")
    assert labels.labels.tolist() == [1, 0, 0]


def test_classes_called_by_numbers_keep_their_order() -> None:
    text = "file,label\n" + "".join(f"{name},{label}\n" for name, label in zip(NAMES, (10, 9, "x"), strict=True))
    assert from_csv(NAMES, text, "l.csv").class_names == ("9", "10", "x")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,label\na,b\n", "the header is 'name,label'; it must name the columns file and label"),
        ("", "the header is ''"),
        ("file,label\naxe/a.png,axe\naxe/a.png,bow\n", "line 3: 'axe/a.png' is 'bow' here and 'axe' in line 2"),
        ("file,label\naxe/a.png,\n", "line 2: no label in 'axe/a.png'"),
        ("file,label\naxe/a.png\n", "line 2: no label in 'axe/a.png'"),
        ("file,label\n,axe\n", "line 2: no file in 'axe'"),
        ('file,label\naxe/a.png,"axe\n', "quotes in pairs"),
        ("file,label\nb.png,axe\n", "written as in the set, for example 'axe/b.png', not 'b.png'"),
        ("file,label\n", "not one of its 0 files"),
    ],
)
def test_csv_errors_name_the_line_and_the_way_out(text: str, message: str) -> None:
    with pytest.raises(UserError) as error:
        from_csv(NAMES, text, "l.csv")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_few_names() -> None:
    assert shown(("a", "b")) == "a, b"
    assert shown(tuple("abcdefg")) == "a, b, c, d, e and 2 more"


def run(*words: str) -> None:
    parser = Parser(prog="labels", description="", epilog="")
    command.add_arguments(parser)
    command.run(parser.parse_args(list(words)))


@pytest.fixture
def icons(tmp_path: Path) -> Path:
    """Tall red bars (odd) and wide green ones (even), in folders that have nothing to do with it."""
    rng = np.random.default_rng(0)
    for index in range(20):
        pixels = np.zeros((32, 32, 4), dtype=np.uint8)
        place, colour = rng.integers(4, 8), (200, 40, 40, 255) if index % 2 else (40, 200, 40, 255)
        (pixels if index % 2 else pixels.swapaxes(0, 1))[:, place : place + 6] = colour
        path = tmp_path / "icons" / ("one" if index < 12 else "two") / f"{index:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    return tmp_path / "icons"


def test_the_command_writes_groups_that_look_alike(
    icons: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, page = tmp_path / "groups.zip", tmp_path / "groups.png"
    run(str(icons), "--cluster", "2", "--fewest", "8", "--out", str(out), "--sheet", str(page))
    pictures = load_pictures(str(out))
    assert pictures.class_names == ("group-01", "group-02")
    with zipfile.ZipFile(out) as archive:
        rows = csv.DictReader(archive.read("provenance.csv").decode().splitlines())
        was = {row["member"]: row["name"] for row in rows}
    tall = [int(Path(was[name]).stem) % 2 for name in pictures.names]
    assert len(set(zip(tall, pictures.labels.tolist(), strict=True))) == 2
    assert Image.open(page).size == (2 + 12 * 66 + 12 * 7, 2 * 66 + 2)
    assert "2 classes of 10 pictures each" in capsys.readouterr().out


def test_the_command_takes_a_table(icons: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table, out = tmp_path / "labels.csv", tmp_path / "out.zip"
    rows = [
        f"{'one' if index < 12 else 'two'}/{index:02d}.png,{'tall' if index % 2 else 'wide'}" for index in range(19)
    ]
    table.write_text("\n".join(["file,label", *rows, "three/gone.png,tall"]), encoding="utf-8")
    run(str(icons), "--csv", str(table), "--out", str(out))
    pictures = load_pictures(str(out))
    assert pictures.class_names == ("tall", "wide", "unsorted")
    assert np.bincount(pictures.labels).tolist() == [9, 10, 1]
    said = capsys.readouterr().out
    assert "without a label, now of class 'unsorted': 1: two/19.png" in said
    assert "not in the set: 1: three/gone.png" in said


def test_the_command_goes_back_to_the_folders(icons: Path, tmp_path: Path) -> None:
    names = sorted(path.relative_to(icons).as_posix() for path in icons.rglob("*.png"))
    (icons / "dataset.json").write_text(json.dumps({"labels": [[name, 3 + (name < "one/04")] for name in names]}))
    by_folder, by_json = tmp_path / "folders.zip", tmp_path / "json.zip"
    run(str(icons), "--from", "folders", "--out", str(by_folder))
    run(str(icons), "--from", "dataset.json", "--out", str(by_json))
    assert load_pictures(str(by_folder)).class_names == ("one", "two")
    assert np.bincount(load_pictures(str(by_json)).labels).tolist() == [16, 4]


def test_the_armory_has_classes_and_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gan.data.dataset.ARMORY_SIZE", 48)
    run("armory", "--from", "folders", "--out", str(tmp_path / "armory.zip"), "--resolution", "16")
    assert load_pictures(str(tmp_path / "armory.zip")).class_names == CLASSES


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--from", "dataset.json"], "has no dataset.json with labels"),
        (["--cluster", "3"], "3 groups of 8 pictures or more do not come out of 20"),
        (["--cluster", "1"], "2 groups or more"),
    ],
)
def test_the_command_s_errors_leave_nothing_behind(icons: Path, tmp_path: Path, words: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        run(str(icons), *words, "--out", str(tmp_path / "out.zip"))
    assert not (tmp_path / "out.zip").exists()


def test_one_class_is_nothing_to_tell_apart(icons: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="fewer than two classes"):
        run(str(icons / "one"), "--from", "folders", "--out", str(tmp_path / "out.zip"))


def test_a_table_in_another_encoding(icons: Path, tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    table.write_bytes("file,label\none/00.png,Ä".encode("latin-1"))
    with pytest.raises(UserError, match="is not UTF-8"):
        run(str(icons), "--csv", str(table), "--out", str(tmp_path / "out.zip"))
