import pytest

from gan.data.resolution import Resolution
from gan.errors import UserError


@pytest.mark.parametrize(("text", "size"), [("64", (64, 64)), ("128x96", (128, 96)), (" 48X64 ", (48, 64))])
def test_reads_height_by_width(text: str, size: tuple[int, int]) -> None:
    resolution = Resolution.parse(text)
    assert (resolution.height, resolution.width) == size
    assert Resolution.parse(str(resolution)) == resolution


@pytest.mark.parametrize("text", ["", "big", "64x", "-3", "6.4", "1x2x3"])
def test_refuses_what_is_no_size(text: str) -> None:
    with pytest.raises(UserError, match="write 64, or 128x96"):
        Resolution.parse(text)


@pytest.mark.parametrize("text", ["0", "0x64", "64x0", "4097", "64x99999"])
def test_refuses_what_no_network_makes(text: str) -> None:
    with pytest.raises(UserError, match="give 1 to 4096 pixels each way"):
        Resolution.parse(text)
