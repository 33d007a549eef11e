import numpy as np
import pytest

from gan.data.armory import draw_armory
from gan.data.likeness.jpeg import FULL_COLOUR, HALVED_COLOUR, through_jpeg, through_many

QUALITIES = (55, 75, 90)


@pytest.mark.parametrize("subsampling", [FULL_COLOUR, HALVED_COLOUR])
@pytest.mark.parametrize("size", [(32, 32), (21, 35)])
def test_the_quick_twin_gives_what_pillow_gives(subsampling: int, size: tuple[int, int]) -> None:
    colour = draw_armory(1, *size, seed=4).images[0, :3]
    many = through_many(colour, QUALITIES, subsampling)
    for place, quality in enumerate(QUALITIES):
        plain = through_jpeg(colour, quality, subsampling).astype(np.float32)
        difference = np.sqrt(np.square(many[place] - plain).mean())
        loss = np.sqrt(np.square(plain - colour).mean())
        assert difference < 2.5
        assert difference < 0.35 * loss


def test_the_other_way_to_store_colour_gives_something_else() -> None:
    colour = draw_armory(1, 32, 32, seed=4).images[0, :3]
    full, halved = (through_many(colour, [90], subsampling) for subsampling in (FULL_COLOUR, HALVED_COLOUR))
    assert np.sqrt(np.square(full - halved).mean()) > 2.5
