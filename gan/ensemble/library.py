"""All candidates in the form in which mixtures of them are scored by the thousand, without touching a feature again.

For a mixture with shares w, scored with n pictures (gan/ensemble/mixture.py), on the reals given:

FID        closed form: second moments about the reals' mean are linear in w; exact up to `RANK` principal directions
           of the reals. Further directions are taken one by one, which can only make tr (A B)^(1/2) too large (a
           concave trace function grows under pinching): then it is a lower bound. For screening the same with
           `SCREEN_RANK` directions, some 30 times as fast and on 512 random-convolution features 1 to 28 % low:
           enough to say which few are worth the exact number.
precision  linear in w.
coverage   a union, in expectation over which of its seeds each member draws: a real is missed when none of the
           rows that lie in its ball is drawn; for c of n rows in the ball and r drawn, that has the hypergeometric
           probability C(n - c, r) / C(n, r), and members draw independently.

Recall is left out: its balls are the mixture's own and would have to be measured anew for every mixture, on one sample
of it, whose chance is as large as what there is to gain. Tried (experiments/ensemble): no better on unseen reals.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import gammaln

from gan.errors import UserError
from gan.metrics import density_coverage, precision_recall
from gan.metrics.arrays import Features, Float64Array, checked
from gan.metrics.fid import Moments, frechet_distance
from gan.metrics.neighbours import kth_neighbour_distances, squared_distance_blocks

Indices = NDArray[np.int64]

RANK = 512
SCREEN_RANK = 128
NUM_HALVES = 10

_RIM = 1.0 + 1e-9  # closed balls, as in gan/metrics/neighbours.py
_CHUNK = 64  # candidates whose moments are held at once


@dataclass(frozen=True, kw_only=True)
class Weighing:
    """How much the objective minds each score: fid ln(FID + noise) - precision P - coverage C, lower is better.

    The logarithm frees it of the feature net's scale: at 1, 1/2, 1/2, a tenth of the FID is worth a fifth of all reals
    covered, or a fifth of all samples among the reals. FID and recall do about the same at other weights of this
    size (experiments/ensemble); precision is better kept than by FID alone. The noise is FID's standard error on these
    reals: what is gained far below it is fitted to this half only.
    """

    fid: float = 1.0
    precision: float = 0.5
    coverage: float = 0.5


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What a mixture should score on the reals of the library, and the objective (lower is better)."""

    fid: float
    precision: float
    coverage: float
    objective: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Candidate:
    """A checkpoint by what it draws: features `[n, d]`, standardised on the reals, row i from seed i in all of them.

    memorised: the share of these samples that are copies of training pictures (`Scores.memorised`).
    """

    id: str
    features: Features
    memorised: float


