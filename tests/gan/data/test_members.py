import json
import os
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from zipfile import ZIP_BZIP2, ZipFile, ZipInfo

import pytest

from gan.data import members
from gan.data.members import folder_of, is_picture_name, open_source, unsafe_name, without_secrets
from gan.errors import UserError


def zipped(path: Path, *files: tuple[str | ZipInfo, bytes | str]) -> str:
    with ZipFile(path, "w") as archive:
        for name, content in files:
            archive.writestr(name, content)
    return str(path)


def link(name: str) -> ZipInfo:
    info = ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


def refusals(source: str) -> dict[str, str]:
    with open_source(source) as opened:
        return {skipped.name: skipped.reason for skipped in opened.refused}


def test_a_folder_and_its_zip_have_the_same_members(tmp_path: Path) -> None:
    (tmp_path / "set" / "axe").mkdir(parents=True)
    (tmp_path / "set" / "axe" / "a.png").write_bytes(b"one")
    (tmp_path / "set" / "b.JPG").write_bytes(b"three")
    (tmp_path / "set" / "readme.txt").write_bytes(b"no picture")
    path = zipped(tmp_path / "set.zip", ("b.JPG", b"three"), ("axe/a.png", b"one"), ("readme.txt", b""))
    for source in (str(tmp_path / "set"), path, f"file://{path}"):
        with open_source(source) as opened:
            found = [(member.name, member.label, member.num_bytes, member.read()) for member in opened.members]
        assert found == [("axe/a.png", "axe", 3, b"one"), ("b.JPG", None, 5, b"three")]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../a.png", r"'\.\.'"),
        ("axe/../../a.png", r"'\.\.'"),
        ("/etc/a.png", "absolute"),
        ("..\\a.png", "backslash"),
        ("C:a.png", "drive"),
        ("a\0.png", "NUL"),
    ],
)
def test_names_that_could_leave_a_folder_are_unsafe(name: str, reason: str) -> None:
    assert reason.strip("\\").replace("\\", "") in (unsafe_name(name) or "")


@pytest.mark.parametrize("name", ["a.png", "axe/..a.png", "axe/a..png", "axe/new\nline.png", "percent%2e%2e.png"])
def test_odd_names_are_safe(name: str) -> None:
    assert unsafe_name(name) is None


def test_a_zips_hostile_members_are_refused_with_the_reason(tmp_path: Path) -> None:
    packed = ZipInfo("packed.png")
    packed.compress_type = ZIP_BZIP2
    path = zipped(tmp_path / "set.zip", ("../up.png", b""), (link("link.png"), "/etc/passwd"), (packed, b"x"))
    reasons = refusals(path)
    assert set(reasons) == {"../up.png", "link.png", "packed.png"}
    assert reasons["link.png"] == "a symbolic link"
    assert "method 12" in reasons["packed.png"]


def test_an_encrypted_member_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "set.zip", ("a.png", b"x"))
    data = bytearray(Path(path).read_bytes())
    data[data.index(b"PK\1\2") + 8] |= 1  # the flag in the central directory
    Path(path).write_bytes(data)
    assert refusals(path) == {"a.png": "encrypted"}


def test_of_a_name_that_comes_twice_the_later_one_counts(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate"):
        path = zipped(tmp_path / "set.zip", ("a.png", b"old"), ("a.png", b"new"))
    with open_source(path) as opened:
        assert [member.read() for member in opened.members] == [b"new"]
        assert "twice" in opened.refused[0].reason


def test_files_too_large_for_a_picture_are_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(members, "MOST_BYTES_A_FILE", 100)
    path = zipped(tmp_path / "set.zip", ("zeros.png", bytes(101)))
    (tmp_path / "large.png").write_bytes(bytes(101))
    for source in (path, str(tmp_path)):
        ((_, reason),) = refusals(source).items()
        assert reason.startswith("101 bytes, over the 100")


def test_a_file_that_grows_after_the_look_is_an_error_not_a_bomb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(members, "MOST_BYTES_A_FILE", 100)
    (tmp_path / "a.png").write_bytes(bytes(100))
    with open_source(str(tmp_path)) as opened:
        (tmp_path / "a.png").write_bytes(bytes(500))
        with pytest.raises(OSError, match="over the 100"):
            opened.members[0].read()


def test_a_member_damaged_in_the_zip_is_an_os_error(tmp_path: Path) -> None:
    path = zipped(tmp_path / "set.zip", ("a.png", b"content"))
    Path(path).write_bytes(Path(path).read_bytes().replace(b"content", b"contend"))
    with open_source(path) as opened, pytest.raises(OSError, match="damaged in the zip"):
        opened.members[0].read()


def test_links_in_a_folder_are_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "secret.png").write_bytes(b"secret")
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "a.png").symlink_to(tmp_path / "elsewhere" / "secret.png")
    (tmp_path / "set" / "folder").symlink_to(tmp_path / "elsewhere")
    with open_source(str(tmp_path / "set")) as opened:
        assert not opened.members
        assert {skipped.name for skipped in opened.refused} == {"a.png", "folder"}


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.png")
    with open_source(str(tmp_path)) as opened:
        assert not opened.members


