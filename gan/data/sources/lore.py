"""lore.jsonl: one line an item, its texts beside the paths of its pictures; and the record of what is done.

A line is written after all of its item's pictures are, so whatever stands here is whole. A line that a killed run
left half-written at the end is dropped when the file is opened again.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gan.data.sources.interface import Item
from gan.errors import UserError


@dataclass(frozen=True, kw_only=True)
class SavedPicture:
    """path: below the fetched folder, with forward slashes. origin: the URL or the archive's member."""

    kind: str
    path: str
    origin: str


class Lore:
    """The file, opened: what is in it, and a way to add. Raises UserError where it is no lore.jsonl."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.keys: set[str] = set()
        self.places: dict[str, str] = {}
        """From a picture's origin to its path: a picture that two items share is kept once."""
        self.classes: Counter[str] = Counter()
        """Items by type."""
        self._read()

    def _read(self) -> None:
        if not self._path.exists():
            return
        text = self._path.read_bytes()
        whole = text[: text.rfind(b"\n") + 1]
        for number, line in enumerate(whole.splitlines(), start=1):
            try:
                self._note(json.loads(line))
            except (ValueError, KeyError, TypeError) as error:
                raise UserError(
                    f"{self._path} line {number} is not a line of ours ({error!r}): choose another folder, or move "
                    "that file away and fetch again (pictures that are there are kept)"
                ) from None
        if len(whole) < len(text):
            with self._path.open("r+b") as file:
                file.truncate(len(whole))

    def _note(self, line: dict[str, Any]) -> None:
        self.keys.add(line["key"])
        self.classes[line["type"]] += 1
        for picture in line["pictures"]:
            self.places[picture["origin"]] = picture["path"]

    def add(self, item: Item, pictures: list[SavedPicture]) -> None:
        line = {
            "key": item.key,
            "name": item.name,
            "type": item.class_name,
            "text": item.text,
            "rarity": item.rarity,
            "picture": pictures[0].path,
            "pictures": [vars(picture) for picture in pictures],
            "details": dict(item.details),
        }
        with self._path.open("ab") as file:  # opened for each line: it is on disk when the next item begins
            file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
        self._note(line)


def read_lore(path: Path) -> Iterator[dict[str, Any]]:
    """Its lines: key, name, type, text, rarity, picture (the first one's path), pictures, details."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)
