"""A picture size as people write it: `64`, or `128x96` for height x width."""

import re
from dataclasses import dataclass

from gan.errors import UserError

LONGEST = 4096  # beyond what any network here makes; a slip of the finger would fill the memory


@dataclass(frozen=True, kw_only=True)
class Resolution:
    height: int
    width: int

    @classmethod
    def parse(cls, text: str) -> "Resolution":
        """`64` is square; `128x96` is 128 high and 96 wide. Anything else is a UserError."""
        match = re.fullmatch(r"(\d{1,5})(?:x(\d{1,5}))?", text.strip().lower())
        if match is None:
            raise UserError(f"resolution {text!r} cannot be read: write 64, or 128x96 for height x width")
        height, width = int(match[1]), int(match[2] or match[1])
        if min(height, width) < 1 or max(height, width) > LONGEST:
            raise UserError(f"resolution {text!r} is out of range: give 1 to {LONGEST} pixels each way, for example 64")
        return cls(height=height, width=width)

    def __str__(self) -> str:
        return str(self.height) if self.height == self.width else f"{self.height}x{self.width}"
