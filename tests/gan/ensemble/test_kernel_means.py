import numpy as np
import pytest

from gan.ensemble.kernel_means import KernelMeans
from gan.ensemble.library import Candidate
from gan.metrics.kid import kid
from tests.gan.ensemble import planted

REALS = planted.reals()
CANDIDATES = [
    planted.candidate("a", [0, 1, 2], 1),
    planted.candidate("b", [2, 3, 4, 5], 2, spread=1.3),
    planted.candidate("c", [6, 7], 3, spread=0.7),
]


def test_a_candidate_alone_has_the_metrics_own_kid() -> None:
    means = KernelMeans.of(CANDIDATES, REALS)
    for place, candidate in enumerate(CANDIDATES):
        alone = np.eye(len(CANDIDATES))[place]
        assert means.kid(alone) == pytest.approx(kid(candidate.features, REALS), rel=1e-4)


def test_a_mixture_has_the_mean_kid_of_samples_drawn_from_it() -> None:
    means = KernelMeans.of(CANDIDATES, REALS)
    rng = np.random.default_rng(1)
    found = []
    for _ in range(2000):
        who = rng.choice(3, planted.NUM_ROWS, p=[0.5, 0.25, 0.25])  # of whom seed i is drawn
        rows = [CANDIDATES[member].features[seed] for seed, member in enumerate(who)]
        found.append(kid(np.stack(rows), REALS))
    error = np.std(found) / np.sqrt(len(found))
    assert abs(means.kid(np.array([0.5, 0.25, 0.25])) - np.mean(found)) < 4 * error
    assert error < 0.01 * np.mean(found)


def test_pairs_of_one_seed_do_not_count() -> None:
    """Two names for one generator: their mixture draws each seed once, so it is worth what the generator is."""
    once = CANDIDATES[0]
    twice = Candidate(id="again", features=once.features, memorised=once.memorised)
    means = KernelMeans.of([once, twice], REALS)
    assert means.kid(np.array([0.5, 0.5])) == pytest.approx(means.kid(np.array([1.0, 0.0])), rel=1e-4)


def test_the_order_of_the_candidates_does_not_matter() -> None:
    assert np.array_equal(KernelMeans.of(CANDIDATES, REALS).between, KernelMeans.of(CANDIDATES[::-1], REALS).between)


def test_fewer_landmarks_than_rows_come_close() -> None:
    exact = KernelMeans.of(CANDIDATES, REALS, num_landmarks=10_000)
    near = KernelMeans.of(CANDIDATES, REALS, num_landmarks=240)
    weights = np.array([0.4, 0.4, 0.2])
    assert near.kid(weights) == pytest.approx(exact.kid(weights), rel=0.02)
    assert near.to_reals == pytest.approx(exact.to_reals)


def test_it_is_convex() -> None:
    rng = np.random.default_rng(0)
    many = [planted.candidate(f"{i:02d}", [i % 8, (i * 3) % 8], i, spread=0.5 + rng.random()) for i in range(40)]
    assert np.linalg.eigvalsh(KernelMeans.of(many, REALS).between).min() > -1e-9
