import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from PIL import Image

from gan.command_line import Parser, run_command
from gan.data import decode
from gan.data.cleaning import page, survey
from gan.data.commands import clean
from gan.data.dataset import load_pictures

from .conftest import Zipped, noise, plain, png

DIRTY = Path(__file__).resolve().parents[5] / "shared" / "data" / "dcss-dirty.zip"


def run(words: Sequence[object]) -> int:
    parser = Parser(prog="clean", description="", epilog="")
    clean.add_arguments(parser)
    options: argparse.Namespace = parser.parse_args(list(map(str, words)))
    return run_command("clean", lambda: clean.run(options))


@pytest.fixture
def source(zipped: Zipped, weapons: list[Image.Image]) -> Path:
    files: dict[str, Image.Image | bytes] = {f"axe/{number}.png": weapon for number, weapon in enumerate(weapons[:8])}
    files |= {f"bow/{number}.png": weapon for number, weapon in enumerate(weapons[8:16])}
    files |= {"bow/copy.png": weapons[0], "bow/bad.png": b"no", "bow/<b>&.png": plain((0, 0, 0, 0))}
    files["axe/large.png"] = weapons[40].resize((64, 64), Image.Resampling.NEAREST)
    return zipped(files)


def test_the_clean_set_and_its_card_and_report(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "clean.zip"
    assert run([source, "--out", out]) == 0
    pictures = load_pictures(str(out))
    assert pictures.images.shape == (17, 4, 32, 32)
    assert pictures.class_names == ("axe", "bow")
    assert np.bincount(pictures.labels).tolist() == [9, 8]
    with ZipFile(out) as archive:
        card = json.loads(archive.read("dataset-card.json"))
    assert card["fingerprint"] == pictures.fingerprint
    assert card["num_pictures"] == 17
    assert {one["name"]: one["reason"].split(":")[0] for one in card["skipped"]} == {
        "bow/bad.png": "not a picture",
        "bow/<b>&.png": "blank",
        "bow/copy.png": "exact copy of axe/0.png",
    }
    original = load_pictures(str(source), pictures.resolution)
    assert np.array_equal(pictures.images[0], original.images[original.names.index("axe/0.png")])
    record = json.loads((tmp_path / "clean-report.json").read_text())
    assert record["summary"] == {"files": 20, "kept": 17, "dropped": 3, "flagged": 2}
    assert record["counts"]["size"] == {"flag": 1}
    assert record["counts"]["label conflict"] == {"flag": 1}
    text = (tmp_path / "clean-report.html").read_text()
    assert "bow/&lt;b&gt;&amp;.png" in text
    assert "<b>&.png" not in text
    assert 'src="data:image/png;base64,' in text
    assert "http" not in text, "the page needs nothing else"
    assert "20 files: 17 pictures stay, 3 are dropped" in capsys.readouterr().out
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "clean-report.html",
        "clean-report.json",
        "clean.zip",
        "set.zip",
    ]


def test_cleaning_what_is_clean_changes_nothing(source: Path, tmp_path: Path) -> None:
    assert run([source, "--out", tmp_path / "once.zip"]) == 0
    assert run([tmp_path / "once.zip", "--out", tmp_path / "twice.zip"]) == 0
    once, twice = load_pictures(str(tmp_path / "once.zip")), load_pictures(str(tmp_path / "twice.zip"))
    assert once.fingerprint == twice.fingerprint
    assert once.class_names == twice.class_names


