"""From pairs to what stays and what goes. Pure: places and matches in, groups out; never looks at a picture.

Likeness does not carry over: A may be a copy of B and B of C while A and C are two items. So a picture is only ever
dropped for a picture that stays and of which it was itself found to be a copy.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from gan.data.likeness.kinds import Match


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Places of two pictures in the set, first < second, and what they are to each other."""

    first: int
    second: int
    match: Match


@dataclass(frozen=True, kw_only=True)
class Group:
    """One picture that stays and those that may be dropped for it; each pair joins a dropped one to `kept`."""

    kept: int
    pairs: tuple[Pair, ...]

    @property
    def dropped(self) -> tuple[int, ...]:
        return tuple(pair.second if pair.first == self.kept else pair.first for pair in self.pairs)


def group(pairs: Iterable[Pair], preference: Callable[[int], tuple[float, ...]]) -> tuple[Group, ...]:
    """The groups that certain pairs make; pairs that are not certain are left out.

    Who stays, of those that are tied together: the one that is least often the copy in its pairs, then the one with
    the most pairs, then the one with the least `preference`, then the first in the set. It drops all its direct
    copies; then the same among those left, until none has a copy left. Sorted by the place of the kept.
    """
    partners: dict[int, dict[int, Pair]] = {}
    for pair in pairs:
        if pair.match.certain:
            partners.setdefault(pair.first, {})[pair.second] = pair
            partners.setdefault(pair.second, {})[pair.first] = pair

    def rank(place: int) -> tuple[float, ...]:
        return (_times_copy(place, partners[place]), -len(partners[place]), *preference(place), place)

    groups: list[Group] = []
    gone: set[int] = set()
    for kept in sorted(partners, key=rank):
        if kept in gone:
            continue
        joined = tuple(pair for other, pair in sorted(partners[kept].items()) if other not in gone)
        gone.add(kept)
        gone.update(place for pair in joined for place in (pair.first, pair.second))
        if joined:
            groups.append(Group(kept=kept, pairs=joined))
    return tuple(sorted(groups, key=lambda found: found.kept))


def components(pairs: Iterable[Pair]) -> list[list[int]]:
    """The places that certain pairs tie together, directly or not; each list in order."""
    root: dict[int, int] = {}

    def find(place: int) -> int:
        while root.setdefault(place, place) != place:
            root[place] = root[root[place]]
            place = root[place]
        return place

    for pair in pairs:
        if pair.match.certain:
            root[find(pair.first)] = find(pair.second)
    gathered: dict[int, list[int]] = {}
    for place in sorted(root):
        gathered.setdefault(find(place), []).append(place)
    return list(gathered.values())


def _times_copy(place: int, partners: Mapping[int, Pair]) -> int:
    return sum(
        pair.match.second_is_copy is not None and pair.match.second_is_copy == (pair.second == place)
        for pair in partners.values()
    )
