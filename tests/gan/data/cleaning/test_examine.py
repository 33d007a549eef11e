import stat
from collections.abc import Mapping
from io import BytesIO
from typing import Any
from zipfile import ZipInfo

import numpy as np
import pytest
from PIL import Image

from gan.data.cleaning.examine import Examination
from gan.data.cleaning.findings import Kind, Verdict
from gan.errors import UserError

from .conftest import Examined, noise, plain, png

Told = list[tuple[str, Verdict]]


def told(examination: Examination, kind: Kind) -> Told:
    return [(one.name, one.verdict) for one in examination.findings if one.kind is kind]


def kept(examination: Examination) -> list[str]:
    return [examination.seen[place].name for place in examination.kept]


def test_what_is_broken_or_blank_or_copied_goes_and_the_rest_stays(
    examined: Examined, weapons: list[Image.Image]
) -> None:
    link = ZipInfo("d/link.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    files: list[tuple[str | ZipInfo, Image.Image | bytes]] = [
        *((f"d/{number}.png", weapon) for number, weapon in enumerate(weapons[:9])),
        ("d/again.png", png(weapons[2], compress_level=0)),
        ("d/moved.png", Image.fromarray(np.roll(np.asarray(weapons[3]), 1, axis=1))),
        ("d/cut.png", png(weapons[4])[:90]),
        ("d/blank.png", plain((0, 0, 0, 0))),
        ("d/dot.png", plain((255, 0, 0), (1, 1))),
        ("d/line.png", plain((0, 200, 0), (512, 2))),
        ("../out.png", weapons[5]),
        (link, b"0.png"),
    ]
    examination = examined(files)
    assert kept(examination) == [f"d/{number}.png" for number in range(9)]
    dropped = {one.name: one.kind for one in examination.findings if one.verdict is Verdict.DROP}
    assert dropped == {
        "d/again.png": Kind.EXACT,
        "d/moved.png": Kind.NEAR,
        "d/cut.png": Kind.UNREADABLE,
        "d/blank.png": Kind.BLANK,
        "d/dot.png": Kind.SIZE,
        "d/line.png": Kind.SIZE,
        "../out.png": Kind.REFUSED,
        "d/link.png": Kind.REFUSED,
    }
    beside = {one.name: [examination.seen[place].name for place in one.beside] for one in examination.findings}
    assert beside["d/again.png"] == ["d/2.png"]
    assert beside["d/moved.png"] == ["d/3.png"]


def test_a_mirror_image_is_a_copy_only_if_so_said(examined: Examined, weapons: list[Image.Image]) -> None:
    files = {"a.png": weapons[0], "b.png": weapons[0].transpose(Image.Transpose.FLIP_LEFT_RIGHT), "c.png": weapons[1]}
    assert len(kept(examined(files))) == 3
    assert len(kept(examined(files, mirror=True))) == 2


def test_lists_override(examined: Examined, weapons: list[Image.Image]) -> None:
    files = {"a.png": weapons[0], "b.png": weapons[0], "c.png": weapons[1], "blank.png": plain((0, 0, 0, 0))}
    assert kept(examined(files)) == ["a.png", "c.png"]
    assert kept(examined(files, keep={"blank.png", "b.png"})) == ["a.png", "b.png", "blank.png", "c.png"]
    assert kept(examined(files, drop={"a.png", "c.png"})) == ["b.png"], "the copy stays in the stead of what is dropped"


@pytest.mark.parametrize(
    ("wishes", "line"),
    [
        ({"keep": {"d.png"}}, "--keep names 'd.png', which is not in"),
        ({"drop": {"d.png"}}, "--drop names 'd.png', which is not in"),
        ({"keep": {"bad.png"}}, "cannot be read or was refused"),
        ({"keep": {"a.png"}, "drop": {"a.png"}}, "'a.png' is in both lists"),
    ],
)
def test_a_wrong_name_in_a_list_is_an_error(
    examined: Examined, weapons: list[Image.Image], wishes: Mapping[str, set[str]], line: str
) -> None:
    with pytest.raises(UserError, match=line):
        examined({"a.png": weapons[0], "bad.png": b"\x89PNG"}, **wishes)


def test_gaps_of_dataset_json_are_filled_from_folders_that_agree_with_it(
    examined: Examined, weapons: list[Image.Image]
) -> None:
    names = [f"{folder}/{number}.png" for folder in ("axe", "bow") for number in range(20)]
    files: dict[str, Any] = dict(zip(names, weapons, strict=False))
    labels = {name: int(name.startswith("bow")) for name in names} | {"bow/3.png": 999, "bow/9.png": 0, "no.png": 1}
    del labels["axe/7.png"]
    examination = examined(files, labels)
    faults = dict(told(examination, Kind.LABEL_FAULT))
    assert set(faults) == {"axe/7.png", "bow/3.png", "bow/9.png", "no.png"}
    assert examination.classes.labels["axe/7.png"] == 0
    assert examination.classes.labels["bow/3.png"] == 1
    assert examination.classes.labels["bow/9.png"] == 0, "what dataset.json says stays"
    assert examination.classes.name_of("bow/3.png") == "bow"
    assert len(kept(examination)) == 40


