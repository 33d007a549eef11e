import dataclasses

import numpy as np
import pytest
import torch

from gan.data.dataset import PictureSet
from gan.data.stream import PictureStream


def numbered(labels: list[int]) -> PictureSet:
    """Grey pictures of one value each, which is their number."""
    num = len(labels)
    images = np.broadcast_to(np.arange(num, dtype=np.uint8)[:, None, None, None], (num, 1, 16, 16)).copy()
    return PictureSet(
        source="numbered",
        images=images,
        labels=np.array(labels, dtype=np.int64),
        class_names=tuple(str(label) for label in sorted(set(labels))),
        names=tuple(str(number) for number in range(num)),
        skipped=(),
        fingerprint="numbered",
    )


def stream(pictures: PictureSet, class_balance: float = 0.0, seed: int = 0) -> PictureStream:
    return PictureStream(
        pictures, seed=seed, mirror=False, conditional=True, device=torch.device("cpu"), class_balance=class_balance
    )


UNEVEN = numbered([0] * 40 + [1] * 8 + [2] * 2)


def epoch(pictures: PictureSet, class_balance: float, number: int = 0) -> tuple[list[int], list[int]]:
    images, labels = stream(pictures, class_balance).batch(number * len(pictures), len(pictures))
    assert labels is not None
    return images[:, 0, 0, 0].tolist(), labels.tolist()


def test_every_picture_once_an_epoch() -> None:
    first, _ = epoch(UNEVEN, 0.0, 0)
    second, _ = epoch(UNEVEN, 0.0, 1)
    assert sorted(first) == sorted(second) == list(range(50))
    assert first != second


@pytest.mark.parametrize(("balance", "expected"), [(1.0, (16.7, 16.7, 16.7)), (0.5, (29.4, 13.1, 6.6))])
def test_balanced_classes_come_as_often_as_said(balance: float, expected: tuple[float, ...]) -> None:
    counts = np.zeros(3)
    for number in range(20):
        pictures, labels = epoch(UNEVEN, balance, number)
        assert [UNEVEN.labels[picture] for picture in pictures] == labels
        counts += np.bincount(labels, minlength=3)
    np.testing.assert_allclose(counts / 20, expected, atol=0.5)


def test_a_batch_is_the_same_whenever_it_is_asked_for() -> None:
    one, two = stream(UNEVEN, 1.0), stream(UNEVEN, 1.0)
    two.batch(0, 16)
    assert torch.equal(one.batch(48, 16)[0], two.batch(48, 16)[0])


def test_mirroring_flips_about_half() -> None:
    chance = np.random.default_rng(0)
    pictures = dataclasses.replace(UNEVEN, images=chance.integers(0, 256, (50, 1, 16, 16), dtype=np.uint8))
    images, _ = PictureStream(pictures, seed=0, mirror=True, conditional=False, device=torch.device("cpu")).batch(0, 50)
    known = {picture.tobytes() for picture in pictures.images}
    flipped = [image.tobytes() not in known for image in images.numpy()]
    assert 10 < sum(flipped) < 40
    assert all(np.ascontiguousarray(image[:, :, ::-1]).tobytes() in known for image in images.numpy()[flipped])
