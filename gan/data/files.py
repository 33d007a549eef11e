"""The files of a source as they are, before anything is resized: how many, how large, of which format, how drawn."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO

from PIL import ExifTags, Image

from gan.data.decode import decode_member
from gan.data.members import Member, Skipped
from gan.data.resize import enlarged_by, judge
from gan.data.threads import threaded, with_progress

NUM_LOOKED_AT = 64
MOST_PIXELS_LOOKED_AT = 16_000_000
MOST_ODD = 0.05
_TURNED = (5, 6, 7, 8)  # EXIF orientations that lie on their side


@dataclass(frozen=True, kw_only=True)
class Files:
    """What can be told by headers, and by decoding 64 of them.

    sizes: (height, width, how many), the most frequent first; formats: (name, how many), likewise. enlarged: pixel
    art was blown up by that whole number, in 95 % of those looked at (1: it was not). num counts those with a header
    that can be read.
    """

    num: int
    num_bytes: int
    sizes: tuple[tuple[int, int, int], ...]
    formats: tuple[tuple[str, int], ...]
    pixel_art: bool
    enlarged: int


@dataclass(frozen=True)
class _Header:
    format: str
    height: int
    width: int


def look_at_files(members: Sequence[Member]) -> tuple[Files, Mapping[str, Image.Image]]:
    """Reads every file once, decodes every n-th; what cannot be read is passed over.

    With the numbers come the pictures that were decoded, by name, for whoever wants all of them: none is to be decoded
    twice. Up to 64, and no more when they have 16 million pixels.
    """
    found = with_progress(threaded(_header, members), total=len(members), what="reading headers")
    headers = [(member, header) for member, header in zip(members, found, strict=True) if header is not None]
    sizes = Counter((header.height, header.width) for _, header in headers)
    step = max(1, len(headers) // NUM_LOOKED_AT)
    pictures = _decoded([member for member, _ in headers[::step][:NUM_LOOKED_AT]])
    files = Files(
        num=len(headers),
        num_bytes=sum(member.num_bytes for member, _ in headers),
        sizes=tuple((height, width, count) for (height, width), count in sizes.most_common()),
        formats=tuple(Counter(header.format for _, header in headers).most_common()),
        pixel_art=judge(pictures.values()).is_pixel_art,
        enlarged=enlargement(list(pictures.values())),
    )
    return files, pictures


def _decoded(members: Sequence[Member]) -> dict[str, Image.Image]:
    pictures: dict[str, Image.Image] = {}
    num_pixels = 0
    for member in members:
        picture = decode_member(member)
        if not isinstance(picture, Skipped):
            pictures[member.name] = picture
            num_pixels += picture.width * picture.height
        if num_pixels >= MOST_PIXELS_LOOKED_AT:
            break
    return pictures


def enlargement(pictures: Sequence[Image.Image]) -> int:
    """The largest whole number by which all but one in twenty pictures were blown up; blank ones are no evidence."""
    scales = [enlarged_by(picture) for picture in pictures if any(low != high for low, high in _extrema(picture))]
    least = (1 - MOST_ODD) * len(scales)
    fits = [scale for scale in set(scales) if sum(other % scale == 0 for other in scales) >= least]
    return max(fits, default=1)


def _extrema(picture: Image.Image) -> Sequence[tuple[float, float]]:
    """Of each channel."""
    return [band.getextrema() for band in picture.split()]  # type: ignore[misc]  # Pillow's stubs: one or several


def _header(member: Member) -> _Header | None:
    try:
        with Image.open(BytesIO(member.read())) as image:
            turned = image.getexif().get(ExifTags.Base.Orientation) in _TURNED
            height, width = (image.width, image.height) if turned else (image.height, image.width)
            return _Header(image.format or "?", height, width)
    except Exception:  # fed with hostile bytes, Pillow raises kinds of its own; who decodes the file names the fault
        return None
