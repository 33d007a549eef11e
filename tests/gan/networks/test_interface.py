import pytest

from gan.errors import UserError
from gan.networks.interface import PictureShape, check_resolution


@pytest.mark.parametrize(
    ("size", "base", "doublings"),
    [
        ((64, 64), (4, 4), 4),
        ((32, 32), (4, 4), 3),
        ((128, 96), (4, 3), 5),
        ((48, 64), (3, 4), 4),
        ((96, 96), (3, 3), 5),
        ((20, 20), (5, 5), 2),
        ((64, 256), (4, 16), 4),
    ],
)
def test_base_and_doublings(size: tuple[int, int], base: tuple[int, int], doublings: int) -> None:
    shape = PictureShape(channels=3, height=size[0], width=size[1])
    assert (shape.base, shape.num_doublings) == (base, doublings)
    assert shape.size_after(doublings) == size


def test_33_is_refused_and_the_nearest_named() -> None:
    with pytest.raises(UserError, match=r"33x33 cannot be built.*nearest that works is 32x32"):
        check_resolution(33, 33)


@pytest.mark.parametrize("size", [(0, 0), (2, 2), (8, 1024), (34, 34), (64, 33)])
def test_sizes_that_cannot_be_doubled_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(UserError, match="cannot be built"):
        check_resolution(*size)


def test_channels() -> None:
    with pytest.raises(UserError, match="channels 2"):
        PictureShape(channels=2, height=32, width=32)
