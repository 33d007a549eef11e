"""What a choice of members is worth: every choice scored by one protocol, and the challenger held against the live one.

Knows features and reals, not files. Choices are made on the reference half; these numbers are of the held-out half.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gan.ensemble.mixture import mixture_features
from gan.ensemble.selection import Selection
from gan.metrics import precision_recall
from gan.metrics.arrays import Features
from gan.metrics.evaluate import HalfName, Reference, Scores
from gan.metrics.fid import Moments, frechet_distance
from gan.metrics.neighbours import Balls

CONFIDENCE = 2.0  # standard errors: some 95 %


def sample_of(selection: Selection, raw: Mapping[str, Features]) -> Features:
    """Raw features `[n, d]` of one sample of the choice, of as many pictures as each candidate has."""
    return mixture_features([raw[member] for member in selection.members], selection.weights)


def score_choices(
    choices: Mapping[str, Selection],
    raw: Mapping[str, Features],
    reference: Reference,
    half: HalfName = "held_out",
) -> dict[str, Scores]:
    """Each choice by one protocol: the same number of pictures (gan/ensemble/mixture.py) against the same reals."""
    return {name: reference.score(sample_of(choice, raw), half) for name, choice in choices.items()}


@dataclass(frozen=True, kw_only=True)
class Challenge:
    """Challenger less live, on the same held-out reals: below 0 is better for fid, above 0 for recall.

    The errors are standard errors of these differences.
    """

    fid_gain: float
    fid_error: float
    recall_gain: float
    recall_error: float

    @property
    def won(self) -> bool:
        """FID lower by more than two standard errors, and recall not lower by more than two."""
        return self.fid_gain < -CONFIDENCE * self.fid_error and self.recall_gain >= -CONFIDENCE * self.recall_error

    def __str__(self) -> str:
        return (
            f"FID {self.fid_gain:+.2f} (noise {CONFIDENCE * self.fid_error:.2f}),"
            f" recall {self.recall_gain:+.3f} (noise {CONFIDENCE * self.recall_error:.3f})"
        )


def challenge(
    challenger: Features, live: Features, reference: Reference, *, num_halves: int = 20, seed: int = 0
) -> Challenge:
    """Hold raw features `[n, d]` of the one against those of the other; the longer is thinned to the shorter.

    Thinned evenly, not cut: the rows of a mixture lie member by member (gan/ensemble/mixture.py), and a cut would
    leave out the last members.

    The errors are those of the delete-half jackknife (as in gan/metrics/kid.py), with the same half of the reals and
    of the seeds for both, so that what both have in common falls out. About the mean of the halves: FID's bias grows
    as sets shrink. Cost: 2 num_halves FIDs and recalls of half the rows, some seconds.
    """
    count = min(len(challenger), len(live))
    pair = (reference.standardise(_thinned(challenger, count)), reference.standardise(_thinned(live, count)))
    reals = reference.held_out.features
    fid_gain, recall_gain = _difference(*pair, reals)
    rng = np.random.default_rng(seed)
    gains = np.empty((num_halves, 2))
    for index in range(num_halves):
        rows = rng.permutation(count)[: count // 2]
        some_reals = reals[rng.permutation(len(reals))[: len(reals) // 2]]
        gains[index] = _difference(pair[0][rows], pair[1][rows], some_reals)
    fid_error, recall_error = gains.std(axis=0).tolist()
    return Challenge(fid_gain=fid_gain, fid_error=fid_error, recall_gain=recall_gain, recall_error=recall_error)


def _thinned(rows: Features, count: int) -> Features:
    """`count` of the rows, evenly from first to last."""
    return rows[np.arange(count) * len(rows) // count]


def _difference(challenger: Features, live: Features, reals: Features) -> tuple[float, float]:
    moments = Moments.of(reals)
    fids, recalls = [], []
    for samples in (challenger, live):
        fids.append(frechet_distance(Moments.of(samples), moments))
        recalls.append(precision_recall.recall(Balls.of(samples, precision_recall.NUM_NEIGHBOURS), reals))
    return fids[0] - fids[1], recalls[0] - recalls[1]
