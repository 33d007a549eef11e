"""A sprite sheet as incoming pictures: cut by a grid, or by an atlas JSON.

Atlases: TexturePacker's hash and array forms, Aseprite's export in both. Sprites that were trimmed or turned to save
room come back as they were drawn; Aseprite's tags, and folders in the names, become classes.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from pydantic import BaseModel, Field, ValidationError

from gan.data.decode import decode
from gan.data.label_files import first_fault
from gan.data.members import MOST_BYTES_A_FILE, MOST_BYTES_OF_TEXT, Label, Skipped, folder_of
from gan.data.readers.incoming import Candidate, Incoming, decoded
from gan.errors import UserError

MOST_SPRITES = 1_000_000
MOST_PIXELS_A_SPRITE = 4_000_000  # a frame of a few bytes may claim any original size


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Cells of a sheet, in pixels: their size, the margin around all and the spacing between two."""

    height: int
    width: int
    margin: int = 0
    spacing: int = 0

    @classmethod
    def parse(cls, text: str, *, margin: int = 0, spacing: int = 0) -> "Grid":
        """`32` or `32x48` for height x width."""
        match = re.fullmatch(r"(\d{1,5})(?:x(\d{1,5}))?", text.strip().lower())
        if match is None or not int(match[1]) or not int(match[2] or 1):
            raise UserError(f"grid {text!r} cannot be read: write 32, or 32x48 for height x width of a cell in pixels")
        if margin < 0 or spacing < 0:
            raise UserError(f"margin {margin} and spacing {spacing} are pixels: give 0 or more")
        return cls(height=int(match[1]), width=int(match[2] or match[1]), margin=margin, spacing=spacing)


class Rectangle(BaseModel):
    x: int = Field(ge=0)
    y: int = Field(ge=0)
    w: int = Field(ge=0)
    h: int = Field(ge=0)


class Size(BaseModel):
    w: int = Field(ge=0)
    h: int = Field(ge=0)


class Frame(BaseModel):
    """A sprite of an atlas. `frame`'s w and h are those before turning; rotated: it lies turned clockwise by 90
    degrees; spriteSourceSize: where the trimmed part lay in the original, whose size is sourceSize."""

    filename: str = ""
    frame: Rectangle
    rotated: bool = False
    trimmed: bool = False
    spriteSourceSize: Rectangle | None = None
    sourceSize: Size | None = None


class Tag(BaseModel):
    """Aseprite's name for the frames `from` to `to`, both counted."""

    name: str
    first: int = Field(alias="from")
    last: int = Field(alias="to")


class Meta(BaseModel):
    frameTags: list[Tag] = []


class Atlas(BaseModel):
    frames: dict[str, Frame] | list[Frame]
    meta: Meta = Meta()

    def named(self) -> list[tuple[str, Frame]]:
        if isinstance(self.frames, dict):
            return list(self.frames.items())
        return [(frame.filename or f"frame {number}", frame) for number, frame in enumerate(self.frames)]


@contextmanager
def open_grid(source: str, grid: Grid, *, limit: int | None = None) -> Iterator[Incoming]:
    """Cells row by row, named `sheet.png#row,column`; those of a single colour are passed over as empty.

    Raises UserError: no picture, or not a whole number of cells.
    """
    sheet = _sheet(source)
    rows = _whole_cells(source, "high", sheet.height, grid.height, grid)
    columns = _whole_cells(source, "wide", sheet.width, grid.width, grid)
    yield _incoming(source, _cells(Path(source).name, sheet, grid, rows, columns), rows * columns, limit)


@contextmanager
def open_atlas(source: str, atlas: Path, *, limit: int | None = None) -> Iterator[Incoming]:
    """The atlas's sprites, in its order; those that lie outside the sheet are passed over.

    Raises UserError: no picture, no atlas that can be read.
    """
    sheet, read = _sheet(source), _atlas(atlas)
    yield _incoming(source, _sprites(sheet, read), len(read.frames), limit)


def _incoming(source: str, candidates: Iterator[Candidate | Skipped], num: int, limit: int | None) -> Incoming:
    return Incoming(source=source, kind="sprite sheet", candidates=_first(candidates, limit), num=num)


def _first(candidates: Iterator[Candidate | Skipped], limit: int | None) -> Iterator[Candidate | Skipped]:
    num = 0
    for candidate in candidates:
        yield candidate
        num += isinstance(candidate, Candidate)
        if num == limit:
            return


def _sheet(source: str) -> Image.Image:
    path = Path(source)
    if not path.is_file():
        raise UserError(f"sprite sheet {source!r} does not exist: give a local picture")
    if path.stat().st_size > MOST_BYTES_A_FILE:
        raise UserError(f"sprite sheet {source!r} has over {MOST_BYTES_A_FILE:,} bytes: cut it into several")
    image = decode(source, path.read_bytes())
    if isinstance(image, Skipped):
        raise UserError(f"sprite sheet {source!r} cannot be read as a picture: {image.reason}")
    return image


