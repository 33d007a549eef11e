"""A source of pictures, decoded once, held as uint8: a folder, a zip, the built-in armory, or a URL of a zip.

What a class is: a subfolder, or the labels of a StyleGAN2-ADA `dataset.json` at the root. Members of a zip are read
in place and never written anywhere.
"""

import hashlib
import json
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, Literal
from zipfile import BadZipFile, ZipFile

import fsspec
import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from tqdm import tqdm

from gan.data.armory import CLASSES, draw_armory
from gan.data.pixels import UInt8Array, from_pil
from gan.data.resolution import Resolution
from gan.errors import UserError

Fit = Literal["letterbox", "crop"]
Opener = Callable[[str], IO[bytes]]

ARMORY = "armory"
ARMORY_SIZE = 1440  # ten of each of the 144 pairs of class and material
IMAGE_ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff")
MOST_PIXELS_A_FILE = 64_000_000  # beyond it a file is taken for a decompression bomb and skipped
MOST_BYTES_OF_JSON = 1 << 28
MEMORY_MAP_FROM_BYTES = 2 << 30
PROGRESS_FROM_FILES = 1000
_SECRET = re.compile(r"sig|token|key|secret|credential|password", re.IGNORECASE)
_SHARD = re.compile(r"\d{5}")


@dataclass(frozen=True)
class Skipped:
    """A file that was passed over, and why."""

    name: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class PictureSet:
    """Pictures of one size in the inside convention (gan/data/pixels.py).

    images `[n, c, h, w]` uint8, memory-mapped when over 2 GiB; labels `[n]` int64 into class_names (all 0 where
    there are no classes, and class_names is then empty); names as found; fingerprint over pixels and labels.
    """

    source: str
    images: UInt8Array
    labels: NDArray[np.int64]
    class_names: tuple[str, ...]
    names: tuple[str, ...]
    skipped: tuple[Skipped, ...]
    fingerprint: str

    def __len__(self) -> int:
        return len(self.images)

    @property
    def resolution(self) -> Resolution:
        return Resolution(height=self.images.shape[2], width=self.images.shape[3])

    @property
    def channels(self) -> int:
        return int(self.images.shape[1])


@dataclass(frozen=True)
class _Entry:
    name: str
    label: str | int | None


def load_pictures(
    source: str,
    resolution: Resolution | None = None,
    *,
    channels: int | None = None,
    fit: Fit = "letterbox",
) -> PictureSet:
    """Read the whole source.

    resolution None keeps the pictures' own size, which must then be one. channels None chooses 4 where any picture
    is transparent somewhere, else 3 where any has colour, else 1. Unreadable files are named in `skipped`.
    Raises UserError: nothing there, no picture in it, none readable, mixed sizes without a resolution.
    """
    if source == ARMORY:
        return _armory(resolution or Resolution(height=32, width=32), channels)
    if "://" in source:
        shown = without_secrets(source)
        try:
            with fsspec.open(source, "rb") as file:
                return _from_zip(shown, file, resolution, channels, fit)
        except UserError:
            raise
        except Exception as error:  # every file system of fsspec raises kinds of its own
            reason = str(error).replace(source, shown).partition("\n")[0] or type(error).__name__
            raise UserError(
                f"data {shown!r} cannot be opened: {reason}; give a URL of a zip that can be read"
            ) from error
    path = Path(source)
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if p.suffix.lower() in IMAGE_ENDINGS and p.is_file())
        entries = [_Entry(file.relative_to(path).as_posix(), _folder_of(file.relative_to(path))) for file in files]
        return _decode_all(source, entries, lambda name: (path / name).open("rb"), (), resolution, channels, fit)
    if path.is_file():
        with path.open("rb") as file:
            return _from_zip(source, file, resolution, channels, fit)
    raise UserError(
        f"data {source!r} does not exist: give a folder of pictures, a zip, a URL of a zip, or '{ARMORY}' (built in)"
    )


