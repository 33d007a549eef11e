"""Which class each picture looks like, by pictures that are like it and by a linear rule; its own label has no say."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gan.data.cleaning.space import Neighbours

NUM_NEIGHBOURS = 10
RIDGE = 0.1  # of the mean variance of a feature
_CHUNK = 4096

Float64Array = NDArray[np.float64]


@dataclass(frozen=True)
class Beliefs:
    """shares `[n, classes]`: how far each picture looks like each class, rows sum to 1 (0 where nothing is known)."""

    shares: Float64Array
    class_names: tuple[str, ...]

    def likelier(self, row: int, classes: Sequence[str]) -> str | None:
        """Of several classes the one that the picture looks like; None where nothing tells."""
        shares = {
            name: float(self.shares[row, self.class_names.index(name)]) for name in classes if name in self.class_names
        }
        best = max(shares, key=lambda name: shares[name], default=None)
        if best is None or list(shares.values()).count(shares[best]) > 1:
            return None
        return best


def believe(neighbours: Neighbours, space: NDArray[np.float32], classes: Sequence[str | None]) -> Beliefs:
    """The mean of both votes, for n pictures with rows of `space` `[n, d]`. Neighbours see small classes and odd
    shapes, the linear rule what a class has in common; together they err less than either."""
    names = tuple(sorted({name for name in classes if name is not None}))
    number_of = {name: number for number, name in enumerate(names)}
    numbers = np.array([-1 if name is None else number_of[name] for name in classes])
    if not names:
        return Beliefs(np.zeros((len(classes), 1)), names)
    both = (_by_neighbours(neighbours, numbers, len(names)) + _by_line(space, numbers, len(names))) / 2
    return Beliefs(_rows_of_one(both), names)


def _by_neighbours(neighbours: Neighbours, numbers: NDArray[np.int64], num_classes: int) -> Float64Array:
    """Nearer ones speak louder, by 1 / (rank + 1), rank from 1."""
    shares = np.zeros((len(numbers), num_classes))
    for rank, rows in enumerate(neighbours.rows.T, start=1):
        voting = np.flatnonzero(numbers[rows] >= 0)
        shares[voting, numbers[rows[voting]]] += 1 / (rank + 1)
    return _rows_of_one(shares)


def _by_line(space: NDArray[np.float32], numbers: NDArray[np.int64], num_classes: int) -> Float64Array:
    """Ridge regression onto the classes, each picture's answer by the rule that was fitted without it, in closed form
    (Allen 1974, "The relationship between variable selection and data augmentation and a method for prediction")."""
    num_values = space.shape[1] + 1
    covariance, onto = np.zeros((num_values, num_values)), np.zeros((num_values, num_classes))
    for chunk in _chunks(len(space)):
        values, targets = _with_constant(space[chunk]), _one_hot(numbers[chunk], num_classes)
        fitted = values[numbers[chunk] >= 0]
        covariance += fitted.T @ fitted
        onto += values.T @ targets
    inverse = np.linalg.inv(covariance + RIDGE * float(np.trace(covariance)) / num_values * np.eye(num_values))
    rule = inverse @ onto
    answers = np.empty((len(space), num_classes))
    for chunk in _chunks(len(space)):
        values, targets = _with_constant(space[chunk]), _one_hot(numbers[chunk], num_classes)
        leverage = np.einsum("nd,nd->n", values @ inverse, values)[:, None] * targets.any(axis=1, keepdims=True)
        answers[chunk] = (values @ rule - leverage * targets) / np.maximum(1 - leverage, 1e-6)
    return _rows_of_one(np.clip(answers, 0.0, 1.0))


def _chunks(num: int) -> Sequence[slice]:
    return [slice(start, start + _CHUNK) for start in range(0, num, _CHUNK)]


def _with_constant(values: NDArray[np.float32]) -> Float64Array:
    return np.concatenate([values, np.ones((len(values), 1))], axis=1)


def _one_hot(numbers: NDArray[np.int64], num_classes: int) -> Float64Array:
    """Rows of 0 where there is no class."""
    rows: Float64Array = (numbers[:, None] == np.arange(num_classes)).astype(np.float64)
    return rows


def _rows_of_one(values: Float64Array) -> Float64Array:
    total = values.sum(axis=1, keepdims=True)
    divided: Float64Array = values / np.where(total > 0, total, 1.0)
    return divided
