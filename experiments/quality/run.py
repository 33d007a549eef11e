"""Ours beside NVlabs' StyleGAN2-ADA: the same pictures, widths, batch, gamma, images seen and seeds; our evaluator.

    python experiments/quality/run.py --icons dcss-weapons-plus.zip --nvlabs stylegan2-ada-pytorch
    python experiments/quality/run.py --table

Both train on one half of the icons (split by content), in RGB on black because the peer's augmentation takes no alpha,
and are scored at every tick against both halves. results.json grows by a run at a time; what is there is not run
again. One thread a run, two runs at a time, ours and the peer's by turns.
"""

import dataclasses
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import torch

from experiments.bench.contender import Workload
from experiments.bench.nvlabs import check_source
from experiments.half import HALVES, Judge, Ledger, Run, finished, table, trained_half
from experiments.quality.nvlabs import NVlabsRun
from gan.augment import AugmentConfig
from gan.begin import begin
from gan.command_line import Parser, run_command
from gan.config import AverageConfig, DataConfig, OptimiserConfig, RegulariserConfig, RunConfig, ScheduleConfig
from gan.data.dataset import PictureSet, load_pictures
from gan.data.resolution import Resolution
from gan.errors import UserError
from gan.loop import train
from gan.networks.stylegan2 import StyleGAN2Config
from gan.pixels import UInt8Array, sheet
from gan.sampling.sample import sample
from gan.version import code_version

HERE = Path(__file__).resolve().parent
NUM_SAMPLES = 1000
TICKS = 8
ADA_KIMG = 200.0
SHOWN = ("fid", "kid", "precision", "recall", "density", "coverage", "memorised")


@dataclass(frozen=True, kw_only=True)
class Job:
    who: str  # ours or nvlabs
    seed: int
    kimg: float
    gamma: float
    icons: str
    nvlabs: str

    @property
    def key(self) -> str:
        return f"{self.who} | {self.kimg:g} kimg | gamma {self.gamma:g} | seed {self.seed}"

    @property
    def workload(self) -> Workload:
        """The benchmark's StyleGAN2 at 32 px, ADA on."""
        return Workload(
            network="stylegan2",
            size=32,
            channel_base=2048,
            channel_max=64,
            batch=16,
            augment_p=0.5,
            path_length_weight=0.0,  # off at low resolution in the peer's own configurations, and mixing with it
            style_mixing=0.0,
        )


def ours(job: Job) -> RunConfig:
    workload = job.workload
    return RunConfig(
        network=StyleGAN2Config(
            z_dim=workload.w_dim,
            w_dim=workload.w_dim,
            mapping_layers=workload.mapping_layers,
            channel_base=workload.channel_base,
            channel_max=workload.channel_max,
        ),
        data=DataConfig(channels=3),
        optimiser=OptimiserConfig(generator_lr=2.5e-3, batch_size=workload.batch),
        regulariser=RegulariserConfig(r1_gamma=job.gamma),
        augment=AugmentConfig(policy="ada", speed_kimg=ADA_KIMG),
        average=AverageConfig(half_life_kimg=5.0, ramp_up=0.05),
        schedule=ScheduleConfig(total_kimg=job.kimg, tick_kimg=job.kimg / TICKS),
        seed=job.seed,
    )


def follow(job: Job) -> tuple[Run, UInt8Array]:
    """Train to the end; the scores at each tick, and 16 last samples."""
    torch.set_num_threads(1)
    pictures = load_pictures(job.icons, Resolution(height=32, width=32), channels=3)
    judge, half = Judge(pictures), trained_half(pictures)
    ticks: list[dict[str, Any]] = []
    started = time.process_time()
    images = pictures.images
    for images_seen, ada_p, images in _ticks(job, half):
        ticks.append({"images_seen": images_seen, "ada_p": ada_p, **judge.scores(images)})
    seconds = round(time.process_time() - started)
    return {"ticks": ticks, "cpu_seconds": seconds, "commit": code_version()}, images[:16]


def _ticks(job: Job, pictures: PictureSet) -> Iterator[tuple[int, float, UInt8Array]]:
    if job.who == "ours":
        training = begin(ours(job), pictures, torch.device("cpu"))
        for tick in train(training, pictures):
            yield tick.images_seen, tick.ada_p, sample(training.average, range(NUM_SAMPLES))
        return
    run = NVlabsRun(
        dataclasses.replace(job.workload, gamma=job.gamma), Path(job.nvlabs), pictures, seed=job.seed, ada_kimg=ADA_KIMG
    )
    total = int(job.kimg * 1000)
    for images_seen in run.train(total, total // TICKS):
        yield images_seen, run.ada_p, run.sample(NUM_SAMPLES)


def main() -> int:
    parser = Parser(prog="experiments/quality/run.py", description=__doc__ or "", epilog="")
    parser.add_argument("--icons", help="real icons: a folder or zip")
    parser.add_argument("--nvlabs", help="a checkout of stylegan2-ada-pytorch")
    parser.add_argument("--kimg", type=float, default=64.0)
    parser.add_argument("--gamma", type=float, default=0.0128, help="R1 for both [0.0128: 0.0002 x pixels / batch]")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--table", action="store_true", help="print the tables of what is there, run nothing")
    options = parser.parse_args()

    def command() -> None:
        ledger = Ledger(HERE / "results.json")
        if not options.table:
            if not options.icons or not options.nvlabs:
                raise UserError("--icons and --nvlabs are missing: give real icons and the peer's folder")
            check_source(Path(options.nvlabs))
            for job, (run, images) in finished(ledger.missing(_jobs(options)), follow, options.processes):
                ledger.add(job.key, run)
                sheet(images, 8, scale=2).save(HERE / f"{job.who}-{job.kimg:g}-{job.gamma:g}-{job.seed}.png")
        setting = f"{options.kimg:g} kimg | gamma {options.gamma:g}"
        for half in HALVES:
            rows = {who: ledger.runs_of(f"{who} | {setting}") for who in ("nvlabs", "ours")}
            print(f"\n{setting}, against the {half} half\n")
            print(table("who", rows, half, SHOWN))

    return run_command("quality", command)


def _jobs(options: Any) -> list[Job]:
    return [
        Job(who=who, seed=seed, kimg=options.kimg, gamma=options.gamma, icons=options.icons, nvlabs=options.nvlabs)
        for seed in range(options.seeds)
        for who in ("nvlabs", "ours")
    ]


if __name__ == "__main__":
    raise SystemExit(main())
