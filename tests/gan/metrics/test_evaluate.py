import dataclasses
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from gan.errors import UserError
from gan.features.interface import FeatureNet
from gan.features.registry import load_feature_net
from gan.metrics.evaluate import METRICS, FeatureSpace, Reference, Scores, protocol_name
from gan.pixels import UInt8Array

CPU = torch.device("cpu")


@dataclasses.dataclass
class CountingNet:
    """Pixels as features; counts how many pictures it was shown."""

    fingerprint: str = "pixels" * 4
    standardised: bool = True
    num_shown: int = 0
    name = "pixels"
    num_features = 48

    def __call__(self, images: UInt8Array) -> NDArray[np.float32]:
        self.num_shown += len(images)
        return images.reshape(len(images), -1).astype(np.float32)


def pictures(seed: int, num: int) -> np.ndarray:
    """Ten kinds of 4x4 pictures with so much noise that no two are near duplicates."""
    rng = np.random.default_rng(seed)
    kinds = np.random.default_rng(99).integers(40, 216, (10, 3, 4, 4))
    return (kinds[rng.integers(0, 10, num)] + rng.integers(-40, 41, (num, 3, 4, 4))).astype(np.uint8)


@pytest.fixture(scope="module")
def reference() -> Reference:
    return Reference.build(pictures(0, 400), CountingNet())


def test_fresh_pictures_score_well_and_copies_are_seen(reference: Reference) -> None:
    net, fresh = CountingNet(), pictures(1, 400)
    for half in ("reference", "held_out"):
        scores = reference.score(net(fresh), half)
        assert (scores.protocol, scores.features, scores.half) == ("fid400_pixels", "pixels", half)
        assert (scores.num_samples, scores.num_reals, scores.enough) == (400, 200, True)
        assert abs(scores.kid) < 4 * scores.kid_error
        assert scores.precision > 0.8
        assert scores.recall > 0.8
        assert 0.85 < scores.density < 1.15
        assert scores.coverage > 0.9
        assert scores.memorised < 0.02
    copies = reference.score(net(pictures(0, 400)), "held_out")
    assert copies.memorised == 1.0
    assert copies.fid < scores.fid


def test_lost_kinds_are_seen(reference: Reference) -> None:
    net, fresh = CountingNet(), pictures(1, 1500)
    whole = reference.score(net(fresh[:300]), "held_out")
    bright = fresh[np.argsort(fresh[:, 0, 0, 0], kind="stable")[-300:]]
    lost = reference.score(net(bright), "held_out")
    assert lost.fid > 2 * whole.fid
    assert lost.kid > whole.kid + 5 * whole.kid_error
    assert lost.coverage < 0.7 * whole.coverage
    assert lost.recall < 0.7 * whole.recall


def test_halves_differ_and_make_up_the_whole(reference: Reference) -> None:
    images = pictures(0, 400)
    assert sorted(reference.order) == list(range(400))
    raw = CountingNet()(images[reference.order])
    np.testing.assert_array_equal(reference.standardise(raw), reference.training.features)
    np.testing.assert_array_equal(reference.training.features[:200], reference.reference.features)
    np.testing.assert_array_equal(reference.nearest_reals(CountingNet()(images[30:40])), np.arange(30, 40))


def test_standardised_on_the_reference_half_only(reference: Reference) -> None:
    np.testing.assert_allclose(reference.reference.features.mean(0), 0.0, atol=1e-4)
    np.testing.assert_allclose(reference.reference.features.std(0), 1.0, atol=1e-4)
    assert np.abs(reference.held_out.features.mean(0)).max() > 1e-3


def test_a_net_that_is_used_raw_stays_raw() -> None:
    images = pictures(0, 40)
    reference = Reference.build(images, CountingNet(standardised=False))
    np.testing.assert_array_equal(reference.training.features, CountingNet()(images[reference.order]))


def test_features_that_never_vary_are_not_blown_up() -> None:
    raw = np.random.default_rng(0).standard_normal((50, 4)).astype(np.float32)
    raw[:, 2] = 3.0
    space = FeatureSpace.fit(raw, standardised=True)
    moved = raw.copy()
    moved[:, 2] += 0.01
    assert np.abs(space.apply(moved) - space.apply(raw)).max() < 0.5
    assert np.isfinite(FeatureSpace.fit(np.ones((5, 3)), standardised=True).apply(np.zeros((2, 3)))).all()


def test_second_build_reads_the_cache(tmp_path: Path) -> None:
    images = pictures(0, 60)
    first_net, second_net = CountingNet(), CountingNet()
    first = Reference.build(images, first_net, cache_dir=tmp_path / "cache")
    shuffled = images[np.random.default_rng(1).permutation(60)]
    second = Reference.build(shuffled, second_net, cache_dir=tmp_path / "cache")
    assert (first_net.num_shown, second_net.num_shown) == (60, 0)
    raw = CountingNet()(pictures(1, 80))
    assert first.score(raw, "held_out") == second.score(raw, "held_out")
    np.testing.assert_array_equal(images[first.order], shuffled[second.order])
    assert len(list((tmp_path / "cache").iterdir())) == 1
    assert Reference.build(images, CountingNet()).score(raw, "held_out") == first.score(raw, "held_out")


