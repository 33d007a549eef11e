"""Duplicates of a whole set: descriptors in, groups of copies and pairs for a person to judge out.

descriptors = [describe(picture, straight=True) for picture in stream]
duplicates = find_duplicates(descriptors, mirror=config.mirrors)
leave_out = duplicates.dropped
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from gan.data.likeness.descriptor import Descriptor
from gan.data.likeness.groups import Group, Pair, components, group
from gan.data.likeness.index import Candidate, candidates
from gan.data.likeness.kinds import Kind, Match
from gan.data.likeness.verify import compare

# In groups up to this many, every picture is compared with every other, so that the best one can be kept for all.
LARGEST_COMPLETED = 24


@dataclass(frozen=True, kw_only=True)
class Duplicates:
    """groups: copies that may be dropped, each for a picture that stays. likely: pairs that lie close, both still
    in the set after that, which a person should see."""

    groups: tuple[Group, ...]
    likely: tuple[Pair, ...]

    @property
    def dropped(self) -> frozenset[int]:
        """The places of all that may be dropped."""
        return frozenset(place for found in self.groups for place in found.dropped)


def find_duplicates(
    descriptors: Sequence[Descriptor],
    *,
    mirror: bool,
    progress: Callable[[int, int], None] | None = None,
) -> Duplicates:
    """Who is a copy of whom in a set, places counted as in `descriptors`.

    mirror: whether a picture and its mirror image are one (they are to a run that mirrors its data); else mirrored
    pairs are not looked for at all. progress: called with pairs compared and pairs to compare. Of exact copies the
    first stands for all. About 0.5 ms for each pair that the index proposes, at most 8 a picture, twice with mirror.
    """
    first_with: dict[bytes, int] = {}
    same: list[Pair] = []
    distinct: list[int] = []
    for place, descriptor in enumerate(descriptors):
        known = first_with.setdefault(descriptor.visible_key, place)
        if known == place:
            distinct.append(place)
            continue
        exact = descriptors[known].pixels_key == descriptor.pixels_key
        same.append(Pair(first=known, second=place, match=_same(exact)))
    compared = _compare_all(descriptors, distinct, mirror, progress)
    _complete(descriptors, compared, mirror)
    found = [Pair(first=first, second=second, match=match) for (first, second), match in compared.items() if match]
    groups = _with_exact_copies(group(found, lambda place: _preference(descriptors[place])), same)
    gone = {place for one in groups for place in one.dropped}
    likely = tuple(
        sorted(
            (pair for pair in found if not pair.match.certain and not gone & {pair.first, pair.second}),
            key=lambda pair: (pair.first, pair.second),
        )
    )
    return Duplicates(groups=groups, likely=likely)


def _same(exact: bool) -> Match:
    return Match(kind=Kind.EXACT if exact else Kind.VISIBLE, certain=True)


def _preference(descriptor: Descriptor) -> tuple[float, ...]:
    """Larger first, then more colours."""
    return -descriptor.height * descriptor.width, -descriptor.num_colours


Compared = dict[tuple[int, int], Match | None]


def _compare_all(
    descriptors: Sequence[Descriptor],
    places: Sequence[int],
    mirror: bool,
    progress: Callable[[int, int], None] | None,
) -> Compared:
    if not places:
        return {}
    vectors = np.stack([descriptors[place].vector for place in places])
    proposed = candidates(vectors, mirror=mirror)
    compared: Compared = {}
    for done, candidate in enumerate(proposed, start=1):
        first, second = places[candidate.first], places[candidate.second]
        _record(compared, descriptors, Candidate(first, second, candidate.mirrored))
        if progress is not None:
            progress(done, len(proposed))
    return compared


def _record(compared: Compared, descriptors: Sequence[Descriptor], candidate: Candidate) -> None:
    """Compares the two unless they are known for certain; a certain match replaces a likely one, unmirrored first."""
    key = candidate.first, candidate.second
    known = compared.get(key)
    if known is not None and known.certain:
        return
    match = compare(descriptors[candidate.first], descriptors[candidate.second], mirrored=candidate.mirrored)
    if known is None or (match is not None and match.certain):
        compared[key] = match


def _complete(descriptors: Sequence[Descriptor], compared: Compared, mirror: bool) -> None:
    """Compares what the index did not propose inside each group."""
    certain = [
        Pair(first=first, second=second, match=match)
        for (first, second), match in compared.items()
        if match is not None and match.certain
    ]
    for places in components(certain):
        if len(places) > LARGEST_COMPLETED:
            continue
        for first, second in combinations(places, 2):
            for flipped in (False, True) if mirror else (False,):
                if (first, second) not in compared or flipped:
                    _record(compared, descriptors, Candidate(first, second, flipped))


def _with_exact_copies(groups: tuple[Group, ...], same: Sequence[Pair]) -> tuple[Group, ...]:
    """The groups, with each exact copy dropped for whatever its double is dropped for, or for its double."""
    joined: dict[int, list[Pair]] = {found.kept: list(found.pairs) for found in groups}
    reason = {
        place: (found.kept, pair) for found in groups for place, pair in zip(found.dropped, found.pairs, strict=True)
    }
    for pair in same:
        if pair.first not in reason:
            joined.setdefault(pair.first, []).append(pair)
            continue
        kept, why = reason[pair.first]
        joined[kept].append(_for_another(why, pair.first, pair.second))
    return tuple(Group(kept=kept, pairs=tuple(pairs)) for kept, pairs in sorted(joined.items()))


def _for_another(pair: Pair, place: int, double: int) -> Pair:
    """The pair with `double` in the stead of `place`, in order again."""
    other = pair.second if pair.first == place else pair.first
    stays_in_order = (pair.first == place) == (double < other)
    match = pair.match if stays_in_order else pair.match.turned()
    return Pair(first=min(double, other), second=max(double, other), match=match)
