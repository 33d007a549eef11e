"""KID of every mixture of candidates at once: a quadratic in the weights, from each pair's mean kernel.

For samples of which a share w_i comes from candidate i, the unbiased squared MMD of Binkowski et al. 2018
(arXiv:1801.01401, section 4; kernel k(x, y) = (x.y / d + 1)^3) is in expectation

    KID(w) = w^T K w - 2 w^T c + r,    K_ij = E k(x_i, x_j),    c_i = E k(x_i, real),    r = E k(real, other real).

Pairs of one seed are left out of K: a mixture never draws a seed twice (gan/ensemble/mixture.py), and two checkpoints
of one run answer a seed alike, which would make company look worse than it is. (A sample of exact shares, as one is
scored, has a KID lower by a term of order 1 / n.)

c and r are exact. K of N candidates of n rows wants (N n)^2 / 2 kernel values, hours for five hundred candidates, so it
is taken through landmarks (Nyström's method; Williams & Seeger 2001, "Using the Nyström method to speed up kernel
machines"): every row's kernel function is replaced by its projection onto those of `NUM_LANDMARKS` rows, drawn evenly
from reals and candidates. With as many landmarks as rows it is exact. The K that comes out is then moved to the
nearest positive semidefinite one (unbiased estimates may stray from it a little), so that KID is convex in w.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from gan.ensemble.library import Candidate
from gan.metrics.arrays import Features, Float64Array, checked

NUM_LANDMARKS = 1024

_RIDGE = 1e-7  # of the mean k(z, z): what keeps the landmarks' kernel matrix invertible
_BLOCK_BYTES = 64 * 2**20


@dataclass(frozen=True, kw_only=True, eq=False)
class KernelMeans:
    """K `[N, N]`, positive semidefinite, c `[N]` and r of the candidates `ids`, in that order."""

    ids: tuple[str, ...]
    between: Float64Array
    to_reals: Float64Array
    of_reals: float

    @classmethod
    def of(
        cls, candidates: Sequence[Candidate], reals: Features, *, num_landmarks: int = NUM_LANDMARKS
    ) -> "KernelMeans":
        """Candidates `[n, d]` each, row i from seed i; reals `[m, d]`, two or more. In the order of their ids.

        Costs N n (L + m) d + N^2 n d multiply-adds in float32 with L landmarks. Memory beside the features: blocks, and
        8 N (N + L) bytes.
        """
        members = sorted(candidates, key=lambda candidate: candidate.id)
        tables = [checked(member.features, member.id, at_least=2).astype(np.float32) for member in members]
        real_rows = checked(reals, "reals", at_least=2).astype(np.float32)
        num_rows, num_reals = len(tables[0]), len(real_rows)
        among_reals = _sums(real_rows, real_rows).sum() - _alone(real_rows).sum()
        marks = _landmarks(tables, real_rows, num_landmarks)
        sums = np.stack([_sums(table, marks) for table in tables])  # [N, L]: over each one's rows
        pairs = sums @ _solve(marks, sums.T) - _same_seed(tables)
        return cls(
            ids=tuple(member.id for member in members),
            between=_nearest_semidefinite(pairs / (num_rows * (num_rows - 1))),
            to_reals=np.array([_sums(table, real_rows).mean() for table in tables]) / num_rows,
            of_reals=float(among_reals / (num_reals * (num_reals - 1))),
        )

    def kid(self, weights: Float64Array) -> float:
        """Of the mixture with these weights `[N]`, which sum to 1."""
        return float(weights @ self.between @ weights - 2.0 * weights @ self.to_reals + self.of_reals)


Rows = NDArray[np.float32]


def _cubed(products: Rows, num_features: int) -> Float64Array:
    base = products / num_features + 1.0
    return np.asarray(base * base * base, dtype=np.float64)


def _alone(rows: Rows) -> Float64Array:
    """k(x, x) of each row."""
    return _cubed(np.einsum("nd,nd->n", rows, rows), rows.shape[1])


def _blocks(count: int, bytes_each: int) -> Iterator[slice]:
    step = max(1, _BLOCK_BYTES // bytes_each)
    for start in range(0, count, step):
        yield slice(start, min(start + step, count))


def _sums(rows: Rows, others: Rows) -> Float64Array:
    """For each of the others the kernel's sum over all rows, `[len(others)]`."""
    total = np.zeros(len(others))
    for part in _blocks(len(rows), 8 * len(others)):
        total += _cubed(rows[part] @ others.T, rows.shape[1]).sum(axis=0)
    return total


def _same_seed(tables: Sequence[Rows]) -> Float64Array:
    """For each pair of tables the kernel's sum over rows of the same number, `[N, N]`."""
    count, (num_rows, num_features) = len(tables), tables[0].shape
    total = np.zeros((count, count))
    for part in _blocks(num_rows, 8 * count * max(count, num_features)):
        by_seed = np.stack([table[part] for table in tables], axis=1)  # [rows, N, d]
        total += _cubed(by_seed @ by_seed.transpose(0, 2, 1), num_features).sum(axis=0)
    return total


def _landmarks(tables: Sequence[Rows], reals: Rows, number: int) -> Rows:
    """Rows of the reals and of all tables: half and half, each evenly from first to last; all where there are fewer."""
    drawn = len(tables) * len(tables[0])
    of_reals = min(len(reals), max(number // 2, number - drawn))
    places = _evenly(drawn, min(drawn, number - of_reals))
    picked = [tables[place // len(tables[0])][place % len(tables[0])] for place in places.tolist()]
    return np.concatenate([reals[_evenly(len(reals), of_reals)], np.array(picked).reshape(-1, reals.shape[1])])


def _evenly(count: int, number: int) -> NDArray[np.int64]:
    return np.arange(number) * count // max(1, number)


def _solve(marks: Rows, sums: Float64Array) -> Float64Array:
    """The landmarks' kernel matrix, inverted, times `sums` `[L, N]`."""
    exact = marks.astype(np.float64)
    kernel = (exact @ exact.T / exact.shape[1] + 1.0) ** 3
    kernel[np.diag_indices_from(kernel)] += _RIDGE * np.trace(kernel) / len(kernel)
    return np.asarray(cho_solve(cho_factor(kernel, lower=True), sums))


def _nearest_semidefinite(matrix: Float64Array) -> Float64Array:
    """In Frobenius' norm (Higham 1988, "Computing a nearest symmetric positive semidefinite matrix")."""
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2.0)
    return np.asarray((vectors * np.maximum(values, 0.0)) @ vectors.T)
