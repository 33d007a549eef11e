"""Every number of a set of samples against a set of reals, each with its interval and whether it may be trusted.

The slow, careful sister of `Reference.score` (gan/metrics/evaluate.py), which a search calls at every tick: the same
values where both speak, and seconds instead of a tenth of one. It knows features, not pictures or files.

Where each interval comes from (gan/metrics/half_samples.py says why there is no ordinary bootstrap):
FID, FID_infinity: spread over halves of samples and reals. KID: its own, the same over kernel values. Precision,
recall, density, coverage: spread over halves, re-using the distances' ranks; shares by Wilson. Vendi: spread over
halves of one part, relative to their mean (it grows with the count). memorised, authenticity: Wilson over the samples
alone, for the training pictures are no draw of anything: they are what may have been copied. Modes and divergence:
spread over halves, for the divergence; the count of modes has none, it can only be too low by chance.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from gan.errors import UserError
from gan.metrics.arrays import Features
from gan.metrics.ball_metrics import ball_metrics, balls_of_reals
from gan.metrics.ball_ranks import BallRanks
from gan.metrics.density_coverage import NUM_NEIGHBOURS as COVERAGE_NEIGHBOURS
from gan.metrics.discriminant import Discriminant
from gan.metrics.fid import Moments, fid, frechet_distance
from gan.metrics.fid_infinity import extrapolate
from gan.metrics.half_samples import Interval, around, around_share, paired_halves, spread
from gan.metrics.kid import kid, kid_with_error
from gan.metrics.memorisation import TrainingPictures, authenticity, memorised
from gan.metrics.modes import modes
from gan.metrics.precision_recall import NUM_NEIGHBOURS as PRECISION_NEIGHBOURS
from gan.metrics.smallest import MIN_ACCURACY, SAMPLES_A_CLASS, SMALLEST, Smallest
from gan.metrics.vendi import vendi, vendi_at

Labels = NDArray[np.int64]
Better = Literal["lower", "higher", "to 1", "to fresh"]

BETTER: Final[Mapping[str, Better]] = {
    "fid": "lower",
    "fid_infinity": "lower",
    "kid": "lower",
    "precision": "higher",
    "recall": "higher",
    "density": "to 1",
    "coverage": "higher",
    "vendi": "to fresh",
    "memorised": "lower",
    "authenticity": "to fresh",
    "modes": "higher",
    "class_divergence": "lower",
}

_OF_BALLS: Final = frozenset({"precision", "recall", "density", "coverage"})
FEWEST: Final = 8  # samples or reals: of half of them a neighbour is still left
LARGEST_RESAMPLED: Final = 5000  # of larger sets the spread is measured on so many and scaled by 1 / sqrt(n)
_HALVES_OF_BALLS, _HALVES_OF_MOMENTS, _HALVES_OF_LARGE_MOMENTS, _HALVES_OF_FITS = 100, 50, 20, 20
_LARGE = 1024  # the size of an eigenvalue problem from which on it costs seconds


@dataclass(frozen=True, kw_only=True)
class Number:
    """value with its 95 % interval (None: it has none); distrusted: why not to trust it, empty where one may.

    fresh: what real pictures score that are not those compared with (None: there are none).
    """

    value: float
    interval: Interval | None
    distrusted: str
    fresh: float | None

    def to_plain(self) -> dict[str, Any]:
        """For JSON: `value`, `low`, `high` are null where it is not to be trusted; `untrusted` has what was found."""
        trusted = not self.distrusted
        interval = self.interval if trusted else None
        return {
            "value": self.value if trusted else None,
            "low": None if interval is None else interval.low,
            "high": None if interval is None else interval.high,
            "error": None if interval is None else interval.error,
            "fresh": self.fresh,
            "untrusted": None if trusted else {"value": self.value, "why": self.distrusted},
        }


@dataclass(frozen=True, kw_only=True, eq=False)
class Reals:
    """Reals in feature space, `[m, d]`: those compared with, others that are fresh to them, and class numbers of both.

    all_training: what memorised copies are sought among. Labels are None, and num_classes 0, where there are none.
    """

    name: str
    compared: Features
    fresh: Features | None
    all_training: TrainingPictures
    compared_labels: Labels | None
    fresh_labels: Labels | None
    num_classes: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Report:
    """numbers by name, in the order of `BETTER`. classifier_accuracy: of what tells modes, on fresh reals."""

    features: str
    reals: str
    num_samples: int
    num_reals: int
    numbers: Mapping[str, Number]
    classifier_accuracy: float | None

    def to_plain(self) -> dict[str, Any]:
        return {
            "features": self.features,
            "reals": self.reals,
            "num_samples": self.num_samples,
            "num_reals": self.num_reals,
            "classifier_accuracy": self.classifier_accuracy,
            "numbers": {
                f"{name}_{self.features}": number.to_plain() | {"better": BETTER[name]}
                for name, number in self.numbers.items()
            },
        }


def measure(
    samples: Features,
    reals: Reals,
    *,
    features: str,
    only: Collection[str] = tuple(BETTER),
    seed: int = 0,
    progress: Callable[[str], None] = lambda step: None,
) -> Report:
    """The numbers of features `[n, d]`, in the reals' space, of the net of that name. progress is told each step.

    1,000 samples against 215 reals at d = 512: some 6 s on one core. Raises UserError for fewer than 8 of either,
    ValueError for NaN.
    """
    for count, what in ((len(samples), "samples"), (len(reals.compared), "reals")):
        if count < FEWEST:
            raise UserError(f"{count} {what} to score by: at least {FEWEST} are needed")
    compared, fresh = reals.compared, reals.fresh
    found: dict[str, tuple[float, Interval | None]] = {}
    controls: dict[str, float] = {}
    if not _OF_BALLS.isdisjoint(only):
        progress("nearest neighbours")
        found |= _of_balls(samples, compared, fresh, controls, seed)
    if "fid" in only:
        progress("FID")
        found["fid"] = _fid(samples, compared, seed)
        if fresh is not None:
            controls["fid"] = fid(fresh, compared)
    if "fid_infinity" in only:
        progress("FID infinity")
        found["fid_infinity"] = _fid_infinity(samples, compared, seed)
        if fresh is not None:
            controls["fid_infinity"] = extrapolate(fresh, compared, seed=seed).fid_infinity
    if "kid" in only:
        progress("KID")
        value, error = kid_with_error(samples, compared)
        found["kid"] = value, around(value, error)
        if fresh is not None:
            controls["kid"] = kid(fresh, compared)
    if "vendi" in only:
        progress("Vendi score")
        count = min(len(samples), len(compared))
        found["vendi"] = _vendi(samples, count, seed)
        controls["vendi"] = vendi_at(compared, count, seed=seed)
    if not {"memorised", "authenticity"}.isdisjoint(only):
        progress("memorisation")
        found |= _of_memory(samples, reals, controls)
    distrusted = {name: SMALLEST[name].too_few(len(samples), len(compared)) for name in found}
    accuracy = None
    if reals.compared_labels is not None and not {"modes", "class_divergence"}.isdisjoint(only):
        progress("modes")
        accuracy, classes, doubt = _of_classes(samples, reals, seed, controls)
        found |= classes
        distrusted |= dict.fromkeys(classes, doubt)
    return Report(
        features=features,
        reals=reals.name,
        num_samples=len(samples),
        num_reals=len(compared),
        numbers={
            name: Number(
                value=found[name][0],
                interval=found[name][1],
                distrusted=distrusted[name],
                fresh=controls.get(name),
            )
            for name in BETTER
            if name in found and name in only
        },
        classifier_accuracy=accuracy,
    )


def _resampled(features: Features, seed: int) -> Features:
    """The features, or as many as are resampled."""
    if len(features) <= LARGEST_RESAMPLED:
        return features
    return features[np.sort(np.random.default_rng(seed).permutation(len(features))[:LARGEST_RESAMPLED])]


def _scale(samples: Features, reals: Features) -> float:
    """What the spread on the resampled pictures is to be multiplied with: the scarcer set decides it."""
    fewest = min(len(samples), len(reals))
    return float(np.sqrt(min(fewest, LARGEST_RESAMPLED) / fewest))


def _of_balls(
    samples: Features, reals: Features, fresh: Features | None, controls: dict[str, float], seed: int
) -> dict[str, tuple[float, Interval | None]]:
    """The four and their spread; fresh values go into controls."""
    reals_balls = balls_of_reals(reals)
    balls = ball_metrics(*reals_balls, samples)
    if fresh is not None:
        other = ball_metrics(*reals_balls, fresh)
        controls |= {name: float(getattr(other, name)) for name in _OF_BALLS}
    some, others = _resampled(samples, seed), _resampled(reals, seed)
    ranks = BallRanks.of(some, others, precision_k=PRECISION_NEIGHBOURS, coverage_k=COVERAGE_NEIGHBOURS)
    values = []
    for ours, theirs in paired_halves(len(some), len(others), _HALVES_OF_BALLS, seed):
        in_ours, in_theirs = np.zeros(len(some), dtype=np.bool_), np.zeros(len(others), dtype=np.bool_)
        in_ours[ours], in_theirs[theirs] = True, True
        values.append(ranks.metrics(in_ours, in_theirs))
    precision, recall, density, coverage = (np.std(values, axis=0, ddof=1) * _scale(samples, reals)).tolist()
    return {
        "precision": (balls.precision, around_share(balls.precision, precision, len(samples))),
        "recall": (balls.recall, around_share(balls.recall, recall, len(reals))),
        "density": (balls.density, around(balls.density, density, lowest=0.0)),
        "coverage": (balls.coverage, around_share(balls.coverage, coverage, len(reals))),
    }


def _fid(samples: Features, reals: Features, seed: int) -> tuple[float, Interval]:
    value = frechet_distance(Moments.of(samples), Moments.of(reals))
    some, others = _resampled(samples, seed), _resampled(reals, seed)
    large = min(samples.shape[1], len(some) // 2, len(others) // 2) >= _LARGE
    num = _HALVES_OF_LARGE_MOMENTS if large else _HALVES_OF_MOMENTS
    error = spread(lambda i, j: fid(some[i], others[j]), len(some), len(others), num=num, seed=seed)
    return value, around(value, error * _scale(samples, reals), lowest=0.0)


def _fid_infinity(samples: Features, reals: Features, seed: int) -> tuple[float, Interval | None]:
    value = extrapolate(samples, reals, seed=seed).fid_infinity
    some, others = _resampled(samples, seed), _resampled(reals, seed)
    if min(len(some), len(others)) // 2 < 2 * 4:  # quarters of halves of one picture
        return value, None
    error = spread(
        lambda i, j: extrapolate(some[i], others[j], seed=seed).fid_infinity,
        len(some),
        len(others),
        num=_HALVES_OF_FITS,
        seed=seed,
    )
    return value, around(value, error * _scale(samples, reals))


def _vendi(samples: Features, count: int, seed: int) -> tuple[float, Interval]:
    value = vendi_at(samples, count, seed=seed)
    part = _resampled(samples[np.random.default_rng(seed).permutation(len(samples))[:count]], seed)
    scores = [vendi(part[rows]) for rows, _ in paired_halves(len(part), len(part), _HALVES_OF_MOMENTS, seed)]
    num_parts = len(samples) // count
    relative = float(np.std(scores, ddof=1) / np.mean(scores)) * np.sqrt(len(part) / count / num_parts)
    return value, around(value, value * float(relative), lowest=1.0)


def _of_memory(samples: Features, reals: Reals, controls: dict[str, float]) -> dict[str, tuple[float, Interval | None]]:
    """Copies of any real, and authenticity against those compared with; fresh values go into controls."""
    near = memorised(samples, reals.all_training)
    controls["memorised"] = reals.all_training.memorised_if_fresh
    trained = TrainingPictures.of(reals.compared)
    authentic = authenticity(samples, trained)
    if reals.fresh is not None:
        controls["authenticity"] = authenticity(reals.fresh, trained)
    return {
        "memorised": (near, around_share(near, 0.0, len(samples))),
        "authenticity": (authentic, around_share(authentic, 0.0, len(samples))),
    }


def _of_classes(
    samples: Features, reals: Reals, seed: int, controls: dict[str, float]
) -> tuple[float | None, dict[str, tuple[float, Interval | None]], str]:
    """The classifier's accuracy, modes and divergence, and why they are not to be trusted; fresh values go into
    controls."""
    assert reals.compared_labels is not None
    # learnt from the reals compared with, tried on the fresh ones: never on what it has seen
    classifier = Discriminant.fit(reals.compared, reals.compared_labels)
    labels = classifier(samples)
    found = modes(labels, reals.compared_labels, reals.num_classes)
    accuracy = None
    if reals.fresh is not None and reals.fresh_labels is not None:
        accuracy = classifier.accuracy(reals.fresh, reals.fresh_labels)
        fresh = modes(classifier(reals.fresh), reals.compared_labels, reals.num_classes)
        controls |= {"modes": fresh.num_modes, "class_divergence": fresh.divergence}
    true_labels = reals.compared_labels
    error = spread(lambda i, j: modes(labels[i], true_labels, reals.num_classes).divergence, len(labels), 2, seed=seed)
    needed = Smallest(
        samples=max(SMALLEST["modes"].samples, SAMPLES_A_CLASS * found.num_classes), reals=SMALLEST["modes"].reals
    )
    doubts = [needed.too_few(len(samples), len(true_labels))]
    if accuracy is not None and accuracy < MIN_ACCURACY:
        doubts.append(f"classes are told rightly of {accuracy:.0%} of unseen reals, needs {MIN_ACCURACY:.0%}")
    return (
        accuracy,
        {
            "modes": (float(found.num_modes), None),
            "class_divergence": (found.divergence, around(found.divergence, error, lowest=0.0)),
        },
        "; ".join(doubt for doubt in doubts if doubt),
    )
