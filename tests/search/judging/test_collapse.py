import dataclasses
import math
from collections.abc import Sequence

from search.judging.collapse import CollapseRule, Moment, best_moment, non_dominated

RULE = CollapseRule()
TOTAL = 100_000.0
TICK = 10_000


def history(
    diversity: Sequence[float],
    *,
    recall: Sequence[float] | None = None,
    features: Sequence[float] | None = None,
    copies: Sequence[float] | None = None,
) -> list[Moment]:
    return [
        Moment(
            images_seen=TICK * (index + 1),
            finite=True,
            diversity=value,
            diversity_features=value if features is None else features[index],
            fid=100.0 - index,
            recall=0.3 if recall is None else recall[index],
            copies=0.0 if copies is None else copies[index],
        )
        for index, value in enumerate(diversity)
    ]


def reasons(moments: Sequence[Moment]) -> list[str | None]:
    return [RULE.reason(moments[: end + 1], TOTAL) for end in range(len(moments))]


def first_stop(moments: Sequence[Moment]) -> int | None:
    return next((index for index, reason in enumerate(reasons(moments)) if reason), None)


def test_a_healthy_run_is_left_alone() -> None:
    assert reasons(history([0.1, 0.5, 0.7, 0.8, 0.8, 0.75, 0.8, 0.82, 0.8, 0.81])) == [None] * 10


def test_early_sameness_is_no_collapse() -> None:
    assert first_stop(history([0.01, 0.1, 0.4, 0.6])) is None


def test_a_young_run_is_never_judged_however_short_its_ticks() -> None:
    young = [Moment(images_seen=i * 1000, finite=True, diversity=0.0, diversity_features=0.0, fid=9.0, recall=0.0,
                    copies=0.0) for i in range(1, 20)]  # fmt: skip
    assert first_stop(young) is None


def test_a_sudden_collapse_ends_at_its_second_tick() -> None:
    moments = history([0.5, 0.7, 0.8, 0.05, 0.05, 0.05])
    assert first_stop(moments) == 4
    assert "pixel distance" in (RULE.reason(moments, TOTAL) or "")


def test_a_slow_collapse_ends_when_it_has_happened() -> None:
    assert first_stop(history([0.8, 0.7, 0.55, 0.4, 0.3, 0.22, 0.18, 0.14, 0.1])) == 7


def test_a_single_dip_recovers() -> None:
    assert first_stop(history([0.8, 0.8, 0.1, 0.6, 0.1, 0.7, 0.8])) is None


def test_sameness_in_features_alone_is_seen() -> None:
    moments = history([0.6] * 5, features=[0.6, 0.5, 0.04, 0.03, 0.03])
    assert first_stop(moments) == 3
    assert "feature variance" in (RULE.reason(moments[:4], TOTAL) or "")


def test_recall_lost_ends_a_run_and_recall_never_had_does_not() -> None:
    assert first_stop(history([0.8] * 8, recall=[0, 0.1, 0.3, 0.2, 0, 0, 0, 0])) == 6
    assert first_stop(history([0.8] * 8, recall=[0.0] * 8)) is None


def test_recall_of_early_noise_counts_for_nothing() -> None:
    assert first_stop(history([0.8] * 8, recall=[0.9, 0, 0, 0, 0, 0, 0, 0])) is None


def test_what_is_not_finite_ends_at_once() -> None:
    nan = math.nan
    gone = Moment(images_seen=500, finite=False, diversity=nan, diversity_features=nan, fid=nan, recall=nan, copies=nan)
    assert RULE.reason([gone], TOTAL) == "weights or losses are not finite"
    assert not RULE.healthy(gone, TOTAL)
    assert RULE.reason([], TOTAL) is None


def test_a_whole_run_of_noise_ends_as_never_healthy() -> None:
    moments = history([1.2] * 10, features=[20.0] * 10, recall=[0.9] * 10)
    assert reasons(moments)[:9] == [None] * 9
    assert "never healthy" in (RULE.reason(moments, TOTAL) or "")


def test_the_best_tick_is_one_healthy_tick() -> None:
    moments = history([0.9, 0.9, 0.8, 0.8, 0.01], recall=[0.9, 0.5, 0.4, 0.2, 0.0])
    best = best_moment(moments, RULE, TOTAL)
    assert best is moments[3], "not the collapsed one of lower FID, not the recall of another tick"
    assert best_moment(moments[:2], RULE, TOTAL) is None, "before a quarter of the budget"


def test_a_tick_of_copies_is_best_only_where_there_is_no_other() -> None:
    """FID falls from tick to tick."""
    moments = history([0.8] * 6, copies=[0.0, 0.0, 0.04, 0.05, 0.2, 0.3])
    assert best_moment(moments, RULE, TOTAL) is moments[3]
    all_copy = history([0.8] * 6, copies=[0.2] * 6)
    assert best_moment(all_copy, RULE, TOTAL) is all_copy[5]


def test_noise_is_nobodys_best_tick() -> None:
    moments = history([1.0] * 4, features=[9.0, 9.0, 9.0, 1.0], recall=[0.9, 0.9, 0.9, 0.1])
    assert best_moment(moments, RULE, TOTAL) is moments[3]


def test_the_front_holds_what_nothing_beats() -> None:
    values = [(10.0, 0.2), (20.0, 0.5), (15.0, 0.1), (20.0, 0.5), (30.0, 0.9), (31.0, 0.9)]
    assert non_dominated(values) == [4, 1, 3, 0]
    assert non_dominated([]) == []


def test_what_was_before_a_return_ends_no_run() -> None:
    moments = history([0.8, 0.8, 0.05, 0.05, 0.7, 0.05])
    assert first_stop(moments) == 3
    moments[3] = dataclasses.replace(moments[3], returned="samples alike")
    assert reasons(moments)[4:] == [None, None], "one tick under the floor since then"
    assert RULE.reason([*moments, moments[5]], TOTAL) is not None, "two"


def test_a_run_that_went_back_from_numbers_that_are_none_is_alive() -> None:
    lost = dataclasses.replace(history([0.8])[0], finite=False, fid=math.nan, recall=math.nan, diversity=math.nan)
    assert RULE.reason([lost], TOTAL) is not None
    assert RULE.reason([dataclasses.replace(lost, returned="not finite")], TOTAL) is None
