"""Pictures of a set on one page: a row a class, its name and count in front; and the mean of each class."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from gan.data.dataset import PictureSet
from gan.data.overview import mean_pictures
from gan.errors import UserError
from gan.pixels import UInt8Array, sheet, to_pil
from gan.whole_file import refuse_to_overwrite, written_whole

ENDINGS = (".png", ".webp")
COLUMNS = 12
ROWS_WITHOUT_CLASSES = 8
SIDE = 64  # smaller pictures are enlarged, larger ones reduced, by a whole number
MEAN_SIDE, MEAN_COLUMNS = 128, 6
GAP, CAPTION = 8, 22
BACKGROUND, INK = (38, 40, 48), (200, 200, 210)


def class_sheet(pictures: PictureSet) -> Image.Image:
    """Up to 12 pictures a class, from its whole length; of a set without classes 96."""
    if not pictures.class_names:
        chosen = _spread(np.arange(len(pictures)), COLUMNS * ROWS_WITHOUT_CLASSES)
        return _page(pictures.images[chosen])
    blank = np.zeros((1, *pictures.images.shape[1:]), dtype=np.uint8)
    rows: list[UInt8Array] = []
    for label in range(len(pictures.class_names)):
        row = pictures.images[_spread(np.flatnonzero(pictures.labels == label), COLUMNS)]
        rows += [row, blank.repeat(COLUMNS - len(row), axis=0)]
    return _page(np.concatenate(rows), _titles(pictures))


def mean_sheet(pictures: PictureSet) -> Image.Image:
    """The mean picture of the whole set, then of each class, named below.

    Where a mean is sharp, the pictures lie on top of each other; where it is a blur, they do not.
    """
    means = mean_pictures(pictures)
    titles = (f"all  {len(pictures)}", *_titles(pictures))
    scale = max(1, MEAN_SIDE // pictures.resolution.height)
    columns = min(MEAN_COLUMNS, len(means))
    width, height = pictures.resolution.width * scale, pictures.resolution.height * scale
    page = Image.new(
        "RGB", (GAP + columns * (width + GAP), GAP + -(-len(means) // columns) * (height + CAPTION)), BACKGROUND
    )
    draw = ImageDraw.Draw(page)
    for index, (mean, title) in enumerate(zip(means, titles, strict=True)):
        x, y = GAP + index % columns * (width + GAP), GAP + index // columns * (height + CAPTION)
        picture = to_pil(mean).convert("RGBA").resize((width, height), Image.Resampling.NEAREST)
        page.paste(picture, (x, y), picture)
        draw.text((x, y + height + 2), _shortened(title, width, draw), fill=INK)
    return page


def check_page(path: Path | None, flag: str) -> None:
    """Before the work: UserError where no page can be written there."""
    if path is None:
        return
    if path.suffix.lower() not in ENDINGS:
        raise UserError(f"{flag} {str(path)!r} must end in {' or '.join(ENDINGS)}")
    refuse_to_overwrite(path, replace=True)


def write_page(page: Image.Image, path: Path) -> None:
    """Whole or not at all; a page that is there is replaced."""
    with written_whole(path, replace=True) as file:
        page.save(file, "PNG" if path.suffix.lower() == ".png" else "WEBP", lossless=True)


def _shortened(text: str, width: int, draw: ImageDraw.ImageDraw) -> str:
    """So much of it as is that many pixels wide."""
    if draw.textlength(text) <= width:
        return text
    name, _, count = text.rpartition("  ")
    while name and draw.textlength(f"{name}…  {count}") > width:
        name = name[:-1]
    return f"{name}…  {count}"


def _titles(pictures: PictureSet) -> tuple[str, ...]:
    counts = np.bincount(pictures.labels, minlength=len(pictures.class_names))
    return tuple(f"{name}  {count}" for name, count in zip(pictures.class_names, counts, strict=False))


def _spread(places: NDArray[np.intp], num: int) -> NDArray[np.intp]:
    """So many of them, evenly from first to last; all where there are no more."""
    if len(places) <= num:
        return places
    return places[np.linspace(0, len(places) - 1, num).round().astype(np.intp)]


def _page(images: UInt8Array, row_titles: tuple[str, ...] = ()) -> Image.Image:
    small = _reduced(images, max(1, images.shape[2] // SIDE))
    return sheet(small, COLUMNS, scale=max(1, SIDE // small.shape[2]), row_titles=row_titles)


def _reduced(images: UInt8Array, times: int) -> UInt8Array:
    """Each square of so many pixels to its mean (alpha is premultiplied); what is left at the edges is cut."""
    num, channels, height, width = images.shape
    height, width = height // times, max(1, width // times)
    squares = images[:, :, : height * times, : width * times].reshape(num, channels, height, times, width, -1)
    mean: UInt8Array = np.rint(squares.mean(axis=(3, 5))).astype(np.uint8)
    return mean
