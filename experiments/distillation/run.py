"""Can one network do what the ensemble does? A student for one member's cost, trained on what the ensemble draws.

    python experiments/does_it_pay/run.py --sets dcss-weapons-plus.zip armory --keep pools
    python experiments/distillation/run.py --pools pools/*-random-seed-0
    python experiments/distillation/run.py --table

A pool is a folder that a search left. The ensemble is what `ops/refresh.py` would choose from it. The student has the
network and the settings of the best single checkpoint (which is the cost that it may have), and is trained for
`--kimg` thousand images, without augmentation, for the ensemble draws as many pictures as are wanted:

  classes        on `--pictures` of the ensemble's, each member a class; drawn by the members' weights
  no classes     the same pictures without their classes
  from the best  as `classes`, its generator beginning as the best single checkpoint's
  the reals      the control: as long on the reals, with that checkpoint's own augmentation

Scored on the half of the reals that nothing was chosen by, at the tick that is best on the other half. results.json
grows by a run at a time.
"""

import dataclasses
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import torch

from experiments.half import HALVES, Ledger, Run, best_tick, finished
from gan.augment import AugmentConfig
from gan.begin import begin
from gan.command_line import Parser, run_command
from gan.config import RunConfig, TransferConfig
from gan.data.dataset import PictureSet
from gan.ensemble.ensemble import load_ensemble
from gan.ensemble.mixture import mixture_rows
from gan.errors import UserError
from gan.loop import train
from gan.sampling.sample import sample
from gan.version import code_version
from ops.candidates import CandidateStore
from ops.course import Wishes, proposal
from ops.proposal import CHOICES, Proposal
from ops.tracking_server import connect

HERE = Path(__file__).resolve().parent
ARMS = ("classes", "no classes", "from the best", "the reals")
TICKS = 8
SHOWN = {"fid": ".0f", "kid": ".3f", "precision": ".2f", "recall": ".2f", "coverage": ".2f"}


@dataclass(frozen=True, kw_only=True)
class Job:
    pool: Path
    arm: str
    seed: int
    kimg: float
    pictures: int

    @property
    def key(self) -> str:
        return f"{self.pool.name} | {self.kimg:g} kimg | {self.arm} | seed {self.seed}"


def follow(job: Job) -> Run:
    """The teacher chosen anew (it is the same each time), the student trained: its scores at each tick."""
    torch.set_num_threads(1)
    uri = f"sqlite:///{job.pool.resolve() / 'mlflow.db'}"
    store = CandidateStore(connect(uri), uri, job.pool / "candidates")
    teacher = teacher_of(job.pool, store)
    with tempfile.TemporaryDirectory(prefix="ganvil-distil-") as scratch:
        folder = Path(scratch) / "ensemble"
        teacher.write(folder, store)
        pictures = teacher.pool.pictures
        if job.arm != "the reals":
            pictures = drawn_by(folder, pictures, job.pictures, classes=job.arm != "no classes")
        started = time.process_time()
        training = begin(student(job, teacher, store), pictures, torch.device("cpu"))
        count = len(teacher.features)
        counts = np.bincount(pictures.labels, minlength=training.shape.num_classes) if pictures.class_names else ()
        ticks: list[dict[str, Any]] = []
        for tick in train(training, pictures):
            raw = teacher.pool.net(sample(training.average, range(count), class_counts=list(counts)))
            scores: dict[str, Any] = {half: teacher.pool.reference.score(raw, half).to_plain() for half in HALVES}
            ticks.append({"images_seen": tick.images_seen, **scores})
    held_out = {name: teacher.held_out[name].to_plain() for name in CHOICES}
    seconds = round(time.process_time() - started)
    return {"ticks": ticks, "teacher": held_out, "cpu_seconds": seconds, "commit": code_version()}


def teacher_of(pool: Path, store: CandidateStore) -> Proposal:
    wishes = Wishes(
        search=["*"],
        size=8,
        truncations=(1.1, 1.2),
        polish=1.0,
        features="randconv",
        data=None,
        serve=None,
        report=None,
        dry_run=True,
        force=False,
    )
    return proposal(wishes, store.searches(["*"]), store, None, cache=pool / "cache", say=print)


