"""Names that services and archives choose, made harmless."""

from pathlib import Path

import pytest

from gan.data.sources.places import class_folder, file_stem, picture_ending, picture_there
from gan.whole_file import write_whole

HOSTILE = ["..", "../..", "/etc", "a/../../b", "C:\\x", "con", "NUL.png", ".hidden", "", " ", "\x00", "a\nb", "…", "~"]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_class_is_one_folder(tmp_path: Path, name: str) -> None:
    folder = class_folder(name)
    assert folder
    assert (tmp_path / folder).parent == tmp_path
    assert "/" not in folder
    assert "\\" not in folder
    assert not folder.startswith(".")
    assert folder.casefold().split(".")[0] not in {"con", "nul"}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_and_key_are_one_stem(name: str) -> None:
    stem = file_stem(name, key=name, kind=name)
    assert stem
    assert not set(stem) & set("/\\.: \n\x00")


def test_readable_where_it_can_be() -> None:
    assert class_folder("Hand Cannon") == "Hand Cannon"
    assert class_folder("item/weapon") == "item-weapon"
    assert file_stem("Ace of Spades", "347366834", "icon") == "ace-of-spades-347366834-icon"
    assert file_stem("Flabébé", "669", "") == "flabébé-669"


def test_keys_that_look_alike_stay_apart() -> None:
    assert file_stem("a", "item/b_c.png", "") != file_stem("a", "item/b-c.png", "")
    assert file_stem("a", "A", "") != file_stem("a", "a", "")


def test_the_bytes_name_the_ending(png) -> None:
    assert picture_ending(png("red")) == ".png"
    assert picture_ending(b"\xff\xd8\xff\xe0rest") == ".jpg"
    assert picture_ending(b"RIFF1234WEBPVP8 ") == ".webp"
    assert picture_ending(b"<html>404</html>") is None
    assert picture_ending(b'<svg xmlns="http://www.w3.org/2000/svg"/>') is None
    assert picture_ending(b"") is None


def test_only_whole_files_are_there(tmp_path: Path) -> None:
    (tmp_path / "a.png.part").write_bytes(b"half")
    assert picture_there(tmp_path, "a") is None
    write_whole(tmp_path / "a.jpg", b"whole")
    assert picture_there(tmp_path, "a") == tmp_path / "a.jpg"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jpg", "a.png.part"]
