"""A source of pictures, decoded once, held as uint8: a folder, a zip, the built-in armory, or a URL of a zip.

What a class is: a subfolder, or the labels of a StyleGAN2-ADA `dataset.json` at the root. Members of a zip are read
in place and never written anywhere.
"""

import tempfile
from collections import Counter
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gan.data.armory import CLASSES, draw_armory
from gan.data.decode import channels_needed, decoding_member
from gan.data.fingerprint import fingerprint_of
from gan.data.labels import assign
from gan.data.members import IMAGE_ENDINGS, Member, Skipped, Source, open_source
from gan.data.resize import Fit, is_whole_enlargement, on_canvas, one_size, resize, scaled_size
from gan.data.resolution import Resolution
from gan.data.threads import threaded, with_progress
from gan.errors import UserError
from gan.pixels import UInt8Array, from_pil

__all__ = ["ARMORY", "Fit", "PictureSet", "Skipped", "allocate", "load_pictures", "read_pictures"]

ARMORY = "armory"
ARMORY_SIZE = 1440  # ten of each of the 144 pairs of class and material
MEMORY_MAP_FROM_BYTES = 2 << 30


@dataclass(frozen=True, kw_only=True)
class PictureSet:
    """Pictures of one size in the inside convention (gan/pixels.py).

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


def load_pictures(
    source: str,
    resolution: Resolution | None = None,
    *,
    channels: int | None = None,
    fit: Fit = "letterbox",
) -> PictureSet:
    """Read the whole source.

    resolution None keeps the pictures' own size, which must then be one (fit `pad`: the least that holds them all).
    channels None chooses 4 where any picture is transparent somewhere, else 3 where any has colour, else 1. Unreadable
    files are named in `skipped`.
    Raises UserError: nothing there, no picture in it, none readable, mixed sizes without a resolution.
    """
    if source == ARMORY:
        return _armory(resolution or Resolution(height=32, width=32), channels)
    with open_source(source) as opened:
        return read_pictures(opened, resolution, channels=channels, fit=fit)


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
        fingerprint=fingerprint_of(images.shape, images, armory.classes),
    )


def _convert_channels(images: UInt8Array, channels: int) -> UInt8Array:
    """Premultiplied RGBA over black as RGB or grey (Rec. 601, as Pillow's "L")."""
    colour = images[:, :3]
    if channels == 3:
        return np.ascontiguousarray(colour)
    weights = np.array([0.299, 0.587, 0.114], dtype=np.float32)[None, :, None, None]
    grey: UInt8Array = np.rint((colour * weights).sum(axis=1, keepdims=True)).astype(np.uint8)
    return grey


@dataclass(frozen=True)
class _Decoded:
    """A picture in L, RGB or RGBA, scaled already where the size was known; and what the file as it is needs."""

    image: Image.Image
    channels: int


def read_pictures(
    source: Source,
    resolution: Resolution | None = None,
    *,
    channels: int | None = None,
    fit: Fit = "letterbox",
    decoded_already: Mapping[str, Image.Image] = MappingProxyType({}),
) -> PictureSet:
    """`load_pictures` of an opened source. decoded_already: pictures by their member's name, not decoded again."""
    members = source.chosen
    if not members and not source.refused:
        raise UserError(
            f"data {source.source!r} holds no pictures: looked for {', '.join(IMAGE_ENDINGS)}"
            " in it and in its subfolders (and in dataset.json, where there is one)"
        )
    results = threaded(partial(_decode, resolution=resolution, fit=fit, decoded_already=decoded_already), members)
    decoded: list[tuple[Member, _Decoded]] = []
    skipped = list(source.refused)
    for member, result in zip(members, with_progress(results, total=len(members), what="reading"), strict=True):
        if isinstance(result, Skipped):
            skipped.append(result)
        else:
            decoded.append((member, result))
    if not decoded:
        raise UserError(
            f"data {source.source!r}: none of its {len(skipped)} files can be read as a picture;"
            f" the first is {skipped[0].name} ({skipped[0].reason})"
        )
    pictures = [picture for _, picture in decoded]
    size = resolution or one_size(
        source.source, Counter((picture.image.height, picture.image.width) for picture in pictures), fit
    )
    depth = channels or max(picture.channels for picture in pictures)
    images = allocate((len(decoded), depth, size.height, size.width))
    for index, picture in enumerate(pictures):
        # With alpha first: among pictures with alpha the bars beside an opaque one are transparent too.
        image = picture.image.convert("RGBA") if depth == 4 else picture.image
        images[index] = from_pil(on_canvas(image, size), depth)
    names = tuple(member.name for member, _ in decoded)
    found = {member.name: member.label for member, _ in decoded if member.label is not None}
    labels = assign(names, found, source.class_names)
    return PictureSet(
        source=source.source,
        images=images,
        labels=labels.labels,
        class_names=labels.class_names,
        names=names,
        skipped=tuple(skipped),
        fingerprint=fingerprint_of(images.shape, images, labels.labels),
    )


def _decode(
    member: Member, resolution: Resolution | None, fit: Fit, decoded_already: Mapping[str, Image.Image]
) -> _Decoded | Skipped:
    """Scaled at once: a folder of large banners would not fit into memory at its own size."""
    there = decoded_already.get(member.name)
    with decoding_member(member) if there is None else nullcontext(there) as image:
        if isinstance(image, Skipped):
            return image
        channels = channels_needed(image)
        return _Decoded(image if resolution is None else _scaled(image, resolution, fit), channels)


def _scaled(image: Image.Image, size: Resolution, fit: Fit) -> Image.Image:
    """A whole enlargement, as of pixel art, repeats pixels; all else is Lanczos, low-passed when reducing."""
    whole = is_whole_enlargement(image.size, scaled_size(image.size, size, fit))
    return resize(image, size, fit, "nearest" if whole else "lanczos")[0]


def allocate(shape: tuple[int, ...]) -> UInt8Array:
    """In memory, or, when large, in a temporary file that is mapped and vanishes with the array."""
    if int(np.prod(shape)) < MEMORY_MAP_FROM_BYTES:
        return np.empty(shape, dtype=np.uint8)
    with tempfile.TemporaryFile(prefix="ganvil-pictures-") as file:
        return np.memmap(file, dtype=np.uint8, mode="w+", shape=shape)
