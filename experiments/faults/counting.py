"""What there is of a search, counted: in its study, in MLflow, in its storage."""

import json
import re
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

import optuna
from mlflow import MlflowClient

from search.judging.collapse import CollapseRule, Moment
from search.judging.retention import candidates_kept
from search.names import TRIAL_ID
from search.plan import stored_plan
from search.proposing.optuna_search import STUDY, open_storage, own_trials
from search.records.runs import runs_of
from search.records.tags import KIND, STEP_MARK
from search.storage.folder import SearchFolder
from search.trial.history import FILE as HISTORY


@dataclass(frozen=True, kw_only=True)
class Count:
    """study: trials by state. runs: MLflow's by status. ticks: in all runs. twice: ticks that are there more than once.

    candidates: of all runs. missing: ticks that are to be kept by the last checkpoints' histories and are not, -1
    where nobody looked. doubled: trials with more than one run. lost: trials of the study that ended without a run.
    """

    study: dict[str, int]
    runs: dict[str, int]
    ticks: int
    ticks_twice: int
    ticks_by_run: dict[str, int]
    candidates: int
    grids: int
    doubled: int
    lost: int
    missing: int = -1

    def plain(self) -> dict[str, Any]:
        return asdict(self)

    def line(self) -> str:
        study = ", ".join(f"{num} {state}" for state, num in sorted(self.study.items())) or "none"
        runs = ", ".join(f"{num} {status}" for status, num in sorted(self.runs.items())) or "none"
        return f"study: {study}; runs: {runs}; {self.ticks} ticks, {self.candidates} candidates"


def count(storage: str, name: str, tracking_uri: str) -> Count:
    """Reads only."""
    folder = SearchFolder(storage, name)
    study = optuna.load_study(study_name=STUDY, storage=open_storage(folder))
    trials = [trial for trial in own_trials(study) if TRIAL_ID in trial.user_attrs]
    client = MlflowClient(tracking_uri=tracking_uri)
    experiment = client.get_experiment_by_name(name)
    runs = runs_of(client, experiment.experiment_id, "trial")
    assert all(run.data.tags[KIND] == "trial" for run in runs)
    steps = {
        run.info.run_id: [metric.step for metric in client.get_metric_history(run.info.run_id, STEP_MARK)]
        for run in runs
    }
    files = {run.info.run_id: _artifacts(client, run.info.run_id) for run in runs}
    by_trial = Counter(run.data.tags["ganvil.trial_id"] for run in runs)
    ended = [trial.user_attrs[TRIAL_ID] for trial in trials if trial.state.is_finished()]
    return Count(
        study=dict(Counter(trial.state.name for trial in trials)),
        runs=dict(Counter(run.info.status for run in runs)),
        ticks=sum(len(set(seen)) for seen in steps.values()),
        ticks_twice=sum(len(seen) - len(set(seen)) for seen in steps.values()),
        ticks_by_run={run.info.run_name: len(set(steps[run.info.run_id])) for run in runs},
        candidates=sum(len(candidates) for candidates, _ in files.values()),
        grids=sum(len(set(grids)) for _, grids in files.values()),
        doubled=sum(num - 1 for num in by_trial.values()) + sum(len(g) - len(set(g)) for _, g in files.values()),
        lost=sum(trial_id not in by_trial for trial_id in ended),
        missing=sum(len(_kept(folder, run.info.run_name) - _steps(files[run.info.run_id][0])) for run in runs),
    )


def _kept(folder: SearchFolder, trial: str) -> set[int]:
    """The steps whose checkpoints are to be there, by the history in the trial's newest one."""
    newest, plan = folder.newest_checkpoint(trial), stored_plan(folder)
    if newest is None or plan is None:
        return set()
    path = newest.uri.partition("?")[0].partition(f"/search/{folder.name}/")[2]
    entries = json.loads(folder.read(f"{path}/{HISTORY}") or b"[]")
    moments = [Moment(**entry["moment"]) for entry in entries]
    return candidates_kept(moments, CollapseRule(), plan.total_images, plan.keep)


def _steps(candidates: list[str]) -> set[int]:
    return {int(path.rpartition("/")[2]) for path in candidates}


def _artifacts(client: MlflowClient, run_id: str) -> tuple[list[str], list[str]]:
    """A run's candidates, and the steps of its sample grids."""
    candidates = [file.path for file in client.list_artifacts(run_id, "checkpoints")]
    grids = [file.path for file in client.list_artifacts(run_id, "images") if file.path.endswith(".png")]
    return candidates, [re.split(r"[+%]", path)[2] for path in grids]
