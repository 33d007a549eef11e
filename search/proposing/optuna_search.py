"""Optuna in Tune, told the truth, in a study that outlives the driver.

Ray's own `OptunaSearch` in a study of two objectives tells Optuna COMPLETE for a trial that was cut short (with the
score it had then), leaves one without finite values RUNNING for ever, and reports the last result, not the best. Here:

  ended by itself, with values        COMPLETE, the values of its best tick (collapse.best_moment)
  collapsed, or stopped without hope  PRUNED, no values: TPE counts it among the bad
  collapsed, and went back (return)   PRUNED too: its scores are of other settings than its point's
  stopped by halving (one objective)  PRUNED, with its value at each tick: TPE counts it after those that came further
  no finite values, or failed         FAIL: TPE learns nothing from it

The study is the truth of the search, not Tune's experiment state: Tune writes that every ten seconds or so, in place,
so that a kill leaves it behind the events or half-written. Every trial that was ever asked for is in the study, at
once; those that a dead driver left RUNNING are handed out again first, under the same id, before any new one is asked
for. So nothing runs twice, and the count comes out right, whenever the driver was killed.

Draws depend on the trial's number, not on what was drawn before: a resumed search asks as an uncut one would.
"""

import math
from collections.abc import Mapping
from typing import Any

import optuna
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.trial import FrozenTrial, TrialState
from ray.tune.search.optuna import OptunaSearch

from gan.chance import Purpose, seed_at
from search.judging.hopeless import plain_curve
from search.judging.objectives import BOTH, OBJECTIVES, Objective, Objectives
from search.names import (
    COLLAPSED,
    COPIES_OVER,
    CURVE,
    EXCHANGED,
    FID,
    FINISHED,
    LEARNED_FROM,
    RECALL,
    RESUME_FROM,
    SECOND_CHANCE,
    STOPPED,
    TAKE_OVER,
    TAKEN_FROM,
    TRIAL_FOLDER,
    TRIAL_ID,
    TRIAL_NUMBER,
    trial_name,
)
from search.proposing.algorithms import DEFAULT
from search.proposing.samplers import sampler_for
from search.space.fields import Point
from search.space.space import Space
from search.storage.folder import SearchFolder
from search.storage.journal import FolderJournal

STUDY = "search"

optuna.logging.set_verbosity(optuna.logging.ERROR)


def open_storage(folder: SearchFolder) -> BaseStorage:
    """The study's database: SQLite on a local disk, else a journal of objects."""
    if not folder.is_local:
        return JournalStorage(FolderJournal(folder))
    return RDBStorage(f"sqlite:///{folder.local_path / 'optuna.db'}", engine_kwargs={"connect_args": {"timeout": 30}})


def open_study(folder: SearchFolder, space: Space, objectives: Objectives = OBJECTIVES[BOTH]) -> optuna.Study:
    """The search's study, begun with the recipes' own settings where it is new."""
    study = optuna.create_study(
        storage=open_storage(folder), study_name=STUDY, directions=objectives.directions, load_if_exists=True
    )
    for point in space.first_points():
        study.enqueue_trial(point, skip_if_exists=True)
    return study


def num_to_run(study: optuna.Study, num_trials: int) -> int:
    """How many trials a search of that many has left, those of a dead driver among them."""
    done = [trial for trial in own_trials(study) if trial.state.is_finished()]
    return max(0, num_trials - len(done))


def own_trials(study: optuna.Study) -> list[FrozenTrial]:
    """Those that this search asked for, without the ones learnt from others."""
    return [trial for trial in study.get_trials(deepcopy=False) if LEARNED_FROM not in trial.user_attrs]


def is_copying(trial: FrozenTrial) -> bool:
    """Whether its best tick copies more training pictures than it may."""
    return bool(trial.constraints.get(COPIES_OVER, 0.0) > 0)


