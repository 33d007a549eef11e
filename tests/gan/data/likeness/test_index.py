import numpy as np

from gan.data.likeness.descriptor import NUM_VALUES, mirrored
from gan.data.likeness.index import Candidate, candidates


def far_apart(num: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 1, size=(num, NUM_VALUES)).astype(np.float16)


def test_near_pairs_are_given_once_and_far_ones_not_at_all() -> None:
    vectors = far_apart(300)
    vectors[200:250] = vectors[:50] + np.float16(0.01)
    found = candidates(vectors, mirror=False)
    assert found == [Candidate(place, 200 + place, False) for place in range(50)]


def test_mirrored_pairs_are_given_only_if_asked_for() -> None:
    vectors = far_apart(100)
    vectors[70:75] = mirrored(vectors[:5])
    assert candidates(vectors, mirror=False) == []
    assert candidates(vectors, mirror=True) == [Candidate(place, 70 + place, True) for place in range(5)]


def test_none_and_one_have_no_pairs() -> None:
    assert candidates(far_apart(0), mirror=True) == []
    assert candidates(far_apart(1), mirror=True) == []
