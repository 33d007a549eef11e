"""What the cleaner can find, and what follows from it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """DROP: it is not in the clean set. FLAG: it is, and a person should look. NOTE: it is, and this is no fault."""

    DROP = "drop"
    FLAG = "flag"
    NOTE = "note"


class Kind(StrEnum):
    """In the order in which a report tells them."""

    REFUSED = "refused"
    UNREADABLE = "unreadable"
    LISTED = "listed"
    BLANK = "blank"
    SIZE = "size"
    EXACT = "exact copy"
    NEAR = "near copy"
    CONFLICT = "label conflict"
    LIKELY = "likely copy"
    WRONG_LABEL = "likely wrong label"
    OUTLIER = "outlier"
    LABEL_FAULT = "label fault"
    CONVERTED = "converted"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing about one file.

    name: as in the source. place: of its picture among those that were decoded; None where there is none. beside: the
    places of the pictures that the reason speaks of.
    """

    kind: Kind
    verdict: Verdict
    name: str
    reason: str
    place: int | None = None
    beside: tuple[int, ...] = ()


def dropped_places(findings: Iterable[Finding]) -> frozenset[int]:
    """The places of all pictures that a finding drops."""
    return frozenset(one.place for one in findings if one.verdict is Verdict.DROP and one.place is not None)
