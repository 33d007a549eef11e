"""Pictures of another size or shape than the set's own majority."""

import math
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gan.data.cleaning.findings import Finding, Kind, Verdict
from gan.data.cleaning.survey import Seen

# A picture of a sixty-fourth of the usual area (a side of an eighth), or drawn out eight times more than usual, was
# never one of the set: a pixel that counts visits, a rule between two paragraphs.
TINY_AREA = 1 / 64
FAR_SHAPE = 8.0
SAME_SHAPE = 1.05


@dataclass(frozen=True, kw_only=True)
class CommonSize:
    """The most frequent size and how many of the pictures have it; shape is the median of height / width and area the
    median of the areas."""

    height: int
    width: int
    num: int
    of: int
    shape: float
    area: float

    @property
    def is_majority(self) -> bool:
        return 2 * self.num > self.of


def common_size(seen: Sequence[Seen]) -> CommonSize:
    """Of at least one picture."""
    sizes = Counter(one.size for one in seen)
    (height, width), num = max(sizes.items(), key=lambda item: (item[1], item[0]))
    return CommonSize(
        height=height,
        width=width,
        num=num,
        of=len(seen),
        shape=statistics.median(one.size[0] / one.size[1] for one in seen),
        area=statistics.median(one.size[0] * one.size[1] for one in seen),
    )


def odd_sizes(seen: Mapping[int, Seen], common: CommonSize) -> list[Finding]:
    """Of pictures by place: certain for what is tiny or drawn out beside the rest; else flagged, where most pictures
    have one size."""
    findings = []
    for place, one in seen.items():
        judged = _judge(one, common)
        if judged is not None:
            verdict, reason = judged
            findings.append(Finding(kind=Kind.SIZE, verdict=verdict, name=one.name, reason=reason, place=place))
    return findings


def _judge(one: Seen, common: CommonSize) -> tuple[Verdict, str] | None:
    height, width = one.size
    if (height, width) == (common.height, common.width):
        return None
    size = f"{height}x{width}"
    usual = f"{common.num:,} of {common.of:,} pictures are {common.height}x{common.width}"
    away = math.exp(abs(math.log(height / width / common.shape)))
    if away >= FAR_SHAPE:
        return Verdict.DROP, f"{size}: drawn out {away:.0f} times more than usual ({usual})"
    if height * width <= TINY_AREA * common.area:
        return Verdict.DROP, f"{size}: too small to show what the others show ({usual})"
    if not common.is_majority:
        return None
    if away > SAME_SHAPE:
        return Verdict.FLAG, f"{size}, another shape: fitted in with bars beside it ({usual})"
    return Verdict.FLAG, f"{size}: brought to the set's size ({usual})"
