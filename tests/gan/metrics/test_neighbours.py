import numpy as np
import pytest
import torch

from gan.metrics.neighbours import Balls, kth_neighbour_distances, nearest, neighbour_distances, squared_distance_blocks


def rows(seed: int, num: int, dimensions: int = 6) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((num, dimensions)).astype(np.float32)


def all_distances(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The slow, obvious twin."""
    return np.sqrt(((x[:, None].astype(np.float64) - y[None]) ** 2).sum(-1))


@pytest.mark.parametrize("block_bytes", [1, 8 * 31 * 7, 2**26])
def test_blocks_equal_the_plain_distances(block_bytes: int) -> None:
    x, y = rows(0, 50), rows(1, 31)
    blocks = list(squared_distance_blocks(x, y, block_bytes=block_bytes))
    assert [slice_.start for slice_, _ in blocks] == sorted({slice_.start for slice_, _ in blocks})
    together = torch.cat([block for _, block in blocks]).sqrt().numpy()
    np.testing.assert_allclose(together, all_distances(x, y), rtol=1e-9)


def test_equal_rows_far_from_the_origin_are_at_distance_zero() -> None:
    """Where the quick formula in float32 would see hundreds."""
    x = rows(0, 20) + np.float32(30_000.0)
    (_, squared), *_ = squared_distance_blocks(x, x)
    assert (torch.diagonal(squared) == 0).all()
    np.testing.assert_allclose(squared.sqrt().numpy(), all_distances(x, x), rtol=1e-4)


@pytest.mark.parametrize("k", [1, 3, 19])
@pytest.mark.parametrize("block_bytes", [1000, 2**26])
def test_kth_neighbour(k: int, block_bytes: int) -> None:
    x = rows(0, 20)
    expected = np.sort(all_distances(x, x), axis=1)[:, k]  # column 0 is the row itself
    np.testing.assert_allclose(kth_neighbour_distances(x, k, block_bytes=block_bytes), expected, rtol=1e-9)


def test_several_k_at_once() -> None:
    x = rows(0, 20)
    for k, distances in zip((5, 1, 3), neighbour_distances(x, (5, 1, 3)), strict=True):
        np.testing.assert_allclose(distances, kth_neighbour_distances(x, k), rtol=1e-12)


def test_a_copy_is_a_neighbour_at_distance_zero() -> None:
    x = np.concatenate([rows(0, 5), rows(0, 5)[:1]])
    assert kth_neighbour_distances(x, 1)[0] == 0.0
    assert kth_neighbour_distances(x, 2)[0] > 0.0


@pytest.mark.parametrize("k", [0, 5, 6])
def test_a_neighbour_that_is_not_there(k: int) -> None:
    with pytest.raises(ValueError, match="from 1 to 4"):
        kth_neighbour_distances(rows(0, 5), k)


def test_nearest() -> None:
    x, y = rows(0, 40), rows(1, 30)
    indices, distances = nearest(x, y, block_bytes=1000)
    np.testing.assert_array_equal(indices, all_distances(x, y).argmin(1))
    np.testing.assert_allclose(distances, all_distances(x, y).min(1), rtol=1e-9)


@pytest.mark.parametrize("block_bytes", [1000, 2**26])
def test_ball_counts(block_bytes: int) -> None:
    x, y = rows(0, 40), rows(1, 30)
    balls = Balls.of(x, 3)
    inside = all_distances(x, y) <= balls.radii[:, None]
    counts = balls.counts(y, block_bytes=block_bytes)
    np.testing.assert_array_equal(counts.balls_of_point, inside.sum(0))
    np.testing.assert_array_equal(counts.points_of_ball, inside.sum(1))


def test_a_ball_of_radius_zero_holds_copies_of_its_centre() -> None:
    centres = np.concatenate([np.repeat(rows(0, 1), 4, axis=0), rows(1, 4)])
    counts = Balls.of(centres, 3).counts(centres[:1])
    assert (counts.points_of_ball[:4] == 1).all()


def test_a_copy_of_the_kth_neighbour_lies_on_the_rim_and_inside() -> None:
    x = rows(0, 200, 512)
    balls = Balls.of(x, 1)
    indices = [int(np.argsort(all_distances(x[i : i + 1], x)[0])[1]) for i in range(20)]
    for index, neighbour in enumerate(indices):
        assert balls.counts(x[neighbour : neighbour + 1]).points_of_ball[index] == 1
