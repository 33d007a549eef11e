"""The commands of this floor as a user runs them: they teach, they work, and they fail on one line with code 2."""

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from gan import sample as sample_command
from gan.checkpoint import load_record
from gan.data.__main__ import main as data_main
from gan.evaluate import main as evaluate_main
from gan.train import main as train_main

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("module", ["gan.train", "gan.sample", "gan.evaluate", "gan.data"])
def test_help_teaches(module: str) -> None:
    result = run(module, "--help")
    assert result.returncode == 0
    assert "example" in result.stdout


def test_train_sample_and_resume(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    arguments = [
        "--data",
        "armory",
        "--resolution",
        "16",
        "--recipe",
        "tiny-dcgan",
        "--out",
        str(out),
        "--device",
        "cpu",
    ]
    assert train_main([*arguments, "--kimg", "0.032"]) == 0
    assert train_main([*arguments, "--kimg", "0.032"]) == 2
    assert "already holds a run" in capsys.readouterr().err
    assert train_main([*arguments, "--resume"]) == 0
    (newest,) = (out / "checkpoints").iterdir()
    assert newest.name == "000000032"
    assert (out / "samples" / "000000032.png").exists()
    assert sample_command.main([str(newest), "--seeds", "0-3", "--sheet", str(tmp_path / "s.png")]) == 0
    assert sample_command.main([str(newest), "--seeds", "5", "--out", str(tmp_path / "pictures")]) == 0
    assert Image.open(tmp_path / "pictures" / "5.png").size == (16, 16)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "/no/such/folder"], "does not exist"),
        (["--resolution", "33"], "33x33 cannot be built"),
        (["--resolution", "large"], "write 64, or 128x96"),
        (["--recipe", "sdxl"], "unknown recipe"),
        (["--device", "abacus"], "unknown device"),
        (["--augment", "wild"], "wild"),
        (["--batch", "1"], "batch size must be 2 or more"),
    ],
)
def test_train_refuses_on_one_line(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train_main(["--out", str(tmp_path / "run"), *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_sample_refuses_on_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--seeds", "a-b", "--sheet", "x.png"], ["--sheet", "x.png"], []):
        assert sample_command.main([str(tmp_path), *arguments]) == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_data_describes_shows_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "armory"
    assert (
        data_main(["info", "armory", "--resolution", "16", "--sheet", str(tmp_path / "sheet.png"), "--out", str(out)])
        == 0
    )
    text = capsys.readouterr().out
    assert "16x16, RGBA" in text
    assert "sword" in text
    assert data_main(["info", str(out)]) == 0
    assert data_main(["info", "armory", "--out", str(out)]) == 2
    assert "not empty" in capsys.readouterr().err


def test_evaluate_a_checkpoint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    common = ["--resolution", "16", "--device", "cpu"]
    assert train_main(["--recipe", "tiny-dcgan", "--kimg", "0.032", "--out", str(out), *common]) == 0
    (checkpoint,) = (out / "checkpoints").iterdir()
    capsys.readouterr()
    scoring = [str(checkpoint), "--data", "armory", "--samples", "60", "--cache-dir", str(tmp_path), *common]
    assert evaluate_main([*scoring, "--json", str(tmp_path / "scores.json"), "--sheet", str(tmp_path / "s.png")]) == 0
    assert "60 samples against armory" in capsys.readouterr().out
    assert evaluate_main([*scoring, "--resolution", "32"]) == 2
    assert "at one size" in capsys.readouterr().err


def test_train_crops_where_asked(tmp_path: Path) -> None:
    (tmp_path / "wide").mkdir()
    for index in range(16):
        Image.new("RGB", (32, 16), (index, 0, 255 - index)).save(tmp_path / "wide" / f"{index}.png")
    for fit, blue in (("crop", 255), ("letterbox", 0)):
        out = tmp_path / fit
        arguments = ["--data", str(tmp_path / "wide"), "--resolution", "16", "--fit", fit, "--recipe", "tiny-dcgan"]
        assert train_main([*arguments, "--kimg", "0.032", "--device", "cpu", "--out", str(out)]) == 0
        (checkpoint,) = (out / "checkpoints").iterdir()
        assert load_record(checkpoint).config.data.fit == fit
        assert Image.open(out / "reals.png").convert("RGB").getpixel((3, 3)) == (0, 0, blue)
