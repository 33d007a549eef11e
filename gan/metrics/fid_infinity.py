"""FID as it would be with endlessly many pictures. Lower is better.

Chong & Forsyth 2020, arXiv:1911.07023, section 4: FID of n pictures is FID_infinity + c / n to first order, so that
FIDs at several counts, fitted by a line in 1 / n, tell its value at 1 / n = 0. Departures: the paper draws each count
anew from 50,000 samples against all reals and extrapolates the samples alone; here reals are few too and bias as much,
so both sets shrink together by the same share, and at share 1 / j the FID is the mean over j parts of one shuffle, in
which every picture is used once, which spends a small set well. The line holds where both counts are well above the
number of directions in which the features vary; far below, FID falls slower than 1 / n and what is told is too high,
but still nearer to the truth than FID itself. It may be slightly negative for equal distributions.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gan.metrics.arrays import Features, Float64Array, checked
from gan.metrics.fid import fid

PARTS = (1, 2, 3, 4)
FEWEST_IN_A_PART = 2


@dataclass(frozen=True, kw_only=True, eq=False)
class Extrapolation:
    """The line `fid_infinity + slope / share`: shares `[points]` of the sets and the FID measured at each."""

    fid_infinity: float
    slope: float
    shares: Float64Array
    fids: Float64Array


def extrapolate(samples: Features, reals: Features, *, seed: int = 0) -> Extrapolation:
    """From features `[n, d]` and `[m, d]`. Costs ten FIDs of ever smaller sets.

    Raises ValueError for fewer than eight rows of either (two in each quarter), or NaN.
    """
    fewest = FEWEST_IN_A_PART * max(PARTS)
    ours, theirs = checked(samples, "samples", at_least=fewest), checked(reals, "reals", at_least=fewest)
    rng = np.random.default_rng(seed)
    our_order, their_order = rng.permutation(len(ours)), rng.permutation(len(theirs))
    fids = np.array([_mean_fid(ours[our_order], theirs[their_order], parts) for parts in PARTS])
    slope, intercept = np.polyfit(PARTS, fids, 1)
    return Extrapolation(
        fid_infinity=float(intercept), slope=float(slope), shares=1.0 / np.asarray(PARTS, dtype=np.float64), fids=fids
    )


def _mean_fid(samples: NDArray[np.float64], reals: NDArray[np.float64], parts: int) -> float:
    """The mean FID of `parts` disjoint parts of the samples, each against its own part of the reals."""
    return float(np.mean([fid(samples[part::parts], reals[part::parts]) for part in range(parts)]))
