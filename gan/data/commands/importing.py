"""`python -m gan.data import`: pictures from anywhere as one zip that ours and NVlabs' loaders read."""

import argparse
import math
import re
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import get_args

from PIL import ImageColor

from gan.data.card import CARD_NAME, DatasetCard, SourceCard
from gan.data.dataset import ARMORY
from gan.data.intake import Colour, Intake, make_set
from gan.data.members import Skipped, is_picture_name
from gan.data.readers.incoming import Incoming
from gan.data.readers.pictures import LabelsFrom, open_pictures
from gan.data.readers.sprite_sheet import Grid, open_atlas, open_grid
from gan.data.readers.video import is_video, open_video
from gan.data.resize import Fit, Method
from gan.data.resolution import Resolution
from gan.errors import UserError

NAME = "import"
HELP = "a folder, zip, URL, video or sprite sheet into one zip with a card"
MOST_SKIPPED_SHOWN = 10

_ABOUT = """\
Makes a set: a zip of PNGs of one size in StyleGAN2-ADA's layout (00000/img00000000.png, dataset.json), with the
classes' names (classes.json), where each picture is from (provenance.csv), and a card (dataset-card.json: counts,
sizes, classes, licence, sources, how each was resized, fingerprint, what was skipped and why).
Files are not trusted: symbolic links, unsafe names and decompression bombs are refused, damaged files named.
"""

