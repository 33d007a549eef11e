"""What is measured of a trial at a tick: the same seeds each time, scored against both halves of the reals."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gan.data.dataset import PictureSet
from gan.features.interface import FeatureNet
from gan.loop import Tick
from gan.metrics.diversity import RealSpread, diversity
from gan.metrics.evaluate import Reference, Scores
from gan.pixels import UInt8Array
from gan.sampling.sample import sample
from gan.training import Training
from search.judging.collapse import Moment
from search.trial.history import Entry

REFERENCE = "_reference"  # suffix of the scores that choices are made by; the held-out half's have none


@dataclass(frozen=True, kw_only=True, eq=False)
class Measured:
    """entry: for history and records. scores, features and images are () and None when the weights are not finite."""

    entry: Entry
    scores: tuple[Scores, ...]
    features: NDArray[np.float32] | None  # raw, [n, d]
    images: UInt8Array | None


def measure(
    training: Training,
    tick: Tick,
    pictures: PictureSet,
    *,
    reference: Reference,
    spread: RealSpread,
    net: FeatureNet,
    num_samples: int,
) -> Measured:
    """Sample the averaged generator from seeds 0 … num_samples - 1 and score. Seconds a thousand samples on a core."""
    if not tick.finite:
        return Measured(entry=_lost(tick), scores=(), features=None, images=None)
    images = sample(training.average, range(num_samples), class_counts=class_counts(training, pictures))
    features = net(images)
    scores = (reference.score(features, "reference"), reference.score(features, "held_out"))
    apart = diversity(images, reference.standardise(features), spread)
    moment = Moment(
        images_seen=tick.images_seen,
        finite=True,
        diversity=apart.pixel,
        diversity_features=apart.feature,
        fid=scores[0].fid,
        recall=scores[0].recall,
        copies=scores[0].memorised - reference.training.memorised_if_fresh,
    )
    metrics = {
        **tick.as_metrics(),
        **apart.as_metrics(),
        **scores[0].as_metrics(REFERENCE),
        **scores[1].as_metrics(),
    }
    return Measured(entry=Entry(moment=moment, metrics=metrics), scores=scores, features=features, images=images)


def class_counts(training: Training, pictures: PictureSet) -> list[int]:
    """How often each class comes in the data, for a conditional run; else empty."""
    num_classes = training.shape.num_classes
    if not num_classes:
        return []
    counts: list[Any] = np.bincount(pictures.labels, minlength=num_classes).tolist()
    return [int(count) for count in counts]


def _lost(tick: Tick) -> Entry:
    nan = math.nan
    moment = Moment(
        images_seen=tick.images_seen,
        finite=False,
        diversity=nan,
        diversity_features=nan,
        fid=nan,
        recall=nan,
        copies=nan,
    )
    return Entry(moment=moment, metrics=tick.as_metrics())
