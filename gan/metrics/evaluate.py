"""Samples against the reals: what is computed once of the reals, and the one call that scores.

It knows pictures, feature nets and metrics; not where samples come from.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gan.data.fingerprint import picture_fingerprints
from gan.errors import UserError
from gan.features.interface import FeatureNet
from gan.metrics.arrays import Features, checked
from gan.metrics.ball_metrics import ball_metrics
from gan.metrics.density_coverage import NUM_NEIGHBOURS as COVERAGE_NEIGHBOURS
from gan.metrics.fid import Moments, frechet_distance
from gan.metrics.kid import kid_with_error
from gan.metrics.memorisation import TrainingPictures, memorised
from gan.metrics.neighbours import Balls, nearest, neighbour_distances
from gan.metrics.precision_recall import NUM_NEIGHBOURS as PRECISION_NEIGHBOURS
from gan.metrics.reference_cache import Arrays, load_arrays, save_arrays
from gan.metrics.split import fingerprint, fingerprint_order, halves_in_order
from gan.pixels import UInt8Array

HalfName = Literal["reference", "held_out"]

FEWEST_SAMPLES = 4  # below it recall (k = 3) and KID's error are undefined
FEWEST_REALS = 6  # in each half: density and coverage (k = 5)
ENOUGH = 50
CACHE_FORMAT = 2  # 2: near duplicates on one side
_EXTRACTION_CHUNK = 1024


@dataclass(frozen=True, kw_only=True)
class Scores:
    """One set of samples against one half of the reals.

    protocol: `fid400_randconv`: 400 samples, that net; numbers compare only within one protocol and
    `num_reals`. half: which reals. Lower is better: fid, kid (0 for equal distributions, may be slightly
    negative; kid_error is its standard error), memorised (share of the samples that are near-copies of any
    real, either half). Higher is better: precision, recall, coverage (shares), density (1 is as good as real,
    above it: crowded). Every number is finite.
    """

    protocol: str
    features: str
    half: HalfName
    num_samples: int
    num_reals: int
    fid: float
    kid: float
    kid_error: float
    precision: float
    recall: float
    density: float
    coverage: float
    memorised: float

    @property
    def enough(self) -> bool:
        """Whether there were at least 50 of both samples and reals.

        Below that no number here should decide anything; only from 200 on do lost modes begin to show.
        """
        return min(self.num_samples, self.num_reals) >= ENOUGH

    def as_metrics(self, suffix: str = "") -> dict[str, float]:
        """`{"fid_randconv": …, "kid_randconv": …}`: metric, net, suffix (such as `_reference`)."""
        return {f"{name}_{self.features}{suffix}": float(getattr(self, name)) for name in METRICS}

    def to_plain(self) -> dict[str, Any]:
        """For JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "Scores":
        """Raises ValueError for a missing or an unknown name."""
        names = {field.name for field in dataclasses.fields(cls)}
        if set(plain) != names:
            raise ValueError(
                f"scores with {sorted(set(plain) ^ names)} unknown or missing; they must be {sorted(names)}"
            )
        return cls(**plain)


METRICS = ("fid", "kid", "kid_error", "precision", "recall", "density", "coverage", "memorised")


def protocol_name(num_samples: int, features: str) -> str:
    """`fid400_randconv`; whole thousands as `fid5k_inception`."""
    count = f"{num_samples // 1000}k" if num_samples and num_samples % 1000 == 0 else str(num_samples)
    return f"fid{count}_{features}"


@dataclass(frozen=True, kw_only=True, eq=False)
class FeatureSpace:
    """Where distances are taken: (raw - mean) / scale, `[d]` each; 0 and 1 for nets that are used raw."""

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]

    @classmethod
    def fit(cls, raw: Features, *, standardised: bool) -> "FeatureSpace":
        """Each feature's mean and deviation on these reals.

        A feature that hardly varies there is divided by a twentieth of the median deviation, not by its own:
        a sample would otherwise be thrown infinitely far off by a trifle.
        """
        rows = checked(raw, "reference half")
        if not standardised:
            return cls(mean=np.zeros(rows.shape[1]), scale=np.ones(rows.shape[1]))
        deviation = rows.std(axis=0)
        floor = 0.05 * float(np.median(deviation))
        return cls(
            mean=rows.mean(axis=0),
            scale=np.maximum(deviation, floor) if floor > 0 else np.ones_like(deviation),
        )

    def apply(self, raw: Features) -> NDArray[np.float32]:
        return ((raw.astype(np.float64) - self.mean) / self.scale).astype(np.float32)


