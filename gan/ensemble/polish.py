"""Polish: of what a member draws, keep what lies among the reals.

The realism score of Kynkäänniemi et al. 2019, arXiv:1904.06991, equation 3: R(x) = max over reals y of
radius(y) / |x - y|, with the radii of precision (k = 3). 1 or more: within the reals' manifold estimate, so that it
counts for precision. The paper leaves out the half of the balls with the largest radii; here all count: among some
hundred pictures the lonely ones are rare weapons, not mistakes.

A member is polished by a floor: of its pictures those with a lower score are drawn again. The floor is set by the share
that is to be kept, so the cost is known: 1 / share pictures are drawn for one. Alone it buys precision with recall.
Together with a truncation over 1, which does the reverse, it can gain in both (experiments/ensemble).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gan.metrics.arrays import Features, Float64Array, checked
from gan.metrics.evaluate import Half
from gan.metrics.neighbours import squared_distance_blocks

_CLOSEST = 1e-12  # a picture that is a real scores radius / this, not infinity


@dataclass(frozen=True, kw_only=True, eq=False)
class Polish:
    """The reals that pictures are held against: features `[m, d]` and radii `[m]`."""

    reals: Features
    radii: Float64Array

    @classmethod
    def of(cls, half: Half) -> "Polish":
        """From one half of the reals; what is to judge the outcome must be the other."""
        return cls(reals=half.features, radii=half.precision_balls.radii)

    def realism(self, features: Features) -> Float64Array:
        """The score of each row `[n, d]`, standardised as the reals are: `[n]`; higher is more real, 1 on the rim."""
        checked(features, "features to polish")
        scores = np.empty(len(features))
        for rows, squared in squared_distance_blocks(features, self.reals):
            distances = np.maximum(np.sqrt(squared.numpy()), _CLOSEST)
            scores[rows] = (self.radii / distances).max(axis=1)
        return scores


def floor_for(realism: Float64Array, share: float) -> float:
    """The score that this share of the pictures reaches. ValueError unless 0 < share <= 1."""
    if not 0.0 < share <= 1.0:
        raise ValueError(f"share to keep {share}: it must be over 0 and at most 1")
    return float(np.quantile(realism, 1.0 - share, method="lower"))


def first_kept(realism: Float64Array, floor: float, count: int) -> NDArray[np.int64]:
    """The first `count` rows that reach the floor; ValueError where there are fewer."""
    (kept,) = np.nonzero(realism >= floor)
    if len(kept) < count:
        raise ValueError(
            f"{len(kept)} of {len(realism)} pictures reach a realism of {floor:.3g}, not {count}: draw more"
        )
    return kept[:count]