def test_other_pictures_and_other_nets_have_other_caches(tmp_path: Path) -> None:
    for images, fingerprint in ((pictures(0, 60), "a"), (pictures(1, 60), "a"), (pictures(0, 60), "b")):
        net = CountingNet(fingerprint=fingerprint * 16)
        Reference.build(images, net, cache_dir=tmp_path)
        assert net.num_shown == 60


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "other", "nan"])
def test_a_broken_cache_is_rebuilt(tmp_path: Path, damage: str) -> None:
    images = pictures(0, 60)
    whole = Reference.build(images, CountingNet(), cache_dir=tmp_path)
    (file,) = tmp_path.iterdir()
    good = file.read_bytes()
    if damage == "nan":
        with np.load(file) as stored:
            arrays = dict(stored)
        arrays["raw"][0, 0] = np.nan
        np.savez(file, **arrays)
    else:
        middle = len(good) // 3
        flipped = good[:middle] + bytes([good[middle] ^ 255]) + good[middle + 1 :]
        file.write_bytes(
            {"cut": good[: len(good) // 2], "flipped": flipped, "empty": b"", "other": b"PK no zip"}[damage]
        )
    net = CountingNet()
    rebuilt = Reference.build(images, net, cache_dir=tmp_path)
    assert net.num_shown == 60
    assert [path.name for path in tmp_path.iterdir()] == [file.name]
    assert file.read_bytes() == good
    np.testing.assert_array_equal(rebuilt.training.features, whole.training.features)


def test_a_cache_that_cannot_be_written_only_costs_time(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert len(Reference.build(pictures(0, 40), CountingNet(), cache_dir=blocked / "cache").held_out) == 20


def test_a_reference_travels(reference: Reference) -> None:
    raw = CountingNet()(pictures(1, 50))
    assert pickle.loads(pickle.dumps(reference)).score(raw, "held_out") == reference.score(raw, "held_out")


def test_scores_as_metrics_and_json(reference: Reference) -> None:
    scores = reference.score(CountingNet()(pictures(1, 49)), "held_out")
    assert not scores.enough
    metrics = scores.as_metrics()
    assert list(metrics) == [f"{name}_pixels" for name in METRICS]
    assert metrics["fid_pixels"] == scores.fid
    assert set(scores.as_metrics(suffix="_reference")) == {f"{name}_pixels_reference" for name in METRICS}
    assert all(np.isfinite(value) for value in metrics.values())
    assert Scores.from_plain(json.loads(json.dumps(scores.to_plain()))) == scores
    with pytest.raises(ValueError, match="unknown or missing"):
        Scores.from_plain({**scores.to_plain(), "fidd": 1.0})


def test_protocol_names() -> None:
    assert protocol_name(400, "randconv") == "fid400_randconv"
    assert protocol_name(5000, "inception") == "fid5k_inception"
    assert protocol_name(2500, "inception") == "fid2500_inception"


def test_too_few_pictures(reference: Reference) -> None:
    with pytest.raises(UserError, match="at least 12 different"):
        Reference.build(pictures(0, 0), CountingNet())
    with pytest.raises(UserError, match="at least 12 different"):
        Reference.build(np.repeat(pictures(0, 5), 20, axis=0), CountingNet())
    with pytest.raises(UserError, match="0 samples to score"):
        reference.score(np.zeros((0, 48)), "held_out")


@pytest.mark.parametrize("seed", range(5))
def test_copies_of_one_picture_leave_enough_on_each_side(seed: int) -> None:
    images = np.concatenate([np.repeat(pictures(seed, 1), 200, axis=0), pictures(seed + 10, 11)])
    reference = Reference.build(images, CountingNet())
    assert min(len(reference.reference), len(reference.held_out)) >= 6
    assert np.isfinite(list(reference.score(CountingNet()(pictures(1, 30)), "held_out").as_metrics().values())).all()


def test_features_that_mean_nothing(reference: Reference) -> None:
    raw = CountingNet()(pictures(1, 50))
    with pytest.raises(ValueError, match="samples have 47 features, pixels has 48"):
        reference.score(raw[:, :47], "held_out")
    raw[7] = np.inf
    with pytest.raises(ValueError, match="samples: 1 of 50 rows of features hold NaN or infinity"):
        reference.score(raw, "held_out")


def test_unknown_net() -> None:
    with pytest.raises(UserError, match=r"unknown feature net 'inceptoin': choose one of randconv, inception"):
        load_feature_net("inceptoin", CPU)


def test_the_embedded_net_on_pictures() -> None:
    net: FeatureNet = load_feature_net("randconv", CPU)
    reference = Reference.build(pictures(0, 120), net)
    assert reference.score(net(pictures(1, 120)), "held_out").precision > 0.5
    assert reference.score(net(255 - pictures(1, 120)), "held_out").precision < 0.2


def test_real_weapons(shared_data: Path) -> None:
    """The numbers on the real icons: the reference half against the held-out half is the ceiling."""
    from gan.data.dataset import load_pictures

    images = load_pictures(str(shared_data / "dcss-weapons-plus.zip")).images
    net = load_feature_net("randconv", CPU)
    reference = Reference.build(images, net)
    assert {len(reference.reference), len(reference.held_out)} == {214, 215}
    raw = net(images)
    ceiling = reference.score(raw[reference.order[: len(reference.reference)]], "held_out")
    collapsed = reference.score(np.repeat(raw[reference.order[:10]], 22, axis=0), "held_out")
    assert ceiling.coverage > 0.9
    assert ceiling.precision > 0.8
    assert ceiling.memorised == 1.0
    assert abs(ceiling.kid) < 3 * ceiling.kid_error
    assert collapsed.precision > 0.5
    assert collapsed.recall < 0.2
    assert collapsed.coverage < 0.3
    assert collapsed.fid > 2 * ceiling.fid
    assert collapsed.kid > 3 * collapsed.kid_error
