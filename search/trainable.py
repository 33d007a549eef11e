"""One trial, as Tune runs it: train, measure, record, report, and end at a collapse.

At each tick, in this order: MLflow, then the checkpoint with the history in it, then the report. A kill between two
of them leaves a tick recorded but not checkpointed; the next attempt comes to the same tick again and finds its
records there (search/records.py). Tick i is at the same number of images in every attempt.
"""

import dataclasses
import json
import logging
import math
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from ray import tune

from gan.begin import begin
from gan.checkpoint import load_training, save_checkpoint
from gan.config import RunConfig, flatten
from gan.data.dataset import PictureSet
from gan.device import choose_device
from gan.features.registry import load_feature_net
from gan.loop import train
from gan.metrics.diversity import RealSpread
from gan.metrics.evaluate import Reference
from gan.networks.registry import name_of
from gan.parallel import World
from gan.pixels import sheet
from gan.training import Training
from search.collapse import CollapseRule
from search.folder import locate, seal
from search.history import Entry, best_entry, load_history, save_history
from search.hopeless import curve_of
from search.memory import within_memory
from search.names import (
    BEST,
    COLLAPSED,
    COPIES_OVER,
    CURVE,
    FID,
    FINISHED,
    RECALL,
    RESUME_FROM,
    STOPPED,
    TRIAL_ID,
    TRIAL_NAME,
    TRIAL_NUMBER,
    WAITING,
    point_of,
    trial_name,
)
from search.plan import Plan
from search.records import MICROBATCH, POINT, SearchAddress, TrialRecord
from search.scoring import Measured, measure
from search.team import team

GRID_COLUMNS = 8
GRID_PICTURES = 64

log = logging.getLogger("ganvil.trial")


def run_trial(
    config: dict[str, Any],
    *,
    plan: Plan,
    rule: CollapseRule,
    pictures: PictureSet,
    reference: Reference,
    spread: RealSpread,
    address: SearchAddress,
    num_processes: int,
) -> None:
    """Tune's function. config: a point of the space and the trial's identity (search/names.py)."""
    cpus, gpus = _share("CPU") / num_processes, _share("GPU") / num_processes
    torch.set_num_threads(max(1, int(cpus)))
    run = run_of(plan, config)
    network = name_of(run.network)
    # Ray leaves a trial without a GPU all that the machine has (search/cluster.py): it is not to take one.
    device = choose_device("cpu" if torch.cuda.is_available() and not gpus else "auto")
    training, history = _begin_or_resume(run, pictures, config[RESUME_FROM], device)
    record = TrialRecord(
        address,
        trial_id=config[TRIAL_ID],
        run_name=trial_name(config[TRIAL_NUMBER], network),
        tags={
            "network": network,
            "data": pictures.source,
            "data_fingerprint": pictures.fingerprint,
            POINT: json.dumps(point_of(config)),
        },
        params=flatten(training.config),
    )
    for num, entry in enumerate(history, start=1):  # what an earlier attempt may have lost while MLflow was away
        metrics = entry.metrics | best_metrics(history[:num], rule, plan)
        healthy = num == len(history) and rule.healthy(entry.moment, plan.total_images)
        with _resumed_checkpoint(config[RESUME_FROM] if healthy else None) as candidate:
            record.tick(entry.moment.images_seen, metrics, grid=None, candidate=candidate)
    collapsed = rule.reason([entry.moment for entry in history], plan.total_images)
    if collapsed is None and training.images_seen < plan.total_images:
        begun, settings = [training], training.config
        del training  # the attempt alone is to hold it: memory that runs out must come free

        def attempt(settings: RunConfig) -> str | None:
            if begun:
                training = begun.pop()
            else:
                record.note(MICROBATCH, f"{settings.optimiser.microbatch}, after memory ran out")
                training, history[:] = _begin_or_resume(run, pictures, config[RESUME_FROM], device)
                training.config = settings
            with team(training, pictures, num_processes=num_processes, cpus=cpus, gpus=gpus) as world:
                return _train_on(training, history, plan, rule, pictures, reference, spread, record, config, world)

        collapsed = within_memory(settings, attempt)
    else:  # it was killed between its last checkpoint and its end
        tune.report(result_of(history, plan, rule, collapsed, record, config))
    record.end(collapsed=collapsed)


def run_of(plan: Plan, config: Mapping[str, Any]) -> RunConfig:
    """The run of a trial: its point's, with a seed of its own, so that like points do not give like members."""
    run = plan.space().build_run(point_of(config))
    return dataclasses.replace(run, seed=plan.seed + int(config[TRIAL_NUMBER]))


def best_metrics(history: Sequence[Entry], rule: CollapseRule, plan: Plan) -> dict[str, float]:
    """The scores of the best tick so far, for columns to sort by in MLflow; empty before there is one."""
    best = best_entry(history, rule, plan.total_images)
    if best is None:
        return {}
    scores = {name: value for name, value in best.metrics.items() if name.startswith(("fid_", "recall_"))}
    scores |= {"images_seen": float(best.moment.images_seen), "copies_over": best.moment.copies - rule.most_copies}
    return {f"{BEST}{name}": value for name, value in scores.items()}


