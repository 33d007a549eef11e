"""An examination as one HTML page that needs nothing else: findings by kind, each picture beside what it is like."""

import base64
import io
from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby

import numpy as np
from PIL import Image

from gan.data.cleaning.examine import Examination
from gan.data.cleaning.findings import Finding, Kind, Verdict, dropped_places
from gan.data.cleaning.page_style import STYLE
from gan.data.cleaning.record import summary
from gan.data.cleaning.survey import Seen

MOST_SHOWN = 300  # of a kind: a page of some 10 MB at the most
MOST_BESIDE = 12
SHOT = 128  # pixels that a picture may take on the page

_WITHOUT_PICTURES = (Kind.REFUSED, Kind.UNREADABLE)

_ABOUT = {
    Kind.REFUSED: (
        "Refused",
        "Links, names that lead out of a folder, names that come twice, files too large for a picture: not one byte "
        "of them was read.",
    ),
    Kind.UNREADABLE: ("Unreadable", "Cut short, damaged, no picture at all, or a decompression bomb."),
    Kind.LISTED: ("Dropped by your list", "Named by --drop."),
    Kind.BLANK: ("Blank or nearly so", "Dropped where there is nothing to see; flagged where there is little."),
    Kind.SIZE: (
        "Another size or shape",
        "Than most of the set. They are brought to its size, unless they are far off.",
    ),
    Kind.EXACT: ("Exact copies", "The same decoded pixels, however the files differ. One of each stays."),
    Kind.NEAR: (
        "Near copies",
        "A known process made them from the picture that stays: a shift, a resize, JPEG, noise, fewer colours.",
    ),
    Kind.CONFLICT: (
        "The same picture in several classes",
        "One copy stays. Where the classes' other pictures tell, it is the one whose class looks right.",
    ),
    Kind.LIKELY: ("Likely copies", "Close, but no known process explains it. Both stay: the choice is yours."),
    Kind.WRONG_LABEL: ("Likely wrong labels", "They look like another class. They stay, with the label they have."),
    Kind.OUTLIER: ("Outliers of style", "Far from the rest of the set, by features of a small net. They stay."),
    Kind.LABEL_FAULT: ("Faults of the labels", "Where dataset.json and the files do not fit together."),
    Kind.CONVERTED: ("Converted", "No fault: what had to be put right when they were read."),
}


def to_html(examination: Examination) -> str:
    """The page. At most MOST_SHOWN findings of a kind have pictures on it; it says how many more there are."""
    return "".join(_Page(examination).parts())


