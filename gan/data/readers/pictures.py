"""A folder, a zip or a URL of a zip as incoming pictures."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Literal

from gan.data.decode import decoding_member
from gan.data.members import IMAGE_ENDINGS, Member, Skipped, folder_of, open_source
from gan.data.readers.incoming import Candidate, Incoming
from gan.errors import UserError

LabelsFrom = Literal["auto", "folders", "none"]


@contextmanager
def open_pictures(source: str, *, labels: LabelsFrom = "auto", limit: int | None = None) -> Iterator[Incoming]:
    """Labels `auto`: dataset.json where it has labels (what it does not name is passed over), else folders.

    limit: at most so many files are tried, spread evenly over all, so that every class keeps its share.
    Raises UserError: nothing there, no picture in it, a damaged dataset.json.
    """
    with open_source(source) as opened:
        by_json = labels == "auto" and opened.labelled == "dataset.json"
        chosen = opened.chosen if by_json else opened.members
        passed_over = [*opened.refused]
        if by_json:
            left_out = [member for member in opened.members if member.label is None]
            passed_over += [Skipped(member.name, "dataset.json has no label for it") for member in left_out]
        if not chosen and not passed_over:
            raise UserError(
                f"source {source!r} holds no pictures: looked for {', '.join(IMAGE_ENDINGS)} in it and its subfolders"
            )
        candidates = [_candidate(member, labels, opened.labelled) for member in _spread(chosen, limit)]
        yield Incoming(
            source=opened.source,
            kind=opened.kind,
            candidates=[*passed_over, *candidates],
            num=len(passed_over) + len(candidates),
            class_names=opened.class_names,
            licence=opened.licence,
        )


def _candidate(member: Member, labels: LabelsFrom, labelled: str) -> Candidate:
    label = member.label
    if labels == "none":
        label = None
    elif labels == "folders" and labelled != "folders":
        label = folder_of(member.name)
    return Candidate(member.name, label, partial(decoding_member, member))


def _spread(members: Sequence[Member], limit: int | None) -> Sequence[Member]:
    if limit is None or limit >= len(members):
        return members
    return [members[index * len(members) // limit] for index in range(limit)]
