import json

import numpy as np
import pytest

from gan.metrics.ball_metrics import ball_metrics
from gan.metrics.density_coverage import density_coverage
from gan.metrics.fid import fid
from gan.metrics.kid import kid
from gan.metrics.memorisation import TrainingPictures
from gan.metrics.neighbours import Balls
from gan.metrics.per_class import own_classes, shares
from gan.metrics.precision_recall import precision_recall
from gan.metrics.protocols import PROTOCOLS, unnamed
from gan.metrics.report import BETTER, Reals, measure
from gan.metrics.smallest import SMALLEST

MEANS = np.random.default_rng(9).standard_normal((4, 16)) * 4


def drawn(seed: int, num: int, classes: int = 4) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, num)
    return (MEANS[labels] + rng.standard_normal((num, 16))).astype(np.float32), labels


@pytest.fixture(scope="module")
def reals() -> Reals:
    compared, labels = drawn(0, 200)
    fresh, fresh_labels = drawn(1, 200)
    return Reals(
        name="held_out",
        compared=compared,
        fresh=fresh,
        all_training=TrainingPictures.of(np.concatenate([fresh, compared])),
        compared_labels=labels,
        fresh_labels=fresh_labels,
        num_classes=4,
    )


def test_every_number_as_its_own_function_says(reals: Reals) -> None:
    samples, _ = drawn(2, 200)
    report = measure(samples, reals, features="gauss")
    assert list(report.numbers) == list(BETTER) == list(SMALLEST)
    value = {name: number.value for name, number in report.numbers.items()}
    assert value["fid"] == fid(samples, reals.compared)
    assert value["kid"] == pytest.approx(kid(samples, reals.compared))
    assert (value["precision"], value["recall"]) == precision_recall(reals.compared, samples)
    assert (value["density"], value["coverage"]) == density_coverage(reals.compared, samples)
    for name, number in report.numbers.items():
        assert not number.distrusted, name
        assert number.fresh is not None
        if number.interval is not None:
            assert number.interval.low <= number.value <= number.interval.high, name
            assert number.interval.low <= number.fresh <= number.interval.high or name in (
                "kid",
                "vendi",
                "fid_infinity",
            ), name
    assert report.classifier_accuracy == 1.0
    plain = json.loads(json.dumps(report.to_plain(), allow_nan=False))
    assert plain["numbers"]["fid_gauss"]["value"] == value["fid"]
    assert measure(samples, reals, features="gauss").to_plain() == report.to_plain()


def test_lost_classes_and_copies_lie_outside_the_intervals(reals: Reals) -> None:
    samples, _ = drawn(2, 300, classes=2)
    lost = measure(samples, reals, features="gauss").numbers
    for name in ("fid", "fid_infinity", "kid", "class_divergence"):
        assert lost[name].interval.low > lost[name].fresh, name
    for name in ("recall", "coverage", "vendi"):
        assert lost[name].interval.high < lost[name].fresh, name
    assert lost["modes"].value == 2
    copies = measure(np.concatenate([reals.compared[:100], samples]), reals, features="gauss").numbers
    assert copies["memorised"].interval.low > copies["memorised"].fresh
    assert copies["authenticity"].interval.high < copies["authenticity"].fresh


def test_too_few_are_never_reported_as_good(reals: Reals) -> None:
    samples, _ = drawn(2, 20)
    numbers = measure(samples, reals, features="gauss").to_plain()["numbers"]
    for name, number in numbers.items():
        assert number["value"] is None, name
        assert number["low"] is None
        assert "20 samples, needs" in number["untrusted"]["why"]


def test_only_what_is_asked_for(reals: Reals) -> None:
    samples, _ = drawn(2, 120)
    assert list(measure(samples, reals, features="gauss", only=("kid", "fid")).numbers) == ["fid", "kid"]


def test_protocols_name_what_there_is() -> None:
    for name, protocol in PROTOCOLS.items():
        assert protocol.name == name
        assert name.endswith(protocol.features)
        assert set(protocol.numbers) <= set(BETTER)
    assert PROTOCOLS["fid50k_inception"].num_samples == 50_000
    assert PROTOCOLS["fid50k_inception"].sides == ("all",)
    assert unnamed("randconv", 2000, ("reference", "held_out")).name == "held_out2k_randconv"
    assert unnamed("clip", 150, ("all",)).name == "all_reals150_clip"


def test_by_class() -> None:
    """Class 3 is not drawn, class 2 is drawn where class 1 lies."""
    reals, labels = drawn(0, 200)
    samples, sample_labels = drawn(1, 120, classes=3)
    wrong = sample_labels == 2
    samples[wrong] += (MEANS[1] - MEANS[2]).astype(np.float32)
    balls = ball_metrics(Balls.of(reals, 3), Balls.of(reals, 5), samples)
    names = ("a", "b", "c", "d", "none")
    whole = {row.name: row for row in shares(balls, sample_labels, labels, names)}
    assert list(whole) == ["a", "b", "c", "d"]
    assert whole["d"].precision is None
    assert whole["d"].coverage < 0.1 < 0.8 < whole["a"].coverage
    assert whole["c"].precision > 0.6  # among reals, though of another class
    own = {row.name: row for row in own_classes(samples, sample_labels, reals, labels, names)}
    assert own["c"].precision < 0.1
    assert own["a"].precision > 0.6
    assert own["d"].recall is None
    assert own["a"].fid is None  # 40 samples
    many = own_classes(drawn(2, 480)[0], drawn(2, 480)[1], *drawn(3, 480), names)
    assert all(row.fid is not None for row in many)
