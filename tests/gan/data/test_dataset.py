import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import gan.data.dataset as dataset
import gan.data.decode as decode
from gan.data.dataset import load_pictures
from gan.data.resolution import Resolution
from gan.errors import UserError

SIZE_32 = Resolution(height=32, width=32)


def png(colour: tuple[int, ...], size: tuple[int, int] = (32, 32), mode: str = "RGB") -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, size, colour).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, colour in (("axe/a.png", (255, 0, 0)), ("axe/b.png", (250, 0, 0)), ("bow/c.png", (0, 255, 0))):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(png(colour))
    return tmp_path


def zipped(folder: Path, extra: dict[str, bytes | str] | None = None) -> Path:
    path = folder.parent / f"{folder.name}.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*.png")):
            archive.write(file, file.relative_to(folder).as_posix())
        for name, content in (extra or {}).items():
            archive.writestr(name, content)
    return path


def test_folders_are_classes(folder: Path) -> None:
    pictures = load_pictures(str(folder))
    assert pictures.class_names == ("axe", "bow")
    assert pictures.labels.tolist() == [0, 0, 1]
    assert pictures.images.shape == (3, 3, 32, 32)
    assert pictures.images[2, :, 0, 0].tolist() == [0, 255, 0]


def test_a_zip_of_folders_is_the_same_set(folder: Path) -> None:
    assert load_pictures(str(zipped(folder))).fingerprint == load_pictures(str(folder)).fingerprint


def test_a_url_of_a_zip(folder: Path) -> None:
    path = zipped(folder)
    assert load_pictures(f"file://{path}").fingerprint == load_pictures(str(path)).fingerprint
    with pytest.raises(UserError, match="cannot be opened"):
        load_pictures("file:///nowhere/at-all.zip")
    with pytest.raises(UserError, match="cannot be opened"):
        load_pictures("nosuchprotocol://x.zip")


def test_dataset_json_gives_labels_and_chooses_members(folder: Path) -> None:
    labels = {"labels": [["axe/a.png", 7], ["bow/c.png", 3]]}
    pictures = load_pictures(str(zipped(folder, {"dataset.json": json.dumps(labels)})))
    assert pictures.names == ("axe/a.png", "bow/c.png")
    assert pictures.class_names == ("class 3", "class 7")
    assert pictures.labels.tolist() == [1, 0]


def test_dataset_json_null_labels_fall_back_to_folders(folder: Path) -> None:
    pictures = load_pictures(str(zipped(folder, {"dataset.json": '{"labels": null}'})))
    assert pictures.class_names == ("axe", "bow")


def test_the_shards_of_an_unlabelled_stylegan_zip_are_no_classes(tmp_path: Path) -> None:
    for name in ("00000/img00000000.png", "00001/img00001000.png"):
        path = tmp_path / "set" / name
        path.parent.mkdir(parents=True)
        path.write_bytes(png((1, 2, 3)))
    zip_file = zipped(tmp_path / "set", {"dataset.json": '{"labels": null}'})
    assert load_pictures(str(zip_file)).class_names == ()


def test_sixteen_bit_greys_are_scaled_not_clipped(tmp_path: Path) -> None:
    Image.fromarray(np.full((8, 8), 0x8000, dtype=np.uint16)).save(tmp_path / "deep.png")
    assert (load_pictures(str(tmp_path)).images == 128).all()


def test_bars_beside_an_opaque_picture_are_transparent_where_others_have_alpha(tmp_path: Path) -> None:
    (tmp_path / "a-wide.png").write_bytes(png((255, 0, 0), (64, 32)))
    (tmp_path / "b-clear.png").write_bytes(png((0, 0, 0, 0), (32, 32), "RGBA"))
    assert load_pictures(str(tmp_path), SIZE_32).images[0, :, 0, 16].tolist() == [0, 0, 0, 0]


def test_classes_json_names_the_labels(folder: Path) -> None:
    extra: dict[str, bytes | str] = {
        "dataset.json": json.dumps({"labels": [["axe/a.png", 0], ["bow/c.png", 1]]}),
        "classes.json": json.dumps({"classes": ["Axe", "Bow"]}),
    }
    assert load_pictures(str(zipped(folder, extra))).class_names == ("Axe", "Bow")


def test_a_damaged_dataset_json_says_what_it_must_hold(folder: Path) -> None:
    with pytest.raises(UserError, match=r'must hold \{"labels"'):
        load_pictures(str(zipped(folder, {"dataset.json": '{"labels": [1, 2]}'})))


