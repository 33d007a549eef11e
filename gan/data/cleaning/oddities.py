"""What about a readable file had to be put right: named wrongly, turned, animated, deep, in print inks."""

from io import BytesIO
from pathlib import PurePosixPath

from PIL import ExifTags, Image

_ENDINGS = {
    "PNG": (".png",),
    "JPEG": (".jpg", ".jpeg"),
    "WEBP": (".webp",),
    "GIF": (".gif",),
    "BMP": (".bmp",),
    "TIFF": (".tif", ".tiff"),
}
_DEPTH_AT = 24  # of a PNG's header: bytes before its bit depth


def oddity(name: str, data: bytes) -> str | None:
    """Of a file that was decoded; None for a plain one. Reads the header alone."""
    try:
        with Image.open(BytesIO(data), formats=tuple(_ENDINGS)) as image:
            found = list(_oddities(name, data, image))
    except Exception:  # fed with odd bytes, Pillow raises kinds of its own; the pixels were readable all the same
        return None
    return "; ".join(found) or None


def _oddities(name: str, data: bytes, image: Image.Image) -> list[str]:
    found = []
    format_ = image.format or "PNG"
    ending = PurePosixPath(name).suffix.lower()
    if ending not in _ENDINGS[format_]:
        found.append(f"a {format_} file named {ending}")
    elif format_ != "PNG":
        found.append(f"a {format_} file")
    num_frames = getattr(image, "n_frames", 1)
    if num_frames > 1:
        found.append(f"an animation: the first of {num_frames} frames is taken")
    if image.getexif().get(ExifTags.Base.Orientation, 1) != 1:
        found.append("turned upright as its EXIF says")
    if image.mode == "CMYK":
        found.append("print inks (CMYK) taken as RGB")
    if image.mode.startswith("I;16") or (format_ == "PNG" and data[_DEPTH_AT] == 16):
        found.append("16 bits a channel cut to 8")
    return found
