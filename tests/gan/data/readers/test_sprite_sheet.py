import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan.data.members import Label, Skipped
from gan.data.readers.incoming import Candidate, Incoming
from gan.data.readers.sprite_sheet import Grid, open_atlas, open_grid
from gan.errors import UserError

RED, LIME, BLUE = (255, 0, 0, 255), (0, 255, 0, 255), (0, 0, 255, 255)


def arrow(width: int = 6, height: int = 4) -> Image.Image:
    """Of which all four turns and both mirror images differ."""
    image = Image.new("RGBA", (width, height), RED)
    image.putpixel((0, 0), LIME)
    image.putpixel((width - 1, 0), BLUE)
    return image


def taken(incoming: Incoming) -> tuple[dict[str, Image.Image], dict[str, str], dict[str, Label]]:
    images: dict[str, Image.Image] = {}
    skipped: dict[str, str] = {}
    labels: dict[str, Label] = {}
    for candidate in incoming.candidates:
        if isinstance(candidate, Skipped):
            skipped[candidate.name] = candidate.reason
            continue
        assert isinstance(candidate, Candidate)
        with candidate.open() as image:
            assert isinstance(image, Image.Image)
            images[candidate.name], labels[candidate.name] = image, candidate.label
    return images, skipped, labels


def sheet_of_cells(path: Path, margin: int, spacing: int) -> str:
    """Two rows, three columns of 4 x 6 (height x width); the cell in the middle below is empty."""
    sheet = Image.new("RGBA", (2 * margin + 3 * 6 + 2 * spacing, 2 * margin + 2 * 4 + spacing))
    for place in range(6):
        row, column = divmod(place, 3)
        if place != 4:
            sprite = arrow()
            sprite.putpixel((1, 1), (place, 0, 0, 255))
            sheet.paste(sprite, (margin + column * (6 + spacing), margin + row * (4 + spacing)))
    sheet.save(path)
    return str(path)


@pytest.mark.parametrize(("margin", "spacing"), [(0, 0), (1, 0), (0, 2), (3, 1)])
def test_a_grid_cuts_cells_and_passes_over_empty_ones(margin: int, spacing: int, tmp_path: Path) -> None:
    source = sheet_of_cells(tmp_path / "sheet.png", margin, spacing)
    with open_grid(source, Grid.parse("4x6", margin=margin, spacing=spacing)) as incoming:
        images, skipped, _ = taken(incoming)
    assert list(images) == [f"sheet.png#{place}" for place in ("0,0", "0,1", "0,2", "1,0", "1,2")]
    assert skipped == {"sheet.png#1,1": "an empty cell"}
    assert [image.getpixel((1, 1))[0] for image in images.values()] == [0, 1, 2, 3, 5]  # type: ignore[index]
    assert all(image.getpixel((5, 0)) == BLUE for image in images.values())


def test_a_cell_of_one_colour_is_empty_on_an_opaque_sheet(tmp_path: Path) -> None:
    sheet = Image.new("RGB", (8, 4), "navy")
    sheet.putpixel((5, 1), (255, 255, 255))
    sheet.save(tmp_path / "sheet.png")
    with open_grid(str(tmp_path / "sheet.png"), Grid.parse("4")) as incoming:
        images, skipped, _ = taken(incoming)
    assert (list(images), list(skipped)) == (["sheet.png#0,1"], ["sheet.png#0,0"])


@pytest.mark.parametrize("text", ["5", "4x7", "3x6", "64"])
def test_a_grid_that_does_not_fit_says_so(text: str, tmp_path: Path) -> None:
    source = sheet_of_cells(tmp_path / "sheet.png", 0, 0)
    with pytest.raises(UserError, match="no whole number of cells"), open_grid(source, Grid.parse(text)):
        pass


@pytest.mark.parametrize("text", ["0", "axb", "4x", "-4", "4x0"])
def test_a_grid_that_is_none(text: str) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        Grid.parse(text)


def place(x: int, y: int, w: int, h: int) -> dict[str, int]:
    return {"x": x, "y": y, "w": w, "h": h}


@pytest.fixture
def sheet(tmp_path: Path) -> Path:
    """An arrow upright, one turned clockwise, and the middle of a larger one."""
    sheet = Image.new("RGBA", (32, 16))
    sheet.paste(arrow(), (0, 0))
    sheet.paste(arrow().transpose(Image.Transpose.ROTATE_270), (8, 0))  # clockwise by 90 degrees
    sheet.paste(arrow(), (16, 4))
    sheet.save(tmp_path / "sheet.png")
    return tmp_path / "sheet.png"


