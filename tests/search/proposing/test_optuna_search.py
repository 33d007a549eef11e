import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState

from search.names import (
    COLLAPSED,
    COPIES_OVER,
    FID,
    FINISHED,
    IDENTITY,
    RECALL,
    RESUME_FROM,
    SECOND_CHANCE,
    TRIAL_FOLDER,
    TRIAL_ID,
    TRIAL_NUMBER,
)
from search.proposing.algorithms import ALGORITHMS, DEFAULT
from search.proposing.optuna_search import STUDY, StudySearch, is_copying, num_to_run, open_storage, open_study, verdict
from search.proposing.samplers import SAMPLERS, sampler_for
from search.space.space import Space
from search.storage.folder import COMPLETE, SearchFolder, seal

NUM_TRIALS = 6


@pytest.fixture
def folder(tmp_path: Path) -> SearchFolder:
    folder = SearchFolder(str(tmp_path), "found")
    folder.make()
    return folder


Begin = Callable[..., StudySearch]


@pytest.fixture
def begin(space: Space) -> Begin:
    """What a driver does when it starts, on a new folder or on a dead driver's."""

    def begun(folder: SearchFolder, algorithm: str = DEFAULT) -> StudySearch:
        study = open_study(folder, space)
        return StudySearch(study, space, folder, seed=1, num_trials=NUM_TRIALS, algorithm=algorithm)

    return begun


def result(
    fid: float = 30.0, recall: float = 0.2, collapsed: str = "", finished: bool = True, returned: str = ""
) -> dict[str, Any]:
    ended = {COLLAPSED: collapsed, SECOND_CHANCE: returned, FINISHED: finished}
    return {FID: fid, RECALL: recall, **ended, "images_seen": 100, "run_id": "r"}


def trials_in(folder: SearchFolder) -> list[FrozenTrial]:
    return optuna.load_study(study_name=STUDY, storage=open_storage(folder)).get_trials()


def states(folder: SearchFolder) -> list[TrialState]:
    return [trial.state for trial in trials_in(folder)]


def point(config: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in config.items() if name not in IDENTITY}


@pytest.mark.parametrize(
    ("last", "error", "state", "values"),
    [
        (result(), False, TrialState.COMPLETE, [30.0, 0.2]),
        (result(collapsed="samples alike"), False, TrialState.PRUNED, None),
        (result(finished=False), False, TrialState.PRUNED, None),
        (result(returned="back to 8 kimg"), False, TrialState.PRUNED, None),
        (None, False, TrialState.PRUNED, None),
        (result(fid=math.nan), False, TrialState.FAIL, None),
        (result(recall=math.inf), False, TrialState.FAIL, None),
        (result(), True, TrialState.FAIL, None),
        (None, True, TrialState.FAIL, None),
    ],
)
def test_optuna_is_told_the_truth(
    last: dict[str, Any] | None, error: bool, state: TrialState, values: list[float] | None
) -> None:
    assert verdict(last, error) == (state, values)


def test_first_come_the_recipes_then_what_optuna_asks(folder: SearchFolder, space: Space, begin: Begin) -> None:
    search = begin(folder)
    configs = [search.suggest(f"id{number}") for number in range(4)]
    assert [point(config) for config in configs[:2]] == space.first_points()
    assert [config[TRIAL_NUMBER] for config in configs] == [0, 1, 2, 3]
    assert [config[TRIAL_ID] for config in configs] == ["id0", "id1", "id2", "id3"]
    for config in configs:
        space.build_run(point(config))


def test_the_study_holds_what_was_told_and_whose_it_was(folder: SearchFolder, begin: Begin) -> None:
    search = begin(folder)
    for number, last in enumerate([result(), result(collapsed="gone", fid=5.0), None]):
        search.suggest(f"id{number}")
        search.on_trial_complete(f"id{number}", last, error=last is None)
    trials = trials_in(folder)
    assert [trial.state for trial in trials] == [TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL]
    assert [trial.user_attrs[TRIAL_ID] for trial in trials] == ["id0", "id1", "id2"]
    assert trials[0].values == [30.0, 0.2]
    assert trials[1].user_attrs[COLLAPSED] == "gone"
    assert trials[1].user_attrs[FID] == 5.0


def test_a_dead_drivers_trials_come_again_first_under_their_own_ids(
    folder: SearchFolder, space: Space, begin: Begin
) -> None:
    first = begin(folder)
    old = [first.suggest(f"id{number}") for number in range(4)]
    first.on_trial_complete("id1", result())
    del first  # kill -9: nothing is saved
    second = begin(folder)
    study = open_study(folder, space)
    assert num_to_run(study, NUM_TRIALS) == 5
    again = [second.suggest(f"new{number}") for number in range(5)]
    assert [config[TRIAL_NUMBER] for config in again] == [0, 2, 3, 4, 5]
    assert [config[TRIAL_ID] for config in again] == ["id0", "id2", "id3", "new3", "new4"]
    assert [point(config) for config in again[:3]] == [point(old[0]), point(old[2]), point(old[3])]
    for number in range(5):
        second.on_trial_complete(f"new{number}", result())
    assert states(folder) == [TrialState.COMPLETE] * NUM_TRIALS
    assert num_to_run(study, NUM_TRIALS) == 0


