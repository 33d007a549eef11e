"""A source looked through: every file judged, nothing written. Reads like the list of what can be wrong."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gan.data.cleaning.beliefs import NUM_NEIGHBOURS, believe
from gan.data.cleaning.classes import Classes, settle
from gan.data.cleaning.contents import BLACK, DARK, MOST_DARK, Contents
from gan.data.cleaning.copies import Copies, conflicts, copy_findings, find_copies, settle_conflicts
from gan.data.cleaning.findings import Finding, Kind, Verdict, dropped_places
from gan.data.cleaning.outliers import style_outliers
from gan.data.cleaning.sizes import CommonSize, common_size, odd_sizes
from gan.data.cleaning.space import nearest, style_space, with_layout
from gan.data.cleaning.survey import Seen, Survey, survey
from gan.data.cleaning.wishes import Wishes
from gan.data.cleaning.wrong_labels import wrong_labels
from gan.data.members import IMAGE_ENDINGS, Skipped, Source
from gan.data.resize import Style
from gan.data.spool import Spool
from gan.errors import UserError

FEWEST_FOR_STYLE = 30  # under so many, nobody can say what is usual


@dataclass(frozen=True, kw_only=True)
class Examination:
    """seen: the pictures, in the order of the source and of the spool; findings name them by their places there.

    num_files counts those that were refused and unreadable as well. common is None where nothing is left.
    """

    source: str
    kind: str
    licence: str | None
    mirror: bool
    num_files: int
    seen: tuple[Seen, ...]
    classes: Classes
    common: CommonSize | None
    style: Style
    findings: tuple[Finding, ...]

    @property
    def kept(self) -> tuple[int, ...]:
        """The places of the clean set's pictures."""
        dropped = dropped_places(self.findings)
        return tuple(place for place in range(len(self.seen)) if place not in dropped)

    def class_of(self, place: int) -> str | None:
        return self.classes.name_of(self.seen[place].name)


def examine(source: Source, *, mirror: bool, wishes: Wishes, spool: Spool | None) -> Examination:
    """Every finding about a source. The pixels go to the spool, if there is one, in the order of `seen`.

    Raises UserError: no picture file in it, or a list of wishes that does not fit it.
    """
    if not source.members and not source.refused:
        raise UserError(f"data {source.source!r} holds no pictures: looked for {', '.join(IMAGE_ENDINGS)}")
    classes = settle(source)
    looked = survey(source.members, spool)
    readable = {one.name: place for place, one in enumerate(looked.seen)}
    wishes.check(readable.keys(), {one.name for one in (*source.refused, *looked.unreadable)}, source.source)
    findings = [*_without_picture(source.refused, Kind.REFUSED), *_without_picture(looked.unreadable, Kind.UNREADABLE)]
    findings += [replace(one, place=readable.get(one.name)) for one in classes.findings]
    findings += [_listed(name, readable.get(name)) for name in sorted(wishes.drop)]
    shown = [place for place in _left(looked.seen, findings) if not looked.seen[place].contents.is_blank]
    common = common_size([looked.seen[place] for place in shown]) if shown else None
    if common is not None:
        findings += odd_sizes({place: looked.seen[place] for place in _left(looked.seen, findings)}, common)
    findings += _blank(looked, dropped_places(findings))
    if common is not None:
        findings += _likeness(looked.seen, _left(looked.seen, findings), common, classes, mirror)
    findings += _converted(looked.seen)
    return Examination(
        source=source.source,
        kind=source.kind,
        licence=source.licence,
        mirror=mirror,
        num_files=len(source.members) + len(source.refused),
        seen=looked.seen,
        classes=classes,
        common=common,
        style=looked.style,
        findings=_worth_telling(wishes.override(findings)),
    )


