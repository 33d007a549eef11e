"""What a pair of pictures can be to each other."""

from dataclasses import dataclass, replace
from enum import StrEnum


class Kind(StrEnum):
    """By which process the copy differs from the original; NEAR: by none that is known, but they lie close."""

    EXACT = "exact pixels"
    VISIBLE = "same where visible"
    SHIFTED = "shifted"
    MIRRORED = "mirrored"
    RECOLOURED = "recoloured"
    RESIZED = "resized"
    JPEG = "jpeg"
    NOISE = "noise"
    QUANTISED = "quantised"
    NEAR = "near"


@dataclass(frozen=True, kw_only=True)
class Match:
    """One pair's likeness.

    certain: a process made the copy, so that dropping it loses no item; else only likely, for a person to judge.
    mirrored: one is flipped left to right besides. down, across: how far the second's content lies below and right
    of the first's (after the flip), in pixels of the compared miniatures. difference: root mean square over the
    visible pixels between the copy and the original as the process would have changed it, levels of 0..255.
    second_is_copy: which of the two was made from the other; None where nothing tells.
    """

    kind: Kind
    certain: bool
    mirrored: bool = False
    down: int = 0
    across: int = 0
    difference: float = 0.0
    second_is_copy: bool | None = None

    def turned(self) -> "Match":
        """The same pair named the other way round."""
        is_copy = None if self.second_is_copy is None else not self.second_is_copy
        # mirrored, a step to the right is one to the left seen from the other
        across = self.across if self.mirrored else -self.across
        return replace(self, down=-self.down, across=across, second_is_copy=is_copy)
