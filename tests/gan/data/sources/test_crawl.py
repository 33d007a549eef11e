"""The tiles' archive as GitHub hands it out, honest and hostile."""

import io
import stat
import zipfile
from argparse import ArgumentParser
from typing import Any

import pytest

from gan.data.dataset import load_pictures
from gan.data.sources.collect import collect
from gan.data.sources.crawl import COMMIT, Crawl
from gan.errors import UserError

ADDRESS = f"/crawl/tiles/archive/{COMMIT}.zip"
TOP = f"tiles-{COMMIT}/"
RELEASE = f"{TOP}releases/Nov-2015/"


def packed(members: dict[str, bytes]) -> bytes:
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return zipped.getvalue()


def honest(png) -> dict[str, bytes]:
    names = {
        f"{RELEASE}item/weapon/club.png": "red",
        f"{RELEASE}item/weapon/long_sword1.png": "green",
        f"{RELEASE}item/weapon/artefact/urand_eos.png": "blue",
        f"{RELEASE}item/weapon/brands/i-flame.png": "orange",
        f"{RELEASE}item/staff/staff-1.png": "brown",
        f"{RELEASE}mon/animals/bat.png": "black",
        f"{RELEASE}dngn/floor/grass.png": "lime",
        f"{TOP}releases/Ancient/Oct-5-2010/item/weapon/club.png": "pink",
    }
    return {f"{TOP}README.md": b"read me", **{name: png(colour) for name, colour in names.items()}}


@pytest.fixture
def github(server, new_server, png, Reply):
    """Answers with a redirect to a second server, as github.com does to codeload.github.com."""
    files = new_server()
    files.routes["/crawl/tiles/zip"] = [Reply(packed(honest(png)))]
    server.routes[ADDRESS] = [Reply(status=302, headers={"Location": f"{files.url}/crawl/tiles/zip"})]
    server.files = files
    return server


def crawl(server, **options: Any) -> Crawl:
    return Crawl(base_url=server.url, **options)


def test_classes_from_folders(github, client, tmp_path, lore) -> None:
    collected = collect(crawl(github), client, tmp_path / "out")
    assert collected.classes == {"item/staff": 1, "item/weapon": 3, "mon/animals": 1}
    pictures = load_pictures(str(tmp_path / "out"))
    assert pictures.class_names == ("item-staff", "item-weapon", "mon-animals")
    assert [line["name"] for line in lore()] == ["staff", "eos", "club", "long sword", "bat"]
    assert lore()[0]["text"] is None
    assert "brands" not in (tmp_path / "out" / "lore.jsonl").read_text(), "overlays are half-pictures"


def test_deeper_classes_of_fewer_folders(github, client, tmp_path) -> None:
    source = crawl(github, folders=("item/weapon",), class_depth=3)
    collected = collect(source, client, tmp_path / "out")
    assert collected.classes == {"item/weapon": 2, "item/weapon/artefact": 1}


def test_a_folder_is_not_a_beginning_of_a_name(github, client, tmp_path) -> None:
    with pytest.raises(UserError, match=r"nothing in item/weap .* folders such as"):
        collect(crawl(github, folders=("item/weap",)), client, tmp_path / "out")


def test_the_archive_is_fetched_once(github, client, tmp_path) -> None:
    collect(crawl(github), client, tmp_path / "out", limit=2)
    collect(crawl(github), client, tmp_path / "out")
    assert github.files.times("/crawl/tiles/zip") == 1


def test_hostile_members_are_refused_and_nothing_leaves_the_folder(github, client, tmp_path, png, Reply) -> None:
    link = zipfile.ZipInfo(f"{RELEASE}item/weapon/link.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in (
            f"{RELEASE}item/../../../../../../../up.png",
            f"{RELEASE}item/weapon/..\\..\\back.png",
            "/etc/absolute.png",
            "../above.png",
            "C:/drive.png",
        ):
            archive.writestr(name, png("red"))
        archive.writestr(link, "/etc/passwd")
        archive.writestr(f"{RELEASE}item/weapon/bomb.png", bytes(3 << 20))
        archive.writestr(f"{RELEASE}item/weapon/good.png", png("red"))
        archive.writestr(f"{RELEASE}item/weapon/page.png", b"<html>")
    github.files.routes["/crawl/tiles/zip"] = [Reply(zipped.getvalue())]
    collected = collect(crawl(github), client, tmp_path / "out")
    assert collected.items == 1
    reasons = "\n".join(missing.reason for missing in collected.missing)
    assert reasons.count("leads out of the archive") == 2
    assert "a symbolic link" in reasons
    assert "no tile is so large" in reasons
    assert "not a picture" in reasons
    assert next(path.name for path in tmp_path.rglob("*.png")).startswith("good-")
    assert len(list(tmp_path.rglob("*.png"))) == 1
    assert not list(tmp_path.parent.glob("*.png"))


def test_a_damaged_member_costs_itself_only(github, client, tmp_path, png, Reply) -> None:
    data = bytearray(packed(honest(png)))
    place = data.find(b"long_sword1.png") + len("long_sword1.png") + 4
    data[place : place + 8] = b"\xff" * 8
    github.files.routes["/crawl/tiles/zip"] = [Reply(bytes(data))]
    collected = collect(crawl(github), client, tmp_path / "out")
    assert collected.items == 4
    assert "long_sword1" in collected.missing[0].reason


def test_a_page_in_place_of_the_archive(github, client, tmp_path, png, Reply) -> None:
    github.files.routes["/crawl/tiles/zip"] = [Reply(b"<html>sorry</html>"), Reply(packed(honest(png)))]
    with pytest.raises(UserError, match="cannot be read"):
        collect(crawl(github), client, tmp_path / "out")
    assert collect(crawl(github), client, tmp_path / "out").items == 5


def test_options() -> None:
    parser = ArgumentParser()
    Crawl.add_arguments(parser)
    options = parser.parse_args(["--folders", "/item/weapon/", "--base-url", "https://mirror.example/"])
    source = Crawl.from_options(options, {})
    assert source.folders == ("item/weapon",)
    assert source.base_url == "https://mirror.example"
    with pytest.raises(UserError, match="--class-depth 0"):
        Crawl.from_options(parser.parse_args(["--class-depth", "0"]), {})
    with pytest.raises(UserError, match="--commit"):
        Crawl.from_options(parser.parse_args(["--commit", "a/../b"]), {})
    with pytest.raises(SystemExit):
        parser.parse_args(["--base-url", "file:///tmp"])
