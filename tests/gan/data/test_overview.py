import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gan.data.armory import draw_armory
from gan.data.dataset import PictureSet, Skipped
from gan.data.files import enlargement, look_at_files
from gan.data.members import open_source
from gan.data.overview import count_near, look_over, mean_pictures, mirror_test
from gan.features.interface import FeatureNet
from gan.features.registry import load_feature_net


@pytest.fixture(scope="module")
def net() -> FeatureNet:
    return load_feature_net("randconv", torch.device("cpu"))


def pictures_of(images: np.ndarray, labels: list[int], class_names: tuple[str, ...] = ()) -> PictureSet:
    return PictureSet(
        source="some",
        images=images,
        labels=np.array(labels, dtype=np.int64),
        class_names=class_names,
        names=tuple(f"{index}.png" for index in range(len(images))),
        skipped=(Skipped("bad.png", "not a picture"),),
        fingerprint="0" * 16,
    )


def flat(*colours: tuple[int, int, int, int]) -> np.ndarray:
    """A picture of one colour each, its upper left quarter another."""
    images = np.array(colours, dtype=np.uint8)[:, :, None, None].repeat(16, axis=2).repeat(16, axis=3)
    images[:, 0, :4, :4] = 255
    images[:, 3, :4, :4] = 255
    return images


def test_copies_conflicts_and_classes(net: FeatureNet) -> None:
    images = flat((0, 0, 0, 0), (0, 0, 0, 0), (9, 0, 0, 0), (9, 0, 0, 0), (9, 0, 0, 0))
    overview = look_over(pictures_of(images, [0, 0, 0, 1, 1], ("axe", "bow")), None, net)
    assert (overview.num, overview.num_different, overview.copies, overview.conflicts) == (5, 2, 3, 1)
    assert overview.classes == (("axe", 3), ("bow", 2))
    assert overview.skipped == (("bad.png", "not a picture"),)
    assert overview.mirror is None
    assert overview.near is None


def test_near_copies_without_the_exact_ones(net: FeatureNet) -> None:
    weapons = draw_armory(12, 32, 32).images
    shifted = np.roll(weapons[:2], 1, axis=3)
    near = count_near(np.concatenate([weapons, shifted, weapons[5:7]]))
    assert near.copies == 2
    assert look_over(pictures_of(weapons, [0] * 12), None, net, near).near == near


def test_alpha_colour_and_blanks(net: FeatureNet) -> None:
    clear, solid, half = flat((0, 0, 0, 0), (200, 10, 10, 255), (100, 100, 100, 128))
    blank = np.full_like(clear, 7)
    overview = look_over(pictures_of(np.stack([clear, solid, half, blank]), [0] * 4), None, net)
    assert overview.blank == 1
    assert overview.transparent == 0.75
    assert overview.translucent == 0.5
    assert overview.coloured == 0.75  # the corners are red
    assert overview.drawn_area == pytest.approx((1 / 16 + 1 + (1 + 15 * 128 / 255) / 16 + 7 / 255) / 4)


def test_grey_pictures_have_no_colour(net: FeatureNet) -> None:
    for channels in (1, 3):
        images = np.random.default_rng(0).integers(0, 255, (3, 1, 16, 16), dtype=np.uint8).repeat(channels, axis=1)
        overview = look_over(pictures_of(images, [0, 0, 0]), None, net)
        assert (overview.coloured, overview.transparent, overview.drawn_area) == (0.0, 0.0, 1.0)


def test_weapons_that_point_one_way_are_told_from_their_mirror_images(net: FeatureNet) -> None:
    images = draw_armory(144, 32, 32).images
    one_way = mirror_test(images, net)
    assert one_way is not None
    assert one_way.told_apart > 0.9
    turned = images.copy()
    coins = np.random.default_rng(0).random(len(images)) < 0.5
    turned[coins] = turned[coins, ..., ::-1]
    both_ways = mirror_test(turned, net)
    assert both_ways is not None
    assert both_ways.told_apart < 0.5 + 3 * both_ways.error
    assert both_ways.symmetric == 0.0


def test_pictures_that_are_their_own_mirror_images(net: FeatureNet) -> None:
    half = np.random.default_rng(0).integers(0, 255, (30, 3, 32, 16), dtype=np.uint8)
    mirror = mirror_test(np.concatenate([half, half[..., ::-1]], axis=3), net)
    assert mirror is not None
    assert mirror.symmetric == 1.0
    assert mirror.told_apart == pytest.approx(0.5, abs=0.1)


def test_the_mirror_test_does_not_depend_on_the_order(net: FeatureNet) -> None:
    images = draw_armory(40, 32, 32).images
    forth = look_over(pictures_of(images, [0] * 40), None, net)
    back = look_over(pictures_of(images[::-1].copy(), [0] * 40), None, net)
    assert forth.mirror == back.mirror


def test_mean_pictures() -> None:
    images = np.zeros((3, 4, 8, 8), dtype=np.uint8)
    images[0] = 10
    images[1] = 20
    images[2] = 240
    means = mean_pictures(pictures_of(images, [0, 0, 2], ("axe", "bow", "club")))
    assert means[:, 0, 0, 0].tolist() == [90, 15, 0, 240]
    assert mean_pictures(pictures_of(images, [0, 0, 0])).shape == (1, 4, 8, 8)


def picture(size: int, *, seed: int, times: int = 1) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 255, (size, size, 3), dtype=np.uint8)
    return Image.fromarray(pixels.repeat(times, axis=0).repeat(times, axis=1))


def test_enlargement_is_what_nearly_all_share() -> None:
    twice, once = [picture(8, seed=seed, times=2) for seed in range(20)], picture(16, seed=99)
    assert enlargement(twice) == 2
    assert enlargement([*twice, once]) == 2
    assert enlargement([*twice, once, picture(16, seed=98), picture(16, seed=97)]) == 1
    assert enlargement([*twice, picture(4, seed=1, times=4)]) == 2
    assert enlargement([Image.new("RGB", (16, 16))]) == 1


def test_files_as_they_are(tmp_path: Path) -> None:
    for name, size in (("axe/a.png", 8), ("axe/b.png", 8), ("c.jpg", 12)):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        buffer = io.BytesIO()
        exif = Image.Exif()
        exif[274] = 6  # lies on its side
        picture(size, seed=size).crop((0, 0, size, size // 2)).save(
            buffer, path.suffix[1:].replace("jpg", "jpeg"), exif=exif
        )
        path.write_bytes(buffer.getvalue())
    (tmp_path / "bad.png").write_bytes(b"no picture")
    with open_source(str(tmp_path)) as source:
        files, _ = look_at_files(source.members)
    assert files.num == 3
    assert files.num_bytes == sum(path.stat().st_size for path in tmp_path.rglob("*.*g")) - len(b"no picture")
    assert files.sizes == ((8, 4, 2), (12, 6, 1))
    assert files.formats == (("PNG", 2), ("JPEG", 1))
