import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan.command_line import Parser
from gan.data.armory import draw_armory
from gan.data.commands import info
from gan.data.dataset import load_pictures
from gan.data.report import class_bars, in_colour
from gan.errors import UserError
from gan.pixels import to_pil


def run(*words: str) -> None:
    parser = Parser(prog="info", description="", epilog="")
    info.add_arguments(parser)
    info.run(parser.parse_args(list(words)))


@pytest.fixture
def icons(tmp_path: Path) -> Path:
    """24 weapons of 12 classes, one of them twice, and a file that is none."""
    armory = draw_armory(24, 32, 32)
    for index, image in enumerate(armory.images):
        path = tmp_path / "my icons" / f"class {armory.classes[index]:02d}" / f"{index:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        to_pil(image).save(path)
    to_pil(armory.images[0]).save(tmp_path / "my icons" / "class 01" / "copy.png")
    (tmp_path / "my icons" / "class 01" / "bad.png").write_bytes(b"no picture")
    return tmp_path / "my icons"


def test_the_page(icons: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    run(str(icons))
    page = capsys.readouterr().out
    assert "25 pictures at 32x32, RGBA, fingerprint " in page
    assert "25 PNG; 0.0 MB; all 32x32; not pixel art" in page
    assert "1 exact; in more than one class: 1" in page
    assert "12 classes of 2 to 3 pictures" in page
    assert "skipped class 01/bad.png: not a picture" in page
    assert f"gan.data clean '{icons}'" in page
    assert page.rindex("python search/run.py") > page.index("What to do")
    long = [line for line in page.splitlines() if len(line) > 80 and str(icons) not in line]
    assert not long


@pytest.mark.parametrize("columns", [80, 120])
def test_commands_can_be_copied(icons: Path, columns: int, capsys: pytest.CaptureFixture[str]) -> None:
    """A line that goes on ends in the shell's sign for it, and joined they are the command again."""
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setenv("COLUMNS", str(columns))
    run(str(icons), "--json", str(icons.parent / "info.json"))
    monkeypatch.undo()
    advice = json.loads((icons.parent / "info.json").read_text())["advice"]
    page = " ".join(capsys.readouterr().out.replace(" \\\n", " ").split())
    for one in advice:
        assert one["command"] is None or one["command"] in page


def test_mixed_sizes_are_looked_at_in_one(icons: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("RGB", (48, 48), (9, 200, 9)).save(icons / "class 00" / "large.png")
    run(str(icons))
    page = capsys.readouterr().out
    assert "26 pictures at 32x32" in page
    assert "2 sizes: 32x32 (25), 48x48 (1)" in page


def test_json_alone(icons: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(str(icons), "--json", "-")
    plain = json.loads(capsys.readouterr().out)
    assert plain["overview"]["num"] == 25
    assert plain["overview"]["files"]["sizes"] == [[32, 32, 25]]
    assert plain["overview"]["skipped"] == [["class 01/bad.png", "not a picture"]]
    assert {"topic", "level", "text", "command"} == set(plain["advice"][0])


def test_pictures_of_the_set(icons: Path, tmp_path: Path) -> None:
    sheet, mean = tmp_path / "sheet.png", tmp_path / "mean.png"
    run(str(icons), "--sheet", str(sheet), "--mean", str(mean))
    page = np.asarray(Image.open(sheet))
    assert page.shape[0] == 12 * (64 + 2) + 2
    row = page[3:65, -12 * 66 :]  # class 00: two pictures, ten blanks
    drawn = (row != page[0, 0]).any(axis=(0, 2))
    assert drawn[:66].any()
    assert drawn[66 : 2 * 66].any()
    assert not drawn[2 * 66 :].any()
    means = Image.open(mean)
    assert means.size == (8 + 6 * (128 + 8), 8 + 3 * (128 + 22))


def test_large_pictures_are_reduced_on_the_sheet(tmp_path: Path) -> None:
    for index in range(3):
        Image.fromarray(np.full((200, 100, 3), 60 * index, dtype=np.uint8)).save(tmp_path / f"{index}.png")
    run(str(tmp_path), "--sheet", str(tmp_path / "sheet.out.png"), "--resolution", "192x96")
    assert Image.open(tmp_path / "sheet.out.png").size == (12 * (32 + 2) + 2, 64 + 2 + 2)


def test_pngs_come_back_as_the_same_set(icons: Path, tmp_path: Path) -> None:
    run(str(icons), "--out", str(tmp_path / "out"))
    assert load_pictures(str(tmp_path / "out")).fingerprint == load_pictures(str(icons)).fingerprint
    with pytest.raises(UserError, match="is not empty"):
        run(str(icons), "--out", str(tmp_path / "out"))


def test_a_class_s_name_leads_nowhere() -> None:
    assert [info._folder_name(name) for name in ("../up", "/etc", "..", "a b")] == ["_up", "_etc", "_", "a b"]


def test_the_armory_has_no_files(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gan.data.dataset.ARMORY_SIZE", 48)
    run("armory", "--resolution", "16")
    page = capsys.readouterr().out
    assert "none: drawn by a program" in page
    assert "12 classes of 4 pictures each" in page
    assert "--resolution 16" in page


def test_nothing_there() -> None:
    with pytest.raises(UserError, match="does not exist"):
        run("/nowhere/at all")


def test_bars_fit_the_terminal_and_long_names_are_cut() -> None:
    bars = class_bars([("a" * 40, 1000), ("b", 1)], 50).splitlines()
    assert bars[0] == "2 classes of 1 to 1,000 pictures"
    assert max(map(len, bars)) <= 50
    assert bars[1].startswith(f"  {'a' * 27}…  1,000  █")
    assert bars[2].endswith("      1  ▏")


def test_bars_are_true_to_an_eighth() -> None:
    bars = class_bars([("a", 80), ("b", 41), ("c", 1)], 80).splitlines()
    assert [bar.split()[-1] for bar in bars[1:]] == ["█" * 40, "█" * 20 + "▌", "▌"]


def test_a_terminal_gets_colours_and_a_file_none(icons: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(str(icons))
    page = capsys.readouterr().out
    assert "\x1b" not in page
    shown = in_colour(page)
    assert "\x1b[1;31m  fix\x1b[0m" in shown
    assert re.sub(r"\x1b\[[\d;]*m", "", shown) == page, "nothing but colours is added"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--sheet", "page.foo"], "--sheet 'page.foo' must end in .png or .webp"),
        (["--mean", "nowhere/mean.png"], "folder 'nowhere' does not exist: make it first"),
        (["--json", "nowhere/info.json"], "folder 'nowhere' does not exist: make it first"),
        (["--out", "file"], "--out 'file' is a file: choose a folder"),
    ],
)
def test_what_cannot_be_written_is_told_before_the_work(
    words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=message):
        run("no such source, so it would fail if it were looked at", *words)
