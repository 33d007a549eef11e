from search.judging.collapse import CollapseRule, Moment
from search.judging.retention import candidates_kept
from tests.search.moments import moment

RULE = CollapseRule()
TOTAL = 80_000.0


HISTORY = [
    moment(10_000, 20.0, 0.9),  # before the quarter of the budget from which candidates count
    moment(20_000, 90.0, 0.30),
    moment(30_000, 70.0, 0.10),
    moment(40_000, 60.0, 0.20),
    moment(50_000, 65.0, 0.25),
    moment(60_000, 80.0, 0.15),
]


def kept(history: list[Moment], num_best: int) -> list[int]:
    return sorted(images // 1000 for images in candidates_kept(history, RULE, TOTAL, num_best))


def test_the_best_by_each_objective_and_the_last_stay() -> None:
    assert kept(HISTORY, 1) == [20, 40, 60]
    assert kept(HISTORY, 2) == [20, 40, 50, 60]
    assert kept(HISTORY, 9) == [20, 30, 40, 50, 60]


def test_what_stays_never_comes_back_once_it_is_gone() -> None:
    """Deleting as it goes is right only if no later tick can make an earlier one worth keeping again."""
    for num_best in (1, 2, 3):
        gone: set[int] = set()
        for end in range(1, len(HISTORY) + 1):
            now = set(kept(HISTORY[:end], num_best))
            assert not now & gone
            gone |= {entry.images_seen // 1000 for entry in HISTORY[:end]} - now


def test_the_last_is_the_last_healthy_one() -> None:
    assert kept([*HISTORY, moment(70_000, 10.0, 0.9, diversity=0.01)], 1) == [20, 40, 60]


def test_copies_come_after_all_that_copies_nothing() -> None:
    assert kept([*HISTORY, moment(70_000, 10.0, 0.9, copies=0.5), moment(80_000, 99.0, 0.0)], 1) == [20, 40, 80]
    assert kept([moment(70_000, 10.0, 0.9, copies=0.5)], 1) == [70]


def test_nothing_healthy_keeps_nothing() -> None:
    assert kept([moment(70_000, 10.0, 0.9, diversity=0.0)], 3) == []