@dataclass(frozen=True, kw_only=True, eq=False)
class Half:
    """One half of the reals in feature space: features `[n, d]`, moments, and balls for k = 3 and 5."""

    features: NDArray[np.float32]
    moments: Moments
    precision_balls: Balls
    coverage_balls: Balls

    def __len__(self) -> int:
        return len(self.features)


@dataclass(frozen=True, kw_only=True, eq=False)
class Reference:
    """Everything of the reals that is computed once, for one feature net. Plain arrays: it pickles.

    order `[n]`: row i of `training.features` (reference half, then held-out half) is picture order[i] of the
    images that it was built from.
    """

    features: str
    order: NDArray[np.int64]
    space: FeatureSpace
    reference: Half
    held_out: Half
    training: TrainingPictures

    @classmethod
    def build(cls, images: UInt8Array, net: FeatureNet, *, cache_dir: Path | None = None) -> "Reference":
        """From all the training pictures, uint8 `[n, c, h, w]`: split and extract, or read the cache.

        The cache file is found by the fingerprints of the pictures and of the net. Raises UserError for fewer
        than 12 different pictures, or so many copies of one that a half has under 6. Cost: the net's, 4 n^2 d, and
        the search for near duplicates (some 2 ms a picture); a cache that is there saves all of them.
        """
        by_fingerprint = fingerprint_order(images)
        arrays: Arrays | None = None
        file = None if cache_dir is None else cache_dir / f"{_cache_key(images, net)}.npz"
        if file is not None:
            arrays = _load(file, len(images), net.num_features)
        if arrays is None:
            reference, held_out = _halves(images, by_fingerprint)
            arrays = _compute(images, np.concatenate([reference, held_out]), (len(reference), len(held_out)), net)
            arrays |= _split_arrays(np.concatenate([reference, held_out]), len(reference), by_fingerprint)
            if file is not None:
                save_arrays(file, arrays)
        order, sizes = _split_of(arrays, by_fingerprint)
        raw_reference, raw_held_out = np.split(arrays["raw"], [sizes[0]])
        space = FeatureSpace.fit(raw_reference, standardised=net.standardised)
        return cls(
            features=net.name,
            order=order,
            space=space,
            reference=_half(space.apply(raw_reference), arrays, "reference"),
            held_out=_half(space.apply(raw_held_out), arrays, "held_out"),
            training=TrainingPictures(
                features=space.apply(arrays["raw"]),
                nearest_other=arrays["nearest_other"].astype(np.float64),
                memorised_if_fresh=float(arrays["memorised_if_fresh"]),
            ),
        )

    def standardise(self, raw: Features) -> NDArray[np.float32]:
        """Raw features `[n, d]` of the same net, brought into the space of the reals."""
        return self.space.apply(raw)

    def score(self, raw: Features, half: HalfName) -> Scores:
        """All metrics of the samples' raw features `[n, d]`. 1,000 against 215 at d = 512: .1 s on one core.

        Raises ValueError for NaN or another net's number of features, UserError for fewer than 4 samples.
        """
        if len(raw) < FEWEST_SAMPLES:
            raise UserError(f"{len(raw)} samples to score: at least {FEWEST_SAMPLES} are needed (make more samples)")
        checked(raw, "samples")
        if raw.shape[1] != len(self.space.mean):
            raise ValueError(f"samples have {raw.shape[1]} features, {self.features} has {len(self.space.mean)}")
        samples = self.standardise(raw)
        reals = self.reference if half == "reference" else self.held_out
        kid, kid_error = kid_with_error(samples, reals.features)
        balls = ball_metrics(reals.precision_balls, reals.coverage_balls, samples)
        return Scores(
            protocol=protocol_name(len(samples), self.features),
            features=self.features,
            half=half,
            num_samples=len(samples),
            num_reals=len(reals),
            fid=frechet_distance(Moments.of(samples), reals.moments),
            kid=kid,
            kid_error=kid_error,
            precision=balls.precision,
            recall=balls.recall,
            density=balls.density,
            coverage=balls.coverage,
            memorised=memorised(samples, self.training),
        )

    def nearest_reals(self, raw: Features) -> NDArray[np.int64]:
        """For each sample the index, among the images that this was built from, of the nearest real."""
        indices, _ = nearest(self.standardise(raw), self.training.features)
        return self.order[indices]


