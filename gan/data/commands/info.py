"""`python -m gan.data info`: what a source of pictures holds, how it looks to the networks, and what to do about it."""

import argparse
import dataclasses
import json
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from tqdm import tqdm

from gan.data.advice import Advice, advise
from gan.data.contact_sheet import check_page, class_sheet, mean_sheet, write_page
from gan.data.dataset import ARMORY, Fit, PictureSet, load_pictures, read_pictures
from gan.data.files import Files, look_at_files
from gan.data.first_size import size_to_train_at
from gan.data.members import open_source
from gan.data.overview import Near, Overview, count_near, look_over
from gan.data.report import describe, wants_colour
from gan.data.resolution import Resolution
from gan.device import choose_device
from gan.errors import UserError
from gan.features.registry import load_feature_net
from gan.pixels import to_pil
from gan.whole_file import refuse_to_overwrite, written_whole

NAME = "info"
HELP = "counts, sizes, classes, copies, mean picture, contact sheet; and what to do before training"

_EPILOG = """\
examples:
  python -m gan.data info icons.zip                                  numbers and advice
  python -m gan.data info icons/ --resolution 64 --sheet icons.png   and a contact sheet, a row a class
  python -m gan.data info icons.zip --mean mean.png --json info.json
  python -m gan.data info armory --resolution 64 --out weapons/      write the pictures as PNGs, a folder a class
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = "What a source of pictures holds, how it looks to the networks, and what to do about it."
    parser.epilog = _EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("source", metavar="SOURCE", help="armory (built in), a folder, a zip or a URL of a zip")
    parser.add_argument("--resolution", metavar="SIZE", help="64, or 128x96 for height x width [the pictures' own]")
    parser.add_argument("--fit", choices=get_args(Fit), default="letterbox", help="as in import [letterbox]")
    parser.add_argument("--near", action="store_true", help="look for near copies too: 10 to 30 s for 1,000 pictures")
    parser.add_argument("--sheet", type=Path, metavar="PNG", help="write a contact sheet here, a row a class")
    parser.add_argument("--mean", type=Path, metavar="PNG", help="write the mean picture of the set and of each class")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="write the pictures, as the networks see them")
    parser.add_argument("--json", metavar="FILE", help="write numbers and advice as JSON (-: print that instead)")


def run(options: argparse.Namespace) -> None:
    check_page(options.sheet, "--sheet")
    check_page(options.mean, "--mean")
    if options.json not in (None, "-"):
        refuse_to_overwrite(Path(options.json), replace=True)
    if options.out is not None:
        _check_folder(options.out)
    files, pictures = _read(options)
    near = _near(pictures) if options.near else None
    overview = look_over(pictures, files, load_feature_net("randconv", choose_device()), near)
    advices = advise(overview)
    if options.json == "-":
        print(_as_json(overview, advices))
        return
    print(describe(overview, advices, shutil.get_terminal_size().columns, coloured=wants_colour(sys.stdout)))
    if options.json is not None:
        with written_whole(Path(options.json), replace=True) as file:
            file.write(f"{_as_json(overview, advices)}\n".encode())
        print(f"as JSON: {options.json}")
    if options.sheet is not None:
        write_page(class_sheet(pictures), options.sheet)
        print(f"contact sheet: {options.sheet}")
    if options.mean is not None:
        write_page(mean_sheet(pictures), options.mean)
        print(f"mean pictures: {options.mean}")
    if options.out is not None:
        write_pngs(pictures, options.out)


def _near(pictures: PictureSet) -> Near:
    with tqdm(desc="comparing", unit=" pairs", disable=None) as bar:  # None: only on a terminal

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        return count_near(pictures.images, progress)


def _read(options: argparse.Namespace) -> tuple[Files | None, PictureSet]:
    """The files as they are, and the pictures as the networks see them, each decoded once.

    No files of the armory, which has none, nor where none can be read (which is then said by who reads pictures).
    """
    size = Resolution.parse(options.resolution) if options.resolution else None
    if options.source == ARMORY:
        return None, load_pictures(ARMORY, size)
    with open_source(options.source) as opened:
        files, decoded = look_at_files(opened.chosen)
        size = size or _one_size(files)
        pictures = read_pictures(opened, size, fit=options.fit, decoded_already=decoded)
    return (files if files.num else None), pictures


def _one_size(files: Files) -> Resolution | None:
    """Where files have several sizes, the one to look at them at."""
    return size_to_train_at(files) if len(files.sizes) > 1 else None


def _as_json(overview: Overview, advices: Sequence[Advice]) -> str:
    plain = {"overview": dataclasses.asdict(overview), "advice": [dataclasses.asdict(advice) for advice in advices]}
    return json.dumps(plain, indent=2, ensure_ascii=False)


def write_pngs(pictures: PictureSet, folder: Path) -> None:
    """A PNG a picture, in a folder a class. UserError where the folder holds anything."""
    _check_folder(folder)
    for index, (image, label) in enumerate(zip(pictures.images, pictures.labels, strict=True)):
        place = folder / _folder_name(pictures.class_names[label]) if pictures.class_names else folder
        place.mkdir(parents=True, exist_ok=True)
        to_pil(image).save(place / f"{index:06d}.png")
    print(f"{len(pictures)} pictures: {folder}")


def _check_folder(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise UserError(f"--out {str(folder)!r} is a file: choose a folder")
    if folder.exists() and any(folder.iterdir()):
        raise UserError(f"folder {str(folder)!r} is not empty: choose another one, nothing is overwritten")


def _folder_name(class_name: str) -> str:
    """A class's name as a folder: what a zip calls `..` or `/etc` must not lead out of ours."""
    return re.sub(r"[^\w .()+-]", "_", class_name).strip(". ") or "_"