def _whole_cells(source: str, direction: str, length: int, cell: int, grid: Grid) -> int:
    num, rest = divmod(length - 2 * grid.margin + grid.spacing, cell + grid.spacing)
    if num < 1 or rest:
        beside = f" with margin {grid.margin} and spacing {grid.spacing}" if grid.margin or grid.spacing else ""
        raise UserError(
            f"sprite sheet {source!r} is {length} pixels {direction}, which is no whole number of cells of {cell}"
            f"{beside}: say the cell as HEIGHTxWIDTH with --grid, and --margin and --spacing where the sheet has them"
        )
    return num


def _cells(name: str, sheet: Image.Image, grid: Grid, rows: int, columns: int) -> Iterator[Candidate | Skipped]:
    for place in range(rows * columns):
        row, column = divmod(place, columns)
        left = grid.margin + column * (grid.width + grid.spacing)
        top = grid.margin + row * (grid.height + grid.spacing)
        cell = sheet.crop((left, top, left + grid.width, top + grid.height))
        shown = f"{name}#{row},{column}"
        yield Skipped(shown, "an empty cell") if _is_empty(cell) else decoded(shown, None, cell)


def _is_empty(cell: Image.Image) -> bool:
    """Transparent everywhere, or one colour."""
    if cell.mode == "RGBA" and cell.getchannel("A").getbbox() is None:
        return True
    return all(least == most for least, most in _extrema(cell))


def _extrema(cell: Image.Image) -> Sequence[tuple[float, float]]:
    found = cell.getextrema()
    return [found] if len(cell.getbands()) == 1 else found  # type: ignore[list-item,return-value]  # by number of bands


def _atlas(path: Path) -> Atlas:
    if not path.is_file():
        raise UserError(f"atlas {str(path)!r} does not exist: give the JSON that belongs to the sheet")
    if path.stat().st_size > MOST_BYTES_OF_TEXT:
        raise UserError(f"atlas {str(path)!r} has over {MOST_BYTES_OF_TEXT:,} bytes: that is no atlas")
    try:
        atlas = Atlas.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise UserError(
            f"atlas {str(path)!r} cannot be read ({first_fault(error)}): give TexturePacker's JSON (hash or array)"
            " or Aseprite's"
        ) from None
    if not 0 < len(atlas.frames) <= MOST_SPRITES:
        raise UserError(f"atlas {str(path)!r} has {len(atlas.frames):,} frames: give one with 1 to {MOST_SPRITES:,}")
    return atlas


def _sprites(sheet: Image.Image, atlas: Atlas) -> Iterator[Candidate | Skipped]:
    seen: dict[tuple[int, int, int, int], str] = {}
    for number, (name, frame) in enumerate(atlas.named()):
        box = _box(frame)
        if box in seen and not frame.trimmed:
            yield Skipped(name, f"the same place in the sheet as {seen[box]}")
            continue
        seen.setdefault(box, name)
        sprite = _cut(sheet, frame)
        yield Skipped(name, sprite) if isinstance(sprite, str) else decoded(name, _label(atlas, number, name), sprite)


def _box(frame: Frame) -> tuple[int, int, int, int]:
    place = frame.frame
    width, height = (place.h, place.w) if frame.rotated else (place.w, place.h)
    return place.x, place.y, place.x + width, place.y + height


def _cut(sheet: Image.Image, frame: Frame) -> Image.Image | str:
    """The sprite as it was drawn, or why not."""
    left, top, right, bottom = _box(frame)
    if left == right or top == bottom:
        return "an empty frame"
    if right > sheet.width or bottom > sheet.height:
        return (
            f"the atlas puts it at {left},{top} to {right},{bottom}, outside the sheet of {sheet.width}x{sheet.height}"
        )
    sprite = sheet.crop((left, top, right, bottom))
    if frame.rotated:
        sprite = sprite.transpose(Image.Transpose.ROTATE_90)  # counter-clockwise
    place, whole = frame.spriteSourceSize, frame.sourceSize
    if not frame.trimmed or place is None or whole is None:
        return sprite
    if whole.w * whole.h > MOST_PIXELS_A_SPRITE:
        return f"its original size, {whole.w}x{whole.h}, is over {MOST_PIXELS_A_SPRITE:,} pixels"
    if place.x + sprite.width > whole.w or place.y + sprite.height > whole.h:
        return f"its trimmed part does not fit into its original size of {whole.w}x{whole.h}"
    canvas = Image.new("RGBA", (whole.w, whole.h))
    canvas.paste(sprite.convert("RGBA"), (place.x, place.y))
    return canvas


def _label(atlas: Atlas, number: int, name: str) -> Label:
    tag = next((tag.name for tag in atlas.meta.frameTags if tag.first <= number <= tag.last), None)
    return tag or folder_of(name.replace("\\", "/"))
