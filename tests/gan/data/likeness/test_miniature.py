import numpy as np

from gan.data.likeness.miniature import MOST_BYTES, averaged, bytes_each, keep


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, size=(4, height, width), dtype=np.uint8)


def test_a_sprite_is_kept_whole_whatever_it_shows() -> None:
    picture = noise(32, 24)
    assert (keep(picture).straight() == picture).all()


def test_a_large_flat_picture_is_kept_whole_and_a_busy_one_reduced_until_it_fits() -> None:
    flat = np.zeros((4, 128, 96), dtype=np.uint8)
    flat[:, 20:90, 10:70] = 200
    assert (keep(flat).straight() == flat).all()
    for most_bytes, size in ((MOST_BYTES, (64, 48)), (6000, (32, 24)), (100_000, (128, 96))):
        busy = keep(noise(128, 96), most_bytes)
        assert (busy.height, busy.width) == size
        assert len(busy.packed) <= most_bytes


def test_so_many_pictures_share_the_memory() -> None:
    assert 100_000 * bytes_each(100_000) <= 600_000_000
    assert bytes_each(1000) > 128 * 128 * 4


def test_averaging_does_not_draw_the_colour_of_clear_pixels_into_the_visible() -> None:
    picture = np.zeros((4, 2, 2), dtype=np.uint8)
    picture[:, 0, 0] = (200, 100, 0, 255)
    picture[:3, 1, 1] = 255
    small = averaged(picture, 1, 1)[:, 0, 0]
    assert small[3] == 64
    assert abs(small[:3].astype(int) - [200, 100, 0]).max() <= 2
