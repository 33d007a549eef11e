"""How well a finder of duplicates did where the truth is known: one function for ours and for the other's."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from PIL import Image


@dataclass(frozen=True, kw_only=True)
class Item:
    """A picture of a set whose truth is known.

    kind: what was done to it, "" for an original; copy_of: its original's name, "" for an original; judged: whether
    dropping it counts at all (a picture of a doubtful format may stay or go).
    """

    name: str
    image: Image.Image
    kind: str = ""
    copy_of: str = ""
    judged: bool = True


@dataclass(kw_only=True)
class Score:
    """recall: of the removals that leave one of each group, the share that was made; precision: of the removals made,
    the share that left another of the group; false_removals: originals gone with no copy of theirs left."""

    recall: float
    precision: float
    dropped: int
    false_removals: list[str]
    recall_of_kind: dict[str, float] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {
            key: round(value, 4) if isinstance(value, float) else value
            for key, value in asdict(self).items()
            if key != "recall_of_kind"
        } | {"recall_of_kind": {kind: round(value, 3) for kind, value in sorted(self.recall_of_kind.items())}}


def score(items: Sequence[Item], dropped: frozenset[int], *, not_counted: frozenset[str] = frozenset()) -> Score:
    """not_counted: kinds whose copies are neither asked for nor held against the finder."""
    groups: dict[str, list[int]] = {}
    for place, item in enumerate(items):
        if item.judged and item.kind not in not_counted:
            groups.setdefault(item.copy_of or item.name, []).append(place)
    right = made = wanted = 0
    false_removals = []
    for places in groups.values():
        gone = [place for place in places if place in dropped]
        made += len(gone)
        wanted += len(places) - 1
        right += min(len(gone), len(places) - 1)
        if len(gone) == len(places):
            false_removals.append(items[places[0]].name)
    return Score(
        recall=right / max(1, wanted),
        precision=right / max(1, made),
        dropped=made,
        false_removals=false_removals,
        recall_of_kind=_by_kind(items, dropped, not_counted),
    )


def _by_kind(items: Sequence[Item], dropped: frozenset[int], not_counted: frozenset[str]) -> dict[str, float]:
    """Per kind the share of copies that do not stay beside their original."""
    place_of: Mapping[str, int] = {item.name: place for place, item in enumerate(items)}
    met: dict[str, list[bool]] = {}
    for place, item in enumerate(items):
        if item.copy_of and item.judged and item.kind not in not_counted:
            met.setdefault(item.kind, []).append(place in dropped or place_of[item.copy_of] in dropped)
    return {kind: sum(hits) / len(hits) for kind, hits in met.items()}
