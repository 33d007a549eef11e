import itertools

import numpy as np
import pytest

from gan.ensemble.convex import Limits, lowest_kid
from gan.ensemble.kernel_means import KernelMeans
from gan.ensemble.library import Candidate, Library
from gan.ensemble.selection import Selection
from gan.errors import UserError
from tests.gan.ensemble import planted

REALS = planted.reals()


def limits(num: int, **more: float) -> Limits:
    return Limits(precision=np.full(num, 0.8), memorised=np.zeros(num), **more)


def kid_of(means: KernelMeans, chosen: Selection) -> float:
    weights = np.zeros(len(means.ids))
    for member, weight in zip(chosen.members, chosen.weights, strict=True):
        weights[means.ids.index(member)] = weight
    return means.kid(weights)


def mixed_bag(count: int) -> list[Candidate]:
    rng = np.random.default_rng(count)
    return [
        planted.candidate(f"{i:02d}", rng.choice(8, 2 + i % 3, replace=False).tolist(), i, spread=0.7 + 0.1 * (i % 7))
        for i in range(count)
    ]


def test_weights_follow_what_each_covers() -> None:
    means = KernelMeans.of([planted.candidate("six", range(6), 1), planted.candidate("two", [6, 7], 2)], REALS)
    chosen = lowest_kid(means, limits(2))
    assert dict(zip(chosen.members, chosen.weights, strict=True))["six"] == pytest.approx(0.75, abs=0.05)
    assert sum(chosen.weights) == pytest.approx(1.0)


def test_no_mixture_tried_is_better() -> None:
    means = KernelMeans.of(mixed_bag(12), REALS)
    best = kid_of(means, lowest_kid(means, limits(12)))
    rng = np.random.default_rng(3)
    assert best <= min(means.kid(weights) for weights in rng.dirichlet(np.full(12, 0.3), 4000)) + 1e-9


def test_the_minimum_meets_the_conditions_of_a_minimum() -> None:
    """Kuhn and Tucker's: every member's slope is one number, and no one's outside is lower."""
    means = KernelMeans.of(mixed_bag(20), REALS)
    chosen = lowest_kid(means, limits(20))
    weights = np.zeros(20)
    for member, weight in zip(chosen.members, chosen.weights, strict=True):
        weights[means.ids.index(member)] = weight
    slope = 2.0 * (means.between @ weights - means.to_reals)
    inside = slope[weights > 0]
    assert np.ptp(inside) < 1e-3 * abs(means.of_reals)
    assert slope.min() > inside.max() - 1e-3 * abs(means.of_reals)


@pytest.mark.parametrize("seed", range(3))
def test_a_budget_of_members_comes_within_five_per_cent_of_brute_force(seed: int) -> None:
    bag = [Candidate(id=c.id, features=c.features, memorised=0.0) for c in mixed_bag(9 + seed)]
    means = KernelMeans.of(bag, REALS)
    found = kid_of(means, lowest_kid(means, limits(len(bag)), size=3))
    best = min(
        kid_of(means, lowest_kid(means, allowing(len(bag), three)))
        for three in itertools.combinations(range(len(bag)), 3)
    )
    assert found <= best + 0.05 * abs(best)


def allowing(num: int, some: tuple[int, ...]) -> Limits:
    """Limits that only these can keep: everyone else is all copies."""
    memorised = np.ones(num)
    memorised[list(some)] = 0.0
    return Limits(precision=np.ones(num), memorised=memorised, memorised_ceiling=1e-6)


def test_noise_gets_next_to_nothing() -> None:
    good = [planted.candidate(f"good{i}", range(i, i + 4), i) for i in range(4)]
    noisy = [planted.noise(f"noise{i}", 20 + i) for i in range(6)]
    means = KernelMeans.of([*good, *noisy], REALS)
    chosen = lowest_kid(means, limits(10))
    assert sum(w for m, w in zip(chosen.members, chosen.weights, strict=True) if m.startswith("noise")) < 0.05


def test_the_floor_of_precision_is_kept() -> None:
    bag = mixed_bag(12)
    means = KernelMeans.of(bag, REALS)
    precision = Library(bag, REALS).precisions
    free = lowest_kid(means, Limits(precision=precision, memorised=np.zeros(12)))
    floor = (mixed(precision, means, free) + precision.max()) / 2
    held = lowest_kid(means, Limits(precision=precision, memorised=np.zeros(12), precision_floor=floor))
    assert mixed(precision, means, held) >= floor - 1e-3
    assert kid_of(means, held) >= kid_of(means, free)


def test_the_ceiling_of_copies_is_kept() -> None:
    rows = np.random.default_rng(0).permutation(REALS)[: planted.NUM_ROWS]
    copies = Candidate(id="copies", features=rows, memorised=1.0)
    means = KernelMeans.of([*mixed_bag(6), copies], REALS)
    memorised = np.array([float(member == "copies") for member in means.ids])
    assert lowest_kid(means, Limits(precision=np.ones(7), memorised=memorised)).members[0] == "copies"
    held = lowest_kid(means, Limits(precision=np.ones(7), memorised=memorised, memorised_ceiling=0.1))
    assert mixed(memorised, means, held) <= 0.1 + 1e-3


def mixed(values: np.ndarray, means: KernelMeans, chosen: Selection) -> float:
    pairs = zip(chosen.members, chosen.weights, strict=True)
    return sum(values[means.ids.index(member)] * weight for member, weight in pairs)


def test_no_weight_is_larger_than_allowed() -> None:
    means = KernelMeans.of(mixed_bag(12), REALS)
    for size in (None, 5):
        chosen = lowest_kid(means, limits(12, largest_weight=0.25), size=size)
        assert max(chosen.weights) <= 0.25 + 1e-3
        assert len(chosen.members) <= (size or 12)


def test_the_budget_bounds_the_members() -> None:
    means = KernelMeans.of(mixed_bag(12), REALS)
    kids = [kid_of(means, lowest_kid(means, limits(12), size=size)) for size in (1, 2, 4, None)]
    assert kids == sorted(kids, reverse=True)
    assert [len(lowest_kid(means, limits(12), size=size).members) for size in (1, 2)] == [1, 2]


def test_what_cannot_be_kept_is_a_line_for_the_user() -> None:
    means = KernelMeans.of(mixed_bag(4), REALS)
    with pytest.raises(UserError, match=r"precision 0\.95 or more.*highest precision of one is 0\.80"):
        lowest_kid(means, limits(4, precision_floor=0.95))
    with pytest.raises(UserError, match="3 members of at most 25%"):
        lowest_kid(means, limits(4, largest_weight=0.25), size=3)
    with pytest.raises(UserError, match="size 0"):
        lowest_kid(means, limits(4), size=0)
