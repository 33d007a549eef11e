"""Features as the metrics take them: `[n, d]`, one row a picture, finite; and the complaints about others."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Features = NDArray[np.floating[Any]]
Float64Array = NDArray[np.float64]


def checked(features: Features, name: str, *, at_least: int = 1) -> Float64Array:
    """The features in float64.

    Raises ValueError, with `name` in the message, where they are not a table, are too few, or hold NaN or
    infinity (a diverged generator: nothing computed from them would mean anything).
    """
    if features.ndim != 2:
        raise ValueError(f"{name}: features have shape {list(features.shape)}; they must be [n, d]")
    if len(features) < at_least:
        raise ValueError(f"{name}: {len(features)} rows of features; this metric needs at least {at_least}")
    bad_rows = int((~np.isfinite(features)).any(axis=1).sum())
    if bad_rows:
        raise ValueError(f"{name}: {bad_rows} of {len(features)} rows of features hold NaN or infinity")
    return features.astype(np.float64)