def test_unreadable_files_are_named_and_skipped(folder: Path) -> None:
    (folder / "axe" / "text.png").write_text("not a picture at all")
    (folder / "axe" / "cut.png").write_bytes(png((1, 2, 3), (64, 64))[:60])
    pictures = load_pictures(str(folder))
    assert len(pictures) == 3
    assert {skipped.name for skipped in pictures.skipped} == {"axe/text.png", "axe/cut.png"}


def test_a_bomb_is_skipped_unopened(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "MOST_PIXELS_A_FILE", 5000)
    (folder / "axe" / "huge.png").write_bytes(png((0, 0, 0), (100, 100)))
    (skipped,) = load_pictures(str(folder)).skipped
    assert "100x100" in skipped.reason


def only_text_named_png(folder: Path) -> str:
    (folder / "lies.png").write_text("hello")
    return str(folder)


def a_file_that_is_no_zip(folder: Path) -> str:
    (folder / "set.zip").write_text("hello")
    return str(folder / "set.zip")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (lambda folder: str(folder / "absent"), "does not exist"),
        (str, "holds no pictures"),
        (only_text_named_png, r"none of its 1 files can be read.*lies.png \(not a picture\)"),
        (a_file_that_is_no_zip, "is not a zip"),
    ],
)
def test_nothing_to_train_on_is_one_clear_line(source: Callable[[Path], str], message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message) as caught:
        load_pictures(source(tmp_path))
    assert "\n" not in str(caught.value)


def test_mixed_sizes_need_a_resolution(folder: Path) -> None:
    (folder / "axe" / "big.png").write_bytes(png((0, 0, 255), (64, 48)))
    with pytest.raises(UserError, match=r"2 different sizes: 32x32 \(3\), 48x64 \(1\).*--resolution"):
        load_pictures(str(folder))
    assert load_pictures(str(folder), SIZE_32).images.shape == (4, 3, 32, 32)


def test_letterbox_pads_and_crop_cuts(tmp_path: Path) -> None:
    (tmp_path / "wide.png").write_bytes(png((255, 255, 255, 255), (64, 32), "RGBA"))
    (tmp_path / "clear.png").write_bytes(png((0, 0, 0, 0), (32, 32), "RGBA"))
    boxed = load_pictures(str(tmp_path), SIZE_32).images[1]
    assert boxed[:, 0, 16].tolist() == [0, 0, 0, 0]
    assert boxed[:, 16, 16].tolist() == [255, 255, 255, 255]
    cropped = load_pictures(str(tmp_path), SIZE_32, fit="crop").images[1]
    assert (cropped == 255).all()


def test_not_square(folder: Path) -> None:
    assert load_pictures(str(folder), Resolution(height=64, width=48)).images.shape == (3, 3, 64, 48)


def test_whole_enlargements_keep_hard_pixels(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "pixel-art.png")
    large = load_pictures(str(tmp_path), SIZE_32).images[0]
    assert (large[:, ::2, ::2] == pixels.transpose(2, 0, 1)).all()
    assert (large[:, 1::2, 1::2] == pixels.transpose(2, 0, 1)).all()


@pytest.mark.parametrize(
    ("mode", "colour", "channels"),
    [
        ("L", (9,), 1),
        ("RGB", (9, 9, 9), 1),
        ("RGB", (9, 0, 0), 3),
        ("RGBA", (9, 0, 0, 255), 3),
        ("RGBA", (9, 0, 0, 9), 4),
    ],
)
def test_channels_follow_what_is_there(mode: str, colour: tuple[int, ...], channels: int, tmp_path: Path) -> None:
    (tmp_path / "one.png").write_bytes(png(colour[0] if mode == "L" else colour, mode=mode))  # type: ignore[arg-type]
    assert load_pictures(str(tmp_path)).channels == channels
    assert load_pictures(str(tmp_path), channels=4).channels == 4


def test_large_sets_are_memory_mapped(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = load_pictures(str(folder))
    monkeypatch.setattr(dataset, "MEMORY_MAP_FROM_BYTES", 1)
    mapped = load_pictures(str(folder))
    assert isinstance(mapped.images, np.memmap)
    assert mapped.fingerprint == plain.fingerprint


def test_the_armory_knows_its_classes() -> None:
    pictures = load_pictures("armory", SIZE_32, channels=3)
    assert pictures.channels == 3
    assert len(pictures.class_names) >= 8
    assert set(pictures.labels) == set(range(len(pictures.class_names)))


def test_real_icons(shared_data: Path) -> None:
    pictures = load_pictures(str(shared_data / "dcss-weapons-plus.zip"))
    assert pictures.images.shape == (429, 4, 32, 32)
    assert len(pictures.class_names) == 12
    assert not pictures.skipped