def test_dataset_json_chooses_and_its_faults_are_told(tmp_path: Path) -> None:
    labels = {"labels": [["axe/a.png", 2], ["gone.png", 1]]}
    extra = [("dataset.json", json.dumps(labels)), ("classes.json", '{"classes": ["one", "two"]}')]
    path = zipped(tmp_path / "set.zip", ("axe/a.png", b"x"), ("axe/b.png", b"y"), *extra)
    with open_source(path) as opened:
        assert [(member.name, member.label) for member in opened.members] == [("axe/a.png", 2), ("axe/b.png", None)]
        assert [member.name for member in opened.chosen] == ["axe/a.png"]
        assert opened.labels_without_file == ("gone.png",)
        assert opened.class_names == ("one", "two")


def test_an_unpacked_stylegan_set_is_as_its_zip(tmp_path: Path) -> None:
    for shard, name in (("00000", "a.png"), ("00001", "b.png")):
        (tmp_path / shard).mkdir()
        (tmp_path / shard / name).write_bytes(b"x")
    (tmp_path / "dataset.json").write_text('{"labels": [["00000/a.png", 1], ["00001/b.png", 0]]}')
    with open_source(str(tmp_path)) as opened:
        assert [member.label for member in opened.members] == [1, 0]
    (tmp_path / "dataset.json").write_text('{"labels": null}')
    with open_source(str(tmp_path)) as opened:
        assert [member.label for member in opened.members] == [None, None]


@pytest.mark.parametrize("text", ["[" * 100_000, '{"labels": [["a.png", "axe"]]}', "\xff", '{"label": null}'])
def test_a_hostile_dataset_json_is_one_line(text: str, tmp_path: Path) -> None:
    path = zipped(tmp_path / "set.zip", ("a.png", b"x"), ("dataset.json", text.encode("latin-1")))
    with pytest.raises(UserError, match=r'must hold \{"labels"') as caught, open_source(path):
        pass
    assert "\n" not in str(caught.value)


def test_a_json_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(members, "MOST_BYTES_OF_TEXT", 10)
    path = zipped(tmp_path / "set.zip", ("dataset.json", '{"labels": null}'))
    with pytest.raises(UserError, match="16 bytes, over 10"), open_source(path):
        pass


def test_a_url_whose_zip_breaks_off_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "cut.zip").write_bytes(b"PK\3\4")
    with pytest.raises(UserError, match="is not a zip"), open_source(f"file://{tmp_path}/cut.zip"):
        pass


def test_the_licence_is_what_a_card_says(tmp_path: Path) -> None:
    with open_source(zipped(tmp_path / "set.zip", ("dataset-card.json", '{"licence": "CC0"}'))) as opened:
        assert opened.licence == "CC0"
    (tmp_path / "source.json").write_text('{"licence": "CC BY 4.0", "complete": true}')
    with open_source(str(tmp_path)) as opened:
        assert opened.licence == "CC BY 4.0"
    (tmp_path / "source.json").write_text('{"licence": ["odd"]}')
    with open_source(str(tmp_path)) as opened:
        assert opened.licence is None


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://me:pw@host/a.zip?v=2", "https://host/a.zip?v=2"),
        ("https://host/a.zip?X-Amz-Signature=abc", "https://host/a.zip"),
        ("s3://bucket/a@b.zip", "s3://bucket/a@b.zip"),
    ],
)
def test_secrets_of_a_url_stay_out_of_records(url: str, shown: str) -> None:
    assert without_secrets(url) == shown


@pytest.mark.parametrize(
    ("function", "name", "answer"),
    [
        (is_picture_name, "axe/.hidden.PNG", True),
        (is_picture_name, "__MACOSX/axe/._a.png", False),
        (is_picture_name, "._a.png", False),
        (is_picture_name, "inner.zip", False),
        (folder_of, "axe/iron/a.png", "axe"),
        (folder_of, "a.png", None),
    ],
)
def test_what_a_name_says(function: Callable[[str], object], name: str, answer: object) -> None:
    assert function(name) == answer


def test_the_dirty_pack_leaves_only_files_that_may_be_tried(shared_data: Path) -> None:
    truth = json.loads((shared_data / "dcss-dirty.truth.json").read_text())
    hostile = {entry["member"] for entry in truth["entries"] if entry["expect"] == "reject_member"}
    good = {entry["member"] for entry in truth["entries"] if entry["kind"] in ("clean", "odd_name", "mislabelled")}
    with open_source(str(shared_data / "dcss-dirty.zip")) as opened:
        names = {member.name for member in opened.members}
    assert not names & hostile
    assert good <= names
    with zipfile.ZipFile(shared_data / "dcss-dirty.zip") as archive:
        assert len(names) < len(archive.namelist())
