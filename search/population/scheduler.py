"""A population (search/population/rule.py) in Tune: who trains when, who waits, and what a member goes on with.

Not Tune's own `PopulationBasedTraining`: it keeps scores and exchanges in the driver's memory, which a kill loses; it
gives a member its donor's whole config, and here that holds a trial's identity; it refuses searchers, and here the
study is the searcher; in its synchronous mode, where the last member that others wait for fails or ends by itself,
nobody ever goes on; and one without a score neither gives nor takes, where a collapsed member should take.

How an exchange goes: a member that reports at its tick, or collapses before, waits. While others have no room to train,
it is paused and makes room; else it keeps its process. Once everybody waits, the rule decides, the book in the study is
written, and all go on: those that take over from their donor's checkpoint, with a history and records of their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher

from search.judging.ticks import tick_at
from search.names import (
    BEST_IMAGES,
    COLLAPSED,
    EXAMPLE,
    EXCHANGED,
    IDENTITY,
    LOSS,
    SETTINGS,
    TAKE_OVER,
    TAKEN_FROM,
    TRIAL_NUMBER,
    point_of,
    trial_name,
)
from search.plan import Plan
from search.population.bandit import Situation, chosen
from search.population.exchanges import ExchangeBook, Inheritance
from search.population.rule import Explore, Member, PopulationRule, TakeOver
from search.proposing.algorithms import PB2
from search.proposing.optuna_search import StudySearch
from search.space.fields import Field, Point
from search.storage.folder import SearchFolder


@dataclass(frozen=True, kw_only=True)
class Report:
    """Of a member that waits: what its weights are worth (search/population/rule.py, `Member`)."""

    loss: float
    is_example: bool
    collapsed: bool


class Population(FIFOScheduler):  # type: ignore[misc]
    """Tune's scheduler. num_members: of this driver; max_active: how many may train at once, None: as many as fit."""

    def __init__(
        self,
        plan: Plan,
        folder: SearchFolder,
        book: ExchangeBook,
        rule: PopulationRule,
        *,
        num_members: int,
        max_active: int | None,
    ) -> None:
        super().__init__()
        self._plan = plan
        self._folder = folder
        self._book = book
        self._rule = rule
        self._num_members = num_members
        self._max_active = max_active
        self._members: dict[int, Trial] = {}  # by number
        self._waiting: dict[int, Report] = {}
        self._given_up: set[int] = set()  # collapsed, and nobody to take over from: they end

    @property
    def may_begin(self) -> bool:
        """Whether there is room for one more member to train."""
        active = [trial for trial in self._members.values() if trial.status in (Trial.PENDING, Trial.RUNNING)]
        return self._max_active is None or len(active) < self._max_active

    @property
    def _next_tick(self) -> int | None:
        """Of the exchange to come."""
        ticks = self._rule.exchanges(self._plan.num_ticks)
        return next((tick for tick in ticks if tick > self._book.last_tick), None)

    def on_trial_add(self, tune_controller: Any, trial: Trial) -> None:
        """A new one, or one that failed and is tried again."""
        number = _number(trial)
        self._members[number] = trial
        self._waiting.pop(number, None)

    def on_trial_error(self, tune_controller: Any, trial: Trial) -> None:
        self._waiting.pop(_number(trial), None)

    def on_trial_complete(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> None:
        self._waiting.pop(_number(trial), None)

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> str:
        number, images = _number(trial), int(result["images_seen"])
        next_tick, collapsed = self._next_tick, bool(result[COLLAPSED])
        if next_tick is None or number in self._given_up:
            return str(TrialScheduler.CONTINUE)
        if not collapsed and tick_at(images, self._plan.tick_images) < next_tick:
            return str(TrialScheduler.CONTINUE)
        self._waiting[number] = Report(loss=float(result[LOSS]), is_example=bool(result[EXAMPLE]), collapsed=collapsed)
        return str(TrialScheduler.PAUSE if self._others_want_room(trial) else TrialScheduler.NOOP)

    def choose_trial_to_run(self, tune_controller: Any) -> Trial | None:
        """Asked all the time; so it is also where an exchange is made as soon as all wait, however the last came to."""
        live = [trial for trial in self._members.values() if not trial.is_finished()]
        everybody = len(self._members) == self._num_members
        if live and everybody and all(_number(t) in self._waiting and not t.is_saving for t in live):
            self._exchange(tune_controller, live)
        for trial in live:
            if trial.status == Trial.PENDING:
                self._make_room(tune_controller, live)
                return trial
        runnable = [trial for trial in live if self._is_runnable(trial)]
        if runnable and not self.may_begin:
            self._make_room(tune_controller, live)
        return min(runnable, key=_number) if runnable and self.may_begin else None

    def _is_runnable(self, trial: Trial) -> bool:
        return bool(trial.status == Trial.PAUSED and _number(trial) not in self._waiting)

    def _others_want_room(self, trial: Trial) -> bool:
        if len(self._members) < self._num_members:
            return True
        others = [other for other in self._members.values() if other is not trial]
        return any(other.status == Trial.PENDING or self._is_runnable(other) for other in others)

    def _make_room(self, tune_controller: Any, live: list[Trial]) -> None:
        """Where nobody trains, since all who have room only wait in it, and others want it: pause one of them."""
        running = [trial for trial in live if trial.status == Trial.RUNNING]
        held = [trial for trial in running if _number(trial) in self._waiting and not trial.is_saving]
        if held and len(held) == len(running):
            tune_controller.pause_trial(held[0], should_checkpoint=False)

    def _exchange(self, tune_controller: Any, live: list[Trial]) -> None:
        tick = self._next_tick
        assert tick is not None
        members = [self._member(trial) for trial in live]
        network = str(members[0].point["network"])
        fields = list(self._plan.space().fields({"network": network, "augment": "ada"}))
        explore = self._bandit(fields, members) if self._plan.algorithm == PB2 else None
        done = self._rule.take_overs(members, fields, seed=self._plan.seed, tick=tick, explore=explore)
        checkpoints = {one.donor: self._checkpoint(one.donor, network, tick) for one in done}
        done = [one for one in done if checkpoints[one.donor]]
        self._book.write(tick, members, done, checkpoints)
        takes = {one.receiver: one for one in done}
        waiting, self._waiting = self._waiting, {}
        for trial in live:
            number = _number(trial)
            one = takes.get(number)
            trial.set_config(_after(trial.config, tick, one, checkpoints))
            stays = waiting[number].collapsed and one is None
            if stays and self._next_tick is not None:
                self._waiting[number] = waiting[number]  # there may be somebody to take over from at the next
            elif stays:
                self._given_up.add(number)
            if trial.status == Trial.RUNNING and (one is not None or number in self._waiting):
                tune_controller.pause_trial(trial, should_checkpoint=False)
            elif trial.status == Trial.RUNNING:
                tune_controller._schedule_trial_train(trial)  # its process has waited in its report

    def _bandit(self, fields: Sequence[Field], members: Sequence[Member]) -> Explore:
        """PB2's explore, from all intervals so far."""
        intervals, time = self._book.intervals(members), self._book.num_done + 1

        def explore(donor: Member, taken: Sequence[Point], rng: np.random.Generator) -> Point:
            return chosen(intervals, Situation(time=time, loss=donor.loss), taken, fields, donor.point, rng)

        return explore

    def _member(self, trial: Trial) -> Member:
        report = self._waiting[_number(trial)]
        return Member(number=_number(trial), point=point_of(trial.config), **vars(report))

    def _checkpoint(self, donor: int, network: str, tick: int) -> str:
        """The donor's, of this very tick; empty where its storage has lost it."""
        newest = self._folder.newest_checkpoint(trial_name(donor, network))
        if newest is None or tick_at(newest.images_seen, self._plan.tick_images) != tick:
            return ""
        return newest.uri

    def debug_string(self) -> str:
        return f"population of {self._num_members}, last exchange at tick {self._book.last_tick}"


class PopulationSearch(StudySearch):
    """The study's searcher for a population: members begin as room comes, and go on with what they last took over."""

    def __init__(
        self,
        *arguments: Any,
        population: Population,
        book: ExchangeBook,
        num_left: int,
        tick_images: float,
        **more: Any,
    ) -> None:
        super().__init__(*arguments, **more)
        self._tick_images = tick_images
        self._population = population
        self._book = book
        self._num_left = num_left
        self._num_ended = 0

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:  # type: ignore[override]  # Tune takes all three
        """None: not now. It is finished once all members have ended: so long Tune keeps idle processes for them."""
        if len(self._ot_trials) + self._num_ended == self._num_left:
            return str(Searcher.FINISHED) if self._num_ended == self._num_left else None
        if not self._population.may_begin:
            return None
        config = super().suggest(trial_id)
        number = int(config[TRIAL_NUMBER])
        last = self._book.inheritance(number)
        identity = {name: config[name] for name in IDENTITY} | {EXCHANGED: self._book.last_tick}
        if last is not None and not self._has_gone_on(config, last):
            if self._folder.is_whole(last.checkpoint):
                identity |= {TAKE_OVER: last.checkpoint, TAKEN_FROM: last.donor}
            else:  # its storage has lost it: the member goes on as it was
                last = self._book.inheritance(number, before=last.tick)
        return (point_of(config) if last is None else last.point) | identity

    def _has_gone_on(self, config: dict[str, Any], last: Inheritance) -> bool:
        """Whether it has a checkpoint of its own since it took over."""
        newest = self._folder.newest_checkpoint(trial_name(int(config[TRIAL_NUMBER]), str(config["network"])))
        return newest is not None and tick_at(newest.images_seen, self._tick_images) > last.tick

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """With the settings of its best tick, where they are not those that it began with."""
        trial = self._ot_trials[trial_id]
        best = tick_at(int(result[BEST_IMAGES]), self._tick_images) if result and BEST_IMAGES in result else None
        then = self._book.inheritance(trial.number, before=best)
        if then is not None:
            trial.set_user_attr(SETTINGS, then.point)
        self._num_ended += 1
        super().on_trial_complete(trial_id, result, error)


def _after(config: dict[str, Any], tick: int, one: TakeOver | None, checkpoints: dict[int, str]) -> dict[str, Any]:
    """A member's config after an exchange."""
    point: Point = point_of(config) if one is None else one.point
    identity = {name: config[name] for name in IDENTITY}
    taken = {TAKE_OVER: "", TAKEN_FROM: -1}
    if one is not None:
        taken = {TAKE_OVER: checkpoints[one.donor], TAKEN_FROM: one.donor}
    return {**point, **identity, EXCHANGED: tick, **taken}


def _number(trial: Trial) -> int:
    return int(trial.config[TRIAL_NUMBER])
