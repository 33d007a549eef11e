import numpy as np
import pytest

from gan.ensemble import library as library_module
from gan.ensemble.library import Candidate, Library, Weighing
from gan.errors import UserError
from gan.metrics.density_coverage import density_coverage
from gan.metrics.fid import Moments, fid, frechet_distance, mix
from gan.metrics.precision_recall import precision_recall
from tests.gan.ensemble import planted

REALS = planted.reals()
CANDIDATES = [
    planted.candidate("a", [0, 1, 2], 1),
    planted.candidate("b", [2, 3, 4, 5], 2, spread=1.3),
    planted.candidate("c", [6, 7], 3, spread=0.7),
]


def test_a_candidate_alone_scores_as_the_metrics_say() -> None:
    library = Library(CANDIDATES, REALS)
    for index, candidate in enumerate(CANDIDATES):
        expected = library.score([index])
        assert expected.fid == pytest.approx(fid(candidate.features, REALS), rel=1e-6)
        assert expected.precision == pytest.approx(precision_recall(REALS, candidate.features)[0])
        assert expected.coverage == pytest.approx(density_coverage(REALS, candidate.features)[1])


def test_moments_of_a_mixture_are_those_of_the_pooled_rows() -> None:
    library = Library(CANDIDATES, REALS)
    of_each = [Moments.of(candidate.features) for candidate in CANDIDATES]
    mixed = mix([of_each[0], of_each[2]], [2 / 3, 1 / 3])
    # `mix` counts 240 rows without a repeat, the library the 160 that the protocol scores
    unbiased = (planted.NUM_ROWS / (planted.NUM_ROWS - 1)) / (mixed.count / (mixed.count - 1))
    scored = Moments(mean=mixed.mean, covariance=mixed.covariance * unbiased, count=planted.NUM_ROWS)
    assert library.score([0, 2, 0]).fid == pytest.approx(frechet_distance(Moments.of(REALS), scored), rel=1e-6)


def test_expected_scores_are_the_means_over_real_samples_of_the_mixture() -> None:
    library = Library(CANDIDATES, REALS)
    rng = np.random.default_rng(5)
    draws = []
    for _ in range(60):
        parts = [CANDIDATES[0].features[rng.permutation(planted.NUM_ROWS)[:80]]]
        parts += [CANDIDATES[i].features[rng.permutation(planted.NUM_ROWS)[:40]] for i in (1, 2)]
        sample = np.concatenate(parts)
        draws.append((precision_recall(REALS, sample)[0], density_coverage(REALS, sample)[1]))
    precision, coverage = np.mean(draws, axis=0)
    expected = library.score([0, 0, 1, 2])
    assert expected.precision == pytest.approx(precision, abs=0.005)
    assert expected.coverage == pytest.approx(coverage, abs=0.005)


def test_slots_in_any_order_and_scale_are_one_mixture() -> None:
    library = Library(CANDIDATES, REALS)
    for other in ([2, 0], [0, 2, 0, 2], [2, 2, 0, 0]):
        assert library.score(other).objective == pytest.approx(library.score([0, 2]).objective, rel=1e-9)


def test_a_member_that_takes_every_slot_scores_as_alone() -> None:
    library = Library(CANDIDATES, REALS)
    assert library.score([1, 1, 1]).coverage == pytest.approx(library.score([1]).coverage)


@pytest.mark.parametrize(("screen_rank", "rank"), [(4, 6), (6, 6)])
def test_beyond_the_rank_the_fid_is_a_lower_bound(screen_rank: int, rank: int, monkeypatch: pytest.MonkeyPatch) -> None:
    exact = Library(CANDIDATES, REALS)
    monkeypatch.setattr(library_module, "SCREEN_RANK", screen_rank)
    monkeypatch.setattr(library_module, "RANK", rank)
    bounded = Library(CANDIDATES, REALS)
    for slots in ([0], [1], [0, 1], [0, 1, 2, 2]):
        screened = bounded.screen(slots[:-1], slots[-1:])[0].fid
        bound, truth = bounded.score(slots).fid, exact.score(slots).fid
        assert 0.6 * truth < screened <= bound * (1 + 1e-9)
        assert bound < truth


def test_within_the_rank_the_score_is_exact_however_coarse_the_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = Library(CANDIDATES, REALS)
    monkeypatch.setattr(library_module, "SCREEN_RANK", 4)
    screening = Library(CANDIDATES, REALS)
    for slots in ([0], [1, 1], [0, 1], [0, 1, 2, 2]):
        assert screening.score(slots).objective == pytest.approx(exact.score(slots).objective, rel=1e-9)


@pytest.mark.parametrize("rank", [2, 128])
def test_lowest_fids_are_exact_whatever_the_rank(rank: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library_module, "SCREEN_RANK", rank)
    candidates = [planted.candidate(f"{i:02d}", range(2 + i % 5), i, spread=0.8 + 0.05 * i) for i in range(12)]
    fids = [fid(candidate.features, REALS) for candidate in candidates]
    assert Library(candidates, REALS).lowest_fids(4) == np.argsort(fids)[:4].tolist()
    assert Library(candidates, REALS).lowest_fids(99) == np.argsort(fids).tolist()


def test_the_weighing_decides() -> None:
    only_precision = Library(CANDIDATES, REALS, weighing=Weighing(fid=0.0, precision=1.0, coverage=0.0))
    assert only_precision.score([0]).objective == -only_precision.score([0]).precision


def test_no_candidates_is_a_line_for_the_user() -> None:
    with pytest.raises(UserError, match="no candidate is left"):
        Library([], REALS)


def test_features_of_two_shapes_are_refused() -> None:
    short = Candidate(id="d", features=CANDIDATES[0].features[:100], memorised=0.0)
    with pytest.raises(ValueError, match="one shape for all"):
        Library([*CANDIDATES, short], REALS)
