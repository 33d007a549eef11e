"""A whole search: the records, the study and Tune, begun or gone on with."""

import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import optuna
import ray
import torch
from optuna.trial import TrialState
from ray import tune
from ray.tune.experiment import Trial
from rich.console import Console

from gan.data.dataset import PictureSet
from gan.features.registry import load_feature_net
from gan.metrics.diversity import RealSpread
from gan.metrics.evaluate import Reference
from gan.pixels import sheet
from gan.recipe_file import recipe_text
from search.cluster import Machines, TrialResources, choose_resources, cluster_address, connect, local_machine
from search.collapse import CollapseRule
from search.failures import MOST_FAILURES, Forgiveness
from search.folder import SearchFolder
from search.hopeless import HopelessRule
from search.lessons import lessons_of, teach
from search.live import LiveView, Progress
from search.names import TRIAL_FOLDER, TRIAL_ID
from search.optuna_search import StudySearch, num_to_run, open_study
from search.patience import storage_or_user_error
from search.plan import Plan, begin_folder
from search.records import PLAN, SearchRecord, demand_mlflow
from search.report import Finding, draw_front, findings, front_of, recipe_file, write_leaderboard
from search.stopper import StopHopeless, curves_of
from search.stopping import sigterm_is_ctrl_c
from search.trainable import run_trial

_REALS_SHOWN = 64


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """Resources as asked for; None: chosen by what the machines have."""

    cpus: float | None
    gpus: float | None
    max_concurrent: int | None
    processes: int = 1

    def on(self, machines: Machines) -> TrialResources:
        """What a trial gets there; UserError where not even one fits."""
        return choose_resources(
            machines,
            cpus=self.cpus,
            gpus=self.gpus,
            max_concurrent=self.max_concurrent,
            processes=self.processes,
        )


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a search ended. complete is False where it was interrupted and can be gone on with."""

    found: Sequence[Finding]
    complete: bool
    experiment_id: str


def search(
    plan: Plan,
    pictures: PictureSet,
    *,
    folder: SearchFolder,
    tracking_uri: str,
    wishes: Wishes,
    resume: bool,
    console: Console,
) -> Outcome:
    """Run what is left of the search, and report. Whatever ends this process: with resume it goes on from there."""
    demand_mlflow(tracking_uri, plan.name, resume=resume)
    taught = {} if resume else lessons_of(plan, tracking_uri)
    if cluster_address() is None:
        wishes.on(local_machine())  # said before anything is started
    folder.make()
    folder = folder.with_patience()  # it was there: from here on it is waited for
    lock = folder.lock()
    try:
        reference, spread = measure_reals(plan, pictures, folder)
        machines = connect()
        sigterm_is_ctrl_c()
        resources = wishes.on(machines)
        study = open_study(folder, plan.space())
        for name, learnt in taught.items():
            teach(study, plan.space(), learnt)
            console.print(f"learnt from search {name}: {learnt}", highlight=False, markup=False)
        begin_folder(folder, plan)  # after the lessons: a search that goes on has them all
        record = SearchRecord.open(
            tracking_uri,
            plan.name,
            resume=resume,
            tags={"data": pictures.source, "data_fingerprint": plan.data_fingerprint, PLAN: plan.to_json().decode()},
            params={name: value for name, value in vars(plan).items() if name not in ("name", "data")},
        )
        shown = np.random.default_rng(0).permutation(len(pictures))[:_REALS_SHOWN]
        scale = max(1, 64 // max(plan.height, plan.width))
        record.log_picture(sheet(pictures.images[np.sort(shown)], 8, scale=scale), "reals.png")
        left = num_to_run(study, plan.num_trials)
        where = "the Ray cluster" if machines.is_cluster else "this machine"
        at_once = min(left, resources.slots(machines))
        console.print(f"{left} of {plan.num_trials} trials to run on {where}, {at_once} at a time", highlight=False)
        if left:
            trainable = tune.with_parameters(
                run_trial,
                plan=plan,
                rule=CollapseRule(),
                pictures=pictures,
                reference=reference,
                spread=spread,
                address=record.address,
                num_processes=resources.processes,
            )
            view = LiveView(Progress(plan=plan, num_done_before=plan.num_trials - left), record.close_trial, console)
            with closing(view), storage_or_user_error(plan.name):
                _tuner(trainable, plan, study, left, folder, resources, view).fit()
        outcome = Outcome(
            found=findings(study, plan),
            complete=num_to_run(study, plan.num_trials) == 0,
            experiment_id=record.address.experiment_id,
        )
        if outcome.complete:
            record.settle(_ended(study))
            _keep_report(outcome, plan, folder, record)
            record.end("FINISHED")
        else:  # whoever stopped it may not wait long: a Ray job has three seconds
            record.settle(_ended(study), others="KILLED")
            record.end("KILLED")
            _keep_report(outcome, plan, folder, record)
        record.wait()
        return outcome
    finally:
        ray.shutdown()
        if lock is not None:
            lock.release()


def measure_reals(plan: Plan, pictures: PictureSet, folder: SearchFolder) -> tuple[Reference, RealSpread]:
    """What trials are compared with; features are cached beside the searches. UserError for too few pictures."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    cache = folder.local_path.parents[1] / "cache" if folder.is_local else None
    reference = Reference.build(pictures.images, load_feature_net(plan.features, device), cache_dir=cache)
    return reference, RealSpread.of(pictures.images, reference.training.features)


