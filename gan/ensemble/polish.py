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
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from gan.errors import UserError
from gan.metrics.arrays import Features, Float64Array, checked
from gan.metrics.evaluate import FeatureSpace, HalfName, Reference
from gan.metrics.neighbours import squared_distance_blocks

MOST_REALS = 4096  # of larger sets so many, evenly: what a service compares each picture with

_CLOSEST = 1e-12  # a picture that is a real scores radius / this, not infinity
_NET = "features"


@dataclass(frozen=True, kw_only=True, eq=False)
class Polish:
    """The reals that pictures are held against: rows `[m, d]` in the feature space of the net so named, radii `[m]`."""

    features: str
    space: FeatureSpace
    reals: NDArray[np.float16]
    radii: Float64Array

    @classmethod
    def of(cls, reference: Reference, half: HalfName = "reference") -> "Polish":
        """From one half of the reals; what is to judge the outcome must be the other."""
        reals = reference.reference if half == "reference" else reference.held_out
        number = min(len(reals), MOST_REALS)
        rows = np.arange(number) * len(reals) // number
        return cls(
            features=reference.features,
            space=reference.space,
            reals=reals.features[rows].astype(np.float16),
            radii=reals.precision_balls.radii[rows],
        )

    def realism(self, raw: Features) -> Float64Array:
        """The score of each row of raw features `[n, d]`: `[n]`; higher is more real, 1 on the rim."""
        checked(raw, "features to polish")
        rows = self.space.apply(raw)
        scores = np.empty(len(rows))
        for part, squared in squared_distance_blocks(rows, self.reals):
            distances = np.maximum(np.sqrt(squared.numpy()), _CLOSEST)
            scores[part] = (self.radii / distances).max(axis=1)
        return scores

    def save(self, file: Path) -> None:
        arrays = {"reals": self.reals, "radii": self.radii, "mean": self.space.mean, "scale": self.space.scale}
        save_file(arrays, file, metadata={_NET: self.features})

    @classmethod
    def load(cls, file: Path) -> "Polish":
        """UserError where the file is not there or is not one."""
        try:
            with safe_open(file, framework="numpy") as stored:
                return cls(
                    features=stored.metadata()[_NET],
                    space=FeatureSpace(mean=stored.get_tensor("mean"), scale=stored.get_tensor("scale")),
                    reals=stored.get_tensor("reals"),
                    radii=stored.get_tensor("radii"),
                )
        except (OSError, SafetensorError, KeyError, TypeError) as error:
            raise UserError(f"{str(file)!r} cannot be read: {error}") from None


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
