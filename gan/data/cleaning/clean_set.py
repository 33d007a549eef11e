"""The clean set: what an examination left, from the spool into a zip with a card that names all that was dropped."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gan.data.card import DatasetCard
from gan.data.cleaning.examine import Examination
from gan.data.cleaning.findings import Verdict
from gan.data.decode import LARGE_PIXELS
from gan.data.intake import Intake, make_set
from gan.data.members import Skipped
from gan.data.readers.incoming import Candidate, Incoming, decoded
from gan.data.resize import Fit
from gan.data.resolution import Resolution
from gan.data.spool import Spool
from gan.errors import UserError


def write_clean_set(
    examination: Examination,
    spool: Spool,
    out: Path,
    *,
    resolution: Resolution | None,
    fit: Fit,
    replace: bool,
) -> DatasetCard:
    """resolution None: the size that most pictures have. Nothing is decoded again.

    Raises UserError: nothing is left, no size is the majority's, a file in the way.
    """
    if not examination.kept:
        raise UserError(
            f"nothing of {examination.source!r} is left: all of its {examination.num_files} files are dropped;"
            " see the report, and say --keep FILE for those that should stay"
        )
    intake = Intake(
        out=out,
        name=out.stem,
        resolution=resolution or usual_size(examination),
        fit=fit,
        method="pixel-art" if examination.style.is_pixel_art else "lanczos",
        replace=replace,
    )
    return make_set([_what_is_left(examination, spool)], intake)


def usual_size(examination: Examination) -> Resolution:
    """The size of most pictures; UserError where there is none, or none that a network could be trained at."""
    common = examination.common
    if common is None or not common.is_majority:
        found = "" if common is None else f": the most frequent, {common.height}x{common.width}, has {common.num:,}"
        raise UserError(f"no size of {examination.source!r} is that of most pictures{found}; say --resolution, e.g. 64")
    if common.height * common.width > LARGE_PIXELS:
        raise UserError(
            f"pictures of {common.height}x{common.width} are too large to train on: say --resolution, e.g. 64"
        )
    return Resolution(height=common.height, width=common.width)


def reasons(examination: Examination) -> tuple[Skipped, ...]:
    """Every file that is dropped, once, with the first reason."""
    found: dict[tuple[str, int | None], Skipped] = {}
    for one in examination.findings:
        if one.verdict is Verdict.DROP:
            beside = ", ".join(examination.seen[place].name for place in one.beside)
            reason = f"{one.kind.value} of {beside}: {one.reason}" if beside else one.reason
            found.setdefault((one.name, one.place), Skipped(one.name, reason))
    return tuple(found.values())


@contextmanager
def _what_is_left(examination: Examination, spool: Spool) -> Iterator[Incoming]:
    kept = frozenset(examination.kept)

    def candidates() -> Iterator[Candidate | Skipped]:
        yield from reasons(examination)
        for place, image in enumerate(spool):
            if place in kept:
                name = examination.seen[place].name
                yield decoded(name, examination.classes.labels[name], image)

    yield Incoming(
        source=examination.source,
        kind=examination.kind,
        candidates=candidates(),
        num=len(kept),
        class_names=examination.classes.class_names,
        licence=examination.licence,
    )
