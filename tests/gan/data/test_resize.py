import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from gan.data.resize import Fit, area, enlarged_by, judge, resize, scaled_size
from gan.data.resolution import Resolution


def sprite(seed: int = 0, size: int = 16, colours: int = 6) -> Image.Image:
    """A noisy disc of few colours on nothing."""
    chance = np.random.default_rng(seed)
    palette = chance.integers(0, 256, (colours, 4), dtype=np.uint8)
    palette[:, 3] = 255
    pixels = palette[chance.integers(0, colours, (size, size))]
    rows, columns = np.mgrid[:size, :size] - (size - 1) / 2
    pixels[np.hypot(rows, columns) > size / 2.2] = 0
    return Image.fromarray(pixels)


def enlarged(image: Image.Image, scale: int) -> Image.Image:
    return image.resize((image.width * scale, image.height * scale), Image.Resampling.NEAREST)


def square(size: int) -> Resolution:
    return Resolution(height=size, width=size)


def same(one: Image.Image, other: Image.Image) -> bool:
    return one.size == other.size and one.mode == other.mode and one.tobytes() == other.tobytes()


@pytest.mark.parametrize("scale", [1, 2, 3, 8])
def test_how_far_a_picture_was_enlarged(scale: int) -> None:
    assert enlarged_by(enlarged(sprite(), scale)) == scale


def test_garbage_in_transparent_pixels_hides_no_enlargement() -> None:
    pixels = np.array(enlarged(sprite(), 4))
    clear = pixels[..., 3] == 0
    pixels[clear, :3] = np.random.default_rng(0).integers(0, 256, (clear.sum(), 3))
    assert enlarged_by(Image.fromarray(pixels)) == 4


@pytest.mark.parametrize(("before", "after"), [(1, 4), (4, 1), (4, 2), (4, 3), (2, 5), (3, 3)])
def test_pixel_art_stays_exact_at_whole_scales(before: int, after: int) -> None:
    """Up, down, and from one enlargement to another: always as if drawn at that scale."""
    resized, used = resize(enlarged(sprite(), before), square(16 * after), "letterbox", "pixel-art")
    assert used == ("none" if before == after else "nearest")
    assert same(resized, enlarged(sprite(), after))


def test_pixel_art_at_broken_scales_goes_by_area_and_keeps_flat_squares() -> None:
    resized, used = resize(sprite(), square(24), "letterbox", "pixel-art")
    assert used == "area"
    # 16 to 24: of every three pixels the outer two lie wholly inside one pixel of before.
    assert (np.asarray(resized)[::3, ::3] == np.asarray(sprite())[::2, ::2]).all()


def test_native_pixel_art_shrinks_by_area_not_by_dropping_lines() -> None:
    line = Image.new("RGB", (16, 16), "black")
    line.paste("white", (0, 7, 16, 8))
    resized, used = resize(line, square(8), "letterbox", "pixel-art")
    assert used == "area"
    assert np.asarray(resized)[3].tolist() == [[128] * 3] * 8


@pytest.mark.parametrize("method", ["nearest", "lanczos", "area"])
def test_a_named_method_is_used(method: str) -> None:
    resized, used = resize(enlarged(sprite(), 3), square(20), "letterbox", method)  # type: ignore[arg-type]
    assert used == method
    assert resized.size == (20, 20)


def test_nothing_to_do_is_no_filter() -> None:
    resized, used = resize(sprite(), square(16), "letterbox", "lanczos")
    assert used == "none"
    assert same(resized, sprite())


def slow_area(pixels: NDArray[np.float64], num: int) -> NDArray[np.float64]:
    """Along the first axis, from the definition: overlap by overlap."""
    scale = len(pixels) / num
    return np.array(
        [
            sum(
                max(0.0, min((new + 1) * scale, old + 1) - max(new * scale, old)) * pixels[old]
                for old in range(len(pixels))
            )
            / scale
            for new in range(num)
        ]
    )