FRAMES = {
    "axes/upright.png": {"frame": place(0, 0, 6, 4), "rotated": False, "trimmed": False},
    "axes/turned.png": {"frame": place(8, 0, 6, 4), "rotated": True, "trimmed": False},
    "bows/trimmed.png": {
        "frame": place(16, 4, 6, 4),
        "rotated": False,
        "trimmed": True,
        "spriteSourceSize": place(2, 5, 6, 4),
        "sourceSize": {"w": 12, "h": 10},
    },
}


def write_atlas(sheet: Path, content: object) -> Path:
    path = sheet.with_suffix(".json")
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


@pytest.mark.parametrize("form", ["hash", "array"])
def test_texture_packers_sprites_come_back_as_drawn(form: str, sheet: Path) -> None:
    frames: object = FRAMES
    if form == "array":
        frames = [{"filename": name, **frame} for name, frame in FRAMES.items()]
    atlas = write_atlas(sheet, {"frames": frames, "meta": {"app": "TexturePacker", "size": {"w": 32, "h": 16}}})
    with open_atlas(str(sheet), atlas) as incoming:
        images, skipped, labels = taken(incoming)
    assert not skipped
    assert labels == {"axes/upright.png": "axes", "axes/turned.png": "axes", "bows/trimmed.png": "bows"}
    for name in ("axes/upright.png", "axes/turned.png"):
        assert (np.asarray(images[name]) == np.asarray(arrow())).all(), name
    trimmed = images["bows/trimmed.png"]
    assert trimmed.size == (12, 10)
    assert trimmed.getbbox() == (2, 5, 8, 9)
    assert trimmed.getpixel((2, 5)) == LIME


def test_asesprites_tags_are_classes_and_linked_frames_come_once(sheet: Path) -> None:
    boxes = [place(0, 0, 6, 4), place(0, 0, 6, 4), place(16, 4, 6, 4)]
    frames = {f"knight {number}.aseprite": {"frame": box, "duration": 100} for number, box in enumerate(boxes)}
    tags = [{"name": "idle", "from": 0, "to": 1, "direction": "forward"}, {"name": "walk", "from": 2, "to": 2}]
    atlas = write_atlas(sheet, {"frames": frames, "meta": {"frameTags": tags}})
    with open_atlas(str(sheet), atlas) as incoming:
        _, skipped, labels = taken(incoming)
    assert labels == {"knight 0.aseprite": "idle", "knight 2.aseprite": "walk"}
    assert skipped == {"knight 1.aseprite": "the same place in the sheet as knight 0.aseprite"}


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        ({"frame": place(28, 0, 6, 4)}, "outside the sheet of 32x16"),
        ({"frame": place(0, 0, 0, 4)}, "an empty frame"),
        (
            {
                "frame": place(0, 0, 6, 4),
                "trimmed": True,
                "spriteSourceSize": place(0, 0, 6, 4),
                "sourceSize": {"w": 100_000, "h": 100_000},
            },
            "over 4,000,000 pixels",
        ),
        (
            {
                "frame": place(0, 0, 6, 4),
                "trimmed": True,
                "spriteSourceSize": place(9, 9, 6, 4),
                "sourceSize": {"w": 10, "h": 10},
            },
            "does not fit",
        ),
    ],
)
def test_frames_that_cannot_be_are_skipped(frame: object, reason: str, sheet: Path) -> None:
    atlas = write_atlas(sheet, {"frames": {"bad": frame, "good": FRAMES["axes/turned.png"]}})
    with open_atlas(str(sheet), atlas) as incoming:
        images, skipped, _ = taken(incoming)
    assert list(images) == ["good"]
    assert reason in skipped["bad"]


@pytest.mark.parametrize(
    "content", ["no json", "{}", '{"frames": {}}', '{"frames": {"a": {"frame": {"x": -1, "y": 0, "w": 1, "h": 1}}}}']
)
def test_an_atlas_that_is_none_is_one_line(content: str, sheet: Path) -> None:
    atlas = write_atlas(sheet, content)
    with pytest.raises(UserError, match="atlas") as caught, open_atlas(str(sheet), atlas):
        pass
    assert "\n" not in str(caught.value)


def test_a_limit_is_on_what_is_kept(tmp_path: Path) -> None:
    source = sheet_of_cells(tmp_path / "sheet.png", 0, 0)
    with open_grid(source, Grid.parse("4x6"), limit=4) as incoming:
        images, skipped, _ = taken(incoming)
    assert (len(images), len(skipped)) == (4, 0)


def test_a_sheet_that_is_no_picture(tmp_path: Path) -> None:
    (tmp_path / "sheet.png").write_text("hello")
    for source, message in ((tmp_path / "sheet.png", "not a picture"), (tmp_path / "absent.png", "does not exist")):
        with pytest.raises(UserError, match=message), open_grid(str(source), Grid.parse("4")):
            pass
