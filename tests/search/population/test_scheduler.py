"""How a population goes through Tune, and through a driver's death."""

import dataclasses
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ray.tune.experiment import Trial
from ray.tune.schedulers import TrialScheduler
from ray.tune.search import Searcher

from search.names import (
    BEST_IMAGES,
    COLLAPSED,
    EXAMPLE,
    EXCHANGED,
    FID,
    FINISHED,
    LOSS,
    RECALL,
    RESUME_FROM,
    SECOND_CHANCE,
    SETTINGS,
    TAKE_OVER,
    TAKEN_FROM,
    TRIAL_ID,
    TRIAL_NUMBER,
    point_of,
)
from search.plan import Plan
from search.population.exchanges import ExchangeBook
from search.population.rule import PopulationRule
from search.population.scheduler import Population, PopulationSearch
from search.proposing.optuna_search import open_study
from search.results.report import findings
from search.storage.folder import SearchFolder, seal

RULE = PopulationRule()


class Machine:
    """Trials as Tune's controller holds them, with room for some; it does at once what Tune does in a while."""

    def __init__(self, plan: Plan, folder: SearchFolder, *, room: int = 2) -> None:
        study = open_study(folder, plan.space(), plan.objectives)
        self.study, self.plan, self.folder, self.room = study, plan, folder, room
        self.book = ExchangeBook(study)
        left = sum(not trial.state.is_finished() for trial in study.get_trials() if trial.user_attrs)
        left = left or plan.num_trials
        self.population = Population(plan, folder, self.book, RULE, num_members=left, max_active=room)
        self.searcher = PopulationSearch(
            study,
            plan.space(),
            folder,
            seed=plan.seed,
            num_trials=plan.num_trials,
            algorithm="pbt",
            objectives=plan.objectives,
            population=self.population,
            book=self.book,
            num_left=left,
            tick_images=plan.tick_images,
        )
        self.trials: dict[int, Fake] = {}
        self.went_on: list[int] = []

    def _schedule_trial_train(self, trial: "Fake") -> None:
        self.went_on.append(trial.number)

    def pause_trial(self, trial: "Fake", should_checkpoint: bool) -> None:
        trial.status = Trial.PAUSED

    def step(self) -> None:
        """Ask the searcher and the scheduler until there is nothing more to start."""
        for _ in range(8):
            config = self.searcher.suggest(f"id{len(self.trials)}")
            if isinstance(config, dict):
                trial = Fake(config, f"id{len(self.trials)}")
                self.trials[trial.number] = trial
                self.population.on_trial_add(self, trial)
            chosen = self.population.choose_trial_to_run(self)
            if chosen is not None and len(self.running()) < self.room:
                chosen.status = Trial.RUNNING

    def running(self) -> list[int]:
        return [trial.number for trial in self.trials.values() if trial.status == Trial.RUNNING]

    def report(self, number: int, tick: int, loss: float, *, collapsed: str = "") -> str:
        """With its checkpoint of that tick in the folder."""
        trial = self.trials[number]
        if not collapsed:
            at = self.folder.local_path / trial.config["trial_folder"] / f"checkpoint_{tick:06d}"
            at.mkdir(parents=True)
            seal(at, 10_000 * tick + 16 * number)
        result = {"images_seen": 10_000 * tick + 16 * number, LOSS: loss, COLLAPSED: collapsed}
        result[EXAMPLE] = math.isfinite(loss) and not collapsed
        decision = self.population.on_trial_result(self, trial, result)
        if decision == TrialScheduler.PAUSE:
            trial.status = Trial.PAUSED
        return decision

    def end(self, number: int, *, error: bool = False) -> None:
        trial = self.trials[number]
        ended = {FID: 30.0, RECALL: 0.2, COLLAPSED: "", SECOND_CHANCE: "", FINISHED: True, BEST_IMAGES: 70_000}
        trial.status = Trial.ERROR if error else Trial.TERMINATED
        if error:
            self.population.on_trial_error(self, trial)
        else:
            self.population.on_trial_complete(self, trial, ended)
        self.searcher.on_trial_complete(trial.trial_id, None if error else ended, error)


class Fake:
    """As much of Tune's trial as a scheduler looks at."""

    is_saving = False

    def __init__(self, config: dict[str, Any], trial_id: str) -> None:
        self.config, self.trial_id, self.status = config, trial_id, Trial.PENDING

    @property
    def number(self) -> int:
        return int(self.config[TRIAL_NUMBER])

    def is_finished(self) -> bool:
        return self.status in (Trial.TERMINATED, Trial.ERROR)

    def set_config(self, config: dict[str, Any]) -> None:
        self.config = config


