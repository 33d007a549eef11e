"""`python -m gan.data labels`: a set with other labels: of its folders, of a table, or of groups that look alike."""

import argparse
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import get_args

from gan.data.cluster import cluster_pictures, fewest_pictures
from gan.data.contact_sheet import check_page, class_sheet, write_page
from gan.data.dataset import ARMORY, PictureSet, load_pictures
from gan.data.decode import decoding_member
from gan.data.intake import Intake, gathered
from gan.data.labels import UNSORTED, Labels, assign, from_csv, from_folders, shown
from gan.data.members import Source, open_source
from gan.data.readers.incoming import Candidate, Incoming, decoded
from gan.data.report import class_bars
from gan.data.resize import Fit
from gan.data.resolution import Resolution
from gan.device import choose_device
from gan.errors import UserError
from gan.features.registry import load_feature_net
from gan.pixels import UInt8Array, to_pil
from gan.whole_file import refuse_to_overwrite

NAME = "labels"
HELP = "give a set other labels: from its folders, a table (CSV), or groups that look alike"
MOST_BYTES_OF_CSV = 64 << 20

_EPILOG = """\
A table has a header of file and label, and a row a picture, its file written as in the set:
  file,label
  axe/a.png,axe

examples:
  python -m gan.data labels icons/ --cluster 8 --out icons-8.zip --sheet groups.png
  python -m gan.data labels icons.zip --csv labels.csv --out labelled.zip --sheet classes.png
  python -m gan.data labels icons.zip --from folders --out by-folder.zip

Groups are of shape, place and colour, not of what things are called: look at the sheet.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = "Writes a set with other labels, as a zip, and a contact sheet with a row a class."
    parser.epilog = _EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("source", metavar="SOURCE", help="armory (built in), a folder, a zip or a URL of a zip")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--csv", type=Path, metavar="FILE", help="a table of file and label")
    where.add_argument("--cluster", type=int, metavar="K", help="K groups of pictures that look alike")
    where.add_argument("--from", choices=("folders", "dataset.json"), dest="from_", help="what the source says itself")
    parser.add_argument("--out", type=Path, required=True, metavar="ZIP", help="the set to write")
    parser.add_argument("--sheet", type=Path, metavar="PNG", help="write a contact sheet here, a row a class")
    parser.add_argument(
        "--fewest", type=int, metavar="N", help="least pictures in a group [a tenth of K's share; 8..50]"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the groups [0]")
    parser.add_argument("--resolution", metavar="SIZE", help="64, or 128x96 for height x width [the pictures' own]")
    parser.add_argument("--fit", choices=get_args(Fit), default="letterbox", help="as in import [letterbox]")
    parser.add_argument("--force", action="store_true", help="replace --out where it exists")


def run(options: argparse.Namespace) -> None:
    intake = Intake(
        out=options.out,
        name=options.out.stem,
        resolution=Resolution.parse(options.resolution) if options.resolution else None,
        fit=options.fit,
        replace=options.force,
    )
    refuse_to_overwrite(options.out, replace=options.force)  # before the work
    check_page(options.sheet, "--sheet")
    armory = load_pictures(ARMORY, intake.resolution) if options.source == ARMORY else None
    known = None if options.cluster is not None else _known(options, armory)
    with gathered([_incoming(options, armory, known)], intake) as found:
        pictures = found.pictures() if known is None or options.sheet is not None else None
        labels = found.labels
        if known is None:
            assert pictures is not None, "groups are of pictures"
            labels = _groups(options, pictures.images)
        card = found.write(labels)
    for line in _what_to_know(known, _origin(options)):
        print(line)
    print(class_bars(tuple(card.classes.items()), shutil.get_terminal_size().columns))
    print(f"{card.num_pictures:,} pictures: {options.out}")
    if options.sheet is not None and pictures is not None:
        labelled = replace(pictures, labels=labels.labels, class_names=labels.class_names)
        write_page(class_sheet(labelled), options.sheet)
        print(f"contact sheet: {options.sheet}")


def _groups(options: argparse.Namespace, images: UInt8Array) -> Labels:
    fewest = fewest_pictures(len(images), max(1, options.cluster)) if options.fewest is None else options.fewest
    net = load_feature_net("randconv", choose_device())
    groups = cluster_pictures(images, options.cluster, net, seed=options.seed, fewest=fewest)
    return Labels(labels=groups, class_names=tuple(f"group-{number + 1:02d}" for number in range(options.cluster)))


@dataclass(frozen=True)
class _Known:
    """Labels that are known before a picture is decoded: `of` names every picture of the set (None: without one)."""

    labels: Labels
    of: Mapping[str, int | None]


def _known(options: argparse.Namespace, armory: PictureSet | None) -> _Known:
    """Raises UserError where they are not two classes."""
    names: Sequence[str]
    if armory is not None:
        names = armory.names
        labels = Labels(labels=armory.labels, class_names=armory.class_names)
        if options.csv is not None:
            labels = from_csv(names, _text(options.csv), str(options.csv))
    else:
        with open_source(options.source) as source:
            names = [member.name for member in source.members]
            if not names:
                raise UserError(f"data {options.source!r} holds no pictures that could have labels")
            labels = _of_names(options, source, names)
    if not labels.class_names:
        raise UserError(f"{_origin(options)} makes fewer than two classes of {options.source!r}: nothing to tell apart")
    return _Known(labels, dict(zip(names, labels.labels.tolist(), strict=True)) | dict.fromkeys(labels.without))


def _of_names(options: argparse.Namespace, source: Source, names: Sequence[str]) -> Labels:
    if options.csv is not None:
        return from_csv(names, _text(options.csv), str(options.csv))
    if options.from_ == "folders":
        return from_folders(names)
    if source.labelled != "dataset.json":
        raise UserError(
            f"data {options.source!r} has no dataset.json with labels: say --from folders, --csv or --cluster"
        )
    return assign(
        names, {member.name: member.label for member in source.chosen if member.label is not None}, source.class_names
    )


@contextmanager
def _incoming(options: argparse.Namespace, armory: PictureSet | None, known: _Known | None) -> Iterator[Incoming]:
    """The pictures with their labels, where these are known, to be made a set.

    From the files: they keep their size, for the set to resize as pixel art wants it, and their licence. The armory
    has none.
    """
    class_names = () if known is None else known.labels.class_names
    if armory is not None:
        named = zip(armory.names, armory.images, strict=True)
        drawn = [decoded(name, None if known is None else known.of[name], to_pil(image)) for name, image in named]
        yield Incoming(source=ARMORY, kind=ARMORY, candidates=drawn, num=len(drawn), class_names=class_names)
        return
    with open_source(options.source) as opened:
        members = opened.chosen if known is None else opened.members
        coming = [
            Candidate(member.name, None if known is None else known.of[member.name], partial(decoding_member, member))
            for member in members
        ]
        yield Incoming(
            source=opened.source,
            kind=opened.kind,
            candidates=[*opened.refused, *coming],
            num=len(opened.refused) + len(coming),
            class_names=class_names,
            licence=opened.licence,
        )


def _text(path: Path) -> str:
    if path.stat().st_size > MOST_BYTES_OF_CSV:
        raise UserError(f"{str(path)!r} has over {MOST_BYTES_OF_CSV:,} bytes: that is no table of file and label")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{str(path)!r} is not UTF-8 (byte {error.start}): save the table as CSV in UTF-8") from None


def _origin(options: argparse.Namespace) -> str:
    if options.csv is not None:
        return str(options.csv)
    return f"--from {options.from_}" if options.from_ else f"--cluster {options.cluster}"


def _what_to_know(known: _Known | None, origin: str) -> Sequence[str]:
    lines: list[str] = []
    if known is None:
        return lines
    labels = known.labels
    if labels.without:
        lines.append(f"without a label, now of class {UNSORTED!r}: {len(labels.without):,}: {shown(labels.without)}")
    if labels.unknown:
        lines.append(f"in {origin} but not in the set: {len(labels.unknown):,}: {shown(labels.unknown)}")
    return lines
