import numpy as np
import pytest

from gan.metrics.ball_metrics import ball_metrics
from gan.metrics.ball_ranks import BallRanks
from gan.metrics.fid import fid
from gan.metrics.half_samples import around, around_share, paired_halves, spread
from gan.metrics.neighbours import Balls


def drawn(seed: int, num: int = 300, size: int = 16, scale: float = 1.0) -> np.ndarray:
    return (np.random.default_rng(seed).standard_normal((num, size)) * scale).astype(np.float32)


def mask(num: int, places: np.ndarray) -> np.ndarray:
    made = np.zeros(num, dtype=np.bool_)
    made[places] = True
    return made


@pytest.mark.parametrize("copies", [False, True])
def test_ranks_say_what_measuring_anew_would(copies: bool) -> None:
    samples, reals = drawn(0, 200, scale=0.9), drawn(1, 120)
    if copies:
        samples[:40] = reals[:40]
        reals[100:] = reals[:20]
    ranks = BallRanks.of(samples, reals, precision_k=3, coverage_k=5)
    for ours, theirs in [(np.arange(200), np.arange(120)), *paired_halves(200, 120, 10)]:
        plain = ball_metrics(Balls.of(reals[theirs], 3), Balls.of(reals[theirs], 5), samples[ours])
        found = ranks.metrics(mask(200, ours), mask(120, theirs))
        np.testing.assert_allclose(found, (plain.precision, plain.recall, plain.density, plain.coverage), rtol=1e-12)


def test_the_spread_is_that_of_fresh_draws() -> None:
    """Standard errors from one draw against the deviation over 60 draws: never too small, at most twice too large."""
    values, errors = [], []
    for seed in range(60):
        samples, reals = drawn(2 * seed, 300, scale=0.9), drawn(2 * seed + 1, 200)
        balls = ball_metrics(Balls.of(reals, 3), Balls.of(reals, 5), samples)
        values.append([balls.precision, balls.recall, balls.density, balls.coverage, fid(samples, reals)])
        if seed % 12 == 0:
            ranks = BallRanks.of(samples, reals, precision_k=3, coverage_k=5)
            halves = list(paired_halves(300, 200, 60))
            found = [ranks.metrics(mask(300, ours), mask(200, theirs)) for ours, theirs in halves]
            error = spread(lambda i, j, s=samples, r=reals: fid(s[i], r[j]), 300, 200, num=40)
            errors.append([*np.std(found, axis=0, ddof=1), error])
    ratio = np.mean(errors, axis=0) / np.std(values, axis=0, ddof=1)
    assert (ratio > 0.85).all(), ratio
    assert (ratio < 2.0).all(), ratio


def test_the_ordinary_bootstrap_is_biased() -> None:
    """Why nothing is drawn twice: with replacement FID leaves its own value by many errors, balls shrink."""
    samples, reals = drawn(0, 300), drawn(1, 300)
    rng = np.random.default_rng(0)
    twice = [(samples[rng.integers(0, 300, 300)], reals[rng.integers(0, 300, 300)]) for _ in range(20)]
    error = spread(lambda i, j: fid(samples[i], reals[j]), 300, 300, num=30)
    assert np.mean([fid(a, b) for a, b in twice]) > fid(samples, reals) + 3 * error
    whole = ball_metrics(Balls.of(reals, 3), Balls.of(reals, 5), samples).recall
    assert np.mean([ball_metrics(Balls.of(b, 3), Balls.of(b, 5), a).recall for a, b in twice]) < 0.9 * whole


def test_halves_are_the_same_again() -> None:
    few, many = list(paired_halves(11, 8, 2, 5)), list(paired_halves(11, 8, 9, 5))
    for (ours, theirs), (again, others) in zip(few, many, strict=False):
        np.testing.assert_array_equal(ours, again)
        np.testing.assert_array_equal(theirs, others)
    assert all(len(set(ours.tolist())) == 5 and len(theirs) == 4 for ours, theirs in many)


def test_intervals() -> None:
    assert around(1.0, 0.5, lowest=0.0).low == pytest.approx(0.02, abs=1e-3)
    assert around(0.5, 0.5, lowest=0.0).low == 0.0
    none_of_fifty = around_share(0.0, 0.0, 50)
    assert none_of_fifty.low == 0.0
    assert none_of_fifty.high == pytest.approx(1.96**2 / (50 + 1.96**2), rel=1e-3)  # Wilson 1927
    half = around_share(0.5, 0.05, 100)
    assert (half.low, half.high) == (pytest.approx(0.4038, abs=1e-3), pytest.approx(0.5962, abs=1e-3))
    assert around_share(0.5, 0.2, 100).high > half.high
    assert around_share(1.0, 0.0, 20).high == 1.0
