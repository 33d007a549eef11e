"""A picture file's bytes to a picture, or to the reason why it is none. Meant for files that nobody vouches for.

Bombs are refused before anything is inflated: a size in the header beyond MOST_PIXELS_A_FILE, and text and colour
profile chunks that Pillow would inflate beyond a megabyte. Only the formats that gan/data/members.py looks for are
tried (Pillow knows others, one of which starts Ghostscript). Colour profiles and gamma chunks are left alone.
"""

import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from io import BytesIO

import numpy as np
from PIL import ExifTags, Image, ImageChops, ImageOps, UnidentifiedImageError

from gan.data.members import Member, Skipped

MOST_PIXELS_A_FILE = 64_000_000  # 256 MB as RGBA
LARGE_PIXELS = 4_000_000  # pictures over this size are held one at a time: threads share the memory

_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
_BEGINNINGS = {
    b"\x89PNG": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"RIFF": "WebP",
    b"GIF8": "GIF",
    b"BM": "BMP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
}
_ONE_LARGE = threading.Lock()

# Pillow's memory comes in blocks of 16 MB, which glibc keeps, a heap a thread, when a picture is freed; blocks this
# large it gives back. Measured with 48-megapixel pictures: a peak of 0.9 rather than 2.8 GB.
Image.core.set_block_size(64 << 20)  # type: ignore[attr-defined]  # no stub has it

# What Pillow warns of (sizes near its own limit, odd EXIF) is told in the reasons here, or harmless.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")


def decode(name: str, data: bytes) -> Image.Image | Skipped:
    """The picture, whole in memory, as L, RGB or RGBA (straight alpha); or why there is none.

    Turned upright as EXIF says; of an animation the first frame; 16-bit greys scaled to 8 bits. `name` is only for
    the Skipped.
    """
    with decoding(name, data) as image:
        return image


def decode_member(member: Member) -> Image.Image | Skipped:
    """Read and decode."""
    with decoding_member(member) as image:
        return image


@contextmanager
def decoding_member(member: Member) -> Iterator[Image.Image | Skipped]:
    """`decoding` of a member, read here."""
    try:
        data = member.read()
    except OSError as error:
        yield Skipped(member.name, error.strerror or str(error))
        return
    with decoding(member.name, data) as image:
        yield image


@contextmanager
def decoding(name: str, data: bytes) -> Iterator[Image.Image | Skipped]:
    """As `decode`, for threads: no other large picture is decoded until the end of the `with`. Make it small there."""
    opened = _open(name, data)
    if isinstance(opened, Skipped):
        yield opened
        return
    with _ONE_LARGE if opened.width * opened.height > LARGE_PIXELS else nullcontext():
        yield _load(name, opened)


def channels_needed(image: Image.Image) -> int:
    """Of a decoded picture: 4 where any pixel is transparent, else 3 where any has colour, else 1."""
    if image.mode == "RGBA":
        least_alpha, _ = image.getchannel("A").getextrema()
        if least_alpha < 255:  # type: ignore[operator]  # Pillow's stubs: one channel or several
            return 4
    if image.mode == "L":
        return 1
    red, green, blue = image.split()[:3]
    same = ImageChops.difference(red, green).getbbox() is None and ImageChops.difference(red, blue).getbbox() is None
    return 1 if same else 3


def _open(name: str, data: bytes) -> Image.Image | Skipped:
    """The header only."""
    if not data:
        return Skipped(name, "an empty file")
    try:
        image = Image.open(BytesIO(data), formats=_FORMATS)
    except UnidentifiedImageError:
        kind = next((kind for beginning, kind in _BEGINNINGS.items() if data.startswith(beginning)), None)
        return Skipped(name, "not a picture" if kind is None else f"a {kind} file cut short or damaged in its header")
    except Image.DecompressionBombError:
        return Skipped(name, f"its header claims far over {MOST_PIXELS_A_FILE:,} pixels: a decompression bomb")
    except Exception as error:  # fed with hostile bytes, decoders raise kinds of their own
        return Skipped(name, _reason(error))
    if image.width * image.height > MOST_PIXELS_A_FILE:
        return Skipped(name, f"{image.width}x{image.height} is over {MOST_PIXELS_A_FILE:,} pixels")
    if image.format == "PNG" and (damage := _png_damage(data)) is not None:
        return Skipped(name, damage)
    return image


def _load(name: str, image: Image.Image) -> Image.Image | Skipped:
    try:
        return _plain(image if _is_upright(image) else ImageOps.exif_transpose(image))
    except Exception as error:  # as above
        return Skipped(name, _reason(error))
    finally:
        image.close()  # of a large picture one copy is enough


def _is_upright(image: Image.Image) -> bool:
    return bool(image.getexif().get(ExifTags.Base.Orientation, 1) == 1)


def _plain(image: Image.Image) -> Image.Image:
    """A copy in L, RGB or RGBA."""
    transparent = image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info
    if image.mode.startswith("I;16"):  # which Pillow would clip to white, not scale
        deep = np.asarray(image)
        grey = Image.fromarray((deep >> 8).astype(np.uint8))
        if transparent:
            grey.putalpha(Image.fromarray(np.where(deep == image.info["transparency"], 0, 255).astype(np.uint8)))
        return grey.convert("RGBA") if transparent else grey
    if image.mode in ("I", "F"):
        raise ValueError(f"samples of 32 bits (Pillow's mode {image.mode}), of which nobody says which value is white")
    if transparent:
        return image.convert("RGBA")
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


def _png_damage(data: bytes) -> str | None:
    """A pixel chunk whose checksum is wrong, which Pillow lets pass. Cut files are Pillow's to find."""
    at = 8
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        end = at + 8 + length
        if end + 4 > len(data):
            return None
        if data[at + 4 : at + 8] == b"IDAT":
            (checksum,) = struct.unpack_from(">I", data, end)
            if zlib.crc32(memoryview(data)[at + 4 : end]) != checksum:
                return "a damaged PNG: the checksum of its pixels is wrong"
        at = end + 4
    return None


def _reason(error: Exception) -> str:
    if "MAX_TEXT" in str(error):
        return "a text chunk inflates to over a megabyte: a decompression bomb"
    return str(error).splitlines()[0] if str(error) else type(error).__name__