@pytest.fixture
def begin(plan: Plan, tmp_path: Path) -> Callable[..., Machine]:
    """What a driver does when it starts, on a new folder or on a dead driver's."""

    def begun(room: int = 2) -> Machine:
        folder = SearchFolder(str(tmp_path), "found")
        folder.make()
        machine = Machine(plan, folder, room=room)
        machine.step()
        return machine

    return begun


def to_first_exchange(machine: Machine, losses: tuple[float, ...] = (4.0, 3.0, 2.0, 1.0)) -> None:
    """All four to tick 2, two at a time; those that there is no more need to make room for keep their place."""
    assert machine.running() == [0, 1]
    assert machine.report(0, 1, losses[0]) == TrialScheduler.CONTINUE
    assert machine.report(0, 2, losses[0]) == TrialScheduler.PAUSE
    machine.step()
    assert machine.running() == [1, 2]
    assert machine.report(1, 2, losses[1]) == TrialScheduler.PAUSE
    machine.step()
    assert machine.running() == [2, 3]
    assert machine.report(2, 2, losses[2]) == TrialScheduler.NOOP
    machine.step()
    assert machine.book.last_tick == 0
    assert machine.report(3, 2, losses[3]) == TrialScheduler.NOOP
    machine.step()


def test_all_wait_then_the_worst_goes_on_from_the_best(begin: Callable[..., Machine]) -> None:
    machine = begin()
    before = dict(machine.trials[0].config)
    to_first_exchange(machine)
    assert machine.book.last_tick == 2
    receiver, donor = machine.trials[0].config, machine.trials[3].config
    assert receiver[TAKE_OVER].endswith("003-dcgan.0/checkpoint_000002")
    assert (receiver[TAKEN_FROM], receiver[EXCHANGED], receiver[TRIAL_ID]) == (3, 2, before[TRIAL_ID])
    machine.plan.space().build_run(point_of(receiver))
    assert point_of(receiver)["augment"] == point_of(donor)["augment"]
    assert point_of(receiver) != point_of(donor)
    for number in (1, 2, 3):
        config = machine.trials[number].config
        assert (config[TAKE_OVER], config[TAKEN_FROM], config[EXCHANGED]) == ("", -1, 2)
    assert machine.went_on == [2, 3], "who waited in its process goes on in it"
    assert machine.running() == [2, 3]
    machine.report(2, 4, 2.0)
    machine.step()
    assert machine.running() == [0, 3], "then who was paused"


def test_a_bandit_chooses_where_it_is_asked_to(plan: Plan, tmp_path: Path) -> None:
    """PB2: the same exchanges, other settings, which are still a point of the space."""
    taken = []
    for algorithm in ("pbt", "pb2"):
        (tmp_path / algorithm).mkdir()
        folder = SearchFolder(str(tmp_path / algorithm), "found")
        folder.make()
        machine = Machine(dataclasses.replace(plan, algorithm=algorithm), folder, room=4)
        machine.step()
        for tick in (2, 4):
            for number in machine.running():
                machine.report(number, tick, 10.0 * number + 10.0 / tick)
            machine.step()
        assert machine.book.last_tick == 4
        plan.space().build_run(point_of(machine.trials[3].config))
        taken.append(point_of(machine.trials[3].config))
    assert taken[0] != taken[1]


def test_nobody_waits_for_one_that_failed_or_ended(begin: Callable[..., Machine]) -> None:
    """Whether the last one fails before it reports, or while it waits in its process."""
    machine = begin(room=4)
    assert machine.running() == [0, 1, 2, 3]
    for number in (0, 1, 2):
        assert machine.report(number, 2, float(number)) == TrialScheduler.NOOP
    machine.step()
    assert machine.book.last_tick == 0
    machine.end(3, error=True)
    machine.step()
    assert machine.book.last_tick == 2
    assert machine.trials[2].config[TAKEN_FROM] == 0
    assert sorted(machine.running()) == [0, 1, 2]


def test_who_collapsed_waits_and_takes_over(begin: Callable[..., Machine]) -> None:
    machine = begin(room=4)
    assert machine.report(1, 1, math.nan, collapsed="samples alike") == TrialScheduler.NOOP
    for number in (0, 2, 3):
        machine.report(number, 2, float(number))
    machine.step()
    assert machine.trials[1].config[TAKEN_FROM] == 0
    assert machine.trials[3].config[TAKEN_FROM] == -1, "a quarter of four has taken over"
    for number in range(4):
        machine.report(number, 4, math.nan if number else 1.0)
    machine.step()
    assert machine.report(2, 5, math.nan, collapsed="again") == TrialScheduler.NOOP
    for number in (0, 1, 3):
        machine.report(number, 6, 1.0)
    machine.step()
    assert machine.report(2, 7, math.nan, collapsed="too late") == TrialScheduler.CONTINUE, "no exchange is left"


