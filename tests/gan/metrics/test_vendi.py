import numpy as np
import pytest

from gan.metrics.vendi import vendi, vendi_at


def test_known_sets() -> None:
    """Equation 1 of the paper: orthogonal rows count each, copies count once, uneven groups by their entropy."""
    assert vendi(np.eye(7) * 3) == pytest.approx(7)
    assert vendi(np.ones((9, 4))) == pytest.approx(1)
    assert vendi(np.repeat(np.eye(5), 20, axis=0)) == pytest.approx(5)
    groups = np.repeat(np.eye(2), [30, 10], axis=0)
    assert vendi(groups) == pytest.approx(np.exp(-(0.75 * np.log(0.75) + 0.25 * np.log(0.25))))


def test_the_definition_itself() -> None:
    rows = np.random.default_rng(0).standard_normal((40, 12))
    for features in (rows, rows.T):
        unit = features / np.linalg.norm(features, axis=1, keepdims=True)
        values = np.linalg.eigvalsh(unit @ unit.T / len(unit))
        values = values[values > 1e-12]
        assert vendi(features) == pytest.approx(np.exp(-(values * np.log(values)).sum()))


def test_collapse_is_seen() -> None:
    rng = np.random.default_rng(0)
    whole = rng.standard_normal((200, 64))
    collapsed = whole[rng.integers(0, 10, 200)] + 0.1 * rng.standard_normal((200, 64))
    assert vendi(collapsed) < 0.3 * vendi(whole)


def test_equal_counts() -> None:
    rows = np.random.default_rng(0).standard_normal((100, 64))
    assert vendi_at(rows, 100) == pytest.approx(vendi(rows))
    assert vendi_at(rows, 20) < vendi(rows)
    assert vendi_at(rows, 20) == vendi_at(rows, 20)
    with pytest.raises(ValueError, match="101 rows of 100"):
        vendi_at(rows, 101)
    with pytest.raises(ValueError, match="1 rows are all zero"):
        vendi(np.concatenate([rows, np.zeros((1, 64))]))