class Library:
    """Moments, precision and ball counts of every candidate against one set of reals.

    A mixture is a list of slots: indices into `candidates`, repeated by weight ([0, 0, 3] is two thirds of 0).
    """

    def __init__(self, candidates: Sequence[Candidate], reals: Features, *, weighing: Weighing | None = None) -> None:
        """Candidates of one shape of features, kept in the order of their ids; reals `[m, d]`, m > 5.

        Raises UserError for no candidates. Costs 25 ms a candidate on one core at n = 1000, m = 700, d = 512, most
        of it distances. Memory a candidate: 8 (SCREEN_RANK^2 + m) bytes, and 8 RANK^2 for those that `score` was
        asked about.
        """
        if not candidates:
            raise UserError("no candidate is left to choose from: let the search go on, or loosen the vetoes")
        self.candidates = tuple(sorted(candidates, key=lambda candidate: candidate.id))
        self.weighing = weighing or Weighing()
        tables = [candidate.features for candidate in self.candidates]
        real_rows = checked(reals, "reals", at_least=density_coverage.NUM_NEIGHBOURS + 1)
        self.num_rows = len(tables[0])
        self._mean = real_rows.mean(axis=0)
        centred = real_rows - self._mean
        values, vectors = np.linalg.eigh(centred.T @ centred / (len(real_rows) - 1))
        kept = np.flatnonzero(values > values[-1] * 1e-12)[::-1]
        self._real_trace = float(values[kept].sum())
        self._reals = reals
        self._factor = vectors[:, kept] * np.sqrt(values[kept])
        self._rank = min(SCREEN_RANK, len(kept))
        self._moments: dict[int, Float64Array] = {}  # of candidates that came into question, `[RANK, RANK]`
        self._squared_radii = [
            torch.from_numpy(np.square(kth_neighbour_distances(reals, k))) * _RIM
            for k in (precision_recall.NUM_NEIGHBOURS, density_coverage.NUM_NEIGHBOURS)
        ]

        num = len(tables)
        self._offset = np.empty((num, len(self._mean)))
        self._along = np.empty((num, len(kept)))
        self._block = np.empty((num, self._rank, self._rank))
        self._tail = np.empty((num, len(kept) - self._rank))
        self._spread = np.empty(num)
        self._precision = np.empty(num)
        self._hits: NDArray[np.int64] = np.empty((num, len(reals)), dtype=np.int64)
        for index, table in enumerate(tables):
            if table.shape != tables[0].shape:
                raise ValueError(f"features {list(table.shape)} and {list(tables[0].shape)}: one shape for all")
            self._add(index, table, reals)
        self._noise = self._fid_noise()

    def __len__(self) -> int:
        return len(self.candidates)

    def _add(self, index: int, table: Features, reals: Features) -> None:
        rows = checked(table, f"candidate {index}") - self._mean
        along = rows @ self._factor
        self._offset[index] = rows.mean(axis=0)
        self._along[index] = along.mean(axis=0)
        self._block[index] = along[:, : self._rank].T @ along[:, : self._rank] / len(rows)
        self._tail[index] = np.square(along[:, self._rank :]).mean(axis=0)
        self._spread[index] = np.square(rows).sum() / len(rows)
        among_reals = 0
        hits = np.zeros(len(reals), dtype=np.int64)
        for _, squared in squared_distance_blocks(table, reals):
            among_reals += int((squared <= self._squared_radii[0]).any(dim=1).sum())
            hits += (squared <= self._squared_radii[1]).sum(dim=0).numpy()
        self._precision[index] = among_reals / len(rows)
        self._hits[index] = hits

    def score(self, slots: Sequence[int]) -> Expected:
        """What the mixture of these candidates should score."""
        screened = self.screen(slots[:-1], slots[-1:])[0]
        if self._along.shape[1] == self._rank:
            return screened  # it was exact
        return self._expected(self._fid_of(list(slots)), screened.precision, screened.coverage)

    def screen(self, slots: Sequence[int], who: Sequence[int], *, times: int = 1) -> list[Expected]:
        """For each of `who`: the mixture of `slots` and of it in `times` slots more; the FID is a lower bound."""
        others, share = list(slots), 1.0 / (len(slots) + times)
        fids = self._fids_with(others, np.asarray(who), times, share)
        precisions = (self._precision[others].sum() + times * self._precision[list(who)]) * share
        coverages = self._coverages_with(others, np.asarray(who), times, share)
        return [self._expected(*scores) for scores in zip(fids, precisions, coverages, strict=True)]

    def _expected(self, fid: float, precision: float, coverage: float) -> Expected:
        w = self.weighing
        objective = w.fid * np.log(fid + self._noise) - w.precision * precision - w.coverage * coverage
        return Expected(
            fid=float(fid),
            precision=float(precision),
            coverage=float(coverage),
            objective=float(objective),
        )

    def _fid_noise(self) -> float:
        """The standard error of an FID on these reals: the delete-half jackknife (gan/metrics/kid.py), of the best."""
        best = Moments.of(self.candidates[self.lowest_fids(1)[0]].features)
        rng = np.random.default_rng(0)
        halves = (rng.permutation(len(self._reals))[: len(self._reals) // 2] for _ in range(NUM_HALVES))
        return float(np.std([frechet_distance(Moments.of(self._reals[half]), best) for half in halves]))

    def _fid_of(self, slots: list[int]) -> float:
        """To `RANK` directions."""
        unbiased = self.num_rows / (self.num_rows - 1)
        offset, along = self._offset[slots].mean(axis=0), self._along[slots].mean(axis=0)
        leading, rest = along[:RANK], along[RANK:]
        block = -np.outer(leading, leading)
        for member, times in sorted(Counter(slots).items()):
            block += times / len(slots) * self._moment(member)
        tail = self._tail[slots].mean(axis=0)[RANK - self._rank :] - rest**2
        root = np.sqrt(np.maximum(np.linalg.eigvalsh(block) * unbiased, 0.0)).sum()
        root += np.sqrt(np.maximum(tail * unbiased, 0.0)).sum()
        squared_offset = float(offset @ offset)
        trace = (self._spread[slots].mean() - squared_offset) * unbiased
        return float(max(0.0, squared_offset + self._real_trace + trace - 2.0 * root))

    def _moment(self, index: int) -> Float64Array:
        if index not in self._moments:
            rows = checked(self.candidates[index].features, self.candidates[index].id) - self._mean
            along = rows @ self._factor[:, :RANK]
            self._moments[index] = along.T @ along / len(along)
        return self._moments[index]

    def lowest_fids(self, size: int) -> list[int]:
        """The `size` candidates with the lowest FIDs, lowest first: exact, for the bounds say where to stop looking."""
        bounds = self._fids_with([], np.arange(len(self)), 1, 1.0)
        exact: dict[int, float] = {}
        for index in np.argsort(bounds, kind="stable").tolist():
            if len(exact) >= size and sorted(exact.values())[size - 1] <= bounds[index]:
                break
            exact[index] = self._fid_alone(index)
        return sorted(exact, key=lambda index: (exact[index], index))[:size]

    def _fid_alone(self, index: int) -> float:
        rows = checked(self.candidates[index].features, self.candidates[index].id) - self._mean
        offset = rows.mean(axis=0)
        factor = (rows - offset) / np.sqrt(len(rows) - 1)
        along = factor @ self._factor
        product = along.T @ along if len(along) >= along.shape[1] else along @ along.T  # the smaller, same spectrum
        root = np.sqrt(np.maximum(np.linalg.eigvalsh(product), 0.0)).sum()
        return float(offset @ offset + self._real_trace + np.square(factor).sum() - 2.0 * root)

    def chances_to_miss(self, share: float) -> Float64Array:
        """`[N, m]`: that no picture of that candidate, which draws that share of them, reaches that real."""
        return np.asarray(np.exp(self._log_miss(share * self.num_rows)[self._hits]))

    @property
    def precisions(self) -> Float64Array:
        """Of each candidate alone, `[N]`."""
        return self._precision

    def _fids_with(self, slots: list[int], who: Indices, times: int, share: float) -> Float64Array:
        unbiased = self.num_rows / (self.num_rows - 1)

        def mixed(values: Float64Array, part: Indices) -> Float64Array:
            return np.asarray((values[slots].sum(axis=0) + times * values[part]) * share)

        offset, along = mixed(self._offset, who), mixed(self._along, who)
        tail = mixed(self._tail, who) - along[:, self._rank :] ** 2
        squared_offset = np.square(offset).sum(axis=1)
        trace = (mixed(self._spread, who) - squared_offset) * unbiased
        root = np.sqrt(np.maximum(tail, 0.0) * unbiased).sum(axis=1)
        for start in range(0, len(who), _CHUNK):
            part = slice(start, start + _CHUNK)
            leading = along[part, : self._rank]
            block = mixed(self._block, who[part]) - leading[:, :, None] * leading[:, None, :]
            root[part] += np.sqrt(np.maximum(np.linalg.eigvalsh(block) * unbiased, 0.0)).sum(axis=1)
        return np.asarray(np.maximum(squared_offset + self._real_trace + trace - 2.0 * root, 0.0))

    def _coverages_with(self, slots: list[int], who: Indices, times: int, share: float) -> Float64Array:
        def log_missed(members: Indices | int, num_slots: int) -> Float64Array:
            return self._log_miss(num_slots * share * self.num_rows)[self._hits[members]]

        there = Counter(slots)
        of_each = {member: log_missed(member, num) for member, num in sorted(there.items())}
        nothing = np.zeros(self._hits.shape[1])
        total = sum(of_each.values(), nothing) + log_missed(who, times)
        for place, index in enumerate(who.tolist()):
            if index in there:  # it draws more of its own rows then: one hypergeometric, not two
                others = (part for member, part in of_each.items() if member != index)
                total[place] = sum(others, log_missed(index, there[index] + times))
        return np.asarray(1.0 - np.exp(total).mean(axis=1))

    def _log_miss(self, drawn: float) -> Float64Array:
        """The logarithm of the probability that `drawn` of the n rows hold none of c, for c = 0..n.

        Shares of a row, where the slots do not divide n, are interpolated by the gamma function.
        """
        n = self.num_rows
        inside = np.arange(n + 1)
        left = n - inside - drawn
        possible = left > -1e-9
        left = np.maximum(left, 0.0)
        log_miss = gammaln(n - inside + 1) + gammaln(n - drawn + 1) - gammaln(n + 1) - gammaln(left + 1)
        return np.where(possible, np.minimum(log_miss, 0.0), -np.inf)
