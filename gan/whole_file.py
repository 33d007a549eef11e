"""Files that are written whole or not at all: under another name beside their place, then renamed."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from gan.errors import UserError


def refuse_to_overwrite(path: Path, *, replace: bool) -> None:
    """UserError where something is there already, or where nothing can be."""
    if path.is_dir():
        raise UserError(f"{str(path)!r} is a folder: give the name of a file to write")
    if path.exists() and not replace:
        raise UserError(f"{str(path)!r} exists: choose another name, or say --force to replace it")
    if not path.parent.is_dir():
        raise UserError(f"folder {str(path.parent)!r} does not exist: make it first")


@contextmanager
def written_whole(path: Path, *, replace: bool) -> Iterator[IO[bytes]]:
    """A file beside `path` that takes its name at the end; gone, when an exception ends the `with`.

    After a kill it stays behind, hidden, as `.NAME.….unfinished`.
    """
    refuse_to_overwrite(path, replace=replace)
    unfinished = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}.unfinished")
    try:
        with unfinished.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        refuse_to_overwrite(path, replace=replace)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def write_whole(path: Path, data: bytes) -> None:
    """The same for one of many small files, in folders that it makes: not forced to the disk, so soon done."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(data)
    part.replace(path)
