"""The user's own lists, which override what the cleaner finds."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from gan.data.cleaning.findings import Finding, Verdict
from gan.errors import UserError

MOST_BYTES = 64 << 20


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """Names of pictures that stay whatever is found, and of those that go."""

    keep: frozenset[str] = frozenset()
    drop: frozenset[str] = frozenset()

    def check(self, readable: Collection[str], others: Collection[str], source: str) -> None:
        """UserError for a name that is not in the source, for one that cannot be kept, for one in both lists."""
        for name in sorted(self.keep & self.drop):
            raise UserError(f"{name!r} is in both lists: strike it from --keep or from --drop")
        for name in sorted(self.keep - set(readable)):
            if name in others:
                raise UserError(f"--keep names {name!r}, which cannot be read or was refused: strike it from the list")
            raise _unknown("--keep", name, source)
        for name in sorted(self.drop - set(readable) - set(others)):
            raise _unknown("--drop", name, source)

    def override(self, findings: Iterable[Finding]) -> list[Finding]:
        """The findings, with what would drop a kept picture turned into a flag."""
        return [
            replace(one, verdict=Verdict.FLAG, reason=f"{one.reason}; kept, because --keep names it")
            if one.verdict is Verdict.DROP and one.place is not None and one.name in self.keep
            else one
            for one in findings
        ]


def read_names(path: Path) -> frozenset[str]:
    """A name a line, as the report's JSON writes it; empty lines and lines that begin with # are passed over."""
    if path.is_file() and path.stat().st_size > MOST_BYTES:
        raise UserError(f"{str(path)!r} has over {MOST_BYTES:,} bytes: that is no list of names")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise UserError(f"{str(path)!r} is not UTF-8 (byte {error.start}): write a name a line") from None
    return frozenset(line.strip() for line in lines if line.strip() and not line.startswith("#"))


def _unknown(flag: str, name: str, source: str) -> UserError:
    return UserError(f"{flag} names {name!r}, which is not in {source!r}: write names as the report's JSON does")
