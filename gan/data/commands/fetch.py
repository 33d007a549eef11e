"""`python -m gan.data fetch`: pictures and texts from a service, politely, into a folder."""

import argparse
import os
import textwrap
from pathlib import Path

from gan.data.sources.collect import Collected, collect
from gan.data.sources.http import Client, Manners
from gan.data.sources.interface import Source
from gan.data.sources.places import STATE
from gan.data.sources.registry import SOURCES
from gan.errors import UserError

NAME = "fetch"
HELP = "pictures and texts from Dungeon Crawl, Bungie, Steam or PokeAPI into a folder of class folders"
MOST_MISSING_SHOWN = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = (
        "Fetches pictures and texts from one service into a folder: a folder a class, lore.jsonl with the texts,\n"
        "source.json with the licence and counts. Slow on purpose, patient with faults; cut at any moment, the same\n"
        "command goes on where it was. One run at a time into a folder."
    )
    parser.epilog = f"{listing()}\n\n{_EXAMPLES}"
    parser.add_argument("--list", action="store_true", help="name the sources, what they give and allow, and stop")
    sources = parser.add_subparsers(dest="source", metavar="NAME", title="sources (each has its own --help)")
    for name, source in SOURCES.items():
        one = sources.add_parser(
            name,
            help=source.GIVES.partition(":")[0].partition(".")[0],
            description=_about(source),
            epilog=source.TEACHES,
        )
        one.formatter_class = argparse.RawDescriptionHelpFormatter
        one.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="new, or of an earlier such run")
        one.add_argument("--limit", type=int, metavar="N", help="only the source's first N items [all]")
        one.add_argument(
            "--requests-per-second",
            type=float,
            metavar="R",
            help=f"[{source.ANSWERS_PER_SECOND:g} for documents, {source.DOWNLOADS_PER_SECOND:g} for pictures]",
        )
        one.add_argument("--refresh", action="store_true", help="ask anew for what was answered in earlier runs")
        source.add_arguments(one)


def run(options: argparse.Namespace) -> None:
    if options.list:
        print(listing())
        return
    if options.source is None:
        raise UserError(f"no source named: say one of {', '.join(SOURCES)}, or --list")
    if options.limit is not None and options.limit < 1:
        raise UserError(f"--limit {options.limit}: give 1 or more, or leave it out for all")
    rate = options.requests_per_second
    if rate is not None and not rate > 0:
        raise UserError(f"--requests-per-second {rate:g}: give more than 0, e.g. 0.5 for one in two seconds")
    source = SOURCES[options.source].from_options(options, os.environ)
    manners = Manners(
        answers_per_second=rate or source.ANSWERS_PER_SECOND, downloads_per_second=rate or source.DOWNLOADS_PER_SECOND
    )
    with Client(
        keep=options.out / STATE, manners=manners, key_variable=source.KEY_VARIABLE, key_from=source.KEY_FROM
    ) as client:
        collected = collect(source, client, options.out, limit=options.limit, refresh=options.refresh)
    print(_summary(source, collected, options.out))


def listing() -> str:
    """Every source: what it gives, which key it needs, what its licence allows."""
    return "\n\n".join(f"{name}\n{textwrap.indent(_about(source), '  ')}" for name, source in SOURCES.items())


def _about(source: type[Source]) -> str:
    key = f"{source.KEY_VARIABLE} in the environment; {source.KEY_FROM}" if source.KEY_VARIABLE else "none needed"
    lines = (("gives", source.GIVES), ("key", key), ("licence", f"{source.LICENCE} {source.LICENCE_URL}"))
    return "\n".join(
        textwrap.fill(
            text,
            width=100,
            initial_indent=f"{label + ':':<9}",
            subsequent_indent=" " * 9,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for label, text in lines
    )


_EXAMPLES = """\
examples:
  python -m gan.data fetch --list
  python -m gan.data fetch crawl --folders item/weapon --class-depth 3 --out weapons     no key, CC0: begin here
  python -m gan.data fetch steam --app-ids 440 570 730 --out banners
"""


def _summary(source: Source, collected: Collected, folder: Path) -> str:
    classes = len(collected.classes)
    lines = [
        f"{collected.items:,} {'item' if collected.items == 1 else 'items'} in {classes}"
        f" {'class' if classes == 1 else 'classes'}, {collected.new:,} of them new: {folder}",
        f"licence: {source.LICENCE}",
    ]
    if collected.missing:
        lines.append(f"{len(collected.missing)} could not be had (all in source.json):")
        lines += [f"  {missing.reason}" for missing in collected.missing[:MOST_MISSING_SHOWN]]
    if any(missing.later for missing in collected.missing):
        lines.append("some of them may be there later: run the same command again, nothing is fetched twice")
    return "\n".join(lines)
