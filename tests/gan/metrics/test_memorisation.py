import numpy as np
import pytest

from gan.metrics.memorisation import TrainingPictures, authenticity, memorised


def rows(seed: int, num: int, dimensions: int = 32) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((num, dimensions))


def test_copies_and_fresh_draws() -> None:
    training = rows(0, 300)
    assert memorised(training[:100], training) == 1.0
    assert authenticity(training[:100], training) == 0.0
    assert memorised(rows(1, 300), training) == 0.0
    assert 0.4 < authenticity(rows(1, 300), training) < 0.8


def test_a_share_of_near_copies_is_counted() -> None:
    training = rows(0, 300)
    near = training[:60] + 0.02 * rows(2, 60)
    assert memorised(np.concatenate([near, rows(1, 140)]), training) == pytest.approx(0.3)


def test_duplicates_in_the_training_data_do_not_hide_their_copies() -> None:
    training = np.repeat(rows(0, 50), 3, axis=0)
    prepared = TrainingPictures.of(training)
    assert (prepared.nearest_other > 0).all()
    assert memorised(training[:30], prepared) == 1.0
    assert memorised(training[:30] + 1e-3, prepared) == 1.0
    assert memorised(rows(1, 100), prepared) == 0.0


def test_memorised_if_fresh_is_what_a_fresh_draw_scores() -> None:
    """Data with kin: every second picture has a near twin; fresh draws from it count as the data says."""
    centres = rows(0, 400)
    kin = np.concatenate([centres, centres[:200] + 0.05 * rows(1, 200)])
    prepared = TrainingPictures.of(kin)
    slow = []
    for index in range(len(kin)):
        without = TrainingPictures.of(np.delete(kin, index, axis=0))
        slow.append(memorised(kin[index : index + 1], without))
    assert prepared.memorised_if_fresh == pytest.approx(np.mean(slow))
    assert 0.5 < prepared.memorised_if_fresh < 0.7
    assert TrainingPictures.of(centres).memorised_if_fresh == 0.0


def test_exact_duplicates_count_as_memorised_if_fresh() -> None:
    training = np.concatenate([rows(0, 100), rows(0, 100)[:50]])
    assert TrainingPictures.of(training).memorised_if_fresh == pytest.approx(100 / 150)


def test_training_pictures_that_are_all_the_same() -> None:
    with pytest.raises(ValueError, match="all 5 are the same"):
        memorised(rows(0, 4), np.repeat(rows(1, 1), 5, axis=0))
    assert memorised(rows(0, 4), np.repeat(rows(1, 2), 5, axis=0)) <= 1.0