def result_of(
    history: Sequence[Entry],
    plan: Plan,
    rule: CollapseRule,
    collapsed: str | None,
    record: TrialRecord,
    config: Mapping[str, Any],
) -> dict[str, Any]:
    """What Tune, the study and the live table are told: the latest tick, and the best one so far as `best_…`."""
    last = history[-1]
    best = best_entry(history, rule, plan.total_images)
    result: dict[str, Any] = {
        **last.metrics,
        "network": config["network"],
        TRIAL_NAME: f"{config[TRIAL_NUMBER]:03d}",
        "images_seen": last.moment.images_seen,
        "run_id": record.run_id,
        WAITING: record.num_waiting,
        COLLAPSED: collapsed or "",
        STOPPED: "",  # search/stopper.py may say otherwise
        CURVE: [list(point) for point in curve_of([entry.moment for entry in history], rule, plan.total_images)],
        FINISHED: last.moment.images_seen >= plan.total_images,
        FID: math.nan,
        RECALL: math.nan,
    }
    if best is not None:
        scores = {name: value for name, value in best.metrics.items() if name.endswith(f"_{plan.features}")}
        result |= {f"best_{name}": value for name, value in scores.items()}
        result |= {FID: best.moment.fid, RECALL: best.moment.recall, "best_images_seen": best.moment.images_seen}
        result[COPIES_OVER] = best.moment.copies - rule.most_copies
    return result


def _train_on(
    training: Training,
    history: list[Entry],
    plan: Plan,
    rule: CollapseRule,
    pictures: PictureSet,
    reference: Reference,
    spread: RealSpread,
    record: TrialRecord,
    config: Mapping[str, Any],
    world: World,
) -> str | None:
    """Train to the end of the schedule or to a collapse, whose reason is returned."""
    net = load_feature_net(plan.features, training.device)
    for tick in train(training, pictures, world):
        measured = measure(
            training,
            tick,
            pictures,
            reference=reference,
            spread=spread,
            net=net,
            num_samples=plan.num_samples,
        )
        history.append(measured.entry)
        collapsed = rule.reason([entry.moment for entry in history], plan.total_images)
        healthy = rule.healthy(measured.entry.moment, plan.total_images) and collapsed is None
        with tempfile.TemporaryDirectory(prefix="ganvil-trial-") as temporary:
            checkpoint = _save(Path(temporary) / "checkpoint", training, pictures, measured, history)
            record.tick(
                tick.images_seen,
                measured.entry.metrics | best_metrics(history, rule, plan),
                grid=_grid(measured),
                candidate=checkpoint if healthy else None,
            )
            tune.report(
                result_of(history, plan, rule, collapsed, record, config),
                checkpoint=None if checkpoint is None else tune.Checkpoint.from_directory(checkpoint),
            )
        if collapsed is not None:
            return collapsed
    return None


def _save(
    folder: Path, training: Training, pictures: PictureSet, measured: Measured, history: Sequence[Entry]
) -> Path | None:
    """A whole checkpoint with the history; None for weights that are not numbers: nobody can go on from those."""
    if not measured.entry.moment.finite:
        return None
    features = None if measured.features is None else {measured.scores[0].features: measured.features}
    save_checkpoint(folder, training, pictures, scores=measured.scores, features=features)
    save_history(folder, history)
    seal(folder, training.images_seen)
    return folder


def _grid(measured: Measured) -> Image.Image | None:
    if measured.images is None:
        return None
    shown = measured.images[:GRID_PICTURES]
    return sheet(shown, GRID_COLUMNS, scale=max(1, 64 // max(shown.shape[2:])))


def _begin_or_resume(
    run: RunConfig, pictures: PictureSet, resume_from: str, device: torch.device
) -> tuple[Training, list[Entry]]:
    """From Tune's checkpoint (this driver's retry), else from the one that a dead driver left, else afresh."""
    with _resumed_checkpoint(resume_from) as folder:
        if folder is None:
            return begin(run, pictures, device), []
        return load_training(folder, device), load_history(folder)


@contextmanager
def _resumed_checkpoint(resume_from: str | None) -> Iterator[Path | None]:
    """The folder of the checkpoint that this attempt goes on from; None where it begins, or for None."""
    checkpoint = None if resume_from is None else tune.get_checkpoint()
    if checkpoint is None and resume_from:
        checkpoint = tune.Checkpoint(*locate(resume_from))
    if checkpoint is None:
        yield None
        return
    with checkpoint.as_directory() as folder:
        yield Path(folder)


def _share(kind: str) -> float:
    """How many CPUs or GPUs this trial was given, all its processes together."""
    resources = tune.get_context().get_trial_resources()
    given = dict(resources.required_resources) if resources else {"CPU": 1.0}
    return float(given[kind]) if kind in given else 0.0
