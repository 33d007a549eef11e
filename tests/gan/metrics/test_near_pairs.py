import numpy as np
import pytest

from gan.metrics import near_pairs
from gan.metrics.near_pairs import nearest_squared, pairs_within


@pytest.fixture(params=["all directions", "principal directions"], autouse=True)
def directions(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test also with the bounds that large sets get: of a few directions and the length of the rest."""
    if request.param == "principal directions":
        monkeypatch.setattr(near_pairs, "_WORTH_PROJECTING", 0)


def plain(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The slow, obvious twin: every difference in float64."""
    return np.square(x[:, None].astype(np.float64) - y[None].astype(np.float64)).sum(axis=2)


def drawn(seed: int, num: int, size: int, kind: str) -> np.ndarray:
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((num, size)).astype(np.float32)
    if kind == "far off":  # float32 alone would lose all digits of these distances
        return rows * np.float32(1e-3) + np.float32(1e3)
    if kind == "huge":
        return rows * np.float32(1e25)
    if kind == "tiny":
        return rows * np.float32(1e-25)
    if kind == "copies":
        return rows[rng.integers(0, max(2, num // 5), num)]
    if kind == "one point":
        return np.repeat(rows[:1], num, axis=0)
    return rows


@pytest.mark.parametrize("kind", ["plain", "far off", "huge", "tiny", "copies", "one point"])
@pytest.mark.parametrize("block_bytes", [1, 5_000, 1 << 24])
def test_the_same_as_the_plain_twin(kind: str, block_bytes: int) -> None:
    x, y = drawn(0, 90, 20, kind), drawn(0 if kind == "copies" else 1, 130, 20, kind)
    squared = plain(x, y)
    of_x, of_y = np.sort(squared, axis=1)[:, 3] * (1 + 1e-9), np.sort(squared, axis=0)[2] * (1 + 1e-9)
    wanted = (squared <= of_x[:, None]) | (squared <= of_y)
    found = list(pairs_within(x, y, of_x=of_x, of_y=of_y, block_bytes=block_bytes))
    at = np.concatenate([part.x for part in found]), np.concatenate([part.y for part in found])
    assert len(set(zip(*(place.tolist() for place in at), strict=True))) == wanted.sum() == len(at[0])
    np.testing.assert_allclose(np.concatenate([part.squared for part in found]), squared[at], rtol=1e-9)


@pytest.mark.parametrize("kind", ["plain", "far off", "huge", "tiny", "copies", "one point"])
@pytest.mark.parametrize(("num", "k"), [(40, 39), (300, 1), (300, 4)])
def test_nearest_others(kind: str, num: int, k: int) -> None:
    x = drawn(2, num, 12, kind)
    squared = plain(x, x)
    np.fill_diagonal(squared, np.inf)
    for block_bytes in (1, 20_000, 1 << 24):
        places, distances = nearest_squared(x, x, k, block_bytes=block_bytes)
        np.testing.assert_allclose(distances, np.sort(squared, axis=1)[:, :k], rtol=1e-9)
        np.testing.assert_allclose(np.take_along_axis(squared, places, axis=1), distances, rtol=1e-9)
        assert (places != np.arange(num)[:, None]).all()
        assert all(len(set(row)) == k for row in places.tolist())


def test_float32_alone_would_be_wrong() -> None:
    """The rows lie so near to each other that a float32 product orders them at random; ours does not."""
    rng = np.random.default_rng(0)
    x = (rng.standard_normal((200, 64)) + np.where(np.arange(200) < 100, 0, 50)[:, None]).astype(np.float32)
    x[100:] = x[:100] + np.float32(50)
    y = x + rng.standard_normal(x.shape).astype(np.float32) * np.float32(1e-4)
    right = plain(x, y).argmin(axis=1)
    float32 = ((x**2).sum(1)[:, None] + (y**2).sum(1) - 2 * x @ y.T).min(axis=1)
    places, squared = nearest_squared(x, y, 1)
    np.testing.assert_array_equal(places[:, 0], right)
    np.testing.assert_allclose(squared[:, 0], plain(x, y).min(axis=1), rtol=1e-9)
    assert np.abs(float32 / squared[:, 0] - 1).max() > 0.1
