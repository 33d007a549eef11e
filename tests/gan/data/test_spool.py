from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan.data.spool import Spool


def test_pictures_come_back_as_often_as_wanted(tmp_path: Path) -> None:
    chance = np.random.default_rng(0)
    images = [
        Image.fromarray(chance.integers(0, 256, shape, dtype=np.uint8)) for shape in ((3, 5), (4, 2, 3), (1, 7, 4))
    ]
    with Spool(tmp_path) as spool:
        for image in images:
            spool.append(image)
        assert len(spool) == 3
        assert list(tmp_path.iterdir()) == [], "a file without a name, so that a kill leaves nothing"
        for _ in range(2):
            for image, back in zip(images, spool, strict=True):
                assert (back.mode, back.size, back.tobytes()) == (image.mode, image.size, image.tobytes())
        assert dict(spool.sizes) == {(3, 5): 1, (4, 2): 1, (1, 7): 1}


@pytest.mark.parametrize(
    ("colours", "channels"),
    [
        ([(9, 9, 9, 255)], 1),
        ([(9, 9, 9, 255), (9, 0, 0, 255)], 3),
        ([(9, 0, 0, 255), (0, 0, 0, 254), (1, 1, 1, 255)], 4),
    ],
)
def test_channels_that_hold_all(colours: list[tuple[int, ...]], channels: int, tmp_path: Path) -> None:
    with Spool(tmp_path) as spool:
        for colour in colours:
            spool.append(Image.new("RGBA", (2, 2), colour))
        assert spool.channels == channels