def without_secrets(url: str) -> str:
    """The URL as it may stand in records and logs: without a password, and without the signature of a signed one."""
    address, _, query = re.sub(r"://[^/@]*@", "://", url).partition("?")
    return f"{address}?{query}" if query and not _SECRET.search(query) else address


def _folder_of(path: Path | PurePosixPath) -> str | None:
    return path.parts[0] if len(path.parts) > 1 else None


def _armory(resolution: Resolution, channels: int | None) -> PictureSet:
    armory = draw_armory(ARMORY_SIZE, resolution.height, resolution.width)
    images = armory.images if channels in (None, 4) else _convert_channels(armory.images, channels)
    return PictureSet(
        source=ARMORY,
        images=images,
        labels=armory.classes,
        class_names=CLASSES,
        names=tuple(f"{CLASSES[label]}-{index}" for index, label in enumerate(armory.classes)),
        skipped=(),
        fingerprint=_fingerprint(images, armory.classes),
    )


def _convert_channels(images: UInt8Array, channels: int) -> UInt8Array:
    """Premultiplied RGBA over black as RGB or grey (Rec. 601, as Pillow's "L")."""
    colour = images[:, :3]
    if channels == 3:
        return np.ascontiguousarray(colour)
    weights = np.array([0.299, 0.587, 0.114], dtype=np.float32)[None, :, None, None]
    grey: UInt8Array = np.rint((colour * weights).sum(axis=1, keepdims=True)).astype(np.uint8)
    return grey


def _from_zip(
    source: str, file: IO[bytes], resolution: Resolution | None, channels: int | None, fit: Fit
) -> PictureSet:
    try:
        archive = ZipFile(file)
    except BadZipFile:
        raise UserError(f"data {source!r} is not a zip: give a folder, a zip or a URL of a zip") from None
    with archive:
        members = [info.filename for info in archive.infolist() if not info.is_dir()]
        pictures = sorted(name for name in members if name.lower().endswith(IMAGE_ENDINGS))
        labels = _json_labels(source, archive) if "dataset.json" in members else None
        class_names: Sequence[str] = ()
        if labels is not None:
            entries = [_Entry(name, labels[name]) for name in pictures if name in labels]
            if "classes.json" in members:
                class_names = _json_class_names(source, archive)
        else:
            entries = [_Entry(name, _folder_of(PurePosixPath(name))) for name in pictures]
            if "dataset.json" in members and all(_SHARD.fullmatch(str(entry.label)) for entry in entries):
                entries = [_Entry(name, None) for name in pictures]  # StyleGAN's 00000/, 00001/ …: 1,000 files each
        return _decode_all(source, entries, lambda name: archive.open(name), class_names, resolution, channels, fit)


def _json_member(archive: ZipFile, name: str) -> Any:
    """ValueError where it is no JSON, or so large that it must be a decompression bomb."""
    if archive.getinfo(name).file_size > MOST_BYTES_OF_JSON:
        raise ValueError(f"over {MOST_BYTES_OF_JSON:,} bytes")
    return json.loads(archive.read(name))


def _json_labels(source: str, archive: ZipFile) -> dict[str, int] | None:
    """The labels of StyleGAN2-ADA's dataset.json: {"labels": [[name, integer], …]} or {"labels": null}."""
    try:
        labels = _json_member(archive, "dataset.json")["labels"]
        return None if labels is None else {str(name): int(label) for name, label in labels}
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"dataset.json in {source!r} cannot be read ({error!r}): it must hold "
            '{"labels": [["picture.png", 0], …]} or {"labels": null}'
        ) from None


def _json_class_names(source: str, archive: ZipFile) -> tuple[str, ...]:
    """The names in our own classes.json: {"classes": ["axe", …]}, by label."""
    try:
        return tuple(str(name) for name in _json_member(archive, "classes.json")["classes"])
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f'classes.json in {source!r} cannot be read ({error!r}): it must hold {{"classes": ["axe", …]}}'
        ) from None


@dataclass(frozen=True)
class _Decoded:
    """A picture in L, RGB or RGBA, scaled already where the size was known; and what the file as it is needs."""

    image: Image.Image
    transparent: bool
    coloured: bool


