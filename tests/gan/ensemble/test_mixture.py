import numpy as np
import pytest

from gan.ensemble.mixture import mixture_features, mixture_rows


def test_members_share_the_seeds_by_weight_and_no_seed_is_drawn_twice() -> None:
    rows = mixture_rows([0.5, 0.25, 0.25], 10)
    assert [part.stop - part.start for part in rows] == [5, 3, 2]  # 7.5 is rounded to the even 8
    assert sorted(i for part in rows for i in range(part.start, part.stop)) == list(range(10))


def test_weights_are_scaled() -> None:
    assert mixture_rows([2.0, 6.0], 8) == mixture_rows([0.25, 0.75], 8) == (slice(0, 2), slice(2, 8))


def test_more_members_than_seeds_are_thinned_evenly() -> None:
    counts = [part.stop - part.start for part in mixture_rows([1.0] * 30, 10)]
    assert sum(counts) == 10
    assert [sum(counts[start : start + 6]) for start in range(0, 30, 6)] == [2] * 5


@pytest.mark.parametrize("weights", [[0.0, 0.0], [-1.0, 2.0], [], [float("nan")]])
def test_impossible_weights_are_refused(weights: list[float]) -> None:
    with pytest.raises(ValueError, match="weights of a mixture"):
        mixture_rows(weights, 4)


def test_row_i_comes_from_seed_i() -> None:
    first, second = np.arange(8.0)[:, None], 100 + np.arange(8.0)[:, None]
    mixed = mixture_features([first, second], [0.5, 0.5])
    assert mixed[:, 0].tolist() == [0, 1, 2, 3, 104, 105, 106, 107]


def test_count_beyond_the_shortest_member_is_refused() -> None:
    with pytest.raises(ValueError, match="one has 3"):
        mixture_features([np.zeros((5, 2)), np.zeros((3, 2))], [1, 1], count=4)
