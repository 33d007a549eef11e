"""Files that no set should hold, or only after conversion: one function a kind, a picture in, a file's bytes out.

The kinds, names and expectations are those of ../shared/data/dcss-dirty.truth.json.
"""

import io
import struct
import zlib
from collections.abc import Callable
from zipfile import ZipFile

import numpy as np
from PIL import Image

Maker = Callable[[Image.Image, np.random.Generator], bytes]

SIGNATURE = b"\x89PNG\r\n\x1a\n"
REJECT, CONVERT, EITHER = "reject", "convert", "convert_or_reject"


def saved(image: Image.Image, format_: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format_, **options)
    return buffer.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def raw_png(width: int, height: int, bits: int, colour_type: int, rows: bytes, extra: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)
    return SIGNATURE + chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def with_chunk_after_header(data: bytes, extra: bytes) -> bytes:
    return data[:33] + extra + data[33:]


def with_bad_checksum(data: bytes) -> bytes:
    end = data.index(b"IDAT") + 4 + struct.unpack_from(">I", data, data.index(b"IDAT") - 4)[0]
    return data[:end] + bytes(byte ^ 0xFF for byte in data[end : end + 4]) + data[end + 4 :]


def ground(image: Image.Image) -> Image.Image:
    """On white, without alpha, as JPEG and BMP want it."""
    flat = Image.new("RGB", image.size, (255, 255, 255))
    flat.paste(image, mask=image.getchannel("A"))
    return flat


def frames(image: Image.Image) -> list[Image.Image]:
    return [image.rotate(90 * turn) for turn in range(3)]


