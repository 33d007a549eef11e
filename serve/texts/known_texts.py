"""Texts of the pictures that the ensemble was trained on (`lore.jsonl`, which `gan.data fetch` writes).

Some go to the model as examples of the manner that is wanted; all names are those that it must not give again: shown
real weapons' texts, a model likes to give real weapons' names.
"""

import json
import random
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from gan.errors import UserError

FIELDS = ("name", "type", "text", "rarity")
FEWEST_LETTERS = 4  # of a name that may not stand inside a longer one: "Axe" may


@dataclass(frozen=True, kw_only=True)
class KnownText:
    """One real item's; text and rarity "" where it has none."""

    name: str
    type: str
    text: str
    rarity: str


class KnownTexts:
    """All of them, for examples and as forbidden names."""

    def __init__(self, texts: Iterable[KnownText] = ()) -> None:
        self._texts = tuple(texts)
        self._names = frozenset(_plain(text.name) for text in self._texts) - {""}
        self._telling = sorted(name for name in self._names if len(name) >= FEWEST_LETTERS and " " in name)

    def __len__(self) -> int:
        return len(self._texts)

    @classmethod
    def read(cls, file: Path) -> "KnownTexts":
        """UserError for a file that is none, or not of that form; it says the line."""
        texts = []
        try:
            lines = file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"lore {str(file)!r} cannot be read: {error}") from None
        for number, line in enumerate(lines, start=1):
            try:
                item = json.loads(line)
                texts.append(
                    KnownText(**{name: str(item.get(name) or "") for name in ("name", "type", "text", "rarity")})
                )
            except (ValueError, AttributeError) as error:
                raise UserError(f"lore {str(file)!r}, line {number}: {error}; each line is one item as JSON") from None
        return cls(texts)

    def examples(self, num: int, seed: int, *, type_name: str | None = None) -> list[KnownText]:
        """So many with a name and a text, those of that type first; the same for the same seed."""
        telling = [text for text in self._texts if text.name and text.text]
        random.Random(seed).shuffle(telling)
        wanted = _plain(type_name or "")
        return sorted(telling, key=lambda text: not wanted or _plain(text.type) != wanted)[:num]

    def is_taken(self, name: str) -> bool:
        """Whether a real item has that name, or one of several words stands in it."""
        plain = _plain(name)
        return plain in self._names or any(f" {taken} " in f" {plain} " for taken in self._telling)


def as_example(texts: Sequence[KnownText]) -> str:
    """What the model is told of them."""
    lines = [f"- {text.name} ({', '.join(filter(None, (text.rarity, text.type)))}): {text.text}" for text in texts]
    return "\n".join(["The manner of the game's own texts (write in it, never use these names or sentences):", *lines])


def _plain(name: str) -> str:
    """Letters and digits in small, words parted by one space: `The Hawk-Moon's` is `the hawk moon s`."""
    letters = unicodedata.normalize("NFKD", name).casefold()
    return " ".join("".join(c if c.isalnum() else " " for c in letters if not unicodedata.combining(c)).split())