@pytest.mark.parametrize(("width", "height"), [(7, 5), (12, 40), (16, 3), (1, 1)])
def test_area_is_what_its_definition_says(width: int, height: int) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (11, 16, 3), dtype=np.uint8)
    slow = slow_area(slow_area(pixels.astype(np.float64), height).swapaxes(0, 1), width).swapaxes(0, 1)
    fast = np.asarray(area(Image.fromarray(pixels), width, height))
    assert np.abs(fast - slow).max() <= 0.5 + 1e-3


def test_area_works_on_tall_pictures_in_parts() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (1000, 3), dtype=np.uint8)
    assert (
        np.abs(np.asarray(area(Image.fromarray(pixels), 3, 10)) - pixels.reshape(10, 100, 3).mean(axis=1)).max() <= 0.51
    )


@pytest.mark.parametrize("method", ["lanczos", "area"])
def test_the_colour_of_transparent_pixels_leaks_nowhere(method: str) -> None:
    pixels = np.zeros((16, 16, 4), dtype=np.uint8)
    pixels[..., 1] = 255  # green where nobody sees it
    pixels[4:12, 4:12] = (255, 0, 0, 255)
    resized = np.asarray(resize(Image.fromarray(pixels), square(7), "letterbox", method)[0])  # type: ignore[arg-type]
    assert resized[resized[..., 3] > 0][:, 1].max() == 0


@pytest.mark.parametrize(
    ("fit", "size"), [("letterbox", (64, 32)), ("crop", (128, 64)), ("pad", (64, 32)), ("stretch", (64, 64))]
)
def test_scaled_alike_both_ways(fit: Fit, size: tuple[int, int]) -> None:
    assert scaled_size((256, 128), square(64), fit) == size


def test_crop_fills_and_keeps_the_middle() -> None:
    image = Image.new("RGB", (48, 16), "blue")
    image.paste("red", (16, 0, 32, 16))
    resized, _ = resize(image, square(16), "crop", "lanczos")
    assert np.unique(np.asarray(resized).reshape(-1, 3), axis=0).tolist() == [[255, 0, 0]]


def test_crop_of_a_thread_of_pixels_stays_small() -> None:
    image = Image.new("L", (1, 1_000_000), 7)
    resized, _ = resize(image, square(64), "crop", "lanczos")  # scaled whole it would have 4 billion pixels
    assert resized.size == (64, 64)
    assert np.unique(np.asarray(resized)).tolist() == [7]


def blurred(image: Image.Image) -> Image.Image:
    return image.resize((24, 24), Image.Resampling.BICUBIC)


def test_pixel_art_is_told_from_drawings_photos_and_what_was_filtered() -> None:
    assert judge(enlarged(sprite(seed), 1 + seed % 3) for seed in range(10)).is_pixel_art
    assert not judge(blurred(sprite(seed)) for seed in range(10)).is_pixel_art
    rows, columns = np.mgrid[:32, :32]
    ramp = Image.fromarray((rows * 4 + columns * 3).astype(np.uint8))
    assert judge([ramp]).num_pixel_art == 0


def test_blank_pictures_are_no_evidence() -> None:
    style = judge([Image.new("RGB", (16, 16), "red")] * 9 + [sprite()])
    assert (style.num_looked_at, style.num_pixel_art) == (1, 1)
    assert not judge([]).is_pixel_art


@pytest.mark.parametrize(
    ("pack", "is_pixel_art"),
    [("dcss-weapons-plus", True), ("dcss-items", True), ("dcss-monsters", True), ("gameicons-all-128", False)],
)
def test_real_sets_are_judged_right(pack: str, is_pixel_art: bool, shared_data: Path) -> None:
    with zipfile.ZipFile(shared_data / f"{pack}.zip") as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".png"))
        images = [Image.open(io.BytesIO(archive.read(name))) for name in names[:: len(names) // 40]]
    style = judge(images)
    assert style.is_pixel_art == is_pixel_art
    assert abs(style.num_pixel_art / style.num_looked_at - 0.5) > 0.2, "near the border: the next set may fall over it"
