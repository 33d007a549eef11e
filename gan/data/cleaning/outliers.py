"""Outliers of style: pictures far from the middle of the set, and what sets them apart, in words."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gan.data.cleaning.findings import Finding, Kind, Verdict
from gan.data.cleaning.survey import Seen

# In deviations of the set's own log-distances (by their median deviation, which outliers do not move).
# Of 85 strangers in five spoiled packs 76 are beyond it, of the 2,511 pictures of three clean sets 47.
FAR = 2.75
RARE_TRAIT = 0.1
FAR_QUANTILE = 0.98


def style_outliers(
    from_middle: NDArray[np.float32], places: Sequence[int], seen: Sequence[Seen]
) -> tuple[list[Finding], NDArray[np.bool_]]:
    """Findings, farthest first, for the pictures at `places`, so far from the middle `[n]`; and which they are, `[n]`.

    The distance from the middle, not from neighbours: strangers that came in a group are each other's neighbours.
    """
    distances = np.log(np.maximum(from_middle, 1e-6))
    spread = 1.4826 * float(np.median(np.abs(distances - np.median(distances))))
    far = (distances - np.median(distances)) / max(spread, 1e-3)
    traits = _Traits([seen[place] for place in places])
    findings = [
        Finding(
            kind=Kind.OUTLIER,
            verdict=Verdict.FLAG,
            name=seen[places[row]].name,
            reason=f"{far[row]:.1f} deviations farther from the middle of the set than usual{traits.of(row)}",
            place=places[row],
        )
        for row in np.argsort(-far, kind="stable")
        if far[row] > FAR
    ]
    return findings, far > FAR


class _Traits:
    """Plain facts about a picture that are rare in its set."""

    def __init__(self, seen: Sequence[Seen]) -> None:
        self._opaque = np.array([one.contents.opaque for one in seen])
        self._drawn = np.array([one.contents.drawn for one in seen])
        self._colours = np.array([one.descriptor.num_colours for one in seen])
        self._share_opaque = float(self._opaque.mean())
        self._usual_drawn, self._usual_colours = float(np.median(self._drawn)), int(np.median(self._colours))
        self._least_drawn, self._most_drawn = np.quantile(self._drawn, (1 - FAR_QUANTILE, FAR_QUANTILE))
        self._most_colours = np.quantile(self._colours, FAR_QUANTILE)

    def of(self, row: int) -> str:
        found = []
        share = self._share_opaque if self._opaque[row] else 1 - self._share_opaque
        if share <= RARE_TRAIT:
            rest = f"unlike {1 - share:.0%} of the set"
            found.append(f"no transparency, {rest}" if self._opaque[row] else f"transparency, {rest}")
        drawn = self._drawn[row]
        if drawn < self._least_drawn or drawn > self._most_drawn:
            found.append(f"{drawn:.0%} of it is drawn, usually {self._usual_drawn:.0%}")
        if self._colours[row] > self._most_colours:
            found.append(f"{self._colours[row]:,} colours, usually {self._usual_colours:,}")
        return "".join(f"; {fact}" for fact in found)
