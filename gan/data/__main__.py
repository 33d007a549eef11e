"""`python -m gan.data`: what a source of pictures holds, and how it looks to the networks."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gan.command_line import Parser, run_command
from gan.data.dataset import PictureSet, load_pictures
from gan.data.pixels import sheet, to_pil
from gan.data.resolution import Resolution
from gan.errors import UserError

_EPILOG = """\
examples:
  python -m gan.data icons.zip                                    counts, sizes, classes, what was skipped
  python -m gan.data icons/ --resolution 64 --sheet icons.png     and a contact sheet, a row a class
  python -m gan.data armory --resolution 64 --out weapons/        write the pictures as PNGs, a folder a class
"""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = Parser(prog="python -m gan.data", description=__doc__ or "", epilog=_EPILOG)
    parser.add_argument("source", help="armory (built in), a folder, a zip or a URL of a zip")
    parser.add_argument("--resolution", help="64, or 128x96 for height x width [the pictures' own]")
    parser.add_argument("--fit", choices=("letterbox", "crop"), default="letterbox", help="pad or cut [letterbox]")
    parser.add_argument("--sheet", type=Path, help="write a contact sheet here")
    parser.add_argument("--out", type=Path, help="write the pictures, as the networks see them, into this folder")
    options = parser.parse_args(arguments)

    def command() -> None:
        size = Resolution.parse(options.resolution) if options.resolution else None
        pictures = load_pictures(options.source, size, fit=options.fit)
        print(describe(pictures))
        if options.sheet is not None:
            contact_sheet(pictures, options.sheet)
        if options.out is not None:
            write_pngs(pictures, options.out)

    return run_command("gan.data", command)


def describe(pictures: PictureSet) -> str:
    """A few lines for a person."""
    kind = {1: "grey", 3: "RGB", 4: "RGBA"}[pictures.channels]
    distinct = len({image.tobytes() for image in pictures.images})
    lines = [
        f"{len(pictures)} pictures of {pictures.resolution.height}x{pictures.resolution.width}, {kind},"
        f" fingerprint {pictures.fingerprint}",
        f"{len(pictures) - distinct} are exact copies of others",
    ]
    if pictures.class_names:
        counts = np.bincount(pictures.labels, minlength=len(pictures.class_names))
        width = max(map(len, pictures.class_names))
        lines.append(f"{len(pictures.class_names)} classes:")
        lines += [
            f"  {name:<{width}}  {count:5d}  {'#' * max(1, round(40 * count / counts.max()))}"
            for name, count in zip(pictures.class_names, counts, strict=True)
        ]
    lines += [f"skipped {skipped.name}: {skipped.reason}" for skipped in pictures.skipped]
    return "\n".join(lines)


def contact_sheet(pictures: PictureSet, path: Path) -> None:
    """Up to 12 pictures a class, a row a class; or the first 96."""
    scale = max(1, 64 // pictures.resolution.height)
    if pictures.class_names:
        rows = [np.nonzero(pictures.labels == label)[0][:12] for label in range(len(pictures.class_names))]
        blank = np.zeros_like(pictures.images[:1])
        images = np.concatenate(
            [np.concatenate([pictures.images[row], blank.repeat(12 - len(row), axis=0)]) for row in rows]
        )
        sheet(images, 12, scale=scale, row_titles=pictures.class_names).save(path)
    else:
        sheet(pictures.images[:96], 12, scale=scale).save(path)
    print(f"contact sheet: {path}")


def write_pngs(pictures: PictureSet, folder: Path) -> None:
    """A PNG a picture, in a folder a class."""
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


if __name__ == "__main__":
    raise SystemExit(main())
