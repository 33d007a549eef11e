"""A trial's ticks so far. It travels in every checkpoint, so that a resumed trial judges and reports as an uncut one.

JSON: numbers that are not finite are written as Python's json does (NaN), and read back by it.
"""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from search.judging.collapse import CollapseRule, Moment, best_moment

FILE = "history.json"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One tick: what the collapse rule looks at, and everything that was recorded."""

    moment: Moment
    metrics: dict[str, float]


def save_history(folder: Path, history: Sequence[Entry]) -> None:
    (folder / FILE).write_text(json.dumps([dataclasses.asdict(entry) for entry in history]))


def load_history(folder: Path) -> list[Entry]:
    """Raises KeyError or TypeError for another version's."""
    return [
        Entry(moment=Moment(**plain["moment"]), metrics=plain["metrics"])
        for plain in json.loads((folder / FILE).read_text())
    ]


def best_entry(history: Sequence[Entry], rule: CollapseRule, total_images: float) -> Entry | None:
    """The entry of `best_moment`."""
    best = best_moment([entry.moment for entry in history], rule, total_images)
    return next((entry for entry in history if entry.moment is best), None)