def test_numbers_that_no_folder_explains_stay_numbers(examined: Examined, weapons: list[Image.Image]) -> None:
    names = [f"00000/{number}.png" for number in range(6)]
    labels = {name: place % 3 for place, name in enumerate(names[:5])}
    examination = examined(dict(zip(names, weapons, strict=False)), labels)
    assert [name for name, _ in told(examination, Kind.LABEL_FAULT)] == ["00000/5.png"]
    assert examination.classes.labels["00000/5.png"] is None
    assert examination.classes.name_of("00000/4.png") == "class 1"


def test_one_picture_in_two_classes_is_told_with_all_its_members(
    examined: Examined, weapons: list[Image.Image]
) -> None:
    files = {"axe/a.png": weapons[0], "bow/a.png": weapons[0], "axe/b.png": weapons[1], "bow/c.png": weapons[0]}
    (conflict,) = [one for one in examined(files).findings if one.kind is Kind.CONFLICT]
    assert conflict.name == "axe/a.png"
    assert "axe, bow" in conflict.reason
    assert "bow/a.png (bow), bow/c.png (bow)" in conflict.reason


def test_of_two_classes_the_one_that_looks_right_stays(examined: Examined) -> None:
    rng = np.random.default_rng(0)

    def stripes(across: bool) -> Image.Image:
        """Of a red and a blue, 4 px each."""
        pair = np.array([[[200, 60, 60]], [[60, 60, 200]]]) + rng.integers(-40, 40, (2, 1, 3))
        rows = np.repeat(np.tile(pair, (4, 1, 1)), 4, axis=0)
        picture = np.broadcast_to(rows, (32, 32, 3)).astype(np.uint8)
        return Image.fromarray(np.ascontiguousarray(picture if across else picture.transpose(1, 0, 2)))

    files = {f"across/{number}.png": stripes(True) for number in range(20)}
    files |= {f"down/{number}.png": stripes(False) for number in range(20)}
    files["across/wrong.png"] = files["down/twin.png"] = stripes(False)
    examination = examined(files)
    assert "down/twin.png" in kept(examination)
    assert "across/wrong.png" not in kept(examination)


def test_strangers_are_flagged_also_when_they_come_in_a_group(examined: Examined, weapons: list[Image.Image]) -> None:
    files = {f"{number:02}.png": weapon for number, weapon in enumerate(weapons)}
    files |= {f"noise{number}.png": noise(number) for number in range(4)}
    examination = examined(files)
    flagged = [name for name, _ in told(examination, Kind.OUTLIER)]
    assert set(flagged) >= {f"noise{number}.png" for number in range(4)}
    assert len(flagged) <= 8
    assert len(kept(examination)) == len(files)
    reasons = {one.name: one.reason for one in examination.findings}
    assert "no transparency" in reasons["noise0.png"]


def test_a_dark_set_is_no_set_of_fades(examined: Examined) -> None:
    def dim(seed: int) -> Image.Image:
        blocks = np.random.default_rng(seed).integers(0, 2, (8, 8, 1), dtype=np.uint8) * 18
        return Image.fromarray(blocks.repeat(4, axis=0).repeat(4, axis=1).repeat(3, axis=2))

    dark = {f"{number}.png": dim(number) for number in range(12)}
    assert len(kept(examined(dark))) == 12
    bright = {f"b{number}.png": noise(100 + number) for number in range(40)}
    examination = examined({**bright, "fade.png": dark["0.png"]})
    assert told(examination, Kind.BLANK) == [("fade.png", Verdict.DROP)]


def test_what_was_put_right_is_noted(examined: Examined) -> None:
    picture = noise(0)
    exif = Image.Exif()
    exif[274] = 6
    frames = [noise(number) for number in range(3)]
    buffer = BytesIO()
    frames[0].save(buffer, "PNG", save_all=True, append_images=frames[1:])
    files: dict[str, Any] = {
        "plain.png": noise(9),
        "jpeg.png": png(noise(1), format="JPEG"),
        "turned.jpg": png(noise(2), format="JPEG", exif=exif),
        "ink.jpg": png(noise(3).convert("CMYK"), format="JPEG"),
        "moving.png": buffer.getvalue(),
        "deep.png": png(Image.fromarray(np.asarray(picture)[..., 0].astype(np.uint16) * 257)),
    }
    notes = {one.name: one.reason for one in examined(files).findings if one.kind is Kind.CONVERTED}
    assert notes == {
        "jpeg.png": "a JPEG file named .png",
        "turned.jpg": "a JPEG file; turned upright as its EXIF says",
        "ink.jpg": "a JPEG file; print inks (CMYK) taken as RGB",
        "moving.png": "an animation: the first of 3 frames is taken",
        "deep.png": "16 bits a channel cut to 8",
    }
