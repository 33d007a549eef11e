"""The detection experiment: faults are what they are named after, and the table says what was measured."""

from pathlib import Path

import numpy as np
import pytest
import torch

from experiments.metrics.contenders import NAMES, Both, Contrastive, Pixels, nt_xent
from experiments.metrics.detection import RESULTS, SMALL, load, main, of_one_net, save
from experiments.metrics.faults import DOSES, NONE, NUM_REPEATED, Pool, spoilt
from experiments.metrics.seen import false_alarms, readings, seen_from, sight_by_size, table
from gan.data.armory import draw_armory
from gan.features.registry import FEATURE_NETS
from gan.metrics.smallest import SMALLEST


@pytest.fixture(scope="module")
def pool() -> Pool:
    drawn = draw_armory(160, 32, 32)
    return Pool(name="armory", images=drawn.images[:120], labels=drawn.classes[:120], originals=drawn.images[120:])


def changed(pool: Pool, fault: str, dose: float, count: int = 40) -> float:
    """The share of samples that differ from those without a fault."""
    clean, other = spoilt(pool, NONE, 0.0, count, 0), spoilt(pool, fault, dose, count, 0)
    assert clean is not None
    assert other is not None
    return float(np.mean((clean != other).any(axis=(1, 2, 3))))


def test_shares_are_as_dosed(pool: Pool) -> None:
    originals = {image.tobytes() for image in pool.originals}
    for dose in DOSES["copies"]:
        images = spoilt(pool, "copies", dose, 40, 0)
        assert images is not None
        assert sum(image.tobytes() in originals for image in images) == round(dose * 40)
    assert changed(pool, "repeats", 0.5) == 0.5
    assert changed(pool, "blur", 0.3) == changed(pool, "noise", 0.02) == 1.0


def test_repeats_show_a_few_pictures(pool: Pool) -> None:
    images = spoilt(pool, "repeats", 0.5, 40, 0)
    assert images is not None
    few = images[-NUM_REPEATED:].astype(float)
    nearest = [np.abs(image - few).mean(axis=(1, 2, 3)).min() for image in images[:20].astype(float)]
    assert max(nearest) < 4
    assert min(nearest) > 0


def test_classes_go_one_after_the_other(pool: Pool) -> None:
    num_classes = len(set(pool.labels))
    label_of = {image.tobytes(): int(label) for image, label in zip(pool.images, pool.labels, strict=True)}
    before = set(pool.labels.tolist())
    for dose in DOSES["classes"]:
        images = spoilt(pool, "classes", dose, 8, 3)
        assert images is not None
        left = {label_of[image.tobytes()] for image in images}
        assert left <= before
        assert len(left) <= max(1, num_classes - max(1, round(dose * num_classes)))
    assert len(left) == 1


def test_too_few_pictures_left(pool: Pool) -> None:
    assert spoilt(pool, "classes", 1.0, 40, 0) is None
    assert spoilt(pool, NONE, 0.0, 121, 0) is None


def test_the_pool_is_left_alone(pool: Pool) -> None:
    before = pool.images.copy()
    for fault, doses in DOSES.items():
        spoilt(pool, fault, doses[-1], 8, 0)
    assert np.array_equal(before, pool.images)


def test_pixels_keep_distances(pool: Pool) -> None:
    net = Pixels.fit(pool.images)
    rows = pool.images[:2].reshape(2, -1) / 255
    features = net(pool.images[:2])
    assert np.linalg.norm(features[0] - features[1]) == pytest.approx(np.linalg.norm(rows[0] - rows[1]), rel=0.05)


def test_both_have_half_of_the_variance_each(pool: Pool) -> None:
    net = Both.fit(pool.images)
    features = net(pool.images)
    assert features.shape == (len(pool.images), net.num_features)
    variances = features.var(axis=0)
    assert variances[:512].sum() == pytest.approx(variances[512:].sum(), rel=1e-3)


