"""A search for one number, from the study to the tables."""

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState
from rich.console import Console

from gan.errors import UserError
from search.judging.objectives import OBJECTIVES, objectives_named
from search.names import COLLAPSED, CURVE, FID, FINISHED, RECALL, SECOND_CHANCE, STOPPED, point_of
from search.plan import Plan
from search.proposing.algorithms import ALGORITHMS
from search.proposing.optuna_search import StudySearch, open_study
from search.results.descriptions import view_of
from search.results.report import draw_front, findings, front_table
from search.storage.folder import SearchFolder

SCORES = [(30.0, 0.2), (20.0, 0.1), (25.0, 0.05), (20.0, 0.15), (22.0, 0.2)]


@pytest.mark.parametrize(("name", "front"), [("both", [4, 3]), ("fid", [3]), ("recall", [4])])
def test_the_front_of_one_number_is_the_best_trial(name: str, front: list[int]) -> None:
    assert OBJECTIVES[name].front(SCORES) == front
    assert OBJECTIVES[name].front([]) == []


def test_what_the_study_is_told() -> None:
    told = {name: (of.directions, of.values_of(30.0, 0.2), str(of)) for name, of in OBJECTIVES.items()}
    assert told == {
        "both": (["minimize", "maximize"], [30.0, 0.2], "FID and recall"),
        "fid": (["minimize"], [30.0], "FID"),
        "recall": (["maximize"], [0.2], "recall"),
    }
    with pytest.raises(UserError, match="both, fid, recall"):
        objectives_named("kid")


def ended(fid: float, recall: float, **more: Any) -> dict[str, Any]:
    curve = [[1000, 2 * fid, recall], [2000, fid, recall]]
    plain = {FID: fid, RECALL: recall, COLLAPSED: "", SECOND_CHANCE: "", STOPPED: "", FINISHED: True, CURVE: curve}
    return {**plain, "images_seen": 2000, "run_id": "r", **more}


def searched(plan: Plan, folder: SearchFolder, ends: list[dict[str, Any]]) -> optuna.Study:
    study = open_study(folder, plan.space(), plan.objectives)
    search = StudySearch(
        study,
        plan.space(),
        folder,
        seed=0,
        num_trials=len(ends),
        algorithm=plan.algorithm,
        objectives=plan.objectives,
    )
    for number, end in enumerate(ends):
        config = search.suggest(f"id{number}")
        plan.space().build_run(point_of(config))
        search.on_trial_complete(f"id{number}", end)
    return study


@pytest.fixture
def folder(tmp_path: Path) -> SearchFolder:
    folder = SearchFolder(str(tmp_path), "found")
    folder.make()
    return folder


@pytest.mark.parametrize("name", ["fid", "recall"])
def test_the_tables_of_one_number(name: str, plan: Plan, folder: SearchFolder) -> None:
    plan = dataclasses.replace(plan, objective=name)
    study = searched(plan, folder, [ended(fid, recall) for fid, recall in SCORES])
    found = findings(study, plan)
    best = OBJECTIVES[name].front(SCORES)[0]
    assert [finding.number for finding in found if finding.on_front] == [best]
    assert found[0].number == best
    values = [finding.fid if name == "fid" else -finding.recall for finding in found]
    assert values == sorted(values)
    console = Console(width=120)
    with console.capture() as capture:
        console.print(front_table(found, plan))
    assert f"Best trial by {plan.objectives}" in capture.get()
    draw_front(found, plan, folder.local_path / "pareto.png")
    view = json.loads(view_of(plan))
    assert view["orderByKey"] == f"metrics.`best/{name}_randconv`"
    assert view["orderByAsc"] is (name == "fid")


def test_what_halving_stopped_is_told_with_its_values(plan: Plan, folder: SearchFolder) -> None:
    """One that collapsed is told without: TPE puts it after all that were stopped."""
    plan = dataclasses.replace(plan, objective="fid")
    stopped = ended(40.0, 0.1, finished=False, stopped="behind")
    collapsed = ended(10.0, 0.1, finished=False, collapsed="samples alike")
    no_number = ended(math.nan, math.nan)
    study = searched(plan, folder, [ended(30.0, 0.2), stopped, collapsed, no_number])
    trials = study.get_trials()
    assert [trial.state for trial in trials] == [
        TrialState.COMPLETE,
        TrialState.PRUNED,
        TrialState.PRUNED,
        TrialState.FAIL,
    ]
    assert [trial.intermediate_values for trial in trials] == [{}, {1000: 80.0, 2000: 40.0}, {}, {}]
    assert [finding.status for finding in findings(study, plan)] == ["done", "collapsed", "stopped", "failed"]
    assert study.best_trial.number == 0


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_takes_one_number(algorithm: str, plan: Plan, folder: SearchFolder) -> None:
    """Past its random start, with trials that were stopped and that collapsed in the history."""
    plan = dataclasses.replace(plan, objective="fid", algorithm=algorithm, recipes=("dcgan",))
    ends = [ended(30.0 + number, 0.2) for number in range(5)]
    ends += [ended(90.0, 0.1, finished=False, stopped="behind"), ended(9.0, 0.1, finished=False, collapsed="gone")]
    assert len(searched(plan, folder, [*ends, ended(1.0, 0.9)]).get_trials()) == 8
