"""Made-up landscapes that look like the measured one: a point of the space in, what a trial of it would score out.

For each network and each of ln FID and recall a Gaussian process is fitted to recorded trials, lengths and noise by
maximum likelihood (README.md says how well it predicts points that were left out). A world is one function drawn from
what the process holds possible: near measured points it agrees with them, between them it differs from world to
world. Drawn by Matheron's rule: a random function of the prior (random Fourier features, Rahimi & Recht 2007) plus
the correction that the data ask for (Wilson et al. 2020, arXiv:2002.09309, equation 13).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from sklearn.model_selection import GroupKFold, cross_val_predict

Floats = NDArray[np.float64]

NUM_WAVES = 400
WORST_FID, BEST_FID, BEST_RECALL = 1000.0, 40.0, 0.95  # beyond what was measured no world goes


class Outcome(NamedTuple):
    """Best (FID, recall) so far at half of the budget, and at its end."""

    half: tuple[float, float]
    end: tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """A trial that was run: its pictures' name, its point, and how it went."""

    pictures: str
    point: Mapping[str, Any]
    outcome: Outcome


def as_row(pictures: str, point: Mapping[str, Any]) -> list[float]:
    """A point in numbers: logarithms of what is a rate, 0 and 1 for what is chosen."""
    own = {name.rpartition(".")[2]: value for name, value in point.items()}
    return [
        float(pictures == "armory"),
        math.log2(own["generator_lr"]),
        float(own["width"]),
        math.log2(own["batch_size"]),
        math.log2(own["half_life_kimg"]),
        math.log2(own["discriminator_lr_ratio"]),
        math.log10(own["r1_multiplier"]),
        float(own["augment"] == "ada"),
        float(own["augment"] == "diffaugment"),
        float(own.get("ada_target", 0.6)),
    ]


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """One score of one network: standardised rows `[n, d]` and values `[n]`, and the process's parameters."""

    rows: Floats
    values: Floats
    row_mean: Floats
    row_scale: Floats
    mean: float
    scale: float
    variance: float
    lengths: Floats
    noise: float
    predicted: float  # share of the variance of left-out points that it predicts

    @classmethod
    def to(cls, rows: Floats, values: Floats) -> "Fitted":
        row_mean, row_scale = rows.mean(axis=0), rows.std(axis=0) + 1e-9
        mean, scale = float(values.mean()), float(values.std())
        x, y = (rows - row_mean) / row_scale, (values - mean) / scale
        kernel = ConstantKernel(1.0, (0.3, 5.0)) * RBF(np.full(rows.shape[1], 2.0), (0.7, 20.0)) + WhiteKernel(
            0.05, (0.005, 0.3)
        )
        process = GaussianProcessRegressor(kernel, n_restarts_optimizer=1, random_state=0)
        same = np.unique(rows, axis=0, return_inverse=True)[1]  # repeats of one point are left out together
        guess = cross_val_predict(process, x, y, cv=GroupKFold(8), groups=same)
        fitted = process.fit(x, y).kernel_
        return cls(
            rows=x,
            values=y,
            row_mean=row_mean,
            row_scale=row_scale,
            mean=mean,
            scale=scale,
            variance=float(fitted.k1.k1.constant_value),
            lengths=np.atleast_1d(fitted.k1.k2.length_scale),
            noise=float(fitted.k2.noise_level),
            predicted=float(1.0 - np.square(guess - y).mean()),
        )

    def kernel(self, a: Floats, b: Floats) -> Floats:
        apart = (a[:, None] - b[None]) / self.lengths
        return np.asarray(self.variance * np.exp(-0.5 * np.square(apart).sum(axis=2)))


class Landscape:
    """One function that the fitted process holds possible."""

    def __init__(self, fitted: Fitted, rng: np.random.Generator) -> None:
        self._fitted = fitted
        self._waves = rng.normal(size=(NUM_WAVES, len(fitted.lengths))) / fitted.lengths
        self._phases = rng.uniform(0.0, 2.0 * np.pi, NUM_WAVES)
        self._heights = rng.normal(size=NUM_WAVES)
        noise = rng.normal(size=len(fitted.rows)) * math.sqrt(fitted.noise)
        between = fitted.kernel(fitted.rows, fitted.rows) + fitted.noise * np.eye(len(fitted.rows))
        self._pull = np.linalg.solve(between, fitted.values - self._prior(fitted.rows) - noise)

    def _prior(self, x: Floats) -> Floats:
        waves = np.sqrt(2.0 * self._fitted.variance / NUM_WAVES) * np.cos(x @ self._waves.T + self._phases)
        return np.asarray(waves @ self._heights)

    def at(self, row: Sequence[float], rng: np.random.Generator) -> float:
        """The score there, with a run's own chance."""
        known = self._fitted
        x = (np.asarray(row)[None] - known.row_mean) / known.row_scale
        value = self._prior(x) + known.kernel(x, known.rows) @ self._pull
        return float((value[0] + rng.normal() * math.sqrt(known.noise)) * known.scale + known.mean)


class World:
    """Every network's landscapes, for one set of pictures."""

    def __init__(
        self, fits: Mapping[tuple[str, str], Fitted], trials: Sequence[Recorded], pictures: str, seed: int
    ) -> None:
        self._rng = np.random.default_rng(seed)
        self._landscapes = {key: Landscape(fitted, self._rng) for key, fitted in fits.items()}
        self._pictures = pictures
        self._late = [  # how much a real trial still gained in its second half
            (math.log(half[0] / end[0]), end[1] - half[1])
            for half, end in (trial.outcome for trial in trials)
            if math.isfinite(half[0])
        ]

    def run(self, point: Mapping[str, Any]) -> Outcome:
        row, network = as_row(self._pictures, point), point["network"]
        fid = math.exp(self._landscapes[network, "fid"].at(row, self._rng))
        fid = min(max(fid, BEST_FID), WORST_FID)
        recall = min(max(self._landscapes[network, "recall"].at(row, self._rng), 0.0), BEST_RECALL)
        log_gain, gain = self._late[self._rng.integers(len(self._late))]
        return Outcome(half=(fid * math.exp(log_gain), max(0.0, recall - gain)), end=(fid, recall))


def fit_all(trials: Sequence[Recorded]) -> dict[tuple[str, str], Fitted]:
    """By (network, `fid` or `recall`)."""
    found = {}
    for network in sorted({str(trial.point["network"]) for trial in trials}):
        mine = [trial for trial in trials if trial.point["network"] == network]
        rows = np.array([as_row(trial.pictures, trial.point) for trial in mine])
        ends = [trial.outcome.end for trial in mine]
        found[network, "fid"] = Fitted.to(rows, np.log([min(fid, WORST_FID) for fid, _ in ends]))
        found[network, "recall"] = Fitted.to(rows, np.array([recall for _, recall in ends]))
    return found
