"""One trial, as Tune runs it: train, measure, record, report, and end at a collapse.

At each tick, in this order: MLflow, then the checkpoint with the history in it, then the report. A kill between two
of them leaves a tick recorded but not checkpointed; the next attempt comes to the same tick again and finds its
records there (search/records/trial_record.py). Tick i is at the same number of images in every attempt.
"""

import dataclasses
import json
import logging
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from ray import tune

from gan.begin import begin
from gan.checkpoint import load_training, save_checkpoint
from gan.config import RunConfig, flatten, resolve
from gan.data.dataset import PictureSet
from gan.device import choose_device
from gan.features.registry import load_feature_net
from gan.loop import Tick, train
from gan.metrics.diversity import RealSpread
from gan.metrics.evaluate import Reference
from gan.networks.registry import name_of
from gan.parallel import World
from gan.pixels import sheet
from gan.training import Training
from search.judging.collapse import CollapseRule, Moment
from search.judging.retention import candidates_kept
from search.judging.ticks import tick_at
from search.names import (
    EXCHANGED,
    RESUME_FROM,
    RETURNED,
    TAKE_OVER,
    TAKEN_FROM,
    TRIAL_ID,
    TRIAL_NUMBER,
    point_of,
    trial_name,
)
from search.plan import Plan
from search.records.address import SearchAddress
from search.records.tags import MICROBATCH, NOTE, POINT, TAKEN_OVER
from search.records.trial_record import TrialRecord
from search.results.descriptions import of_trial
from search.storage.folder import locate, seal
from search.trial.history import Entry, load_history, save_history
from search.trial.memory import with_microbatch, within_memory
from search.trial.scoring import Measured, measure
from search.trial.second_chance import SecondChance
from search.trial.system_use import SystemUse
from search.trial.team import team
from search.trial.told import best_metrics, result_of, settings_metrics, waits

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
    # Ray leaves a trial without a GPU all that the machine has (search/machines/cluster.py): it is not to take one.
    device = choose_device("cpu" if torch.cuda.is_available() and not gpus else "auto")
    chance = SecondChance(plan.on_collapse, rule)
    training, history, has_taken_over = _begin_or_resume(plan, pictures, config, device, chance)
    trial = Trial(
        config=config,
        plan=plan,
        rule=rule,
        pictures=pictures,
        reference=reference,
        spread=spread,
        record=_record(address, config, training, pictures),
        chance=chance,
        history=history,
    )
    trial.record_again()
    collapsed = None if has_taken_over else trial.collapsed()
    if has_taken_over:
        trial.record.note(TAKEN_OVER, f"at {training.images_seen / 1000:.4g} kimg from {config[TAKEN_FROM]:03d}")
        trial.record.note(POINT, json.dumps(point_of(config)))
    elif collapsed is None and waits(trial.history, plan, config):
        trial.report(collapsed)
    if collapsed is None and training.images_seen < plan.total_images:
        begun, settings = [training], training.config
        del training  # the attempt alone is to hold it: memory that runs out must come free

        def attempt(settings: RunConfig) -> str | None:
            if begun:
                training = begun.pop()
            else:
                trial.record.note(MICROBATCH, f"{settings.optimiser.microbatch}, after memory ran out")
                training, trial.history[:], _ = _begin_or_resume(plan, pictures, config, device, chance)
                training.config = with_microbatch(training.config, settings.optimiser.microbatch)
            while True:
                with team(training, pictures, num_processes=num_processes, cpus=cpus, gpus=gpus) as world:
                    ended = trial.train(training, world)
                if not isinstance(ended, Training):
                    return ended
                training = ended

        collapsed = within_memory(settings, attempt)
    else:  # it was killed between its last checkpoint and its end
        trial.report(collapsed)
    trial.end(collapsed)


def run_of(plan: Plan, config: Mapping[str, Any]) -> RunConfig:
    """The run of a trial: its point's, with a seed of its own, so that like points do not give like members."""
    run = plan.space().build_run(point_of(config))
    return dataclasses.replace(run, seed=plan.seed + int(config[TRIAL_NUMBER]))