def _decode(name: str, stream: IO[bytes], resolution: Resolution | None, fit: Fit) -> _Decoded | Skipped:
    """The first frame. Scaled at once: a folder of large banners would not fit into memory at its own size."""
    image = _first_frame(name, stream)
    if isinstance(image, Skipped):
        return image
    transparent = image.mode == "RGBA" and bool(np.asarray(image.getchannel("A")).min() < 255)
    coloured = image.mode != "L" and not _is_grey(image)
    if resolution is not None:
        image = _scaled(image, resolution, fit)
    return _Decoded(image, transparent, coloured)


def _first_frame(name: str, stream: IO[bytes]) -> Image.Image | Skipped:
    """As L, RGB or RGBA, whole in memory."""
    try:
        with stream, Image.open(stream) as image:
            if image.width * image.height > MOST_PIXELS_A_FILE:
                return Skipped(name, f"{image.width}x{image.height} is over {MOST_PIXELS_A_FILE:,} pixels")
            transparent = image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
            if transparent:
                return image.convert("RGBA")
            if image.mode.startswith("I;16"):  # which Pillow would clip to white, not scale
                return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
            return image.convert("L" if image.mode in ("1", "L") else "RGB")
    except UnidentifiedImageError:
        return Skipped(name, "not a picture")
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError, BadZipFile) as error:
        return Skipped(name, str(error).splitlines()[0] if str(error) else type(error).__name__)


def _decode_all(
    source: str,
    entries: Sequence[_Entry],
    opener: Opener,
    class_names: Sequence[str],
    resolution: Resolution | None,
    channels: int | None,
    fit: Fit,
) -> PictureSet:
    if not entries:
        raise UserError(
            f"data {source!r} holds no pictures: looked for {', '.join(IMAGE_ENDINGS)}"
            " in it and in its subfolders (and in dataset.json, where there is one)"
        )
    decoded: list[tuple[_Entry, _Decoded]] = []
    skipped: list[Skipped] = []
    for entry, result in zip(entries, _progress(entries, opener, resolution, fit), strict=True):
        if isinstance(result, Skipped):
            skipped.append(result)
        else:
            decoded.append((entry, result))
    if not decoded:
        raise UserError(
            f"data {source!r}: none of its {len(entries)} files can be read as a picture;"
            f" the first is {skipped[0].name} ({skipped[0].reason})"
        )
    pictures = [picture for _, picture in decoded]
    size = resolution or _common_size(source, [picture.image for picture in pictures])
    depth = channels or _channels_needed(pictures)
    images = _allocate((len(decoded), depth, size.height, size.width))
    for index, picture in enumerate(pictures):
        # With alpha first: among pictures with alpha the bars beside an opaque one are transparent too.
        image = picture.image.convert("RGBA") if depth == 4 else picture.image
        images[index] = from_pil(_on_canvas(image, size), depth)
    labels, names = _number_labels([entry.label for entry, _ in decoded], class_names)
    return PictureSet(
        source=source,
        images=images,
        labels=labels,
        class_names=names,
        names=tuple(entry.name for entry, _ in decoded),
        skipped=tuple(skipped),
        fingerprint=_fingerprint(images, labels),
    )


def _progress(
    entries: Sequence[_Entry], opener: Opener, resolution: Resolution | None, fit: Fit
) -> Iterator[_Decoded | Skipped]:
    """Decode with a few threads (Pillow's decoders leave Python's lock), in order, with a bar on long sets.

    A zip is read from one thread at a time: ZipFile locks its file by itself.
    """

    def decode(entry: _Entry) -> _Decoded | Skipped:
        try:
            stream = opener(entry.name)
        except (
            OSError,
            BadZipFile,
            NotImplementedError,
            RuntimeError,
        ) as error:  # RuntimeError: encrypted member
            return Skipped(entry.name, str(error))
        return _decode(entry.name, stream, resolution, fit)

    with ThreadPoolExecutor() as pool:
        quiet = True if len(entries) < PROGRESS_FROM_FILES else None  # None: only on a terminal, not in a cron mail
        yield from tqdm(pool.map(decode, entries), total=len(entries), desc="reading pictures", disable=quiet)