def _likeness(
    seen: Sequence[Seen], places: Sequence[int], common: CommonSize, classes: Classes, mirror: bool
) -> list[Finding]:
    """Copies among the pictures at `places`; of what is left of them, outliers and likely wrong labels."""

    def class_of(place: int) -> str | None:
        return classes.name_of(seen[place].name)

    copies = find_copies(seen, places, mirror=mirror)
    gone = copies.dropped
    rest = [place for place in places if place not in gone]
    if len(rest) < FEWEST_FOR_STYLE:
        return [*copy_findings(copies, seen), *conflicts(copies, seen, class_of)]
    style = style_space([seen[place] for place in rest], common)
    outliers, is_outlier = style_outliers(style.distances, rest, seen)
    if all(class_of(place) is None for place in rest):
        return [*copy_findings(copies, seen), *outliers]
    # what is no picture of the set has no say in what its classes look like
    usual = np.flatnonzero(~is_outlier)
    rest = [rest[row] for row in usual]
    space = with_layout(style.places[usual], [seen[place] for place in rest])
    neighbours = nearest(space, NUM_NEIGHBOURS)
    own = [class_of(place) for place in rest]
    beliefs = believe(neighbours, space, own)
    row_of = {place: row for row, place in enumerate(rest)}

    def likelier(place: int, names: Sequence[str]) -> str | None:
        return beliefs.likelier(row_of[place], names) if place in row_of else None

    def given_class_of(place: int) -> str | None:
        return None if seen[place].name in classes.guessed else class_of(place)

    settled: Copies = settle_conflicts(copies, seen, given_class_of, likelier)
    findings = [*copy_findings(settled, seen), *conflicts(settled, seen, class_of)]
    in_conflict = {place for one in findings if one.kind is Kind.CONFLICT for place in (one.place, *one.beside)}
    doubtful = wrong_labels(beliefs, neighbours, own, rest, seen)
    return [*findings, *(one for one in doubtful if one.place not in in_conflict), *outliers]


def _worth_telling(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Without what else is odd about a picture that goes; in the order of Kind."""
    dropped = dropped_places(findings)
    about_all = (Kind.CONFLICT, Kind.LABEL_FAULT)
    told = [one for one in findings if one.verdict is Verdict.DROP or one.place not in dropped or one.kind in about_all]
    order = list(Kind)
    return tuple(sorted(told, key=lambda one: order.index(one.kind)))


def _left(seen: Sequence[Seen], findings: Sequence[Finding]) -> list[int]:
    dropped = dropped_places(findings)
    return [place for place in range(len(seen)) if place not in dropped]


def _without_picture(skipped: Sequence[Skipped], kind: Kind) -> list[Finding]:
    return [Finding(kind=kind, verdict=Verdict.DROP, name=one.name, reason=one.reason) for one in skipped]


def _listed(name: str, place: int | None) -> Finding:
    return Finding(kind=Kind.LISTED, verdict=Verdict.DROP, name=name, reason="--drop names it", place=place)


def _blank(looked: Survey, gone: frozenset[int]) -> list[Finding]:
    num_dark = sum(one.contents.is_dark for one in looked.seen)
    is_dark_set = num_dark > max(1, MOST_DARK * len(looked.seen))
    findings = []
    for place, one in enumerate(looked.seen):
        judged = _judge(one.contents, is_dark_set)
        if judged is not None and place not in gone:
            verdict, reason = judged
            findings.append(Finding(kind=Kind.BLANK, verdict=verdict, name=one.name, reason=reason, place=place))
    return findings


def _judge(what: Contents, is_dark_set: bool) -> tuple[Verdict, str] | None:
    if what.is_blank:
        return (
            Verdict.DROP,
            "blank: one colour all over" if what.drawn == 0 else f"blank but for {what.drawn:.1%} of it",
        )
    if what.is_black and not is_dark_set:
        return Verdict.DROP, f"black: 99 % of it is darker than {BLACK} of 255"
    if what.is_nearly_blank:
        return Verdict.FLAG, f"nearly blank: {what.drawn:.1%} of it is drawn"
    if what.is_dark and not is_dark_set:
        return Verdict.FLAG, f"nearly black: 99 % of it is darker than {DARK} of 255"
    return None


def _converted(seen: Sequence[Seen]) -> list[Finding]:
    return [
        Finding(kind=Kind.CONVERTED, verdict=Verdict.NOTE, name=one.name, reason=one.oddity, place=place)
        for place, one in enumerate(seen)
        if one.oddity is not None
    ]
