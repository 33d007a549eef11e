import io
import json
import struct
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from gan.data import decode as decode_module
from gan.data.decode import channels_needed, decode, decode_member, decoding
from gan.data.members import Skipped, open_source


def saved(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def reason(data: bytes) -> str:
    result = decode("a.png", data)
    assert isinstance(result, Skipped)
    assert result.name == "a.png"
    assert "\n" not in result.reason
    return result.reason


def picture(data: bytes) -> Image.Image:
    result = decode("a.png", data)
    assert isinstance(result, Image.Image), result
    return result


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_of_size(width: int, height: int) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 16, 4), dtype=np.uint8))


@pytest.mark.parametrize(
    ("image", "mode"),
    [
        (NOISE, "RGBA"),
        (NOISE.convert("RGB"), "RGB"),
        (NOISE.convert("LA"), "RGBA"),
        (NOISE.convert("L"), "L"),
        (NOISE.convert("1"), "L"),
        (NOISE.convert("RGB").convert("P"), "RGB"),
    ],
)
def test_every_mode_becomes_one_of_three(image: Image.Image, mode: str) -> None:
    assert picture(saved(image)).mode == mode


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_formats_whatever_the_ending(kind: str) -> None:
    assert picture(saved(NOISE.convert("RGB"), kind)).size == (16, 24)


def test_cmyk_becomes_rgb() -> None:
    image = picture(saved(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG"))
    assert image.mode == "RGB"
    assert np.abs(np.asarray(image)[0, 0].astype(int) - (255, 0, 0)).max() < 8


def test_a_palettes_transparent_entry() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.putpixel((1, 0), 1)
    assert np.asarray(picture(saved(image, transparency=1))).tolist() == [[[255, 0, 0, 255], [0, 255, 0, 0]]]


def test_sixteen_bits_are_scaled_and_keep_their_transparent_value() -> None:
    image = Image.fromarray(np.array([[0x8000, 0x1234]], dtype=np.uint16))
    assert np.asarray(picture(saved(image))).tolist() == [[0x80, 0x12]]
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 1, 16, 0, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(b"\0\x80\0\x12\x34"))
    data = b"\x89PNG\r\n\x1a\n" + header + chunk(b"tRNS", b"\x12\x34") + pixels + chunk(b"IEND", b"")
    assert np.asarray(picture(data))[0, :, 3].tolist() == [255, 0]


def test_floats_are_refused_rather_than_guessed() -> None:
    assert "32 bits" in reason(saved(Image.new("F", (4, 4), 0.5), "TIFF"))


def test_the_first_frame_of_an_animation() -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "lime", "blue")]
    for kind in ("GIF", "PNG", "WEBP"):
        data = saved(
            frames[0], kind, save_all=True, append_images=frames[1:], **{"lossless": True} if kind == "WEBP" else {}
        )
        assert np.asarray(picture(data).convert("RGB"))[0, 0].tolist() == [255, 0, 0]


def test_turned_upright_as_exif_says() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.new("RGB", (32, 16), "black")
    image.paste("white", (0, 0, 16, 16))  # left half white; turned clockwise, the upper half
    upright = np.asarray(picture(saved(image, "JPEG", exif=exif)).convert("L"))
    assert upright.shape == (32, 16)
    assert upright[:12].min() > 200 > 50 > upright[20:].max()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "an empty file"),
        (b"<!DOCTYPE html>", "not a picture"),
        (bytes(1000), "not a picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n", "not a picture"),  # no Ghostscript
        (saved(NOISE)[:8], "cut short"),
        (saved(NOISE)[:33], "cut short"),
        (saved(NOISE)[:400], "truncated"),
        (saved(NOISE.convert("RGB"), "JPEG")[:300], "Truncated"),
        (saved(NOISE.convert("RGB"), "JPEG")[:-40], "truncated"),
        (png_of_size(30_000, 30_000), "bomb"),
        (png_of_size(2_000_000_000, 2_000_000_000), "bomb"),
        (png_of_size(9000, 9000), "9000x9000 is over 64,000,000 pixels"),
    ],
)
def test_what_is_no_picture_is_told_apart(data: bytes, expected: str) -> None:
    assert expected in reason(data)


def test_a_text_chunk_that_inflates_is_refused_at_once() -> None:
    info = PngInfo()
    info.add_text("comment", "0" * 8_000_000, zip=True)
    data = saved(Image.new("RGB", (4, 4)), pnginfo=info)
    assert len(data) < 10_000
    start = time.perf_counter()
    assert "bomb" in reason(data)
    assert time.perf_counter() - start < 0.5


def test_a_wrong_checksum_of_the_pixels_is_damage() -> None:
    data = bytearray(saved(NOISE))
    start = data.index(b"IDAT")
    (length,) = struct.unpack_from(">I", data, start - 4)
    data[start + 4 + length] ^= 1  # the checksum itself: Pillow lets it pass
    assert "checksum" in reason(bytes(data))


def test_a_png_without_its_end_is_whole_enough() -> None:
    assert picture(saved(NOISE)[:-12]).size == NOISE.size


def test_large_pictures_are_held_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode_module, "LARGE_PIXELS", 100)
    data, inside, most, lock = saved(NOISE), 0, 0, threading.Lock()

    def hold(_: int) -> None:
        nonlocal inside, most
        with decoding("a.png", data):
            with lock:
                inside += 1
                most = max(most, inside)
            time.sleep(0.01)
            with lock:
                inside -= 1

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(hold, range(8)))
    assert most == 1


def test_a_member_that_cannot_be_read_is_skipped(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(saved(NOISE))
    with open_source(str(tmp_path)) as opened:
        assert isinstance(decode_member(opened.members[0]), Image.Image)
        (tmp_path / "a.png").unlink()
        assert decode_member(opened.members[0]) == Skipped("a.png", "No such file or directory")


@pytest.mark.parametrize(
    ("mode", "colour", "channels"),
    [("L", 9, 1), ("RGB", (9, 9, 9), 1), ("RGB", (9, 9, 8), 3), ("RGBA", (9, 0, 0, 255), 3), ("RGBA", (9, 9, 9, 9), 4)],
)
def test_channels_needed(mode: str, colour: int | tuple[int, ...], channels: int) -> None:
    assert channels_needed(Image.new(mode, (4, 4), colour)) == channels


def test_the_dirty_pack(shared_data: Path) -> None:
    """Every kind that is a picture in some form decodes, every kind that is none is told, but for blank pictures."""
    truth = json.loads((shared_data / "dcss-dirty.truth.json").read_text())["entries"]
    fine = {"clean", "odd_name", "exact_copy", "near_resized", "palette_with_transparency", "gray16_png", "rgb48_png"}
    fine |= {"one_bit_png", "cmyk_jpeg", "apng", "jpeg_exif_orientation6", "progressive_jpeg_upper_ext"}
    broken = {"zero_byte", "html_named_png", "bad_crc_idat", "absurd_ihdr_2e9", "truncated_mid_idat"}
    broken |= {"truncated_after_ihdr", "truncated_signature_only", "decompression_bomb_30000x30000"}
    kinds = {entry["member"]: entry["kind"] for entry in truth}
    with open_source(str(shared_data / "dcss-dirty.zip")) as opened:
        seen = {member.name: decode_member(member) for member in opened.members}
    for name, result in seen.items():
        if kinds[name] in fine:
            assert isinstance(result, Image.Image), (name, result)
        if kinds[name] in broken:
            assert isinstance(result, Skipped), name
