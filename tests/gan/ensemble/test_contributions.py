import numpy as np
import pytest

from gan.ensemble.contributions import contributions
from gan.ensemble.selection import Selection
from gan.metrics.evaluate import Reference
from tests.gan.ensemble import planted

BOTH = Selection(members=("left", "right"), weights=(0.75, 0.25))
RAW = {"left": planted.raw(range(6), 1), "right": planted.raw([6, 7], 2)}


def test_each_members_own_and_what_the_rest_loses(reference: Reference) -> None:
    left, right = contributions(BOTH, RAW, reference)
    assert (left.id, left.weight) == ("left", 0.75)
    assert left.alone.recall > right.alone.recall
    whole = reference.score(np.concatenate([RAW["left"][:150], RAW["right"][150:]]), "held_out")
    for each in (left, right):
        assert each.without is not None
        assert each.without.fid > whole.fid
        assert each.without.coverage < whole.coverage
    assert left.without == right.alone


def test_the_reals_that_only_it_reaches_are_those_of_its_modes(reference: Reference) -> None:
    left, right = contributions(BOTH, RAW, reference)
    held_out = set(reference.order[len(reference.reference) :].tolist())
    mine = set(left.only_here.tolist()), set(right.only_here.tolist())
    assert mine[0] <= held_out
    assert mine[1] <= held_out
    assert not mine[0] & mine[1]
    assert mine[1]
    nearest = planted.mode_of_picture()
    assert {nearest[index] for index in mine[1]} <= {6, 7}
    assert {nearest[index] for index in mine[0]} <= set(range(6))


def test_two_that_are_one_reach_nothing_alone(reference: Reference) -> None:
    """Of one generator twice, half the seeds each: what only one half reaches is chance, and counted as such."""
    twice = Selection(members=("left", "again"), weights=(0.5, 0.5))
    found = contributions(twice, {"left": RAW["left"], "again": RAW["left"]}, reference)
    total = contributions(Selection(members=("left",), weights=(1.0,)), RAW, reference)[0]
    assert total.num_covered == len(total.only_here)
    assert sum(len(each.only_here) for each in found) < total.num_covered


def test_a_single_member_has_no_rest(reference: Reference) -> None:
    (alone,) = contributions(Selection(members=("left",), weights=(1.0,)), RAW, reference)
    assert alone.without is None
    assert alone.num_covered == pytest.approx(alone.alone.coverage * len(reference.held_out))
