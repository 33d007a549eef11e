from types import SimpleNamespace

import numpy as np
import pytest

from gan.data.cleaning import space
from gan.data.cleaning.beliefs import believe
from gan.data.cleaning.space import Neighbours, nearest
from gan.data.cleaning.wrong_labels import wrong_labels


def plain_twin(points: np.ndarray, num: int) -> tuple[np.ndarray, np.ndarray]:
    distances = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    rows = np.argsort(distances, axis=1)[:, :num]
    return rows, np.take_along_axis(distances, rows, axis=1)


@pytest.mark.parametrize("most_by_all_pairs", [20_000, 0])
def test_neighbours_are_those_of_the_plain_twin(monkeypatch: pytest.MonkeyPatch, most_by_all_pairs: int) -> None:
    monkeypatch.setattr(space, "MOST_BY_ALL_PAIRS", most_by_all_pairs)
    points = np.random.default_rng(0).normal(size=(1200, 8)).astype(np.float32)
    found = nearest(points, 10)
    rows, distances = plain_twin(points, 10)
    assert (found.rows == rows).mean() > 0.99
    np.testing.assert_allclose(found.distances, distances, rtol=1e-2)
    assert (found.rows != np.arange(len(points))[:, None]).all()


def test_fewer_pictures_than_neighbours() -> None:
    points = np.eye(3, dtype=np.float32)
    assert nearest(points, 10).rows.shape == (3, 2)


def test_a_picture_has_no_say_in_what_it_looks_like_itself() -> None:
    """The closed form of leave-one-out against fitting anew without each."""
    rng = np.random.default_rng(0)
    points = rng.normal(size=(40, 5)).astype(np.float32)
    classes = [("a", "b", "c")[place % 3] for place in range(39)] + [None]
    points += np.array([ord(name or "a") - 98 for name in classes], dtype=np.float32)[:, None]
    neighbours = nearest(points, 10)
    beliefs = believe(neighbours, points, classes)
    np.testing.assert_allclose(beliefs.shares.sum(axis=1), 1.0)
    for place in range(5):
        others = [name if other != place else None for other, name in enumerate(classes)]
        alone = believe(neighbours, points, others)
        assert alone.class_names == beliefs.class_names
        # the ridge is a share of the variance of those fitted, so that one picture more or less moves it a little
        np.testing.assert_allclose(beliefs.shares[place], alone.shares[place], atol=0.02)


def test_which_of_two_classes() -> None:
    points = np.concatenate([np.zeros((10, 2)), np.ones((10, 2))]).astype(np.float32)
    points += np.random.default_rng(0).normal(size=(20, 2)).astype(np.float32) * 0.05
    beliefs = believe(nearest(points, 5), points, ["low"] * 10 + ["high"] * 10)
    assert beliefs.likelier(0, ["high", "low"]) == "low"
    assert beliefs.likelier(19, ["high", "low"]) == "high"
    assert beliefs.likelier(0, ["unknown"]) is None
    nothing = believe(
        Neighbours(np.zeros((2, 1), dtype=np.int64), np.zeros((2, 1), dtype=np.float32)), points[:2], [None, None]
    )
    assert nothing.likelier(0, ["low"]) is None


def test_a_label_is_doubted_where_all_speak_for_another_class() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(300, 6)).astype(np.float32)
    points[:, 0] += np.repeat([-4.0, 0.0, 4.0], 100)
    classes: list[str | None] = ["a"] * 100 + ["b"] * 100 + ["c"] * 100
    classes[7], classes[250], classes[299] = "c", "a", None
    neighbours = nearest(points, 10)
    seen = [SimpleNamespace(name=str(place)) for place in range(300)]
    beliefs = believe(neighbours, points, classes)
    findings = wrong_labels(beliefs, neighbours, classes, list(range(300)), seen)  # type: ignore[arg-type]
    assert {one.name for one in findings} == {"7", "250"}
    (seventh,) = [one for one in findings if one.name == "7"]
    assert "labelled 'c', looks like 'a'" in seventh.reason
    assert len(seventh.beside) == 3
    assert all(classes[place] == "a" for place in seventh.beside)


def test_strangers_do_not_stretch_the_measure_that_tells_them(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    raw = rng.normal(size=(300, 40)).astype(np.float16)
    raw[270:, :4] += 30.0
    raw[:, 39] = 1.0  # says nothing of anybody
    raw[:, 38], raw[0, 38] = 0.0, 0.1  # all but constant
    distances = space.distances_from_usual(raw)
    assert distances.shape == (300,)
    assert distances[0] < 2.0 * np.median(distances)
    monkeypatch.setattr(space, "USUAL", 1.0)
    stretched = space.distances_from_usual(raw)
    assert distances[270:].min() / distances[:270].max() > 2.0 * stretched[270:].min() / stretched[:270].max()
