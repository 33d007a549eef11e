"""The name of one weapon: ensemble version, member, seed, truncation and class, in a few characters.

`3-2-k9x2m4` is ensemble version 3, member 2, seed k9x2m4; `-t70` adds a truncation of 0.70 and `-c4` the
member's fourth class (counted from 0). The seed is written in Crockford's base 32 (no i, l, o, u), so that a
human can copy it: capitals, and `o` for 0 or `i`, `l` for 1, are read as they were meant. Knows nothing of
networks or HTTP.
"""

import re
from dataclasses import dataclass

from gan.errors import UserError

SEED_END = 2**31
MAX_TRUNCATION_PERCENT = 150
DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
VALUE_OF_DIGIT = {digit: value for value, digit in enumerate(DIGITS)} | {"o": 0, "i": 1, "l": 1}
PATTERN = re.compile(
    r"(?P<version>[0-9a-f]{8}|[1-9][0-9]{0,6})-(?P<member>[0-9]{1,4})-(?P<seed>[0-9a-z]{1,7})"
    r"(?:-t(?P<truncation>[0-9]{1,3}))?(?:-c(?P<label>[0-9]{1,5}))?",
)


class MalformedWeaponId(UserError):
    """The text cannot be the id of any weapon."""


@dataclass(frozen=True, kw_only=True, order=True)
class WeaponId:
    """All that fixes a weapon. Truncation counts in hundredths (100 is the member's own), label is a class
    index.
    """

    version: str
    member: int
    seed: int
    truncation_percent: int = 100
    label: int | None = None

    def __post_init__(self) -> None:
        assert 0 <= self.seed < SEED_END, self.seed
        assert 0 <= self.truncation_percent <= MAX_TRUNCATION_PERCENT, self.truncation_percent

    @property
    def truncation(self) -> float:
        return self.truncation_percent / 100

    def __str__(self) -> str:
        text = f"{self.version}-{self.member}-{_seed_text(self.seed)}"
        if self.truncation_percent != 100:
            text += f"-t{self.truncation_percent}"
        if self.label is not None:
            text += f"-c{self.label}"
        return text

    @classmethod
    def parse(cls, text: str) -> "WeaponId":
        """Reads what `str` wrote, forgiving what a hand-copied id gets wrong; raises MalformedWeaponId."""
        found = PATTERN.fullmatch(text.strip().lower())
        if found is None or "u" in found["seed"]:
            raise MalformedWeaponId(f"{text[:60]!r} is not a weapon id; one looks like 3-2-k9x2m4 or 3-2-k9x2m4-t70-c4")
        seed = 0
        for digit in found["seed"]:
            seed = seed * 32 + VALUE_OF_DIGIT[digit]
        if seed >= SEED_END:
            raise MalformedWeaponId(f"{text[:60]!r} has the seed {found['seed']}, beyond {_seed_text(SEED_END - 1)}")
        percent = int(found["truncation"] or 100)
        if percent > MAX_TRUNCATION_PERCENT:
            raise MalformedWeaponId(f"{text[:60]!r} has the truncation t{percent}, beyond t{MAX_TRUNCATION_PERCENT}")
        label = None if found["label"] is None else int(found["label"])
        return cls(
            version=found["version"],
            member=int(found["member"]),
            seed=seed,
            truncation_percent=percent,
            label=label,
        )


def _seed_text(seed: int) -> str:
    text = DIGITS[seed % 32]
    while seed := seed // 32:
        text = DIGITS[seed % 32] + text
    return text