def test_nt_xent_by_hand() -> None:
    """Two pictures, seen alike and at right angles to each other: each row has one equal row and two at 0."""
    rows = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    expected = np.log(np.exp(1 / 0.2) + 2) - 1 / 0.2
    assert float(nt_xent(torch.cat([rows, 3 * rows]))) == pytest.approx(expected, rel=1e-5)


def test_simclr_knows_a_picture_again(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Moved by a pixel it is nearer to itself than most others are."""
    monkeypatch.setattr("experiments.metrics.contenders.STEPS", 40)
    net = Contrastive.fit(pool.images)
    here, moved = net(pool.images[:24]), net(np.roll(pool.images[:24], 1, axis=3))
    distances = np.linalg.norm(here[:, None] - moved[None], axis=2)
    assert np.mean(distances.argmin(axis=1) == np.arange(24)) > 0.8
    assert np.array_equal(Contrastive.fit(pool.images)(pool.images[:4]), here[:4])


def test_every_net_of_the_product_can_be_measured() -> None:
    assert set(FEATURE_NETS) < set(NAMES)


def results(values: dict[float, list[float]], null: list[list[float]]) -> dict[str, object]:
    start = "set | net | 100"
    found: dict[str, object] = {f"{start} | {seed} | none | 0": {"recall": row} for seed, row in enumerate(null)}
    for dose, row in values.items():
        found |= {f"{start} | {seed} | noise | {dose:g}": {"recall": [value]} for seed, value in enumerate(row)}
    return found


NULL = [[0.8, 0.7, 0.9], [0.82, 0.75, 0.89]]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({0.02: [0.79, 0.8], 0.04: [0.6, 0.6], 0.08: [0.5, 0.4]}, "0.04"),
        ({0.02: [0.79, 0.8], 0.04: [0.6, 0.76], 0.08: [0.5, 0.4]}, "0.08"),  # one seed does not see .04
        ({0.02: [0.6, 0.6], 0.04: [0.8, 0.8], 0.08: [0.5, 0.4]}, "0.08 ~"),  # .02 is no sight: .04 is not seen
        ({0.02: [0.95, 0.95], 0.04: [0.96, 0.96], 0.08: [0.99, 0.99]}, "-"),  # better, not worse
    ],
)
def test_seen_from(values: dict[float, list[float]], expected: str) -> None:
    (what,) = readings(results(values, NULL)).values()
    assert seen_from("recall", what) == expected


def test_false_alarms_count_pairs() -> None:
    apart = results({0.02: [0.5, 0.5]}, [[0.8, 0.7, 0.9], [0.6, 0.55, 0.65]])
    assert false_alarms(apart) == {("net", "recall"): 0.5}  # .6 is below .7; .8 is above .65, which is no worse


def test_the_smallest_sets_follow_the_measurement() -> None:
    """gan/metrics/smallest.py: half of the sight with 200 samples against all reals is left."""
    sight = sight_by_size(of_one_net(load(RESULTS) | load(SMALL), "randconv"))
    assert set(SMALLEST) == set(sight)
    for number, smallest in SMALLEST.items():
        found = sight[number]
        assert found[smallest.samples, float(smallest.reals)] >= 0.5 * found[200, np.inf], number


def test_measured_once_and_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("experiments.metrics.detection.ARMORY_PICTURES", 160)
    file, picture = tmp_path / "results.json", tmp_path / "plot.png"
    asked = ["--counts", "40", "--seeds", "1", "--faults", "noise", "--results", str(file), "--plot", str(picture)]
    assert main(asked) == 0
    first = load(file)
    assert len(first) == 1 + len(DOSES["noise"])
    assert picture.stat().st_size > 10_000
    del first["armory | randconv | 40 | 0 | noise | 0.15"]
    first["armory | randconv | 40 | 0 | none | 0"]["fid"] = [1.0, 0.0, 2.0]
    save(first, file)
    assert main(asked) == 0
    again = load(file)
    assert len(again) == 1 + len(DOSES["noise"])
    assert again["armory | randconv | 40 | 0 | none | 0"]["fid"] == [1.0, 0.0, 2.0]  # not measured again
    rows = [line for line in table(again).splitlines() if "| fid |" in line]
    assert len(rows) == 1