def test_where_nobody_is_alive_the_collapsed_end(begin: Callable[..., Machine]) -> None:
    machine = begin(room=4)
    for number in range(4):
        machine.report(number, 2, math.nan, collapsed="samples alike")
    machine.step()
    assert machine.book.last_tick == 6, "no exchange is left to wait for"
    assert machine.running() == [0, 1, 2, 3]
    assert machine.report(0, 2, math.nan, collapsed="samples alike") == TrialScheduler.CONTINUE


def test_who_collapsed_before_anybody_is_an_example_waits_for_the_next(begin: Callable[..., Machine]) -> None:
    machine = begin(room=4)
    machine.report(0, 1, math.nan, collapsed="not finite")
    for number in (1, 2, 3):
        machine.report(number, 2, math.nan)
    machine.step()
    assert (machine.book.last_tick, machine.running()) == (2, [1, 2, 3])
    for number in (1, 2, 3):
        machine.report(number, 4, float(number))
    machine.step()
    assert machine.trials[0].config[TAKEN_FROM] == 1
    assert machine.running() == [0, 1, 2, 3]


def test_one_that_waits_in_its_process_makes_room_when_nobody_trains(begin: Callable[..., Machine]) -> None:
    """The last to train was on a machine that is lost: it has to go on where another one waits."""
    machine = begin(room=4)
    for number in range(3):
        assert machine.report(number, 2, 1.0) == TrialScheduler.NOOP
    machine.trials[3].status = Trial.PENDING
    machine.population.on_trial_add(machine, machine.trials[3])
    machine.room = 3
    machine.step()
    assert machine.running() == [1, 2, 3]
    assert machine.report(3, 2, 1.0) == TrialScheduler.NOOP
    machine.step()
    assert machine.book.last_tick == 2


def test_the_searcher_ends_with_its_last_member(begin: Callable[..., Machine]) -> None:
    machine = begin(room=4)
    assert machine.searcher.suggest("more") is None
    for number in range(4):
        machine.end(number)
        more = machine.searcher.suggest("more")
        assert more == (Searcher.FINISHED if number == 3 else None)


def test_a_dead_drivers_members_go_on_as_they_were(begin: Callable[..., Machine]) -> None:
    """Killed after an exchange: the one that took over had no checkpoint of its own since then, then it has."""
    first = begin()
    to_first_exchange(first)
    taken = dict(first.trials[0].config)
    del first  # kill -9
    second = begin(room=4)
    config = second.trials[0].config
    same = [name for name in taken if name not in ("trial_folder", RESUME_FROM)]
    assert {name: config[name] for name in same} == {name: taken[name] for name in same}
    assert config[RESUME_FROM].endswith("000-dcgan.0/checkpoint_000002"), "its own history"
    assert [second.trials[n].config[EXCHANGED] for n in range(4)] == [2, 2, 2, 2]
    second.report(0, 3, 1.0)
    del second
    third = begin(room=4)
    assert third.trials[0].config[TAKE_OVER] == ""
    assert point_of(third.trials[0].config) == point_of(taken)
    for number in range(4):
        assert third.report(number, 4, float(number)) == TrialScheduler.NOOP
    third.step()
    assert third.book.last_tick == 4


def test_a_lost_checkpoint_is_not_taken_over(begin: Callable[..., Machine]) -> None:
    first = begin()
    to_first_exchange(first)
    own = point_of(first.trials[1].config)
    before = first.study.get_trials()[0].params
    for file in (first.folder.local_path / "003-dcgan.0").rglob("complete.json"):
        file.write_text("{}")
    second = begin(room=4)
    assert second.trials[0].config[TAKE_OVER] == ""
    assert point_of(second.trials[0].config) == before
    assert point_of(second.trials[1].config) == own


def test_the_tables_show_the_settings_of_the_best_tick(begin: Callable[..., Machine], plan: Plan) -> None:
    machine = begin()
    to_first_exchange(machine)
    for number in range(4):
        machine.end(number)
    by_number = {finding.number: finding for finding in findings(machine.study, plan)}
    assert by_number[0].point == point_of(machine.trials[0].config)
    trial = machine.study.get_trials()[0]
    assert trial.user_attrs[SETTINGS] != trial.params
    assert by_number[1].point == machine.study.get_trials()[1].params
    page = machine.study.user_attrs["exchange.000002"]
    assert [one["loss"] for one in page["members"]] == [4.0, 3.0, 2.0, 1.0]
    json.dumps(page, allow_nan=False)