def test_only_looking_writes_no_set(source: Path, tmp_path: Path) -> None:
    assert run([source, "--dry-run", "--report", tmp_path / "look.html"]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["look.html", "look.json", "set.zip"]


def test_nothing_is_decoded_twice(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    times: list[str] = []
    load = decode._load

    def counting(name: str, image: Image.Image) -> object:
        times.append(name)
        return load(name, image)

    monkeypatch.setattr(decode, "_load", counting)
    assert run([source, "--out", tmp_path / "clean.zip"]) == 0
    assert len(times) == len(set(times)) == 19


def test_the_lists_and_another_size(source: Path, tmp_path: Path) -> None:
    (tmp_path / "keep.txt").write_text("# mine\nbow/copy.png\n\n")
    (tmp_path / "drop.txt").write_text("axe/3.png\n")
    out = tmp_path / "clean.zip"
    lists = ["--keep", tmp_path / "keep.txt", "--drop", tmp_path / "drop.txt"]
    assert run([source, "--out", out, *lists, "--resolution", "48x32"]) == 0
    assert load_pictures(str(out)).images.shape == (17, 4, 48, 32)


def test_large_pictures_are_reduced_at_once(zipped: Zipped, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(survey, "LARGE_PIXELS", 40 * 40)
    files = {f"{number}.png": noise(number, (64, 64)) for number in range(4)} | {"again.png": noise(0, (64, 64))}
    out = tmp_path / "clean.zip"
    assert run([zipped(files), "--out", out, "--resolution", "32"]) == 0
    assert load_pictures(str(out)).images.shape == (4, 3, 32, 32)


def test_a_long_list_is_cut_on_the_page_and_whole_in_the_json(
    zipped: Zipped, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "MOST_SHOWN", 3)
    picture = png(noise(0))
    source = zipped({f"{number}.png": picture for number in range(9)})
    assert run([source, "--dry-run", "--report", tmp_path / "look.html"]) == 0
    assert "And 5 more" in (tmp_path / "look.html").read_text()
    assert len(json.loads((tmp_path / "look.json").read_text())["findings"]) == 8


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["armory", "--out", "c.zip"], "drawn by a program"),
        (["set.zip"], "say --out ZIP"),
        (["set.zip", "--report", "look.html"], "say --out ZIP"),
        (["set.zip", "--out", "set.zip", "--force"], "is the source itself"),
        (["set.zip", "--out", "c.zip", "--report", "look.txt"], "must end in .html"),
        (["set.zip", "--out", "there.zip"], "exists"),
        (["set.zip", "--out", "c.zip", "--keep", "none.txt"], "none.txt"),
        (["set.zip", "--out", "c.zip", "--resolution", "big"], "big"),
        (["gone.zip", "--out", "c.zip"], "does not exist"),
        (["mixed.zip", "--out", "c.zip"], "say --resolution"),
        (["blank.zip", "--out", "c.zip", "--resolution", "32"], "is left"),
    ],
)
def test_the_users_errors_are_one_line_and_2(
    source: Path,
    zipped: Zipped,
    tmp_path: Path,
    words: list[str],
    line: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.zip").write_bytes(b"mine")
    zipped({f"{side}.png": noise(side, (side, side)) for side in (20, 24, 28, 32)}, name="mixed.zip")
    zipped({"a.png": plain((0, 0, 0))}, name="blank.zip")
    assert run(words) == 2
    said = capsys.readouterr().err
    assert line in said
    assert said.count("\n") == 1
    assert not (tmp_path / "c.zip").exists()
    assert (tmp_path / "there.zip").read_bytes() == b"mine"


@pytest.mark.skipif(not DIRTY.exists(), reason="../shared/data/dcss-dirty.zip is absent")
def test_the_hostile_pack(tmp_path: Path) -> None:
    truth = json.loads(DIRTY.with_name("dcss-dirty.truth.json").read_text())["entries"]
    assert run([DIRTY, "--out", tmp_path / "clean.zip"]) == 0
    record = json.loads((tmp_path / "clean-report.json").read_text())
    gone = {one["name"] for one in record["findings"] if one["verdict"] == "drop"}
    rejects = {one["member"] for one in truth if one["expect"] in ("reject", "reject_member")}
    assert rejects <= gone
    exact = [one for one in truth if one["kind"].startswith("exact_")]
    assert all(one["member"] in gone or one["duplicate_of"] in gone for one in exact)
    originals = {one["duplicate_of"] for one in truth if "duplicate_of" in one}
    spared = [one for one in truth if one["kind"] in ("clean", "odd_name", "mislabelled")]
    assert not [one["member"] for one in spared if one["member"] in gone - originals]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clean-report.html", "clean-report.json", "clean.zip"]
