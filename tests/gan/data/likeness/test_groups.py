from gan.data.likeness.groups import Pair, components, group
from gan.data.likeness.kinds import Kind, Match


def pair(first: int, second: int, *, certain: bool = True, second_is_copy: bool | None = None) -> Pair:
    match = Match(kind=Kind.JPEG, certain=certain, second_is_copy=second_is_copy, down=2, across=3)
    return Pair(first=first, second=second, match=match)


def no_preference(place: int) -> tuple[float, ...]:
    return ()


def test_a_chain_does_not_drop_its_far_end() -> None:
    """0 - 1 - 2 - 3: what stays covers its neighbours, never the neighbours' neighbours."""
    (found,) = group([pair(0, 1), pair(1, 2), pair(2, 3)], no_preference)
    assert (found.kept, found.dropped) == (1, (0, 2))


def test_the_original_stays_and_its_copies_go_wherever_they_stand() -> None:
    pairs = [pair(0, 2, second_is_copy=False), pair(1, 2, second_is_copy=False), pair(2, 3, second_is_copy=True)]
    (found,) = group(pairs, no_preference)
    assert found.kept == 2
    assert found.dropped == (0, 1, 3)


def test_equals_are_told_by_preference_and_then_by_place() -> None:
    (found,) = group([pair(4, 7)], lambda place: (-place,))
    assert found.kept == 7
    (found,) = group([pair(4, 7)], no_preference)
    assert found.kept == 4


def test_likely_pairs_drop_nothing() -> None:
    assert group([pair(0, 1, certain=False)], no_preference) == ()
    assert components([pair(0, 1, certain=False), pair(5, 9), pair(9, 2)]) == [[2, 5, 9]]


def test_a_pair_named_the_other_way_round_means_the_same() -> None:
    turned = pair(0, 1, second_is_copy=True).match.turned()
    assert (turned.down, turned.across, turned.second_is_copy) == (-2, -3, False)
    assert turned.turned() == pair(0, 1, second_is_copy=True).match
