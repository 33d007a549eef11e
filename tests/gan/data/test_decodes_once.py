"""No command decodes a picture twice: each file's pixels are inflated once, whatever is asked of them."""

import zipfile
from collections import Counter
from pathlib import Path

import pytest

from gan.data import decode
from gan.data.__main__ import main
from gan.data.armory import draw_armory
from gan.pixels import to_pil


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each picture was decoded."""
    times: Counter[str] = Counter()
    load = decode._load

    def counted(name: str, *rest: object) -> object:
        times[name] += 1
        return load(name, *rest)

    monkeypatch.setattr(decode, "_load", counted)
    return times


@pytest.fixture(params=["folder", "zip"])
def icons(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """80 weapons in two folders: more than the 64 that are looked at beforehand."""
    for index, image in enumerate(draw_armory(80, 32, 32).images):
        path = tmp_path / "icons" / ("one" if index % 2 else "two") / f"{index:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        to_pil(image).save(path)
    (tmp_path / "labels.csv").write_text("file,label\none/01.png,a\ntwo/02.png,b\n")
    if request.param == "folder":
        return tmp_path / "icons"
    with zipfile.ZipFile(tmp_path / "icons.zip", "w") as archive:
        for path in sorted((tmp_path / "icons").rglob("*.png")):
            archive.write(path, path.relative_to(tmp_path / "icons").as_posix())
    return tmp_path / "icons.zip"


@pytest.mark.parametrize(
    "words",
    [
        ["import", "ICONS", "--out", "set.zip"],
        ["import", "ICONS", "--out", "set.zip", "--resolution", "48", "--background", "black"],
        ["info", "ICONS", "--sheet", "sheet.png", "--mean", "mean.png", "--out", "pngs"],
        ["info", "ICONS", "--resolution", "24", "--fit", "crop"],
        ["labels", "ICONS", "--cluster", "3", "--out", "set.zip", "--sheet", "sheet.png"],
        ["labels", "ICONS", "--cluster", "3", "--out", "set.zip", "--resolution", "16"],
        ["labels", "ICONS", "--from", "folders", "--out", "set.zip", "--sheet", "sheet.png"],
        ["labels", "ICONS", "--csv", "labels.csv", "--out", "set.zip", "--sheet", "sheet.png"],
    ],
)
def test_each_picture_once(
    words: list[str], icons: Path, tmp_path: Path, decoded: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([str(icons) if word == "ICONS" else word for word in words]) == 0
    assert len(decoded) == 80
    assert set(decoded.values()) == {1}
