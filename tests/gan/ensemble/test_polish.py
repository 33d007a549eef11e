from pathlib import Path

import numpy as np
import pytest

from gan.ensemble.polish import Polish, first_kept, floor_for
from gan.errors import UserError
from gan.metrics.evaluate import FeatureSpace, Reference
from gan.metrics.precision_recall import precision_recall
from tests.gan.ensemble import planted


def test_a_score_of_one_is_the_rim_of_precisions_balls(reference: Reference) -> None:
    raw = np.concatenate([planted.raw(range(8), 1), planted.raw(range(3), 2) + 20])
    within = Polish.of(reference).realism(raw) >= 1.0
    assert 0 < within.sum() < len(raw)
    precision = precision_recall(reference.reference.features, reference.standardise(raw))[0]
    assert within.mean() == pytest.approx(precision, abs=0.01)  # reals are held in half precision


def test_the_definition_by_hand() -> None:
    space = FeatureSpace(mean=np.zeros(2), scale=np.ones(2))
    reals = np.array([[0.0, 0.0], [10.0, 0.0]], dtype=np.float16)
    polish = Polish(features="any", space=space, reals=reals, radii=np.array([1.0, 5.0]))
    assert polish.realism(np.array([[2.0, 0.0], [0.0, 0.5], [10.0, 10.0]])) == pytest.approx([5 / 8, 2.0, 0.5])
    assert np.isfinite(polish.realism(np.array([[0.0, 0.0]]))).all()


def test_what_is_kept_has_the_higher_precision_on_unseen_reals(reference: Reference) -> None:
    odd = planted.raw(range(8), 2) + 30.0 * np.sign(planted.raw(range(8), 3) - 128)
    raw = np.clip(np.concatenate([planted.raw(range(8), 1), odd]), 0, 255)
    realism = Polish.of(reference).realism(raw)
    kept = first_kept(realism, floor_for(realism, 0.5), 150)
    unseen, samples = reference.held_out.features, reference.standardise(raw)
    assert precision_recall(unseen, samples[kept])[0] > precision_recall(unseen, samples)[0] + 0.1


def test_read_back_it_scores_the_same(reference: Reference, tmp_path: Path) -> None:
    polish = Polish.of(reference)
    polish.save(tmp_path / "polish.safetensors")
    again = Polish.load(tmp_path / "polish.safetensors")
    assert again.features == reference.features
    assert np.array_equal(again.realism(planted.raw(range(8), 1)), polish.realism(planted.raw(range(8), 1)))
    (tmp_path / "polish.safetensors").write_bytes(b"broken")
    with pytest.raises(UserError, match="cannot be read"):
        Polish.load(tmp_path / "polish.safetensors")


@pytest.mark.parametrize("share", [0.25, 0.5, 1.0])
def test_the_floor_keeps_the_share(share: float) -> None:
    scores = np.random.default_rng(0).random(400)
    assert (scores >= floor_for(scores, share)).mean() == pytest.approx(share, abs=0.003)


def test_errors_say_what_to_do() -> None:
    with pytest.raises(ValueError, match="share to keep 0"):
        floor_for(np.ones(3), 0.0)
    with pytest.raises(ValueError, match="1 of 3 pictures reach a realism of 2, not 2: draw more"):
        first_kept(np.array([1.0, 2.0, 0.0]), 2.0, 2)