def _tuner(
    trainable: object,
    plan: Plan,
    study: optuna.Study,
    left: int,
    folder: SearchFolder,
    resources: TrialResources,
    view: LiveView,
) -> tune.Tuner:
    storage, filesystem = folder.tune_storage
    return tune.Tuner(
        tune.with_resources(
            trainable,
            tune.PlacementGroupFactory([{"CPU": resources.cpus, "GPU": resources.gpus}] * resources.processes),
        ),
        tune_config=tune.TuneConfig(
            search_alg=StudySearch(
                study, plan.space(), folder, seed=plan.seed, num_trials=plan.num_trials, algorithm=plan.algorithm
            ),
            num_samples=left,
            max_concurrent_trials=resources.max_concurrent,
            trial_dirname_creator=_trial_folder,
            trial_name_creator=_trial_folder,
            reuse_actors=True,  # a worker's imports take longer than a small trial's tick
        ),
        run_config=tune.RunConfig(
            name=plan.name,
            storage_path=storage,
            storage_filesystem=filesystem,
            failure_config=tune.FailureConfig(max_failures=MOST_FAILURES),
            checkpoint_config=tune.CheckpointConfig(num_to_keep=1),
            callbacks=[view, Forgiveness()],
            stop=StopHopeless(HopelessRule(), plan.total_images, curves_of(study)) if plan.early_stopping else None,
            verbose=0,
        ),
    )


def _trial_folder(trial: Trial) -> str:
    return str(trial.config[TRIAL_FOLDER])


def _ended(study: optuna.Study) -> dict[str, str]:
    """Trial id to the status that its MLflow run should have."""
    status = {TrialState.COMPLETE: "FINISHED", TrialState.PRUNED: "FINISHED", TrialState.FAIL: "FAILED"}
    return {
        trial.user_attrs[TRIAL_ID]: status[trial.state]
        for trial in study.get_trials(deepcopy=False)
        if trial.state in status and TRIAL_ID in trial.user_attrs
    }


def _keep_report(outcome: Outcome, plan: Plan, folder: SearchFolder, record: SearchRecord) -> None:
    """Tables, the plot and the front's recipes, in the search's folder and in its MLflow run."""
    with tempfile.TemporaryDirectory(prefix="ganvil-report-") as temporary:
        files = [Path(temporary) / name for name in ("leaderboard.csv", "pareto.csv", "pareto.png")]
        write_leaderboard(outcome.found, files[0])
        write_leaderboard([finding for finding in outcome.found if finding.on_front], files[1])
        draw_front(outcome.found, plan, files[2])
        for finding in front_of(outcome.found):
            files.append(Path(temporary) / recipe_file(finding))
            files[-1].write_text(recipe_text(plan.space().build_run(finding.point)))
        for file in files:
            folder.write(file.name, file.read_bytes())
        record.log_files(*files)