class _Page:
    def __init__(self, examination: Examination) -> None:
        self._examination = examination
        self._dropped = dropped_places(examination.findings)

    def parts(self) -> Iterator[str]:
        examination = self._examination
        sections = {
            kind: tuple(found) for kind, found in groupby(examination.findings, lambda one: one.kind)
        }  # sorted by kind already
        source = escape(_printable(examination.source))
        yield '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
        yield f"<title>Cleaning {source}</title><style>{STYLE}</style></head><body>\n"
        yield f"<header><h1>Cleaning {source}</h1><p class=quiet>{escape(self._about())}</p>{self._tiles()}</header>\n"
        if not sections:
            yield "<p>Nothing was found: the set is clean.</p>"
        else:
            yield "<nav aria-label='Findings'><ul>"
            for kind, found in sections.items():
                yield f'<li><a href="#{_anchor(kind)}">{_ABOUT[kind][0]} <b>{len(found):,}</b></a></li>'
            yield "</ul></nav>\n<main>"
            for kind, found in sections.items():
                yield from self._section(kind, found)
            yield "</main>"
        yield (
            "\n<footer><section><p class=quiet>To overrule: write names, one a line, into a file, and give it as "
            "<code>--keep FILE</code> or <code>--drop FILE</code>. The JSON beside this page has them all.</p>"
            "</section></footer></body></html>\n"
        )

    def _about(self) -> str:
        common = self._examination.common
        size = (
            "" if common is None else f"{common.num:,} of {common.of:,} pictures are {common.height}x{common.width}. "
        )
        mirror = "count as copies" if self._examination.mirror else "do not count as copies; with --mirror they do"
        return f"{size}Mirror images {mirror}."

    def _tiles(self) -> str:
        words = {
            "files": ("", "files looked at"),
            "kept": ("keep", "pictures stay"),
            "dropped": ("drop", "files are dropped"),
            "flagged": ("flag", "of those that stay want a look"),
        }
        tiles = [
            f'<div class="tile {words[key][0]}"><b>{number:,}</b>{words[key][1]}</div>'
            for key, number in summary(self._examination).items()
        ]
        return f"<div class=tiles>{''.join(tiles)}</div>"

    def _section(self, kind: Kind, found: Sequence[Finding]) -> Iterator[str]:
        title, about = _ABOUT[kind]
        yield f'<section id="{_anchor(kind)}"><h2>{title} <span class=count>{len(found):,}</span></h2>'
        yield f"<p class=quiet>{escape(about)}</p>"
        shown = found[:MOST_SHOWN]
        if all(one.place is None for one in shown) or kind in _WITHOUT_PICTURES:
            rows = "".join(
                f"<tr><td><code>{_text(one.name)}</code></td><td>{_text(one.reason)}</td></tr>" for one in shown
            )
            yield f"<table><tbody>{rows}</tbody></table>"
        elif kind in (Kind.EXACT, Kind.NEAR):
            ordered = sorted(shown, key=lambda one: one.beside)
            groups = "".join(self._group(one, tuple(same)) for one, same in groupby(ordered, lambda one: one.beside))
            yield f"<div class=groups>{groups}</div>"
        else:
            yield f"<div class=groups>{''.join(map(self._card, shown))}</div>"
        if len(found) > len(shown):
            yield f"<p>And {len(found) - len(shown):,} more: the JSON names them all.</p>"
        yield "</section>\n"

    def _group(self, beside: tuple[int, ...], copies: Sequence[Finding]) -> str:
        """What stays, and all that goes for it."""
        stays = "".join(self._picture(place, "", Verdict.NOTE) for place in beside)
        goes = "".join(self._one(one) for one in copies)
        wide = " wide" if len(copies) > 2 else ""
        return f'<div class="group{wide}">{stays}{goes}</div>'

    def _card(self, one: Finding) -> str:
        beside = "".join(self._picture(place, "", Verdict.NOTE) for place in one.beside[:MOST_BESIDE])
        more = f"<p>and {len(one.beside) - MOST_BESIDE:,} more</p>" if len(one.beside) > MOST_BESIDE else ""
        return f'<div class="group{" beside" if beside else ""}">{self._one(one)}{beside}{more}</div>'

    def _one(self, one: Finding) -> str:
        if one.place is None:
            text = f"<span class=name>{_text(one.name)}</span><span class=reason>{_text(one.reason)}</span>"
            return f'<div class=one><div class="shot none">no picture</div><div class=text>{text}</div></div>'
        return self._picture(one.place, one.reason, one.verdict)

    def _picture(self, place: int, reason: str, verdict: Verdict) -> str:
        seen = self._examination.seen[place]
        class_name = self._examination.class_of(place)
        of_class = f" <span class=class>{_text(class_name)}</span>" if class_name else ""
        badge = _badge(verdict, place in self._dropped)
        says = f"<span class=reason>{_text(reason)}</span>" if reason else ""
        text = f"<span class=name>{_text(seen.name)}</span>{of_class} {badge}{says}"
        return f"<div class=one>{_shot(seen)}<div class=text>{text}</div></div>"


def _badge(verdict: Verdict, is_dropped: bool) -> str:
    if is_dropped:
        return "<span class='badge drop'>dropped</span>"
    if verdict is Verdict.FLAG:
        return "<span class='badge flag'>look</span>"
    return "<span class='badge keep'>stays</span>"


def _shot(seen: Seen) -> str:
    """The miniature, small ones enlarged by a whole number with hard pixels."""
    straight = np.ascontiguousarray(seen.descriptor.miniature.straight().transpose(1, 2, 0))
    buffer = io.BytesIO()
    Image.fromarray(straight).save(buffer, "PNG")
    data = base64.b64encode(buffer.getvalue()).decode()
    height, width = straight.shape[:2]
    scale = SHOT // max(height, width)
    hard = " class=hard" if scale >= 1 else ""
    scale = max(1, scale)
    size = f'width="{width * scale}" height="{height * scale}"'
    return f'<div class=shot><img{hard} alt="{_text(seen.name)}" {size} src="data:image/png;base64,{data}"></div>'


def _anchor(kind: Kind) -> str:
    return kind.value.replace(" ", "-")


def _text(text: str) -> str:
    return escape(_printable(text))


def _printable(text: str) -> str:
    """Without control characters and lone surrogates, which a hostile zip may put into names."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
