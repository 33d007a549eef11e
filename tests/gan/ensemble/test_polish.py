import numpy as np
import pytest

from gan.ensemble.polish import Polish, first_kept, floor_for
from gan.metrics.evaluate import Reference
from gan.metrics.precision_recall import precision_recall
from tests.gan.ensemble import planted


def polish_of(reference: Reference) -> Polish:
    return Polish.of(reference.reference)


def test_a_score_of_one_is_the_rim_of_precisions_balls(reference: Reference) -> None:
    samples = reference.standardise(np.concatenate([planted.raw(range(8), 1), planted.raw(range(3), 2) + 20]))
    within = polish_of(reference).realism(samples) >= 1.0
    assert 0 < within.sum() < len(samples)
    assert within.mean() == pytest.approx(precision_recall(reference.reference.features, samples)[0])


def test_the_definition_by_hand() -> None:
    polish = Polish(reals=np.array([[0.0, 0.0], [10.0, 0.0]]), radii=np.array([1.0, 5.0]))
    found = polish.realism(np.array([[2.0, 0.0], [0.0, 0.5], [10.0, 10.0]]))
    assert found == pytest.approx([5 / 8, 2.0, 0.5])
    assert np.isfinite(polish.realism(np.array([[0.0, 0.0]]))).all()


def test_what_is_kept_has_the_higher_precision_on_unseen_reals(reference: Reference) -> None:
    mixed = np.concatenate(
        [planted.raw(range(8), 1), planted.raw(range(8), 2) + 30.0 * np.sign(planted.raw(range(8), 3) - 128)]
    )
    samples = reference.standardise(np.clip(mixed, 0, 255))
    realism = polish_of(reference).realism(samples)
    kept = first_kept(realism, floor_for(realism, 0.5), 150)
    unseen = reference.held_out.features
    assert precision_recall(unseen, samples[kept])[0] > precision_recall(unseen, samples)[0] + 0.1


@pytest.mark.parametrize("share", [0.25, 0.5, 1.0])
def test_the_floor_keeps_the_share(share: float) -> None:
    scores = np.random.default_rng(0).random(400)
    assert (scores >= floor_for(scores, share)).mean() == pytest.approx(share, abs=0.003)


def test_errors_say_what_to_do() -> None:
    with pytest.raises(ValueError, match="share to keep 0"):
        floor_for(np.ones(3), 0.0)
    with pytest.raises(ValueError, match="1 of 3 pictures reach a realism of 2, not 2: draw more"):
        first_kept(np.array([1.0, 2.0, 0.0]), 2.0, 2)