def _halves(images: UInt8Array, by_fingerprint: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    num_different = len(set(picture_fingerprints(images)))
    if num_different < 2 * FEWEST_REALS:
        raise UserError(
            f"{len(images)} real pictures, {num_different} of them different: at least {2 * FEWEST_REALS}"
            " different ones are needed to score against (and hundreds for the scores to say much)"
        )
    return halves_in_order(images, by_fingerprint)  # copies or not, about half of the different ones are on each side


def _split_arrays(order: NDArray[np.int64], num_reference: int, by_fingerprint: NDArray[np.int64]) -> Arrays:
    """The split in terms of the fingerprints' order, which every reading of the same pictures has in common."""
    place = np.empty(len(order), dtype=np.int64)
    place[by_fingerprint] = np.arange(len(order))
    return {"order": place[order].astype(np.float64), "num_reference": np.asarray(float(num_reference))}


def _split_of(arrays: Arrays, by_fingerprint: NDArray[np.int64]) -> tuple[NDArray[np.int64], tuple[int, int]]:
    num_reference = int(arrays["num_reference"])
    return by_fingerprint[arrays["order"].astype(np.int64)], (num_reference, len(by_fingerprint) - num_reference)


def _load(file: Path, num: int, num_features: int) -> Arrays | None:
    """The cached arrays, the split among them; None where they are not there, or do not fit."""
    split = load_arrays(file, {"order": (num,), "num_reference": ()})
    if split is None or not np.array_equal(np.sort(split["order"]), np.arange(num)):
        return None
    num_reference = int(split["num_reference"])
    arrays = load_arrays(file, _shapes((num_reference, num - num_reference), num_features))
    return None if arrays is None else arrays | split


def _cache_key(images: UInt8Array, net: FeatureNet) -> str:
    return f"{net.name}-{net.fingerprint[:16]}-{fingerprint(images)[:16]}-v{CACHE_FORMAT}"


def _shapes(sizes: tuple[int, int], num_features: int) -> dict[str, tuple[int, ...]]:
    return {
        "raw": (sum(sizes), num_features),
        "precision_radii_reference": (sizes[0],),
        "coverage_radii_reference": (sizes[0],),
        "precision_radii_held_out": (sizes[1],),
        "coverage_radii_held_out": (sizes[1],),
        "nearest_other": (sum(sizes),),
        "memorised_if_fresh": (),
    }


def _compute(images: UInt8Array, order: NDArray[np.int64], sizes: tuple[int, int], net: FeatureNet) -> Arrays:
    chunks = [order[start : start + _EXTRACTION_CHUNK] for start in range(0, len(order), _EXTRACTION_CHUNK)]
    raw = np.concatenate([net(np.asarray(images[chunk])) for chunk in chunks])
    checked(raw, "features of the real pictures")
    space = FeatureSpace.fit(raw[: sizes[0]], standardised=net.standardised)
    arrays: Arrays = {"raw": raw}
    parts: dict[HalfName, Features] = {"reference": raw[: sizes[0]], "held_out": raw[sizes[0] :]}
    for name, part in parts.items():
        features = space.apply(part)
        precision, coverage = neighbour_distances(features, (PRECISION_NEIGHBOURS, COVERAGE_NEIGHBOURS))
        arrays |= {f"precision_radii_{name}": precision, f"coverage_radii_{name}": coverage}
    training = TrainingPictures.of(space.apply(raw))
    arrays["nearest_other"] = training.nearest_other
    arrays["memorised_if_fresh"] = np.asarray(training.memorised_if_fresh)
    return arrays


def _half(features: NDArray[np.float32], arrays: Arrays, name: HalfName) -> Half:
    def balls(kind: str, k: int) -> Balls:
        return Balls(centres=features, radii=arrays[f"{kind}_radii_{name}"].astype(np.float64), k=k)

    return Half(
        features=features,
        moments=Moments.of(features),
        precision_balls=balls("precision", PRECISION_NEIGHBOURS),
        coverage_balls=balls("coverage", COVERAGE_NEIGHBOURS),
    )
