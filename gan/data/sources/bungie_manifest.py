"""Destiny 2's manifest: the game's definitions as one SQLite file inside a zip, opened read-only.

Each table `Destiny…Definition` has two columns: `id`, the definition's unsigned 32-bit hash stored as a signed
integer, and `json`. Format: the pages of bungie-net.github.io, and the wiki vpzed/Destiny2-API-Info.
"""

import json
import shutil
import sqlite3
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from gan.data.sources.http import Unavailable

MOST_BYTES_UNPACKED = 4 << 30  # it is about 600 MB

Definition = Mapping[str, Any]


class Manifest:
    """The definitions, by table and hash."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def definition(self, table: str, definition_hash: int) -> Definition | None:
        """None where the table has none of that hash, or is not there (tables come and go with the game)."""
        try:
            row = self._connection.execute(
                f'SELECT json FROM "{table}" WHERE id = ?', (signed(definition_hash),)
            ).fetchone()
        except sqlite3.OperationalError:
            return None
        return json.loads(row[0]) if row else None

    def definitions(self, table: str) -> Iterator[Definition]:
        """All of a table, by id, one at a time: the items are some 30,000 of 5 kB. Raises sqlite3.Error."""
        with closing(self._connection.execute(f'SELECT json FROM "{table}" ORDER BY id')) as rows:
            for (text,) in rows:
                yield json.loads(text)


def signed(definition_hash: int) -> int:
    """The hash as the tables' `id` has it: the same 32 bits, read as a signed integer."""
    return definition_hash - (1 << 32) if definition_hash >= 1 << 31 else definition_hash


@contextmanager
def open_manifest(archive: Path) -> Iterator[Manifest]:
    """Unpacked into a temporary folder that vanishes afterwards (about 600 MB while it is open).

    Raises Unavailable where the archive is no zip with one database; it is then deleted, so that the next run
    fetches it anew.
    """
    with tempfile.TemporaryDirectory(prefix="ganvil-manifest-") as folder:
        database = Path(folder) / "manifest.sqlite"
        try:
            _unpack(archive, database)
            with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
                connection.execute("SELECT name FROM sqlite_master").fetchone()
                yield Manifest(connection)
        except (BadZipFile, zlib.error, NotImplementedError, EOFError, sqlite3.DatabaseError, _Unlike) as error:
            archive.unlink(missing_ok=True)
            raise Unavailable(f"Destiny's manifest cannot be read ({error})", later=True) from None


class _Unlike(Exception):
    """The archive is not what the documentation says."""


def _unpack(archive: Path, database: Path) -> None:
    """The one member that is an SQLite file, written under our name, not under the member's."""
    with ZipFile(archive) as zipped:
        members = [info for info in zipped.infolist() if not info.is_dir()]
        if len(members) != 1:
            raise _Unlike(f"{len(members)} files in the archive in place of one")
        if members[0].file_size > MOST_BYTES_UNPACKED:
            raise _Unlike(f"{members[0].file_size:,} bytes unpacked")
        with zipped.open(members[0]) as source, database.open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
    with database.open("rb") as file:
        if file.read(16) != b"SQLite format 3\0":
            raise _Unlike("no SQLite file in it")
