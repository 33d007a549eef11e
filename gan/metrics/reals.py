"""The reals of a `Reference` as `measure` (gan/metrics/report.py) takes them: one half, the other, or all."""

from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from gan.metrics.evaluate import Reference
from gan.metrics.report import Reals

Side = Literal["reference", "held_out", "all"]
SIDES: Final[tuple[Side, ...]] = ("reference", "held_out", "all")


def reals_of(reference: Reference, side: Side, labels: NDArray[np.int64] | None = None, num_classes: int = 0) -> Reals:
    """With the other half as fresh pictures; `all` has none.

    labels: of the images that the reference was built from, in their order; None where classes are not known.
    """
    num = len(reference.reference)
    halves = reference.reference.features, reference.held_out.features
    ordered = None if labels is None or num_classes < 2 else labels[reference.order]
    sorted_labels = (None, None) if ordered is None else (ordered[:num], ordered[num:])
    if side == "all":
        return Reals(
            name=side,
            compared=reference.training.features,
            fresh=None,
            all_training=reference.training,
            compared_labels=ordered,
            fresh_labels=None,
            num_classes=num_classes,
        )
    ours, other = (0, 1) if side == "reference" else (1, 0)
    return Reals(
        name=side,
        compared=halves[ours],
        fresh=halves[other],
        all_training=reference.training,
        compared_labels=sorted_labels[ours],
        fresh_labels=sorted_labels[other],
        num_classes=num_classes,
    )


def places_of(reference: Reference, side: Side) -> NDArray[np.int64]:
    """Which of the images that the reference was built from are its rows, `[m]`."""
    num = len(reference.reference)
    return {"reference": reference.order[:num], "held_out": reference.order[num:], "all": reference.order}[side]
