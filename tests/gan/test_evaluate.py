import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gan.begin import begin
from gan.checkpoint import save_checkpoint
from gan.data.dataset import PictureSet
from gan.ensemble.ensemble import Choice, write_ensemble
from gan.evaluate import main
from gan.evaluation.pictures import chosen
from gan.pixels import to_pil
from gan.recipes import tiny_dcgan


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
    arguments = [str(samples), "--data", str(reals), "--samples", "40", "--cache-dir", str(tmp_path / "cache")]
    arguments += ["--json", str(tmp_path / "out" / "scores.json"), "--sheet", str(tmp_path / "out" / "sheet.png")]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert "40 samples against" in printed
    assert "protocol held_out40_randconv" in printed
    assert "(not to be trusted) fid" in printed
    scores = json.loads((tmp_path / "out" / "scores.json").read_text())
    assert [side["reals"] for side in scores["sides"]] == ["reference", "held_out"]
    assert sum(side["num_reals"] for side in scores["sides"]) == 120
    fid = scores["sides"][0]["numbers"]["fid_randconv"]
    assert fid["value"] is None
    assert fid["untrusted"]["value"] > 0
    assert fid["untrusted"]["why"].startswith("40 samples, needs 50")
    assert Image.open(tmp_path / "out" / "sheet.png").width > 16 * 64
    assert len(list((tmp_path / "cache").iterdir())) == 1


@pytest.mark.parametrize("kind", ["checkpoint", "ensemble"])
def test_models_are_sampled_and_scored(kind: str, few_pictures: PictureSet, tmp_path: Path) -> None:
    """Twice the same numbers."""
    save_checkpoint(tmp_path / "one", begin(tiny_dcgan(), few_pictures, torch.device("cpu")), few_pictures)
    model = tmp_path / "one"
    if kind == "ensemble":
        model = tmp_path / "ensemble"
        write_ensemble(model, [Choice(id="one", checkpoint=tmp_path / "one", weight=1.0)], {})
    reals = save_pictures(tmp_path / "reals", 0, 40)
    found = []
    for name in ("a", "b"):
        asked = [str(model), "--data", str(reals), "--samples", "24", "--json", str(tmp_path / name)]
        assert main([*asked, "--cache-dir", str(tmp_path / "cache")]) == 0
        found.append(json.loads((tmp_path / name).read_text()))
    assert found[0] == found[1]
    assert found[0]["sides"][1]["num_samples"] == 24
    assert found[0]["sides"][1]["numbers"]["fid_randconv"]["untrusted"]["value"] > 0


def test_few_pictures_are_said_to_be_few(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reals, samples = save_pictures(tmp_path / "reals", 0, 30), save_pictures(tmp_path / "samples", 1, 10)
    assert main([str(samples), "--data", str(reals), "--cache-dir", str(tmp_path / "cache")]) == 0
    assert "not to be trusted" in capsys.readouterr().out


def test_samples_of_another_size_are_brought_to_the_reals(tmp_path: Path) -> None:
    reals = save_pictures(tmp_path / "reals", 0, 30)
    samples = save_pictures(tmp_path / "samples", 1, 10, size=32)
    assert main([str(samples), "--data", str(reals), "--cache-dir", str(tmp_path / "cache")]) == 0


def test_the_choice_of_samples_knows_no_order() -> None:
    images = np.random.default_rng(0).integers(0, 256, (30, 3, 4, 4), dtype=np.uint8)
    one, other = images[chosen(images, 10)], images[::-1][chosen(images[::-1], 10)]
    assert {picture.tobytes() for picture in one} == {picture.tobytes() for picture in other}
    assert len(one) == 10
    assert len(chosen(images, None)) == 30


def by_class(folder: Path, seed: int, kinds: dict[str, int]) -> Path:
    folder.mkdir()
    for index, (kind, num) in enumerate(kinds.items()):
        save_pictures(folder / kind, 10 * seed + index, num)
    return folder


def test_classes_lost_and_copied_are_in_the_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One class is not drawn at all, some of the other are copies: both stand in the table and in the picture."""
    reals = by_class(tmp_path / "reals", 1, {"axe": 60, "bow": 60})
    samples = by_class(tmp_path / "samples", 2, {"axe": 110})
    for file in sorted((reals / "axe").iterdir())[:30]:
        (samples / "axe" / f"copy-{file.name}").write_bytes(file.read_bytes())
    arguments = [str(samples), "--data", str(reals), "--cache-dir", str(tmp_path / "cache"), "--reals", "all"]
    assert main([*arguments, "--picture", str(tmp_path / "look.png"), "--json", str(tmp_path / "out.json")]) == 0
    printed = capsys.readouterr().out
    assert "all_reals140_randconv" in printed
    assert "class (whole set)" in printed
    plain = json.loads((tmp_path / "out.json").read_text())
    (side,) = plain["sides"]
    assert side["numbers"]["memorised_randconv"]["value"] >= 30 / 140
    assert side["numbers"]["fid_randconv"]["low"] < side["numbers"]["fid_randconv"]["value"]
    assert {row["name"]: row["num_reals"] for row in plain["classes"]} == {"axe": 60, "bow": 60}
    with Image.open(tmp_path / "look.png") as picture:
        assert picture.width == 1200
        assert (240, 92, 80) in {colour for _, colour in picture.getcolors(1 << 20)}  # a copy's frame


def test_a_protocol_by_name_is_repeatable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same name, the same numbers, whatever the order of the files."""
    from gan.metrics import protocols

    small = dataclasses.replace(protocols.PROTOCOLS["held_out1k_randconv"], name="small", num_samples=50)
    monkeypatch.setattr(protocols, "PROTOCOLS", {"small": small})
    reals, samples = save_pictures(tmp_path / "reals", 0, 100), save_pictures(tmp_path / "samples", 1, 70)
    texts = []
    for name in ("a.json", "b.json"):
        arguments = [str(samples), "--data", str(reals), "--cache-dir", str(tmp_path / "cache"), "--protocol", "small"]
        assert main([*arguments, "--json", str(tmp_path / name)]) == 0
        texts.append((tmp_path / name).read_text())
        for index, file in enumerate(sorted(samples.iterdir())):
            file.rename(samples / f"{(index * 37) % 70:03}-renamed.png")
    first, second = (json.loads(text) for text in texts)
    assert first["num_samples"] == 50
    for name, number in first["sides"][0]["numbers"].items():
        assert number == second["sides"][0]["numbers"][name]


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        (["--features", "inceptoin"], "unknown feature net 'inceptoin': choose one of randconv, inception"),
        (["--samples", "11"], "--samples 11: there are 10 pictures to score"),
        (["--samples", "7"], "7 samples to score by: at least 8 are needed"),
        (["--samples", "3"], "3 samples to score by: at least 8 are needed"),
        (["--data", "absent"], "data 'absent' does not exist"),
        (["--resolution", "sixty"], "resolution 'sixty' cannot be read"),
        (["--protocol", "fid6k"], "unknown protocol 'fid6k': choose one of held_out1k_randconv"),
        (["--protocol", "fid5k_inception", "--samples", "9"], "fixes what --samples says"),
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
