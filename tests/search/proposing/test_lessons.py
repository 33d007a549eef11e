"""What a search takes from an earlier one, and what it must not."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import optuna
import pytest
from mlflow import MlflowClient
from optuna.trial import TrialState

from gan.errors import UserError
from search.names import FID, RECALL
from search.plan import Plan
from search.proposing.lessons import fits, lessons, teach
from search.proposing.optuna_search import StudySearch, is_copying, num_to_run, open_study, own_trials
from search.proposing.past import PastSearch, PastTrial, past_search
from search.records.search_record import SearchRecord
from search.records.tags import COLLAPSED, PLAN, POINT, STOPPED
from search.records.trial_record import TrialRecord
from search.results.report import findings
from search.space.fields import Point
from search.space.space import Space
from search.storage.folder import SearchFolder

optuna.logging.set_verbosity(optuna.logging.ERROR)


def points(space: Space, num: int) -> list[Point]:
    random = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    return [space.point_from(random.ask()) for _ in range(num)]


def found(space: Space, num: int = 6) -> list[PastTrial]:
    """The lower its FID, the lower its recall; the last copies."""
    return [
        PastTrial(
            run_id=f"run{index}",
            point=point,
            fid=50.0 + index,
            recall=0.1 * index,
            copies_over=0.2 if index == num - 1 else -0.05,
        )
        for index, point in enumerate(points(space, num))
    ]


def test_the_same_question_has_known_answers(plan: Plan, space: Space) -> None:
    what = lessons(plan, PastSearch(plan=dataclasses.replace(plan, name="old", seed=8), trials=found(space)))
    assert len(what.known) == 6
    assert (what.to_try, what.unfit) == ((), 0)
    assert str(what) == "6 trials known, 0 settings to try first"


@pytest.mark.parametrize(
    "other",
    [{"data_fingerprint": "1" * 16}, {"kimg": 60.0}, {"num_samples": 200}, {"features": "inception"}, {"height": 64}],
)
def test_another_question_gives_its_best_settings_alone(plan: Plan, space: Space, other: dict[str, Any]) -> None:
    what = lessons(plan, PastSearch(plan=dataclasses.replace(plan, **other), trials=found(space)))
    assert not what.known
    assert [dict(point) for point in what.to_try] == [trial.point for trial in reversed(found(space)[:5])]


def test_what_does_not_fit_is_counted(plan: Plan, space: Space) -> None:
    """A network that is not searched, one of another recipe, a value out of range, a field that nobody asks for."""
    small = dataclasses.replace(plan, recipes=("dcgan-small", "stylegan2"))
    trials = [dataclasses.replace(found(space)[0], point=point) for point in space.first_points()]
    assert lessons(small, PastSearch(plan=plan, trials=trials)).unfit == 1
    only = dataclasses.replace(plan, recipes=("stylegan2",))
    assert lessons(only, PastSearch(plan=plan, trials=trials)).unfit == 1
    point = space.first_points()[0]
    assert fits(space, point)
    assert not fits(space, {**point, "r1_multiplier": 1e6})
    assert not fits(space, {**point, "augment": "fixed"})
    assert not fits(space, {**point, "loss.packing": 2})
    assert not fits(space, {name: value for name, value in point.items() if name != "ada_target"})
    assert not fits(space, {"network": "dcgan"})
    assert not fits(space, {})


def test_a_taught_study_runs_all_of_its_own_trials(plan: Plan, space: Space, tmp_path: Path) -> None:
    folder = SearchFolder(str(tmp_path), "new")
    folder.make()
    study = open_study(folder, space)
    what = lessons(plan, PastSearch(plan=plan, trials=found(space)))
    for _ in range(2):  # a driver that was killed and begun again tells it nothing twice
        teach(study, plan, what)
    known = [trial for trial in study.get_trials() if trial.state == TrialState.COMPLETE]
    assert [(trial.values, trial.params) for trial in known] == [
        ([trial.fid, trial.recall], trial.point) for trial in what.known
    ]
    assert [is_copying(trial) for trial in known] == [False] * 5 + [True]
    assert num_to_run(study, plan.num_trials) == plan.num_trials
    search = StudySearch(study, space, folder, seed=0, num_trials=plan.num_trials)
    first = search.suggest("id0")
    assert first["network"] == "dcgan"  # the recipes' own settings still come first
    result = {FID: 30.0, RECALL: 0.5, "collapsed": "", "second_chance": "", "finished": True}
    search.on_trial_complete("id0", result)
    assert num_to_run(study, plan.num_trials) == plan.num_trials - 1
    assert [finding.fid for finding in findings(study, plan)] == [30.0]
    assert len(own_trials(study)) == 2  # it, and the other recipe's, waiting


def test_settings_to_try_come_after_the_recipes(plan: Plan, space: Space, tmp_path: Path) -> None:
    folder = SearchFolder(str(tmp_path), "new")
    folder.make()
    study = open_study(folder, space)
    past = PastSearch(plan=dataclasses.replace(plan, kimg=60.0), trials=found(space, 3))
    for _ in range(2):
        teach(study, plan, lessons(plan, past))
    waiting = [trial.system_attrs["fixed_params"] for trial in study.get_trials() if trial.state == TrialState.WAITING]
    assert waiting == [*space.first_points(), *(trial.point for trial in reversed(past.trials[:2]))]


def test_read_back_from_mlflow(plan: Plan, space: Space, tmp_path: Path) -> None:
    """Only trials that came to their end count."""
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    record = SearchRecord.open(uri, "old", resume=False, tags={PLAN: plan.to_json().decode()}, params={})
    client = MlflowClient(tracking_uri=uri)
    ends: list[dict[str, str]] = [{}, {COLLAPSED: "samples alike"}, {STOPPED: "behind"}, {}, {}]
    for number, (point, tags) in enumerate(zip(points(space, 5), ends, strict=True)):
        tags = {POINT: json.dumps(point), **tags}
        trial = TrialRecord(record.address, trial_id=f"id{number}", run_name=f"{number}", tags=tags, params={})
        best = {"best/fid_randconv_reference": 40.0 + number, "best/recall_randconv_reference": 0.25}
        trial.tick(1000, {"images_per_second": 1.0, **(best if number < 4 else {})}, grid=None, candidate=None)
        trial.end(collapsed=None)
    client.set_terminated(
        client.search_runs([record.address.experiment_id], "tags.`ganvil.trial_id` = 'id3'")[0].info.run_id, "FAILED"
    )
    past = past_search(uri, "old")
    assert past.plan == plan
    assert [(trial.point, trial.fid, trial.recall) for trial in past.trials] == [(points(space, 1)[0], 40.0, 0.25)]
    with pytest.raises(UserError, match="--learn-from 'none': MLflow holds no search of that name"):
        past_search(uri, "none")
    SearchRecord.open(uri, "older", resume=False, tags={}, params={})
    with pytest.raises(UserError, match="another version of Ganvil"):
        past_search(uri, "older")