_EPILOG = """\
classes: the numbers of a dataset.json where it has any, else the first folder of each file; of an atlas, Aseprite's
  tags or the folders in the sprites' names.
size: without --resolution the pictures' own, which must then be one; with --fit pad the least that holds them all.
shape: of pictures that are not of the set's size,
  letterbox  scales each until it just fits, both ways alike, and fills what is left (transparent, black where no
             picture has alpha, or --background)
  crop       scales it until it fills the size, and cuts what stands over, from both ends alike
  pad        leaves its pixels as they are and fills what is left, as sprites of 30x32 in 32x32 want it; only those
             that are larger than the set are shrunk, and counted
  stretch    scales both ways apart: all of it is there, out of shape
resizing: --resize auto looks at up to 64 pictures of each source. Pixel art (few colours, hard edges) goes by nearest
  neighbour wherever one of its own pixels becomes a whole square, also where a file that was enlarged before shrinks;
  elsewhere by area, which neither blurs nor rings. All else goes by Lanczos. The card says what was used how often.
alpha: kept (straight in the PNGs), or flattened on --background. NVlabs' loader reads pictures with alpha as four
  channels, but their training stops at them, and at pictures that are not square: for it say, for example,
  --background black --resolution 64.

examples:
  python -m gan.data import icons/ --out icons.zip                            folders are classes
  python -m gan.data import https://example.org/set.zip --out set.zip --resolution 64 --licence "CC BY 4.0, A. Artist"
  python -m gan.data import swords/ axes.zip --out weapons.zip --resolution 64 --background '#202830'
  python -m gan.data import play.mp4 --out frames.zip --fps 2 --resolution 72x128 --fit crop
  python -m gan.data import sprites/ --out sprites.zip --resolution 32 --fit pad          every pixel as it was drawn
  python -m gan.data import sheet.png --grid 32x32 --margin 1 --out sprites.zip
  python -m gan.data import sheet.png --atlas sheet.json --out sprites.zip --resolution 64
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description, parser.epilog = _ABOUT, _EPILOG
    parser.add_argument("sources", nargs="+", metavar="SOURCE", help="folder, zip, URL of a zip, video or sprite sheet")
    parser.add_argument("--out", type=Path, required=True, metavar="ZIP", help="the set to write")
    parser.add_argument("--force", action="store_true", help="replace it if it exists")
    parser.add_argument("--resolution", metavar="SIZE", help="64, or 128x96 for height x width [the pictures' own]")
    parser.add_argument("--fit", choices=get_args(Fit), default="letterbox", help="see shape below [letterbox]")
    parser.add_argument("--resize", choices=("auto", *get_args(Method)), default="auto", help="see below [auto]")
    parser.add_argument("--background", metavar="COLOUR", help="flatten alpha on it: black, '#202830' [keep alpha]")
    parser.add_argument("--labels", choices=get_args(LabelsFrom), default="auto", help="see classes below [auto]")
    parser.add_argument("--limit", type=int, metavar="N", help="at most N of each source: spread evenly, or the first")
    parser.add_argument("--licence", metavar="TEXT", help="for the card [what the sources say of theirs]")
    parser.add_argument("--name", help="for the card [the zip's name]")
    video = parser.add_argument_group("video")
    video.add_argument("--fps", type=float, default=2.0, metavar="F", help="frames a second [2]")
    video.add_argument(
        "--similar",
        type=float,
        default=6.0,
        metavar="D",
        help="pass over a frame if none of its 16x16 cells changed its mean colour by D of 255 since the last [6]",
    )
    sheet = parser.add_argument_group("sprite sheet")
    sheet.add_argument(
        "--grid", metavar="CELL", help="cut into cells of 32, or 32x48 for height x width; empty ones go"
    )
    sheet.add_argument("--margin", type=int, default=0, metavar="PIXELS", help="around all cells [0]")
    sheet.add_argument("--spacing", type=int, default=0, metavar="PIXELS", help="between two cells [0]")
    sheet.add_argument("--atlas", type=Path, metavar="JSON", help="cut as TexturePacker's or Aseprite's JSON says")


def run(options: argparse.Namespace) -> None:
    _check(options)
    intake = Intake(
        out=options.out,
        name=options.name or options.out.stem,
        resolution=Resolution.parse(options.resolution) if options.resolution else None,
        fit=options.fit,
        method=options.resize,
        background=None if options.background is None else _colour(options.background),
        licence=options.licence,
        replace=options.force,
    )
    card = make_set([_open(source, options) for source in options.sources], intake)
    print(describe(card))
    print(f"set: {options.out}")


def describe(card: DatasetCard) -> str:
    """A few lines for a person."""
    kind = {1: "grey", 3: "RGB", 4: "RGBA"}[card.channels]
    classes = f", {len(card.classes)} classes" if card.classes else ", no classes"
    lines = [
        f"{card.num_pictures} pictures of {card.height}x{card.width}, {kind}{classes}, fingerprint {card.fingerprint}"
    ]
    lines += [f"{source.source}: {_how(source)}" for source in card.sources]
    if card.licence is None:
        lines.append("licence: nobody named one; say --licence, so that the set can be shared")
    else:
        lines.append(f"licence: {card.licence}")
    return "\n".join([*lines, *_skipped_lines(card.skipped)])


def _skipped_lines(skipped: Sequence[Skipped]) -> Sequence[str]:
    """A line a kind of reason, with the first file of it: reasons are of one kind where they differ in numbers only."""
    kinds: dict[str, list[Skipped]] = {}
    for one in skipped:
        kinds.setdefault(re.sub(r"[\d.,]+", "", one.reason), []).append(one)
    lines = []
    for first, *others in list(kinds.values())[:MOST_SKIPPED_SHOWN]:
        more = f" (and {len(others):,} more like it)" if others else ""
        lines.append(f"skipped {_printable(first.name)}: {first.reason}{more}")
    if len(lines) < len(skipped):
        lines.append(f"all {len(skipped):,} that were skipped are named in {CARD_NAME} in the zip")
    return lines


def _how(source: SourceCard) -> str:
    """`429 pictures, pixel art (60 of 64 looked at): 400 by nearest, 29 as they were`."""
    style = ""
    if source.num_looked_at:
        found = f"{source.num_pixel_art} of {source.num_looked_at} looked at"
        style = f", pixel art ({found})" if source.method == "pixel-art" else f", no pixel art ({found})"
    filters = [f"{num} as they were" if name == "none" else f"{num} by {name}" for name, num in source.filters.items()]
    return f"{source.num_pictures} pictures{style}" + (f": {', '.join(filters)}" if filters else "")


def _check(options: argparse.Namespace) -> None:
    for flag, value, least in (("--limit", options.limit, 1), ("--similar", options.similar, 0)):
        if value is not None and not value >= least:
            raise UserError(f"{flag} {value} must be {least} or more")
    if not (options.fps > 0 and math.isfinite(options.fps)):
        raise UserError(f"--fps {options.fps} must be over 0: frames a second, for example 2")
    if options.grid and options.atlas:
        raise UserError("--grid and --atlas both say how to cut the sheet: give one")
    if options.atlas and len(options.sources) > 1:
        raise UserError(f"--atlas belongs to one sheet, not to {len(options.sources)} sources: import them one by one")
    doubled = [source for source, times in Counter(options.sources).items() if times > 1]
    if doubled:
        raise UserError(f"source {doubled[0]!r} is named twice: its pictures would be in the set twice")


def _open(source: str, options: argparse.Namespace) -> AbstractContextManager[Incoming]:
    if options.grid:
        grid = Grid.parse(options.grid, margin=options.margin, spacing=options.spacing)
        return open_grid(source, grid, limit=options.limit)
    if options.atlas:
        return open_atlas(source, options.atlas, limit=options.limit)
    if is_video(source):
        return open_video(source, fps=options.fps, similar=options.similar, limit=options.limit)
    if source == ARMORY:
        raise UserError(f"source {ARMORY!r} is built in: give it to --data as it is, or write it out with `info`")
    if is_picture_name(source) and "://" not in source:
        raise UserError(
            f"source {source!r} is one picture: say --grid or --atlas for a sprite sheet, or give its folder"
        )
    return open_pictures(source, labels=options.labels, limit=options.limit)


def _colour(text: str) -> Colour:
    try:
        red, green, blue, *_ = ImageColor.getrgb(text)
    except ValueError:
        raise UserError(f"background {text!r} is no colour: write black, '#202830' or 'rgb(32, 40, 48)'") from None
    return red, green, blue


def _printable(name: str) -> str:
    """Without line ends and what else a terminal would obey."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in name)
