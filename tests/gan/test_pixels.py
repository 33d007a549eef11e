import numpy as np
import pytest
import torch
from PIL import Image

from gan.pixels import from_pil, over, premultiply, sheet, to_float, to_pil, to_uint8, unpremultiply


def test_premultiplying_and_back_keeps_opaque_pixels_and_hides_invisible_colour() -> None:
    straight = np.zeros((4, 1, 3), dtype=np.uint8)
    straight[:, 0, 0] = (200, 100, 50, 255)
    straight[:, 0, 1] = (200, 100, 50, 128)
    straight[:, 0, 2] = (200, 100, 50, 0)
    inside = premultiply(straight)
    assert inside[:, 0, 1].tolist() == [100, 50, 25, 128]
    back = unpremultiply(inside)
    assert back[:, 0, 0].tolist() == [200, 100, 50, 255]
    assert abs(back[:3, 0, 1].astype(int) - [200, 100, 50]).max() <= 1
    assert back[:, 0, 2].tolist() == [0, 0, 0, 0]


def test_every_uint8_survives_the_float_door() -> None:
    values = torch.arange(256, dtype=torch.uint8)
    assert (to_uint8(to_float(values)) == values).all()
    assert to_uint8(torch.tensor([-3.0, 3.0])).tolist() == [0, 255]


def test_over_shows_the_background_through_what_is_transparent() -> None:
    clear = torch.full((1, 4, 1, 1), -1.0)
    assert over(clear, 0.5).flatten().tolist() == [0.5, 0.5, 0.5]
    opaque_red = torch.tensor([1.0, -1.0, -1.0, 1.0]).reshape(1, 4, 1, 1)
    assert over(opaque_red, 0.5).flatten().tolist() == [1.0, -1.0, -1.0]
    assert over(torch.zeros(1, 1, 2, 2), 0.0).shape == (1, 3, 2, 2)


@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("RGB", 3), ("RGBA", 4), ("P", 3), ("LA", 4), ("RGBA", 1)])
def test_any_mode_comes_in(mode: str, channels: int) -> None:
    image = Image.new(mode, (5, 4))
    assert from_pil(image, channels).shape == (channels, 4, 5)


def test_a_png_comes_back_as_it_went_in() -> None:
    picture = premultiply(np.random.default_rng(0).integers(0, 256, (4, 6, 6), dtype=np.uint8))
    again = from_pil(to_pil(picture), 4)
    assert abs(again.astype(int) - picture.astype(int)).max() <= 1  # straight alpha rounds twice


def test_sheet_places_pictures_in_rows() -> None:
    images = np.zeros((5, 3, 4, 4), dtype=np.uint8)
    images[4] = 255
    canvas = sheet(images, 2, scale=3, gap=1)
    assert canvas.size == (2 * 13 + 1, 3 * 13 + 1)
    assert canvas.getpixel((2, 2 * 13 + 2)) == (255, 255, 255)
