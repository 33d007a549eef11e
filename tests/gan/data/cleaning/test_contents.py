import numpy as np
import pytest
from PIL import Image, ImageDraw

from gan.data.cleaning.contents import Contents, contents


def of(image: Image.Image) -> Contents:
    return contents(np.asarray(image.convert("RGBA")).transpose(2, 0, 1))


def with_dots(image: Image.Image, num: int) -> Image.Image:
    for place in range(num):
        image.putpixel((3 + place, 5), (200, 20, 20, 255)[: len(image.getbands())])
    return image


@pytest.mark.parametrize("colour", [(0, 0, 0, 0), (255, 255, 255, 255), (9, 200, 30, 128)])
def test_one_colour_is_blank_and_so_is_a_dot_but_a_corner_is_not(colour: tuple[int, ...]) -> None:
    assert of(Image.new("RGBA", (32, 32), colour)).drawn == 0
    assert of(with_dots(Image.new("RGBA", (32, 32), colour), 1)).is_blank
    corner = of(with_dots(Image.new("RGBA", (32, 32), colour), 3))
    assert not corner.is_blank
    assert corner.is_nearly_blank
    assert not of(with_dots(Image.new("RGBA", (32, 32), colour), 16)).is_nearly_blank


def test_the_colour_of_clear_pixels_is_nothing_to_see() -> None:
    garbage = np.random.default_rng(0).integers(0, 256, (32, 32, 4), dtype=np.uint8)
    garbage[..., 3] = 0
    assert of(Image.fromarray(garbage)).is_blank


def test_only_what_nobody_sees_is_black() -> None:
    shade = np.random.default_rng(0).integers(0, 12, (32, 32, 3), dtype=np.uint8)
    assert of(Image.fromarray(shade)).is_black
    stone = of(Image.fromarray(shade * 4))
    assert not stone.is_black
    assert stone.is_dark
    assert not of(Image.fromarray(shade * 12)).is_dark
    shape = Image.new("RGBA", (32, 32))
    ImageDraw.Draw(shape).ellipse((8, 8, 24, 24), fill=(2, 2, 2, 255))
    assert not of(shape).is_dark, "a black shape on a clear ground is a shape"


def test_noise_of_jpeg_on_one_colour_is_blank() -> None:
    wobble = np.random.default_rng(0).integers(-6, 7, (64, 64, 3)) + 180
    assert of(Image.fromarray(wobble.astype(np.uint8))).is_blank
