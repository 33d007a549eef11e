"""A whole search: the records, the study and Tune, begun or gone on with."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import optuna
import ray
import torch
from optuna.trial import TrialState
from ray import tune
from rich.console import Console

from gan.data.dataset import PictureSet
from gan.features.registry import load_feature_net
from gan.metrics.diversity import RealSpread
from gan.metrics.evaluate import Reference
from gan.pixels import sheet
from search.judging.collapse import CollapseRule
from search.live import LiveView, Progress
from search.machines.cluster import cluster_address, connect, local_machine
from search.machines.stopping import sigterm_is_ctrl_c
from search.machines.wishes import Wishes
from search.names import TRIAL_ID
from search.plan import Plan, begin_folder
from search.proposing.lessons import lessons_of, teach
from search.proposing.optuna_search import num_to_run, open_study
from search.records.runs import demand_mlflow
from search.records.search_record import SearchRecord
from search.records.tags import PLAN
from search.results.descriptions import dataset_of, of_experiment, view_of
from search.results.keeping import keep_report
from search.results.report import Finding, findings
from search.storage.folder import SearchFolder
from search.storage.patience import storage_or_user_error
from search.trial.trainable import run_trial
from search.tuner import tuner

_REALS_SHOWN = 64


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
    rule: CollapseRule = CollapseRule(),  # noqa: B008  (frozen)
    trial: Callable[..., None] = run_trial,
) -> Outcome:
    """Run what is left of the search, and report. Whatever ends this process: with resume it goes on from there.

    trial: what Tune runs; only who measures the search itself puts another in its place.
    """
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
        resources = wishes.measured(plan, pictures, machines, console).on(machines)
        study = open_study(folder, plan.space(), plan.objectives)
        for name, learnt in taught.items():
            teach(study, plan, learnt)
            console.print(f"learnt from search {name}: {learnt}", highlight=False, markup=False)
        begin_folder(folder, plan)  # after the lessons: a search that goes on has them all
        record = SearchRecord.open(
            tracking_uri,
            plan.name,
            resume=resume,
            tags={"data": pictures.source, "data_fingerprint": plan.data_fingerprint, PLAN: plan.to_json().decode()},
            params={name: value for name, value in vars(plan).items() if name not in ("name", "data")},
            dataset=dataset_of(plan, pictures),
            description=of_experiment(plan),
            view=view_of(plan),
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
                trial,
                plan=plan,
                rule=rule,
                pictures=pictures,
                reference=reference,
                spread=spread,
                address=record.address,
                num_processes=resources.processes,
            )
            view = LiveView(Progress(plan=plan, num_done_before=plan.num_trials - left), record.close_trial, console)
            with closing(view), storage_or_user_error(plan.name):
                tuner(trainable, plan, study, left, folder, resources, view).fit()
        outcome = Outcome(
            found=findings(study, plan),
            complete=num_to_run(study, plan.num_trials) == 0,
            experiment_id=record.address.experiment_id,
        )
        if outcome.complete:
            record.settle(_ended(study))
            notes = keep_report(outcome.found, study, plan, folder, record)
            record.end("FINISHED")
        else:  # whoever stopped it may not wait long: a Ray job has three seconds
            record.settle(_ended(study), others="KILLED")
            record.end("KILLED")
            notes = keep_report(outcome.found, study, plan, folder, record)
        record.wait()
        for note in notes:
            console.print(note, highlight=False, markup=False)
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


def _ended(study: optuna.Study) -> dict[str, str]:
    """Trial id to the status that its MLflow run should have."""
    status = {TrialState.COMPLETE: "FINISHED", TrialState.PRUNED: "FINISHED", TrialState.FAIL: "FAILED"}
    return {
        trial.user_attrs[TRIAL_ID]: status[trial.state]
        for trial in study.get_trials(deepcopy=False)
        if trial.state in status and TRIAL_ID in trial.user_attrs
    }
