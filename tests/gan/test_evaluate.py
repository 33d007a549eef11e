import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan.data.pixels import to_pil
from gan.evaluate import choose_samples, main


def save_pictures(folder: Path, seed: int, num: int, size: int = 16) -> Path:
    """Coloured squares at random places on transparent ground."""
    rng = np.random.default_rng(seed)
    folder.mkdir()
    for index in range(num):
        picture = np.zeros((4, size, size), dtype=np.uint8)
        top, left = rng.integers(0, size // 2, 2)
        picture[:3, top : top + size // 2, left : left + size // 2] = rng.integers(0, 256, (3, 1, 1))
        picture[3, top : top + size // 2, left : left + size // 2] = 255
        to_pil(picture).save(folder / f"{index:03}.png")
    return folder


def test_table_json_and_sheet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reals, samples = save_pictures(tmp_path / "reals", 0, 120), save_pictures(tmp_path / "samples", 1, 70)
    arguments = [str(samples), "--data", str(reals), "--samples", "64", "--cache-dir", str(tmp_path / "cache")]
    arguments += ["--json", str(tmp_path / "out" / "scores.json"), "--sheet", str(tmp_path / "out" / "sheet.png")]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert "fid64_randconv: 64 samples; reals: 60 reference, 60 held out" in printed
    assert "coverage" in printed
    scores = json.loads((tmp_path / "out" / "scores.json").read_text())
    assert [score["half"] for score in scores] == ["reference", "held_out"]
    assert Image.open(tmp_path / "out" / "sheet.png").width > 16 * 64
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_few_pictures_are_said_to_be_few(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reals, samples = save_pictures(tmp_path / "reals", 0, 30), save_pictures(tmp_path / "samples", 1, 10)
    assert main([str(samples), "--data", str(reals), "--cache-dir", str(tmp_path / "cache")]) == 0
    assert "too few for these numbers to decide anything" in capsys.readouterr().out


def test_samples_of_another_size_are_brought_to_the_reals(tmp_path: Path) -> None:
    reals = save_pictures(tmp_path / "reals", 0, 30)
    samples = save_pictures(tmp_path / "samples", 1, 10, size=32)
    assert main([str(samples), "--data", str(reals), "--cache-dir", str(tmp_path / "cache")]) == 0


def test_the_choice_of_samples_knows_no_order() -> None:
    images = np.random.default_rng(0).integers(0, 256, (30, 3, 4, 4), dtype=np.uint8)
    chosen = {picture.tobytes() for picture in choose_samples(images, 10)}
    assert {picture.tobytes() for picture in choose_samples(images[::-1], 10)} == chosen
    assert len(chosen) == 10
    assert choose_samples(images, None) is images


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        (["--features", "inceptoin"], "unknown feature net 'inceptoin': choose one of randconv, inception"),
        (["--samples", "11"], "--samples 11: there are 10 pictures to score"),
        (["--samples", "3"], "3 samples to score: at least 4 are needed"),
        (["--data", "absent"], "data 'absent' does not exist"),
        (["--resolution", "sixty"], "resolution 'sixty' cannot be read"),
    ],
)
def test_the_users_errors_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], extra: list[str], words: str
) -> None:
    reals, samples = save_pictures(tmp_path / "reals", 0, 30), save_pictures(tmp_path / "samples", 1, 10)
    assert main([str(samples), "--data", str(reals), "--cache-dir", str(tmp_path / "cache"), *extra]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.startswith("gan.evaluate: ")
    assert error.count("\n") == 1
