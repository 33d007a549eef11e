"""`python -m gan.data clean`: a set without what spoils a GAN, and a report of all that is odd about it."""

import argparse
from contextlib import ExitStack
from pathlib import Path
from typing import get_args

from gan.data.cleaning.clean_set import usual_size, write_clean_set
from gan.data.cleaning.examine import Examination, examine
from gan.data.cleaning.findings import Kind, Verdict
from gan.data.cleaning.page import to_html
from gan.data.cleaning.record import summary, to_json
from gan.data.cleaning.wishes import Wishes, read_names
from gan.data.dataset import ARMORY
from gan.data.members import open_source
from gan.data.resize import Fit
from gan.data.resolution import Resolution
from gan.data.spool import Spool
from gan.errors import UserError
from gan.whole_file import refuse_to_overwrite, written_whole

NAME = "clean"
HELP = "drop copies, blank and broken pictures; report outliers and likely wrong labels"

_ABOUT = """\
Looks through a set and writes it again without what is certainly no use: broken files, bombs, blank pictures, exact
copies (by decoded pixels) and near copies (moved by a pixel, resized, saved as JPEG, in fewer colours, noisy). What is
only likely is flagged and stays: other sizes, outliers of style, likely wrong labels, one picture in two classes.
The report is one HTML page with every picture that was dropped or flagged, and a JSON beside it.
"""

_EPILOG = """\
Files are not trusted: nothing is unpacked, links and unsafe names are refused, sizes are checked before decoding.
The clean set is a zip in StyleGAN2-ADA's layout; its dataset-card.json names what was dropped, and why.
size: that of most pictures, unless --resolution says another; the others are brought to it.
lists: a name a line, as in the report's JSON. --keep wins over what was found, --drop over what was not.

examples:
  python -m gan.data clean icons/ --dry-run --report look.html     only look
  python -m gan.data clean icons.zip --out clean.zip               and clean-report.html beside it
  python -m gan.data clean icons.zip --out clean.zip --mirror      if the training will mirror: mirror images are copies
  python -m gan.data clean icons.zip --out clean.zip --keep keep.txt --drop drop.txt --force
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description, parser.epilog = _ABOUT, _EPILOG
    parser.add_argument("source", metavar="SOURCE", help="a folder, a zip or a URL of a zip")
    parser.add_argument("--out", type=Path, metavar="ZIP", help="the clean set to write")
    parser.add_argument("--report", type=Path, metavar="HTML", help="the report to write [beside --out]")
    parser.add_argument("--dry-run", action="store_true", help="write the report, and no set")
    parser.add_argument("--mirror", action="store_true", help="a mirror image is a copy")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="names that stay")
    parser.add_argument("--drop", type=Path, metavar="FILE", help="names that go")
    parser.add_argument("--resolution", metavar="SIZE", help="64, or 128x96 for height x width [that of most pictures]")
    parser.add_argument("--fit", choices=get_args(Fit), default="letterbox", help="pad or cut other shapes [letterbox]")
    parser.add_argument("--force", action="store_true", help="replace files that exist")


def run(options: argparse.Namespace) -> None:
    report = _report(options)
    written = [report, report.with_suffix(".json")] + ([] if options.dry_run else [options.out])
    _check(options, written)
    resolution = Resolution.parse(options.resolution) if options.resolution else None
    wishes = Wishes(
        keep=read_names(options.keep) if options.keep else frozenset(),
        drop=read_names(options.drop) if options.drop else frozenset(),
    )
    with ExitStack() as stack:
        source = stack.enter_context(open_source(options.source))
        spool = None if options.dry_run else stack.enter_context(Spool(options.out.parent))
        examination = examine(source, mirror=options.mirror, wishes=wishes, spool=spool)
        _write(report, to_html(examination), replace=options.force)
        _write(report.with_suffix(".json"), to_json(examination), replace=options.force)
        print(describe(examination))
        print(f"report: {report}")
        if spool is not None:
            card = write_clean_set(
                examination,
                spool,
                options.out,
                resolution=resolution or usual_size(examination),
                fit=options.fit,
                replace=options.force,
            )
            size = f"{card.height}x{card.width}"
            print(f"set: {options.out}, {card.num_pictures:,} pictures of {size}, fingerprint {card.fingerprint}")


def describe(examination: Examination) -> str:
    """A line of totals and a line for each kind of finding."""
    total = summary(examination)
    lines = [
        f"{total['files']:,} files: {total['kept']:,} pictures stay, {total['dropped']:,} are dropped;"
        f" of those that stay {total['flagged']:,} want a look"
    ]
    for kind in Kind:
        verdicts = [one.verdict for one in examination.findings if one.kind is kind]
        counts = [(verdict, verdicts.count(verdict)) for verdict in Verdict]
        says = ", ".join(f"{count:,} {_SAYS[verdict]}" for verdict, count in counts if count)
        if says:
            lines.append(f"  {kind.value:<19} {says}")
    return "\n".join(lines)


_SAYS = {Verdict.DROP: "dropped", Verdict.FLAG: "flagged", Verdict.NOTE: "noted"}


def _report(options: argparse.Namespace) -> Path:
    if options.report is not None:
        report: Path = options.report
        if report.suffix.lower() not in (".html", ".htm"):
            raise UserError(f"--report {str(report)!r} must end in .html; its JSON gets the same name in .json")
        return report
    if options.out is None:
        raise UserError("say --out ZIP for the clean set, or --dry-run --report HTML only to look")
    out: Path = options.out
    return out.with_name(f"{out.stem}-report.html")


def _check(options: argparse.Namespace, written: list[Path]) -> None:
    if options.source == ARMORY:
        raise UserError(f"source {ARMORY!r} is drawn by a program and clean: give a folder, a zip or a URL of a zip")
    if options.out is None and not options.dry_run:
        raise UserError("say --out ZIP for the clean set, or --dry-run for the report alone")
    for path in written:
        if "://" not in options.source and path.resolve() == Path(options.source).resolve():
            raise UserError(f"{str(path)!r} is the source itself, which is never written over: choose another name")
        refuse_to_overwrite(path, replace=options.force)


def _write(path: Path, text: str, *, replace: bool) -> None:
    with written_whole(path, replace=replace) as file:
        file.write(text.encode(errors="backslashreplace"))