def _common_size(source: str, images: Sequence[Image.Image]) -> Resolution:
    sizes = Counter((image.height, image.width) for image in images)
    if len(sizes) > 1:
        shown = ", ".join(f"{height}x{width} ({count})" for (height, width), count in sizes.most_common(3))
        raise UserError(
            f"data {source!r} has {len(sizes)} different sizes: {shown}{', …' if len(sizes) > 3 else ''};"
            " say which one to train at, e.g. --resolution 64"
        )
    ((height, width),) = sizes
    return Resolution(height=height, width=width)


def _channels_needed(pictures: Sequence[_Decoded]) -> int:
    if any(picture.transparent for picture in pictures):
        return 4
    return 3 if any(picture.coloured for picture in pictures) else 1


def _is_grey(image: Image.Image) -> bool:
    colour = np.asarray(image.convert("RGB"))
    return bool((colour == colour[..., :1]).all())


def _scaled(image: Image.Image, size: Resolution, fit: Fit) -> Image.Image:
    """As large as fits inside (letterbox), or as small as fills (crop).

    A whole enlargement, as of pixel art, repeats pixels; all else is Lanczos (which Pillow computes on premultiplied
    colour, and low-passed when reducing).
    """
    if image.size == (size.width, size.height):
        return image
    ratios = (size.width / image.width, size.height / image.height)
    scale = min(ratios) if fit == "letterbox" else max(ratios)
    scaled = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    whole = scale >= 1 and scale == int(scale)
    return image.resize(scaled, Image.Resampling.NEAREST if whole else Image.Resampling.LANCZOS)


def _on_canvas(image: Image.Image, size: Resolution) -> Image.Image:
    """In the middle of a canvas of that size: padded (transparent or black) where smaller, cut where larger."""
    if image.size == (size.width, size.height):
        return image
    canvas = Image.new(image.mode, (size.width, size.height))
    canvas.paste(image, ((size.width - image.width) // 2, (size.height - image.height) // 2))
    return canvas


def _allocate(shape: tuple[int, ...]) -> UInt8Array:
    """In memory, or, when large, in a temporary file that is mapped and vanishes with the array."""
    if int(np.prod(shape)) < MEMORY_MAP_FROM_BYTES:
        return np.empty(shape, dtype=np.uint8)
    with tempfile.TemporaryFile(prefix="ganvil-pictures-") as file:
        return np.memmap(file, dtype=np.uint8, mode="w+", shape=shape)


def _number_labels(
    labels: Sequence[str | int | None], class_names: Sequence[str]
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Labels as 0..k-1 and the classes' names; no names where there are fewer than two classes."""
    found = sorted({label for label in labels if label is not None}, key=lambda label: (isinstance(label, str), label))
    if len(found) < 2:
        return np.zeros(len(labels), dtype=np.int64), ()
    without = [None] if None in labels else []  # pictures beside the class folders are a class of their own
    order: list[str | int | None] = [*found, *without]
    number = {label: index for index, label in enumerate(order)}
    names = tuple(_class_name(label, class_names) for label in order)
    return np.array([number[label] for label in labels], dtype=np.int64), names


def _class_name(label: str | int | None, class_names: Sequence[str]) -> str:
    if label is None:
        return "unsorted"
    if isinstance(label, str):
        return label
    return class_names[label] if label < len(class_names) else f"class {label}"


def _fingerprint(images: UInt8Array, labels: NDArray[np.int64]) -> str:
    """sha256 over shape, pixels and labels: the same for the same decoded set, wherever it was read from."""
    digest = hashlib.sha256(repr(images.shape).encode())
    for start in range(0, len(images), 4096):
        digest.update(np.ascontiguousarray(images[start : start + 4096]).tobytes())
    digest.update(labels.tobytes())
    return digest.hexdigest()[:16]