def test_a_trial_asked_for_and_never_begun_is_taken_up(folder: SearchFolder, space: Space, begin: Begin) -> None:
    study = open_study(folder, space)
    for _ in range(3):
        study.ask()  # killed between asking and everything else; the third has no settings yet
    search = begin(folder)
    configs = [search.suggest(f"new{number}") for number in range(3)]
    assert [config[TRIAL_ID] for config in configs] == ["new0", "new1", "new2"]
    assert [point(config) for config in configs[:2]] == space.first_points()
    space.build_run(point(configs[2]))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_resumed_search_asks_as_an_uncut_one(algorithm: str, tmp_path: Path, begin: Begin) -> None:
    def run(name: str, *, cut: bool) -> list[dict[str, Any]]:
        folder = SearchFolder(str(tmp_path), name)
        folder.make()
        search = begin(folder, algorithm)
        points = []
        for number in range(NUM_TRIALS):
            if cut:
                search = begin(folder, algorithm)
            points.append(point(search.suggest(f"id{number}")))
            search.on_trial_complete(f"id{number}", result(fid=20.0 + 7 * (number % 3), recall=0.1 * number))
        return points

    assert run("whole", cut=False) == run("cut", cut=True)


def test_a_trial_goes_on_from_its_newest_whole_checkpoint(folder: SearchFolder, begin: Begin) -> None:
    def store(attempt: str, number: int, images_seen: int, *, whole: bool = True) -> None:
        at = folder.local_path / attempt / f"checkpoint_{number:06d}"
        at.mkdir(parents=True)
        (at / "weights").write_bytes(b"12345678")
        seal(at, images_seen)
        if not whole:
            (at / "weights").write_bytes(b"1234")  # its copy was cut

    first = begin(folder)
    old = first.suggest("id0")
    assert old[RESUME_FROM] == ""
    assert old[TRIAL_FOLDER] == "000-dcgan.0"
    store("000-dcgan.0", 0, 1000)
    store("000-dcgan.0", 1, 2000, whole=False)
    second = begin(folder)
    config = second.suggest("new")
    assert config[TRIAL_FOLDER] == "000-dcgan.1"
    assert config[RESUME_FROM].endswith("000-dcgan.0/checkpoint_000000")
    assert Path(config[RESUME_FROM], COMPLETE).exists()
    store("000-dcgan.1", 0, 3000)
    third = begin(folder)
    config = third.suggest("newest")
    assert config[RESUME_FROM].endswith("000-dcgan.1/checkpoint_000000")
    assert folder.names().count("000-dcgan.0") == 0, "what nobody goes on from is deleted"
    store("000-dcgan.2", 0, 4000)
    config = begin(folder).suggest("after three kills")
    assert config[RESUME_FROM].endswith("000-dcgan.2/checkpoint_000000")
    assert config[TRIAL_FOLDER] == "000-dcgan.3", "never the folder that it goes on from"


def test_the_study_on_object_storage_is_a_journal(
    tmp_path: Path, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SearchFolder, "is_local", False)
    folder = SearchFolder(f"file://{tmp_path}", "remote")
    folder.make()
    search = begin(folder)
    config = search.suggest("id0")
    assert json.loads(folder.read("journal/000000000.json") or b"")
    again = begin(folder)
    assert point(again.suggest("new")) == point(config)
    again.on_trial_complete("new", result())
    assert states(folder) == [TrialState.COMPLETE, TrialState.WAITING]
    assert folder.names("journal") == sorted(folder.names("journal"))


def test_every_algorithm_has_its_sampler() -> None:
    assert set(SAMPLERS) == set(ALGORITHMS)


def test_tpe_follows_what_it_knows_from_the_third_trial_on() -> None:
    """The next one is asked for near the better of the two."""

    def asked(algorithm: str) -> list[float]:
        found = []
        for seed in range(40):
            study = optuna.create_study(directions=["minimize", "maximize"], sampler=sampler_for(algorithm, seed, 12))
            for place, fid in ((0.2, 20.0), (0.9, 90.0)):
                study.enqueue_trial({"place": place})
                trial = study.ask()
                trial.suggest_float("place", 0.0, 1.0)
                study.tell(trial, [fid, 1.0 - fid / 100])
            found.append(study.ask().suggest_float("place", 0.0, 1.0))
        return found

    assert sum(abs(place - 0.2) < 0.2 for place in asked("tpe")) > 24
    assert sum(abs(place - 0.2) < 0.2 for place in asked("random")) < 24


def test_copying_trials_are_the_studys_bad_ones(folder: SearchFolder, begin: Begin) -> None:
    """The constraint is stored with the trial, so that a resumed search knows it too."""
    search = begin(folder)
    for number, over in enumerate((-0.05, 0.3)):
        search.suggest(f"id{number}")
        search.on_trial_complete(f"id{number}", result() | {COPIES_OVER: over})
    assert [is_copying(trial) for trial in trials_in(folder)[:2]] == [False, True]
    best = optuna.load_study(study_name=STUDY, storage=open_storage(folder)).best_trials
    assert [trial.number for trial in best] == [0]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_state_in_a_conditional_space(algorithm: str, folder: SearchFolder, space: Space) -> None:
    """Past the random start, with pruned, failed and running trials in the history, points are still whole."""
    study = open_study(folder, space)
    search = StudySearch(study, space, folder, seed=0, num_trials=20, algorithm=algorithm)
    ends = [result(), result(collapsed="x"), None, result(fid=math.nan)]
    for number in range(20):
        config = search.suggest(f"id{number}")
        space.build_run(point(config))
        if number % 5 < 4:
            search.on_trial_complete(f"id{number}", ends[number % 5], error=ends[number % 5] is None)
    assert optuna.trial.TrialState.RUNNING in states(folder)