def one_dot(image: Image.Image) -> Image.Image:
    dot = Image.new("RGBA", image.size)
    dot.putpixel((image.width // 2, image.height // 3), (200, 60, 40, 255))
    return dot


def nearly_black(image: Image.Image, generator: np.random.Generator) -> Image.Image:
    return Image.fromarray(generator.integers(0, 15, size=(image.height, image.width, 3), dtype=np.uint8))


def grey16(image: Image.Image) -> bytes:
    grey = np.asarray(ground(image).convert("L")).astype(">u2") * 257
    rows = b"".join(b"\0" + row.tobytes() for row in grey)
    return raw_png(image.width, image.height, 16, 0, rows)


def rgb48(image: Image.Image) -> bytes:
    deep = np.asarray(ground(image)).astype(">u2") * 257
    rows = b"".join(b"\0" + row.tobytes() for row in deep)
    return raw_png(image.width, image.height, 16, 2, rows)


def zip_of(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    with ZipFile(buffer, "w") as archive:
        archive.writestr("picture.png", saved(image))
    return buffer.getvalue()


def turned(image: Image.Image) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return saved(ground(image), "JPEG", quality=90, exif=exif)


# Kind: what should become of it, the ending of its name, its maker.
BROKEN: dict[str, tuple[str, str, Maker]] = {
    "zero_byte": (REJECT, ".png", lambda image, _: b""),
    "truncated_signature_only": (REJECT, ".png", lambda image, _: SIGNATURE),
    "truncated_after_ihdr": (REJECT, ".png", lambda image, _: saved(image)[:33]),
    "truncated_mid_idat": (REJECT, ".png", lambda image, _: saved(image)[: len(saved(image)) * 6 // 10]),
    "truncated_no_iend": ("reject_or_repair", ".png", lambda image, _: saved(image)[:-12]),
    "bad_crc_idat": (REJECT, ".png", lambda image, _: with_bad_checksum(saved(image))),
    "text_named_png": (REJECT, ".png", lambda image, _: b"The picture could not be loaded, try again later.\n"),
    "html_named_png": (REJECT, ".png", lambda image, _: b"<!doctype html><title>404</title><h1>Not Found</h1>"),
    "pdf_named_png": (REJECT, ".png", lambda image, _: b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\n%%EOF\n"),
    "absurd_ihdr_2e9": (REJECT, ".png", lambda image, _: raw_png(2_000_000_000, 2_000_000_000, 8, 6, b"\0" * 64)),
    "decompression_bomb_30000x30000": (
        REJECT,
        ".png",
        lambda image, _: raw_png(30_000, 30_000, 1, 0, b"\0" * (3751 * 30_000)),
    ),
    "decompression_bomb_animated": (
        REJECT,
        ".gif",
        lambda image, _: b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0, 0, 0) + b",\0\0\0\0\xff\xff\xff\xff\0\x02;",
    ),
    "ztxt_bomb_80MB": (
        "reject_or_convert",
        ".png",
        lambda image, _: with_chunk_after_header(
            saved(image), chunk(b"zTXt", b"bomb\0\0" + zlib.compress(b"\0" * 80_000_000, 9))
        ),
    ),
    "zip_bomb_member_64MB_of_zeros": (REJECT, ".png", lambda image, _: b"\0" * 64_000_000),
    "blank_transparent": (REJECT, ".png", lambda image, _: saved(Image.new("RGBA", image.size))),
    "blank_white": (REJECT, ".png", lambda image, _: saved(Image.new("RGB", image.size, (255, 255, 255)))),
    "blank_black": (REJECT, ".png", lambda image, _: saved(Image.new("RGBA", image.size, (0, 0, 0, 255)))),
    "nearly_blank_one_dot": (REJECT, ".png", lambda image, _: saved(one_dot(image))),
    "nearly_black_frame": (REJECT, ".png", lambda image, generator: saved(nearly_black(image, generator))),
    "one_pixel": (REJECT, ".png", lambda image, _: saved(Image.new("RGB", (1, 1), (9, 99, 200)))),
    "extreme_aspect": (REJECT, ".png", lambda image, _: saved(ground(image).resize((20 * image.width, 2)))),
    "zip_in_zip": ("ignore", ".zip", lambda image, _: zip_of(image)),
    "png_without_extension": ("keep_or_ignore", "", lambda image, _: saved(image)),
    "jpeg_named_png": (CONVERT, ".png", lambda image, _: saved(ground(image), "JPEG", quality=90)),
    "progressive_jpeg_upper_ext": (
        CONVERT,
        ".JPG",
        lambda image, _: saved(ground(image), "JPEG", quality=90, progressive=True),
    ),
    "cmyk_jpeg": (EITHER, ".jpg", lambda image, _: saved(ground(image).convert("CMYK"), "JPEG")),
    "jpeg_exif_orientation6": (CONVERT, ".jpg", lambda image, _: turned(image)),
    "bmp": (CONVERT, ".bmp", lambda image, _: saved(ground(image), "BMP")),
    "webp": (CONVERT, ".webp", lambda image, _: saved(image, "WEBP", quality=90)),
    "tiff": (EITHER, ".tif", lambda image, _: saved(image, "TIFF")),
    "animated_gif": (
        EITHER,
        ".gif",
        lambda image, _: saved(frames(image)[0], "GIF", save_all=True, append_images=frames(image)[1:]),
    ),
    "animated_gif_named_png": (
        EITHER,
        ".png",
        lambda image, _: saved(image, "GIF", save_all=True, append_images=frames(image)[1:]),
    ),
    "apng": (EITHER, ".png", lambda image, _: saved(image, save_all=True, append_images=frames(image))),
    "gray16_png": (CONVERT, ".png", lambda image, _: grey16(image)),
    "rgb48_png": (CONVERT, ".png", lambda image, _: rgb48(image)),
    "gray_alpha_png": (CONVERT, ".png", lambda image, _: saved(image.convert("LA"))),
    "one_bit_png": (CONVERT, ".png", lambda image, _: saved(ground(image).convert("1"))),
    "palette_with_transparency": (CONVERT, ".png", lambda image, _: saved(image.quantize(64))),
    "not_square_48x32": (CONVERT, ".png", lambda image, _: saved(image.resize((48, 32)))),
    "gamma_1_0_png": (
        CONVERT,
        ".png",
        lambda image, _: with_chunk_after_header(saved(image), chunk(b"gAMA", struct.pack(">I", 100_000))),
    ),
}
