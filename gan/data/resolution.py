"""A picture size as people write it: `64`, or `128x96` for height x width."""

import re
from dataclasses import dataclass

from gan.errors import UserError


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
        height = int(match[1])
        return cls(height=height, width=int(match[2] or height))

    def __str__(self) -> str:
        return str(self.height) if self.height == self.width else f"{self.height}x{self.width}"
