"""Where things lie in a fetched folder, and how they get there whole.

Names come from services and archives, so none is trusted: each becomes one harmless path component.
"""

import hashlib
import re
import unicodedata
from pathlib import Path

STATE = ".fetch"
"""The folder inside a fetched folder that holds what a run needs to go on: answers, archives, half-written files."""

LONGEST_NAME = 60
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)  # on Windows, with any ending
_BEGINNINGS = (
    (b"\x89PNG\r\n\x1a\n", ".png"),
    (b"\xff\xd8\xff", ".jpg"),
    (b"GIF87a", ".gif"),
    (b"GIF89a", ".gif"),
    (b"BM", ".bmp"),
    (b"II*\x00", ".tif"),
    (b"MM\x00*", ".tif"),
)


def class_folder(class_name: str) -> str:
    """A class's name as one folder: readable, no way out of its parent, valid on every system."""
    name = re.sub(r"[^\w .()+-]+", "-", unicodedata.normalize("NFKC", class_name))[:LONGEST_NAME].strip(" .-")
    if not name:
        return "unsorted"
    return f"_{name}" if _RESERVED.match(name) else name


def file_stem(name: str, key: str, kind: str) -> str:
    """`ace-of-spades-347366834-icon`: the name to be read, the key to be unique, the kind where there is one."""
    simple = re.fullmatch(r"[a-z0-9-]{1,40}", key)
    unique = key if simple else hashlib.sha256(key.encode()).hexdigest()[:10]
    return "-".join(part for part in (_slug(name), unique, _slug(kind)) if part)


def _slug(name: str) -> str:
    plain = unicodedata.normalize("NFKC", name).casefold()
    return re.sub(r"[\W_]+", "-", plain)[:LONGEST_NAME].strip("-")


def picture_ending(data: bytes) -> str | None:
    """The ending that fits the bytes, whatever the address said; None where they are no bitmap (a page, an SVG)."""
    for beginning, ending in _BEGINNINGS:
        if data.startswith(beginning):
            return ending
    return ".webp" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else None


def picture_there(folder: Path, stem: str) -> Path | None:
    """The picture of that stem, under whichever ending it was written."""
    for ending in (*dict.fromkeys(ending for _, ending in _BEGINNINGS), ".webp"):
        if (path := folder / f"{stem}{ending}").is_file():
            return path
    return None
