import itertools
import math

import numpy as np
import pytest

from gan.ensemble.library import Library
from gan.ensemble.selection import greedy_cover
from gan.errors import UserError
from tests.gan.ensemble import planted

REALS = planted.reals()


def test_what_completes_each_other_is_taken() -> None:
    thirds = [planted.candidate(f"third{i}", modes, i) for i, modes in enumerate(([0, 1, 2], [3, 4, 5], [6, 7]))]
    doubles = [planted.candidate(f"double{i}", [0, 1], 10 + i) for i in range(4)]
    chosen = greedy_cover(Library([*doubles, *thirds], REALS), size=3)
    assert set(chosen.members) == {"third0", "third1", "third2"}
    assert chosen.weights == pytest.approx((1 / 3,) * 3)


@pytest.mark.parametrize("seed", range(3))
def test_the_guarantee(seed: int) -> None:
    rng = np.random.default_rng(seed)
    bag = [planted.candidate(f"{i}", rng.choice(8, 1 + i % 3, replace=False).tolist(), 9 * seed + i) for i in range(9)]
    library = Library(bag, REALS)

    def covered(members: tuple[int, ...]) -> float:
        return library.score(members).coverage

    best = max(covered(three) for three in itertools.combinations(range(9), 3))
    ids = [candidate.id for candidate in library.candidates]
    found = covered(tuple(ids.index(member) for member in greedy_cover(library, size=3).members))
    assert found >= (1 - 1 / math.e) * best
    assert found >= 0.95 * best  # what it comes to in practice


def test_sizes() -> None:
    library = Library([planted.candidate(f"{i}", [i], i) for i in range(3)], REALS)
    assert len(greedy_cover(library, size=8).members) == 3
    with pytest.raises(UserError, match="size 0"):
        greedy_cover(library, size=0)
