"""Copies, and the same picture in two classes: what gan.data.likeness finds, in words."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tqdm import tqdm

from gan.data.cleaning.findings import Finding, Kind, Verdict
from gan.data.cleaning.survey import Seen
from gan.data.likeness.find import Duplicates, find_duplicates
from gan.data.likeness.groups import Group, Pair
from gan.data.likeness.kinds import Kind as Likeness
from gan.data.likeness.kinds import Match
from gan.data.threads import PROGRESS_FROM

# Of the picture at a place: its class; and which of several classes it looks like, or None.
ClassOf = Callable[[int], str | None]
Likelier = Callable[[int, Sequence[str]], str | None]

SHOWN_FROM = 1.0  # of 255: below it a difference is rounding

_IN_WORDS = {
    Likeness.EXACT: "the same pixels",
    Likeness.VISIBLE: "the same wherever anything shows: only the colour under clear pixels differs",
    Likeness.MIRRORED: "the mirror image",
    Likeness.RECOLOURED: "the same in slightly other colours",
    Likeness.RESIZED: "the same at another size, or softened by one",
    Likeness.JPEG: "the same after JPEG",
    Likeness.NOISE: "the same under faint noise",
    Likeness.QUANTISED: "the same in fewer colours",
    Likeness.NEAR: "close",
}


@dataclass(frozen=True)
class Copies:
    """groups: of places, who stays and who goes; likely: pairs for a person to judge."""

    groups: tuple[Group, ...]
    likely: tuple[Pair, ...]

    @property
    def dropped(self) -> frozenset[int]:
        return frozenset(place for group in self.groups for place in group.dropped)


def find_copies(seen: Sequence[Seen], places: Sequence[int], *, mirror: bool) -> Copies:
    """Among the pictures at `places`. mirror: whether a mirror image is a copy, as it is to a run that mirrors."""
    with tqdm(desc="comparing", unit=" pairs", disable=None if len(places) >= PROGRESS_FROM else True) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        found = find_duplicates([seen[place].descriptor for place in places], mirror=mirror, progress=show)
    return _at(places, found)


def copy_findings(copies: Copies, seen: Sequence[Seen]) -> list[Finding]:
    """One for each picture that goes, beside the one that it goes for; and the likely ones, flagged."""
    findings = []
    for group in copies.groups:
        for place, pair in zip(group.dropped, group.pairs, strict=True):
            is_exact = pair.match.kind in (Likeness.EXACT, Likeness.VISIBLE) and not pair.match.mirrored
            findings.append(
                Finding(
                    kind=Kind.EXACT if is_exact else Kind.NEAR,
                    verdict=Verdict.DROP,
                    name=seen[place].name,
                    reason=_in_words(pair.match, seen[pair.first], seen[pair.second]),
                    place=place,
                    beside=(group.kept,),
                )
            )
    for pair in copies.likely:
        findings.append(
            Finding(
                kind=Kind.LIKELY,
                verdict=Verdict.FLAG,
                name=seen[pair.second].name,
                reason=_in_words(pair.match, seen[pair.first], seen[pair.second]),
                place=pair.second,
                beside=(pair.first,),
            )
        )
    return findings


def conflicts(copies: Copies, seen: Sequence[Seen], class_of: ClassOf) -> list[Finding]:
    """A finding for each group of exact copies that lie in several classes, all members named; and for each group
    that only near copies spread over several."""
    findings = []
    for group in copies.groups:
        twins = _by_visible_pixels((group.kept, *group.dropped), seen)
        findings += [_conflict(some, group.kept, seen, class_of, "exact copies") for some in twins.values()]
        if len(twins) > 1 and not any(findings[-len(twins) :]):
            findings.append(_conflict((group.kept, *group.dropped), group.kept, seen, class_of, "near copies"))
    return [one for one in findings if one is not None]


def settle_conflicts(copies: Copies, seen: Sequence[Seen], class_of: ClassOf, likelier: Likelier) -> Copies:
    """Of exact copies in several classes, the one whose class looks right stays; where nothing tells, one that has a
    class rather than one that has none."""
    return Copies(tuple(_settled(group, seen, class_of, likelier) for group in copies.groups), copies.likely)


def _settled(group: Group, seen: Sequence[Seen], class_of: ClassOf, likelier: Likelier) -> Group:
    twins = _by_visible_pixels((group.kept, *group.dropped), seen)[seen[group.kept].descriptor.visible_key]
    classes = sorted({name for place in twins if (name := class_of(place)) is not None})
    if not classes:
        return group
    best = likelier(group.kept, classes) or class_of(group.kept) or classes[0]
    if best == class_of(group.kept):
        return group
    chosen = min(place for place in twins if class_of(place) == best)
    return Group(kept=chosen, pairs=tuple(_swapped(pair, group.kept, chosen) for pair in group.pairs))


def _swapped(pair: Pair, old: int, new: int) -> Pair:
    """The pair with `new` in the stead of `old`; the pair of the two stays."""
    other = pair.second if pair.first == old else pair.first
    if other == new:
        return pair
    stays_in_order = (pair.first == old) == (new < other)
    match = pair.match if stays_in_order else pair.match.turned()
    return Pair(first=min(new, other), second=max(new, other), match=match)


def _at(places: Sequence[int], found: Duplicates) -> Copies:
    def moved(pair: Pair) -> Pair:
        return Pair(first=places[pair.first], second=places[pair.second], match=pair.match)

    groups = tuple(Group(kept=places[one.kept], pairs=tuple(map(moved, one.pairs))) for one in found.groups)
    return Copies(groups, tuple(map(moved, found.likely)))


def _by_visible_pixels(places: Sequence[int], seen: Sequence[Seen]) -> Mapping[bytes, list[int]]:
    twins: dict[bytes, list[int]] = {}
    for place in places:
        twins.setdefault(seen[place].descriptor.visible_key, []).append(place)
    return twins


def _conflict(places: Sequence[int], kept: int, seen: Sequence[Seen], class_of: ClassOf, what: str) -> Finding | None:
    classes = sorted({name for place in places if (name := class_of(place)) is not None})
    if len(classes) < 2:
        return None
    first = kept if kept in places else min(places)
    others = tuple(sorted(set(places) - {first}))
    names = ", ".join(f"{seen[place].name} ({class_of(place) or 'no class'})" for place in others)
    stays = f"it stays as {class_of(first) or 'one without a class'!r}" if first == kept else "it goes as well"
    return Finding(
        kind=Kind.CONFLICT,
        verdict=Verdict.FLAG,
        name=seen[first].name,
        reason=f"{what} in {len(classes)} classes, {', '.join(classes)}: {stays}; the others are {names}",
        place=first,
        beside=others,
    )


def _in_words(match: Match, first: Seen, second: Seen) -> str:
    """As said of either of the two."""
    parts = []
    if match.kind is Likeness.SHIFTED:
        parts.append("the same")
    elif match.kind is Likeness.RESIZED and first.size != second.size:
        parts.append("the same at another size, {}x{} and {}x{}".format(*first.size, *second.size))
    else:
        parts.append(_IN_WORDS[match.kind])
    if match.mirrored and match.kind is not Likeness.MIRRORED:
        parts.append("mirrored")
    if match.down or match.across:
        parts.append(f"moved by {max(abs(match.down), abs(match.across))} px")
    if match.difference >= SHOWN_FROM:
        parts.append(f"differing by {match.difference:.1f} of 255 beyond that")
    return ", ".join(parts)
