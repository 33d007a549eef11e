"""Outliers of style: pictures far from the middle of the set, and what sets them apart, in words."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gan.data.cleaning.findings import Finding, Kind, Verdict
from gan.data.cleaning.survey import Seen

# In deviations of the set's own log-distances (by their median deviation, which outliers do not move).
FAR = 2.5
RARE_TRAIT = 0.1
FAR_QUANTILE = 0.98


def style_outliers(
    space: NDArray[np.float32], places: Sequence[int], seen: Sequence[Seen]
) -> tuple[list[Finding], NDArray[np.bool_]]:
    """Findings, farthest first, for the pictures at `places` with rows of `space` `[n, d]`; and which they are, `[n]`.

    The distance from the middle, not from neighbours: strangers that came in a group are each other's neighbours.
    """
    distances = np.log(np.maximum(np.linalg.norm(space, axis=1), 1e-6))
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

    def of(self, row: int) -> str:
        found = []
        share = float((self._opaque == self._opaque[row]).mean())
        if share <= RARE_TRAIT:
            rest = f"unlike {1 - share:.0%} of the set"
            found.append(f"no transparency, {rest}" if self._opaque[row] else f"transparency, {rest}")
        drawn, usual = self._drawn[row], float(np.median(self._drawn))
        low, high = np.quantile(self._drawn, (1 - FAR_QUANTILE, FAR_QUANTILE))
        if drawn < low or drawn > high:
            found.append(f"{drawn:.0%} of it is drawn, usually {usual:.0%}")
        if self._colours[row] > np.quantile(self._colours, FAR_QUANTILE):
            found.append(f"{self._colours[row]:,} colours, usually {int(np.median(self._colours)):,}")
        return "".join(f"; {fact}" for fact in found)