def drawn_by(ensemble_folder: Path, reals: PictureSet, count: int, *, classes: bool) -> PictureSet:
    """A picture set that the ensemble drew, a class a member, as many of each as its weight says."""
    ensemble = load_ensemble(ensemble_folder)
    parts = mixture_rows([member.weight for member in ensemble.members], count)
    images = [ensemble.draw(index, range(part.start, part.stop)) for index, part in enumerate(parts)]
    labels = [np.full(len(part_images), index) for index, part_images in enumerate(images)]
    return dataclasses.replace(
        reals,
        source=f"ensemble {ensemble.fingerprint}",
        images=np.concatenate(images),
        labels=np.concatenate(labels if classes else [0 * each for each in labels]).astype(np.int64),
        class_names=tuple(member.id for member in ensemble.members) if classes else (),
        names=tuple(f"{index}" for index in range(count)),
        fingerprint=f"{ensemble.fingerprint}-{count}-{classes}",
    )


def student(job: Job, teacher: Proposal, store: CandidateStore) -> RunConfig:
    """The best single checkpoint's run, on the arm's pictures."""
    (best,) = (each for each in teacher.pool.stored if each.id == teacher.choices["best_single"].members[0])
    config = best.record.config
    of_ensemble = job.arm != "the reals"
    return dataclasses.replace(
        config,
        data=dataclasses.replace(config.data, conditional=of_ensemble and job.arm != "no classes"),
        augment=AugmentConfig(policy="none") if of_ensemble else config.augment,
        schedule=dataclasses.replace(config.schedule, total_kimg=job.kimg, tick_kimg=job.kimg / TICKS),
        transfer=TransferConfig(start_from=str(store.fetch(best)) if job.arm == "from the best" else None),
        seed=job.seed,
    )


def jobs(options: Any) -> Iterator[Job]:
    """Seed by seed, so that an early end leaves whole comparisons."""
    for seed in range(options.seeds):
        for pool in options.pools:
            for arm in ARMS:
                yield Job(pool=pool, arm=arm, seed=seed, kimg=options.kimg, pictures=options.pictures)


def report(ledger: Ledger) -> None:
    """A table a pool: the teacher and what it is held against, then the students."""
    settings = dict.fromkeys(tuple(key.split(" | ")[:2]) for key in ledger.results["runs"])
    for pool, kimg in settings:
        print(f"\n{pool}, students of {kimg}\n\n| who | seeds | {' | '.join(SHOWN)} |\n|---|---|{'---|' * len(SHOWN)}")
        for index, arm in enumerate(ARMS):
            runs = ledger.runs_of(f"{pool} | {kimg} | {arm}")
            if index == 0 and runs:
                for name, scores in runs[0]["teacher"].items():
                    print(row(name, [scores]))
            if runs:
                print(row(f"student: {arm}", [best_tick(run)["held_out"] for run in runs]))


def row(name: str, scores: Sequence[dict[str, float]]) -> str:
    return (
        f"| {name} | {len(scores)} | {' | '.join(cell([each[key] for each in scores], SHOWN[key]) for key in SHOWN)} |"
    )


def cell(values: Sequence[float], form: str) -> str:
    more = f" ({statistics.stdev(values):{form}})" if len(values) > 1 else ""
    return f"{statistics.fmean(values):{form}}{more}"


def main() -> int:
    parser = Parser(prog="experiments/distillation/run.py", description=__doc__ or "", epilog="")
    parser.add_argument("--pools", nargs="+", type=Path, metavar="FOLDER", help="folders that searches left")
    parser.add_argument("--kimg", type=float, default=48.0, help="thousands of images that a student sees [48]")
    parser.add_argument("--pictures", type=int, default=20_000, help="that the ensemble draws for it [20000]")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--table", action="store_true", help="print the tables of what is there, run nothing")
    options = parser.parse_args()

    def command() -> None:
        ledger = Ledger(HERE / "results.json")
        if not options.table:
            if not options.pools:
                raise UserError("--pools is missing: give folders that searches left (does_it_pay/run.py --keep)")
            for job, run in finished(ledger.missing(jobs(options)), follow, options.processes):
                ledger.add(job.key, run)
        report(ledger)

    return run_command("distillation", command)


if __name__ == "__main__":
    raise SystemExit(main())
