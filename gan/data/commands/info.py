"""`python -m gan.data info`: what a source of pictures holds, how it looks to the networks, and what to do about it."""

import argparse
import dataclasses
import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from gan.data.advice import Advice, advise
from gan.data.contact_sheet import class_sheet, mean_sheet
from gan.data.dataset import ARMORY, PictureSet, load_pictures
from gan.data.files import Files, look_at_files
from gan.data.first_size import size_to_train_at
from gan.data.members import open_source
from gan.data.overview import Near, Overview, count_near, look_over
from gan.data.pixels import to_pil
from gan.data.report import describe
from gan.data.resolution import Resolution
from gan.device import choose_device
from gan.errors import UserError
from gan.metrics.features import load_feature_net

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
    parser.add_argument("--fit", choices=("letterbox", "crop"), default="letterbox", help="pad or cut [letterbox]")
    parser.add_argument("--near", action="store_true", help="look for near copies too: 10 to 30 s for 1,000 pictures")
    parser.add_argument("--sheet", type=Path, metavar="PNG", help="write a contact sheet here, a row a class")
    parser.add_argument("--mean", type=Path, metavar="PNG", help="write the mean picture of the set and of each class")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="write the pictures, as the networks see them")
    parser.add_argument("--json", metavar="FILE", help="write numbers and advice as JSON (-: print that instead)")


def run(options: argparse.Namespace) -> None:
    files = _files(options.source)
    size = Resolution.parse(options.resolution) if options.resolution else _one_size(files)
    pictures = load_pictures(options.source, size, fit=options.fit)
    near = _near(pictures) if options.near else None
    overview = look_over(pictures, files, load_feature_net("randconv", choose_device()), near)
    advices = advise(overview)
    if options.json == "-":
        print(_as_json(overview, advices))
        return
    print(describe(overview, advices, shutil.get_terminal_size().columns))
    if options.json is not None:
        Path(options.json).write_text(_as_json(overview, advices) + "\n", encoding="utf-8")
        print(f"as JSON: {options.json}")
    if options.sheet is not None:
        class_sheet(pictures).save(options.sheet)
        print(f"contact sheet: {options.sheet}")
    if options.mean is not None:
        mean_sheet(pictures).save(options.mean)
        print(f"mean pictures: {options.mean}")
    if options.out is not None:
        write_pngs(pictures, options.out)


def _near(pictures: PictureSet) -> Near:
    with tqdm(desc="comparing", unit=" pairs", disable=None) as bar:  # None: only on a terminal

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        return count_near(pictures.images, progress)


def _files(source: str) -> Files | None:
    """None for the armory, which has none, and where no file can be read (then load_pictures says so)."""
    if source == ARMORY:
        return None
    with open_source(source) as opened:
        files = look_at_files(opened.chosen)
    return files if files.num else None


def _one_size(files: Files | None) -> Resolution | None:
    """Where files have several sizes, the one to look at them at."""
    return size_to_train_at(files) if files is not None and len(files.sizes) > 1 else None


def _as_json(overview: Overview, advices: Sequence[Advice]) -> str:
    plain = {"overview": dataclasses.asdict(overview), "advice": [dataclasses.asdict(advice) for advice in advices]}
    return json.dumps(plain, indent=2, ensure_ascii=False)


def write_pngs(pictures: PictureSet, folder: Path) -> None:
    """A PNG a picture, in a folder a class. UserError where the folder holds anything."""
    if folder.exists() and any(folder.iterdir()):
        raise UserError(f"folder {str(folder)!r} is not empty: choose another one, nothing is overwritten")
    for index, (image, label) in enumerate(zip(pictures.images, pictures.labels, strict=True)):
        place = folder / _folder_name(pictures.class_names[label]) if pictures.class_names else folder
        place.mkdir(parents=True, exist_ok=True)
        to_pil(image).save(place / f"{index:06d}.png")
    print(f"{len(pictures)} pictures: {folder}")


def _folder_name(class_name: str) -> str:
    """A class's name as a folder: what a zip calls `..` or `/etc` must not lead out of ours."""
    return re.sub(r"[^\w .()+-]", "_", class_name).strip(". ") or "_"
