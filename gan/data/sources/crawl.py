"""Dungeon Crawl Stone Soup: the tiles that the project `crawl/tiles` on GitHub has vetted as CC0.

That repository holds whole releases as folders (`releases/Nov-2015/item/weapon/club.png`), so one archive of it, at
one commit, is all there is to fetch. Members are read where they lie in the zip; their names are looked at, never
used as paths.
"""

import argparse
import re
import stat
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, ClassVar, Self
from zipfile import BadZipFile, ZipFile, ZipInfo

from gan.data.sources.http import Client, Unavailable
from gan.data.sources.interface import Announce, Item, Missing, Source, StoredPicture, web_address
from gan.errors import UserError

COMMIT = "a6ea1655db5c044829d9eea19a232fa6fcac87b0"
"""The newest of master (4 September 2020): with it, the same command gives the same pictures for ever."""

MOST_BYTES_A_TILE = 1 << 20
OVERLAYS = ("brands", "chunk_brands")
"""Folders of half-pictures (flames, venom) that the game lays over others: poison in a training set."""


@dataclass(frozen=True, kw_only=True)
class Crawl(Source):
    NAME: ClassVar[str] = "crawl"
    GIVES: ClassVar[str] = (
        "Tiles of 32x32 with transparency: 1,400 items and monsters, 4,300 with dungeon, effects and dolls; classes "
        "from their folders. Names, no texts."
    )
    LICENCE: ClassVar[str] = (
        "CC0 1.0: do what you like, credit is welcome and not required. The project left out the tiles whose artists "
        "did not sign off or could not be asked; whoever finds one that slipped in is to tell it."
    )
    LICENCE_URL: ClassVar[str] = "https://github.com/crawl/tiles/blob/master/README.md"
    ANSWERS_PER_SECOND: ClassVar[float] = 1.0
    DOWNLOADS_PER_SECOND: ClassVar[float] = 1.0
    TEACHES: ClassVar[str] = """\
folders of a release: item (weapon, armour, potion, ring, …), mon (animals, demons, undead, unique, …), dngn (altars,
floor, wall, …), effect, gui, misc, player, UNUSED; in Ancient/Oct-5-2010 they are called dc-mon and dc-dngn.

--class-depth says how many folders down a class's name goes: with 2, item/weapon/artefact/urand_eos.png is of class
item-weapon, with 3 of item-weapon-artefact.

examples:
  python -m gan.data fetch crawl --folders item/weapon item/staff --class-depth 3 --out weapons
  python -m gan.data fetch crawl --folders mon --out monsters
"""

    release: str = "Nov-2015"
    folders: tuple[str, ...] = ("item", "mon")
    class_depth: int = 2
    commit: str = COMMIT
    base_url: str = "https://github.com"

    def items(self, client: Client, announce: Announce) -> Iterator[Item | Missing]:
        path = client.archive(f"{self.base_url}/crawl/tiles/archive/{self.commit}.zip")
        try:
            with ZipFile(path) as archive:
                chosen = [(info, tile) for info in archive.infolist() if (tile := self._tile(info)) is not None]
                if not chosen:
                    raise UserError(
                        f"nothing in {', '.join(self.folders)} of release {self.release!r}: releases are Nov-2015 and "
                        "Ancient/Oct-5-2010, folders such as item/weapon, mon, dngn/floor"
                    )
                announce(len(chosen))
                for info, tile in sorted(chosen, key=lambda pair: pair[1].as_posix()):
                    yield self._item(archive, info, tile)
        except BadZipFile as error:
            path.unlink()
            raise Unavailable(f"the archive of {self.base_url} cannot be read ({error})", later=True) from None

    def _tile(self, info: ZipInfo) -> PurePosixPath | None:
        """The tile's path below its release, where it is of the folders asked for; GitHub puts one folder on top."""
        _, _, inside = info.filename.partition("/")
        beginning = f"releases/{self.release}/"
        if info.is_dir() or not inside.startswith(beginning) or not inside.lower().endswith(".png"):
            return None
        tile = PurePosixPath(inside.removeprefix(beginning))
        if set(OVERLAYS) & set(tile.parts[:-1]):
            return None
        return tile if any(tile.is_relative_to(folder) for folder in self.folders) else None

    def _item(self, archive: ZipFile, info: ZipInfo, tile: PurePosixPath) -> Item | Missing:
        if (reason := _refusal(info)) is not None:
            return Missing(key=info.filename, reason=f"{info.filename!r}: {reason}")
        try:
            data = archive.read(info)
        except (BadZipFile, zlib.error, NotImplementedError, EOFError, OSError) as error:
            return Missing(key=info.filename, reason=f"{info.filename!r}: {error}")
        return Item(
            key=tile.as_posix(),
            name=_name(tile.stem),
            class_name="/".join(tile.parts[:-1][: self.class_depth]),
            pictures=(StoredPicture(kind="", member=f"{self.release}/{tile.as_posix()}", data=data),),
            details={"folder": tile.parent.as_posix(), "commit": self.commit},
        )

    def identity(self) -> dict[str, Any]:
        return {"release": self.release, "class_depth": self.class_depth, "commit": self.commit}

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--release", default="Nov-2015", help="or Ancient/Oct-5-2010 [Nov-2015]")
        parser.add_argument("--folders", nargs="+", default=["item", "mon"], help="of the release [item mon]")
        parser.add_argument("--class-depth", type=int, default=2, help="how deep a class's name goes [2]")
        parser.add_argument("--commit", default=COMMIT, help="of crawl/tiles [the newest, of 2020]")
        parser.add_argument(
            "--base-url", type=web_address, default=cls.base_url, help=f"GitHub or a mirror [{cls.base_url}]"
        )

    @classmethod
    def from_options(cls, options: argparse.Namespace, environment: Mapping[str, str]) -> Self:
        if options.class_depth < 1:
            raise UserError(f"--class-depth {options.class_depth}: a class needs at least one folder, give 1 or more")
        if not re.fullmatch(r"[\w.-]+", options.commit):
            raise UserError(f"--commit {options.commit!r}: give a commit's hash, a tag or a branch")
        return cls(
            release=options.release.strip("/"),
            folders=tuple(folder.strip("/") for folder in options.folders),
            class_depth=options.class_depth,
            commit=options.commit,
            base_url=options.base_url,
        )


def _name(stem: str) -> str:
    """`spwpn_sword_of_power` → sword of power, `long_sword1` → long sword: no marks of artefacts or of variants."""
    words = re.sub(r"[_-]+", " ", stem).strip()
    return re.sub(r"^(?:spwpn|urand) | ?\d+$", "", words) or words


def _refusal(info: ZipInfo) -> str | None:
    """Why a member is not read. Its name leads nowhere in our hands, but an archive with such names is not trusted."""
    path = PurePosixPath(info.filename)
    if path.is_absolute() or ".." in path.parts or "\\" in info.filename or re.match(r"[A-Za-z]:", info.filename):
        return "a name that leads out of the archive"
    if stat.S_ISLNK(info.external_attr >> 16):
        return "a symbolic link"
    if info.flag_bits & 0x1:
        return "encrypted"
    if info.file_size > MOST_BYTES_A_TILE:
        return f"{info.file_size:,} bytes, over {MOST_BYTES_A_TILE:,}: no tile is so large"
    return None
