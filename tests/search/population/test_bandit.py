"""PB2's choice of settings: where gains were largest, where little is known, and what the book remembers."""

from collections.abc import Sequence

import numpy as np
import optuna
import pytest

from search.population.bandit import Interval, Situation, chosen
from search.population.exchanges import ExchangeBook
from search.population.rule import Member, PopulationRule, TakeOver
from search.space.fields import Choice, Point, Range

FIELDS = [
    Choice(name="augment", values=("ada", "none")),
    Range(name="lr", low=1e-4, high=1e-2, log=True),
    Range(name="target", low=0.4, high=0.8, log=False),
]
DONOR: Point = {"augment": "ada", "lr": 1e-3, "target": 0.6}


def gained(lr: float, gain: float, *, target: float = 0.6, loss: float = 50.0) -> Interval:
    return Interval(time=1, loss=loss, point={"augment": "ada", "lr": lr, "target": target}, gain=gain)


def many(best: float) -> list[Interval]:
    """Gains that fall off with the rate's distance from the best, whatever the target."""
    rng = np.random.default_rng(0)
    rates, targets = 10 ** rng.uniform(-4, -2, 40), rng.uniform(0.4, 0.8, 40)
    return [gained(r, -abs(np.log10(r / best)), target=t) for r, t in zip(rates, targets, strict=True)]


def choose(known: list[Interval], *, seed: int = 0, taken: Sequence[Point] = (), donor: Point = DONOR) -> Point:
    return chosen(known, Situation(time=2, loss=50.0), taken, FIELDS, donor, np.random.default_rng(seed))


@pytest.mark.parametrize("best", [3e-4, 1e-3, 4e-3])
def test_it_goes_where_gains_were_largest(best: float) -> None:
    for seed in range(5):
        point = choose(many(best), seed=seed)
        assert abs(np.log10(float(point["lr"]) / best)) < 0.35  # of a range of 2
        assert point["augment"] == "ada"
        assert 0.4 <= float(point["target"]) <= 0.8


def test_two_at_one_exchange_do_not_get_the_same() -> None:
    """Little is known, so the second goes elsewhere."""
    known = [gained(1e-3, 1.0), gained(1.1e-3, 1.1)]
    first = choose(known)
    assert choose(known) == first
    assert choose(known, taken=[first]) != first


def test_without_intervals_it_is_drawn_from_the_ranges() -> None:
    rates = [float(choose([], seed=seed)["lr"]) for seed in range(30)]
    assert min(rates) < 3e-4
    assert max(rates) > 3e-3
    none: Point = {"augment": "none", "lr": 1e-3}
    assert set(choose([], donor=none)) == set(none)


def test_equal_gains_and_one_interval_are_no_trouble() -> None:
    for known in ([gained(1e-3, 0.0)], [gained(1e-3, 2.0)] * 5):
        assert 1e-4 <= float(choose(known)["lr"]) <= 1e-2


def member(number: int, loss: float, lr: float) -> Member:
    return Member(
        number=number, loss=loss, is_example=True, collapsed=False, point={"augment": "ada", "lr": lr, "target": 0.6}
    )


def test_the_book_knows_what_was_gained() -> None:
    """Who took over began with its donor's loss; where a loss is missing nothing is known."""
    study = optuna.create_study()
    book = ExchangeBook(study)
    first = [member(0, 80.0, 1e-3), member(1, 60.0, 2e-3), member(2, float("nan"), 3e-3)]
    assert book.intervals(first) == []
    book.write(2, first, [TakeOver(0, 1, member(0, 0.0, 4e-3).point)], {1: "there"})
    again = ExchangeBook(study)
    now = [member(0, 50.0, 4e-3), member(1, 58.0, 2e-3), member(2, 70.0, 3e-3)]
    assert again.intervals(now) == [gained(4e-3, 10.0, loss=60.0), gained(2e-3, 2.0, loss=60.0)]
    assert again.num_done == 1


def test_a_rule_takes_its_explore() -> None:
    already: list[int] = []

    def explore(donor: Member, taken: Sequence[Point], rng: np.random.Generator) -> Point:
        already.append(len(taken))
        return {"augment": "none"}

    eight = [member(number, float(number), 1e-3) for number in range(8)]
    done = PopulationRule().take_overs(eight, FIELDS, seed=0, tick=4, explore=explore)
    assert [one.point for one in done] == [{"augment": "none"}] * 2
    assert already == [0, 1]