class StudySearch(OptunaSearch):  # type: ignore[misc]
    """Tune's searcher over a study. A suggested config is the point and the trial's identity (IDENTITY)."""

    def __init__(
        self,
        study: optuna.Study,
        space: Space,
        folder: SearchFolder,
        *,
        seed: int,
        num_trials: int,
        algorithm: str = DEFAULT,
        objectives: Objectives = OBJECTIVES[BOTH],
    ) -> None:
        super().__init__(metric=[FID, RECALL], mode=["min", "max"])  # what each result must hold
        self._objectives = objectives
        self._space = space.point_from
        self._ot_study = study
        self._folder = folder
        self._seed_of_search = seed
        self._num_trials = num_trials
        self._algorithm = algorithm
        self._left_over = [trial for trial in study.get_trials(deepcopy=True) if trial.state == TrialState.RUNNING]

    def suggest(self, trial_id: str) -> dict[str, Any]:
        """A trial left over by a dead driver, else a new one."""
        if self._left_over:
            left_over = self._left_over.pop(0)
            self._draw_as(left_over.number)
            trial = optuna.trial.Trial(self._ot_study, left_over._trial_id)
        else:
            asked = [t for t in self._ot_study.get_trials(deepcopy=False) if t.state != TrialState.WAITING]
            self._draw_as(len(asked))
            trial = self._ot_study.ask()
        if TRIAL_ID not in trial.user_attrs:  # a kill between `ask` and here leaves a trial that has never run
            trial.set_user_attr(TRIAL_ID, trial_id)
        self._ot_trials[trial_id] = trial
        point: Point = super().suggest(trial_id)
        return {**point, **self._identity(trial, point)}

    def _draw_as(self, number: int) -> None:
        seed = seed_at(self._seed_of_search, Purpose.ORDER, number) % 2**32
        self._ot_study.sampler = sampler_for(self._algorithm, seed, self._num_trials)

    def _identity(self, trial: optuna.Trial, point: Point) -> dict[str, Any]:
        name = trial_name(trial.number, str(point["network"]))
        newest = self._folder.newest_checkpoint(name)
        attempt = self._folder.next_attempt(name)
        self._folder.forget_attempts(name, but=newest)
        return {
            TRIAL_ID: trial.user_attrs[TRIAL_ID],
            TRIAL_NUMBER: trial.number,
            TRIAL_FOLDER: f"{name}.{attempt}",
            RESUME_FROM: newest.uri if newest else "",
            EXCHANGED: 0,
            TAKE_OVER: "",
            TAKEN_FROM: -1,
        }

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """What is worth telling of the ticks is told at the end: most trials end with their best."""

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Tell the study what happened; the rest of what is worth knowing goes beside it as user attributes."""
        trial = self._ot_trials.pop(trial_id)
        for name, value in plain_facts(result or {}).items():
            trial.set_user_attr(name, value)
        if result and CURVE in result:
            trial.set_user_attr(CURVE, result[CURVE])
        if result and COPIES_OVER in result:
            trial.set_constraint(COPIES_OVER, result[COPIES_OVER])
        state, values = verdict(result, error, self._objectives)
        if state == TrialState.PRUNED and result and self._objectives.single is not None:
            for step, value in intermediate_values(result, self._objectives.single):
                trial.report(value, step)
        self._ot_study.tell(trial, values, state=state)

    def save(self, checkpoint_path: str) -> None:
        """Nothing to save: the study is in its database."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to restore."""

    def save_to_dir(self, checkpoint_dir: str, session_str: str = "default") -> None:
        """Nothing to save."""


def verdict(
    result: Mapping[str, Any] | None, error: bool, objectives: Objectives = OBJECTIVES[BOTH]
) -> tuple[TrialState, list[float] | None]:
    """What the study is told of a trial that has ended with this last result."""
    if error:
        return TrialState.FAIL, None
    if not result or FID not in result or result[COLLAPSED] or result[SECOND_CHANCE] or not result[FINISHED]:
        return TrialState.PRUNED, None
    if not (math.isfinite(result[FID]) and math.isfinite(result[RECALL])):
        return TrialState.FAIL, None
    return TrialState.COMPLETE, objectives.values(result)


def intermediate_values(result: Mapping[str, Any], objective: Objective) -> list[tuple[int, float]]:
    """(images seen, best value so far) at each tick of a trial that halving stopped; none of one that collapsed.

    A collapsed trial's values of before would place it among the better ones of those that were cut short.
    """
    if result[COLLAPSED] or not result.get(STOPPED) or CURVE not in result:
        return []
    return [(point.images_seen, objective.value_at(point)) for point in plain_curve(result[CURVE])]


def plain_facts(result: Mapping[str, Any]) -> dict[str, str | float | int | bool]:
    """Of a result, what the records show later: `best_…`, how far it came, why it ended."""
    kept = {name: value for name, value in result.items() if name.startswith("best_")}
    kept |= {
        name: result[name]
        for name in (COLLAPSED, SECOND_CHANCE, STOPPED, FINISHED, "images_seen", "run_id")
        if name in result
    }
    return {
        name: value
        for name, value in kept.items()
        if isinstance(value, str | bool | int) or (isinstance(value, float) and math.isfinite(value))
    }
