import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan.data import decode as decode_module
from gan.data.__main__ import COMMANDS, main
from gan.data.card import DatasetCard
from gan.data.dataset import load_pictures
from gan.data.resolution import Resolution

SIZE_32 = Resolution(height=32, width=32)


def sprite(seed: int, size: int = 16) -> Image.Image:
    """Four colours on nothing: pixel art."""
    chance = np.random.default_rng(seed)
    palette = np.concatenate([chance.integers(0, 256, (4, 3), dtype=np.uint8), np.full((4, 1), 255, np.uint8)], axis=1)
    pixels = palette[chance.integers(0, 4, (size, size))]
    pixels[: size // 4] = 0
    return Image.fromarray(pixels)


def gradient(seed: int, size: int = 32) -> Image.Image:
    rows, columns = np.mgrid[:size, :size]
    return Image.fromarray(np.stack([4 * rows, 4 * columns, rows + columns + seed], axis=2).astype(np.uint8))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two axes and a bow as sprites of 16 x 16."""
    for seed, name in enumerate(("axe/a.png", "axe/b.png", "bow/c.png")):
        path = tmp_path / "icons" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        sprite(seed).save(path)
    return tmp_path / "icons"


def card_of(path: Path) -> DatasetCard:
    with zipfile.ZipFile(path) as archive:
        return DatasetCard.from_json(archive.read("dataset-card.json"))


def pictures_of(path: Path) -> list[Image.Image]:
    with zipfile.ZipFile(path) as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".png"))
        return [Image.open(io.BytesIO(archive.read(name))) for name in names]


def run(*arguments: object) -> int:
    return main(["import", *map(str, arguments)])


def test_a_folder_becomes_the_same_set(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = folder.parent / "set.zip"
    assert run(folder, "--out", out, "--licence", "CC0") == 0
    before, after, card = load_pictures(str(folder)), load_pictures(str(out)), card_of(out)
    assert before.fingerprint == after.fingerprint == card.fingerprint
    assert before.class_names == after.class_names
    assert dict(card.classes) == {"axe": 2, "bow": 1}
    assert (card.name, card.num_pictures, card.height, card.width, card.channels) == ("set", 3, 16, 16, 4)
    assert card.licence == "CC0"
    text = capsys.readouterr().out
    assert "3 pictures of 16x16, RGBA, 2 classes" in text
    assert "licence: CC0" in text


@pytest.mark.parametrize("fit", ["letterbox", "crop"])
def test_the_cards_fingerprint_is_that_of_the_set(fit: str, folder: Path) -> None:
    gradient(0).crop((0, 0, 32, 20)).save(folder / "axe" / "opaque-and-wide.png")
    out = folder.parent / "set.zip"
    assert run(folder, "--out", out, "--resolution", "24x40", "--fit", fit) == 0
    loaded = load_pictures(str(out))
    assert loaded.images.shape == (4, 4, 24, 40)
    assert loaded.fingerprint == card_of(out).fingerprint


def test_every_picture_has_one_size_and_mode(folder: Path) -> None:
    gradient(0).crop((0, 0, 32, 20)).save(folder / "axe" / "opaque-and-wide.png")
    Image.new("L", (9, 32), 200).save(folder / "bow" / "grey-and-tall.png")
    out = folder.parent / "set.zip"
    assert run(folder, "--out", out, "--resolution", "32") == 0
    images = pictures_of(out)
    assert {(image.mode, image.size) for image in images} == {("RGBA", (32, 32))}
    wide = np.asarray(images[2])
    assert (wide[0, 16, 3], wide[16, 16, 3]) == (0, 255), "what letterboxing adds is transparent"


def test_alpha_is_flattened_on_a_named_colour(folder: Path) -> None:
    out = folder.parent / "set.zip"
    assert run(folder, "--out", out, "--resolution", "32x48", "--background", "#204060") == 0
    (image, *_), card = pictures_of(out), card_of(out)
    assert image.mode == "RGB"
    assert image.getpixel((0, 0)) == image.getpixel((24, 0)) == (0x20, 0x40, 0x60), "beside the picture and through it"
    assert (card.channels, card.background) == (3, "#204060")


def test_grey_pictures_make_a_grey_set(tmp_path: Path) -> None:
    (tmp_path / "grey").mkdir()
    Image.new("RGB", (8, 8), (9, 9, 9)).save(tmp_path / "grey" / "a.png")
    Image.new("RGBA", (8, 8), (200, 200, 200, 255)).save(tmp_path / "grey" / "b.png")
    assert run(tmp_path / "grey", "--out", tmp_path / "set.zip") == 0
    assert {image.mode for image in pictures_of(tmp_path / "set.zip")} == {"L"}


def test_each_source_is_resized_in_its_own_way_and_the_card_says_so(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    for seed in range(3):
        gradient(seed, 64).save(tmp_path / "photos" / f"{seed}.png")
    out = tmp_path / "set.zip"
    assert run(folder, tmp_path / "photos", "--out", out, "--resolution", "32") == 0
    icons, photos = card_of(out).sources
    assert (icons.method, dict(icons.filters), dict(icons.sizes)) == ("pixel-art", {"nearest": 3}, {"16x16": 3})
    assert (icons.num_looked_at, icons.num_pixel_art) == (3, 3)
    assert (photos.method, dict(photos.filters), photos.num_pixel_art) == ("lanczos", {"lanczos": 3}, 0)
    assert dict(card_of(out).classes) == {"axe": 2, "bow": 1, "unsorted": 3}


def test_enlarged_pixel_art_shrinks_exactly(folder: Path) -> None:
    for path in folder.rglob("*.png"):
        Image.open(path).resize((64, 64), Image.Resampling.NEAREST).save(path)
    out = folder.parent / "set.zip"
    assert run(folder, "--out", out, "--resolution", "16") == 0
    for seed, image in enumerate(pictures_of(out)):
        assert image.tobytes() == sprite(seed).tobytes()


def test_a_named_filter_asks_no_sample(folder: Path) -> None:
    out = folder.parent / "set.zip"
    assert run(folder, "--out", out, "--resolution", "32", "--resize", "lanczos") == 0
    (source,) = card_of(out).sources
    assert (source.method, source.num_looked_at, dict(source.filters)) == ("lanczos", 0, {"lanczos": 3})


def test_no_picture_is_decoded_twice(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    whole = decode_module._load

    def counted(name: str, image: Image.Image) -> object:
        seen.append(name)
        return whole(name, image)

    monkeypatch.setattr(decode_module, "_load", counted)
    assert run(folder, "--out", folder.parent / "set.zip", "--resolution", "32") == 0
    assert sorted(seen) == ["axe/a.png", "axe/b.png", "bow/c.png"]


def test_numbers_and_names_of_a_zip_stay(folder: Path) -> None:
    first, second = folder.parent / "first.zip", folder.parent / "second.zip"
    assert run(folder, "--out", first, "--licence", "CC BY 4.0, A. Artist") == 0
    assert run(first, "--out", second) == 0
    assert card_of(second).fingerprint == card_of(first).fingerprint
    assert card_of(second).classes == card_of(first).classes
    assert card_of(second).licence == "CC BY 4.0, A. Artist", "as the source says"


def test_classes_of_several_sources_meet_by_name(folder: Path, tmp_path: Path) -> None:
    more = tmp_path / "more"
    (more / "bow").mkdir(parents=True)
    sprite(9).save(more / "bow" / "z.png")
    packed, out = tmp_path / "packed.zip", tmp_path / "set.zip"
    assert run(folder, "--out", packed) == 0
    assert run(packed, more, "--out", out) == 0
    assert dict(card_of(out).classes) == {"axe": 2, "bow": 2}


def test_what_was_skipped_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "axe" / "lies\n.png").write_text("hello")
    (folder / "axe" / "link.png").symlink_to(folder / "axe" / "a.png")
    out = folder.parent / "set.zip"
    assert run(folder, "--out", out) == 0
    assert {(one.name, one.reason) for one in card_of(out).skipped} == {
        ("axe/lies\n.png", "not a picture"),
        ("axe/link.png", "a symbolic link"),
    }
    assert "skipped axe/lies\\n.png: not a picture\n" in capsys.readouterr().out


def test_a_sprite_sheet_with_few_colours(tmp_path: Path) -> None:
    sheet = Image.new("RGBA", (48, 16))
    for column in range(2):
        sheet.paste(sprite(column), (16 * column, 0))
    sheet.save(tmp_path / "sheet.png")
    out = tmp_path / "set.zip"
    assert run(tmp_path / "sheet.png", "--grid", "16", "--out", out, "--resolution", "32") == 0
    card = card_of(out)
    assert (card.num_pictures, card.sources[0].kind, card.sources[0].method) == (2, "sprite sheet", "pixel-art")
    assert [one.reason for one in card.skipped] == ["an empty cell"]


def nothing(folder: Path) -> list[object]:
    return [folder / "absent"]


def mixed_sizes(folder: Path) -> list[object]:
    gradient(0).save(folder / "axe" / "large.png")
    return [folder]


def all_damaged(folder: Path) -> list[object]:
    for path in folder.rglob("*.png"):
        path.write_bytes(path.read_bytes()[:50])
    return [folder]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (nothing, "does not exist"),
        (mixed_sizes, "2 different sizes: 16x16 (3), 32x32 (1)"),
        (all_damaged, "none of 3 files can be used; the first is 'axe/a.png'"),
        (lambda folder: [folder, "--background", "blurple"], "is no colour"),
        (lambda folder: [folder, "--limit", "0"], "--limit 0"),
        (lambda folder: [folder, "--fps", "nan"], "--fps nan"),
        (lambda folder: [folder, "--resolution", "big"], "resolution 'big'"),
        (lambda folder: [folder, folder], "named twice"),
        (lambda folder: [folder / "axe" / "a.png"], "is one picture"),
        (lambda folder: ["armory"], "built in"),
        (lambda folder: [folder / "axe" / "a.png", "--grid", "8", "--atlas", "a.json"], "give one"),
    ],
)
def test_errors_are_one_line_and_leave_nothing(
    arguments: Callable[[Path], list[object]], message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = folder.parent / "out"
    target.mkdir()
    assert run(*arguments(folder), "--out", target / "set.zip") == 2
    line = capsys.readouterr().err
    assert message in line
    assert line.count("\n") == 1
    assert list(target.iterdir()) == []


def test_nothing_is_overwritten_without_force(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = folder.parent / "set.zip"
    out.write_text("mine")
    assert run(folder, "--out", out) == 2
    assert "--force" in capsys.readouterr().err
    assert out.read_text() == "mine"
    assert run(folder, "--out", out, "--force") == 0
    assert card_of(out).num_pictures == 3


def test_the_dirty_pack_goes_in(shared_data: Path, tmp_path: Path) -> None:
    out = tmp_path / "inner" / "set.zip"
    out.parent.mkdir()
    assert run(shared_data / "dcss-dirty.zip", "--out", out, "--resolution", "32", "--labels", "folders") == 0
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [out]
    assert not list(Path("/tmp").glob("dirty_escape*"))
    card, truth = card_of(out), json.loads((shared_data / "dcss-dirty.truth.json").read_text())["entries"]
    skipped = {one.name for one in card.skipped}
    assert {entry["member"] for entry in truth if entry["expect"] == "reject_member"} <= skipped
    assert not skipped & {entry["member"] for entry in truth if entry["kind"] in ("clean", "odd_name", "exact_copy")}
    assert load_pictures(str(out)).fingerprint == card.fingerprint


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_teaches(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    assert "examples:" in capsys.readouterr().out


def test_the_command_itself_names_its_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert all(f"  {name} " in text for name in COMMANDS)
    with pytest.raises(SystemExit) as ended:
        main(["icons.zip"])
    assert ended.value.code == 2
    assert "no command" in capsys.readouterr().err


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """Sprites of 30x32, 16x16 and 12x20 (height x width), whose pixels are all to be told apart."""
    for name, height, width in (("a", 30, 32), ("b", 16, 16), ("c", 12, 20)):
        (tmp_path / "mixed").mkdir(exist_ok=True)
        sprite(ord(name), 32).crop((0, 32 - height, width, 32)).save(tmp_path / "mixed" / f"{name}.png")
    return tmp_path / "mixed"


def test_padding_leaves_every_pixel_as_it_was_drawn(mixed: Path, tmp_path: Path) -> None:
    out = tmp_path / "set.zip"
    assert run(mixed, "--out", out, "--resolution", "32", "--fit", "pad") == 0
    card = card_of(out)
    assert (card.fit, card.height, card.width, dict(card.sources[0].filters)) == ("pad", 32, 32, {"none": 3})
    for name, made in zip("abc", pictures_of(out), strict=True):
        drawn = Image.open(mixed / f"{name}.png")
        left, top = (32 - drawn.width) // 2, (32 - drawn.height) // 2
        inside = np.asarray(made)[top : top + drawn.height, left : left + drawn.width]
        assert np.array_equal(inside, np.asarray(drawn))
        assert np.asarray(made)[..., 3].sum() == np.asarray(drawn)[..., 3].sum(), "what is added is transparent"
    assert load_pictures(str(out)).fingerprint == card.fingerprint
    assert load_pictures(str(mixed), SIZE_32, fit="pad").fingerprint == card.fingerprint


def test_padding_without_a_size_takes_the_least_that_holds_all(mixed: Path, tmp_path: Path) -> None:
    assert run(mixed, "--out", tmp_path / "set.zip", "--fit", "pad") == 0
    assert load_pictures(str(tmp_path / "set.zip")).images.shape == (3, 4, 30, 32)


@pytest.mark.parametrize(("colour", "mode"), [("#204060", "RGB"), ("#404040", "L")])
def test_what_is_padded_has_the_background_s_colour(colour: str, mode: str, tmp_path: Path) -> None:
    """Also around grey pictures, which need colour only then."""
    (tmp_path / "grey").mkdir()
    Image.new("L", (8, 12), 200).save(tmp_path / "grey" / "a.png")
    Image.new("L", (12, 8), 100).save(tmp_path / "grey" / "b.png")
    out = tmp_path / "set.zip"
    assert run(tmp_path / "grey", "--out", out, "--fit", "pad", "--background", colour) == 0
    for image in pictures_of(out):
        assert (image.mode, image.size) == (mode, (12, 12))
        assert np.asarray(image.convert("RGB"))[0, 0].tolist() == list(bytes.fromhex(colour[1:]))
    assert load_pictures(str(out)).fingerprint == card_of(out).fingerprint


def test_only_what_is_larger_than_the_set_is_shrunk_and_counted(
    mixed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "set.zip"
    assert run(mixed, "--out", out, "--resolution", "20", "--fit", "pad") == 0
    assert dict(card_of(out).sources[0].filters) == {"none": 2, "area": 1}
    assert "2 as they were, 1 by area" in capsys.readouterr().out


def test_stretching_shows_all_of_a_picture_out_of_shape(tmp_path: Path) -> None:
    (tmp_path / "wide").mkdir()
    halves = np.zeros((8, 32, 3), dtype=np.uint8)
    halves[:, 16:] = 255
    Image.fromarray(halves).save(tmp_path / "wide" / "a.png")
    out = tmp_path / "set.zip"
    assert run(tmp_path / "wide", "--out", out, "--resolution", "16", "--fit", "stretch") == 0
    (image,) = pictures_of(out)
    assert np.asarray(image)[:, :8].max() == 0
    assert np.asarray(image)[:, 8:].min() == 255


def test_reasons_of_one_kind_are_one_line(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in "xyz":
        (folder / "axe" / f"{name}.png").write_bytes(b"")
    (folder / "axe" / "q.png").write_bytes(b"no picture")
    assert run(folder, "--out", tmp_path / "set.zip") == 0
    said = capsys.readouterr().out
    assert "skipped axe/x.png: an empty file (and 2 more like it)" in said
    assert "skipped axe/q.png: not a picture\n" in said
    assert "all 4 that were skipped are named in dataset-card.json in the zip" in said
