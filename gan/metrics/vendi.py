"""Vendi score: how many different pictures a set amounts to. Higher is more varied; from 1 to n.

Friedman & Dieng 2022, arXiv:2210.02410, equation 1: exp(-sum_i l_i log l_i) over the eigenvalues l_i of K / n, where
K_ij is the likeness of pictures i and j. The kernel here is the cosine of their features (the paper's for images), in
the space in which a net's distances are taken: K_ii = 1 and K is positive semidefinite, as the definition asks. It
looks at no reals: noise scores well, so it is read beside the Vendi score of equally many reals; and it grows with the
count, so only equal counts compare.
"""

import numpy as np

from gan.metrics.arrays import Features, checked


def vendi(features: Features) -> float:
    """The score of `[n, d]`: 1 where all rows are alike, min(n, d) where all are orthogonal.

    In memory min(n, d)^2: with X the rows at length 1, K = X X^T and X^T X share their eigenvalues. Costs
    n d min(n, d). Raises ValueError for no rows, NaN, or a row of zeros, which has no cosine.
    """
    rows = checked(features, "Vendi score")
    lengths = np.linalg.norm(rows, axis=1)
    if not lengths.all():
        raise ValueError(f"Vendi score: {int((lengths == 0).sum())} rows are all zero: the cosine is not defined")
    unit = rows / lengths[:, None]
    gram = unit @ unit.T if len(unit) <= unit.shape[1] else unit.T @ unit
    shares = np.linalg.eigvalsh(gram / len(unit))
    shares = shares[shares > 0]
    return float(np.exp(-(shares * np.log(shares)).sum()))


def vendi_at(features: Features, count: int, *, seed: int = 0) -> float:
    """The mean score of as many disjoint random parts of `count` rows as there are: scores of equal counts compare.

    Raises ValueError where there are fewer rows than that.
    """
    if not 0 < count <= len(features):
        raise ValueError(f"Vendi score of {count} rows of {len(features)}: from 1 to that many")
    order = np.random.default_rng(seed).permutation(len(features))
    parts = [order[start : start + count] for start in range(0, len(order) - count + 1, count)]
    return float(np.mean([vendi(features[part]) for part in parts]))