@dataclass(frozen=True, kw_only=True, eq=False)
class Trial:
    """What a trial works with, and what it does at a tick. The networks are not its own: a collapse may change them."""

    config: Mapping[str, Any]
    plan: Plan
    rule: CollapseRule
    pictures: PictureSet
    reference: Reference
    spread: RealSpread
    record: TrialRecord
    chance: SecondChance
    history: list[Entry]

    def train(self, training: Training, world: World) -> str | Training | None:
        """To the end of the schedule or to a collapse: its reason, or the run to go on with instead."""
        net = load_feature_net(self.plan.features, training.device)
        system = SystemUse(training.device)
        for tick in train(training, self.pictures, world):
            measured = measure(
                training,
                tick,
                self.pictures,
                reference=self.reference,
                spread=self.spread,
                net=net,
                num_samples=self.plan.num_samples,
            )
            metrics = measured.entry.metrics | system.since_last()
            metrics |= settings_metrics(self.plan, self.config, tick.images_seen)
            self.history.append(dataclasses.replace(measured.entry, metrics=metrics))
            collapsed = self.collapsed()
            again = self._second_chance(training, tick, collapsed)
            if again is not None:
                self._tell(again, dataclasses.replace(measured, scores=(), features=None), None)  # not these weights'
                return again
            self._tell(training, measured, collapsed)
            if collapsed is not None:
                return collapsed
        return None

    def collapsed(self) -> str | None:
        """Why the trial is to end after its latest tick, as far as the collapse rule goes."""
        return self.rule.reason(self._moments, self.plan.total_images)

    def report(self, collapsed: str | None, checkpoint: Path | None = None) -> None:
        """To Tune."""
        result = result_of(
            self.history,
            self.plan,
            self.rule,
            self.config,
            collapsed=collapsed,
            run_id=self.record.run_id,
            num_waiting=self.record.num_waiting,
        )
        tune.report(result, checkpoint=None if checkpoint is None else tune.Checkpoint.from_directory(checkpoint))

    def record_again(self) -> None:
        """What an earlier attempt may have lost while MLflow was away; nothing that is there already."""
        for num, entry in enumerate(self.history, start=1):
            metrics = entry.metrics | best_metrics(self.history[:num], self.rule, self.plan)
            last = num == len(self.history) and not entry.moment.returned
            healthy = last and self.rule.healthy(entry.moment, self.plan.total_images)
            with _resumed_checkpoint(self.config[RESUME_FROM] if healthy else None) as candidate:
                self.record.tick(entry.moment.images_seen, metrics, grid=None, candidate=candidate)

    def end(self, collapsed: str | None) -> None:
        """Close the records."""
        self.record.keep(self._kept)
        self.record.end(collapsed=collapsed)

    def _second_chance(self, training: Training, tick: Tick, collapsed: str | None) -> Training | None:
        """What to go on with where the trial has collapsed and may go back; its last tick says so."""
        self.chance.follow(training, self._moments)
        taken = self.chance.take(training) if collapsed is not None and not tick.finished else None
        if taken is None:
            return None
        again, how = taken
        last, returned = self.history[-1], f"{collapsed}; {how}"
        self.history[-1] = dataclasses.replace(last, moment=dataclasses.replace(last.moment, returned=returned))
        self.record.note(RETURNED, f"at {tick.images_seen / 1000:.4g} kimg: {returned}")
        return again

    def _tell(self, training: Training, measured: Measured, collapsed: str | None) -> None:
        """Of the latest tick: MLflow, then the checkpoint, then Tune. training: what the checkpoint holds."""
        last = self.history[-1]
        is_candidate = (
            collapsed is None and not last.moment.returned and self.rule.healthy(last.moment, self.plan.total_images)
        )
        with tempfile.TemporaryDirectory(prefix="ganvil-trial-") as temporary:
            checkpoint = self._save(Path(temporary) / "checkpoint", training, measured)
            self.record.tick(
                last.moment.images_seen,
                last.metrics | best_metrics(self.history, self.rule, self.plan),
                grid=_grid(measured),
                candidate=checkpoint if is_candidate else None,
            )
            self.record.keep(self._kept)
            self.report(collapsed, checkpoint)

    def _save(self, folder: Path, training: Training, measured: Measured) -> Path | None:
        """A whole checkpoint with the history; None for weights that are not numbers: nobody can go on from those."""
        moment = self.history[-1].moment
        if not (moment.finite or moment.returned):
            return None
        features = None if measured.features is None else {measured.scores[0].features: measured.features}
        save_checkpoint(folder, training, self.pictures, scores=measured.scores, features=features)
        save_history(folder, self.history)
        self.chance.save(folder, moment)
        seal(folder, training.images_seen)
        return folder

    @property
    def _moments(self) -> list[Moment]:
        return [entry.moment for entry in self.history]

    @property
    def _kept(self) -> set[int]:
        """Images seen of the checkpoints that stay as candidates."""
        return candidates_kept(self._moments, self.rule, self.plan.total_images, self.plan.keep)


def _record(address: SearchAddress, config: Mapping[str, Any], training: Training, pictures: PictureSet) -> TrialRecord:
    network, point = name_of(training.config.network), point_of(config)
    return TrialRecord(
        address,
        trial_id=config[TRIAL_ID],
        run_name=trial_name(config[TRIAL_NUMBER], network),
        tags={
            "network": network,
            "data": pictures.source,
            "data_fingerprint": pictures.fingerprint,
            POINT: json.dumps(point),
            NOTE: of_trial(point),
        },
        params=flatten(training.config),
    )


def _grid(measured: Measured) -> Image.Image | None:
    if measured.images is None:
        return None
    shown = measured.images[:GRID_PICTURES]
    return sheet(shown, GRID_COLUMNS, scale=max(1, 64 // max(shown.shape[2:])))


def _begin_or_resume(
    plan: Plan, pictures: PictureSet, config: Mapping[str, Any], device: torch.device, chance: SecondChance
) -> tuple[Training, list[Entry], bool]:
    """From Tune's checkpoint (this driver's retry), else from the one that a dead driver left, else afresh.

    A member of a population that is to take over and has not gone on since then: from its donor's checkpoint, with its
    own new settings and its own history; then the last that is returned is True.
    """
    run = run_of(plan, config)
    history: list[Entry] = []
    with _resumed_checkpoint(config[RESUME_FROM]) as folder:
        if folder is not None:
            history = load_history(folder)
            tick = tick_at(history[-1].moment.images_seen, plan.tick_images)
            if not config[TAKE_OVER] or tick > config[EXCHANGED]:
                training = load_training(folder, device)
                chance.restore(folder, training, [entry.moment for entry in history])
                return training, history, False
    if not config[TAKE_OVER]:
        return begin(run, pictures, device), [], False
    with tune.Checkpoint(*locate(config[TAKE_OVER])).as_directory() as folder:
        return load_training(Path(folder), device, resolve(run, pictures)), history, True


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
