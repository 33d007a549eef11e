"""Which switch against collapse helps on few pictures? Each alone against the recipe's default, by held-out pictures.

    python experiments/ablation/run.py --icons dcss-weapons-plus.zip --other dcss-monsters.zip
    python experiments/ablation/run.py --table

A run is trained on one half of the icons (split by content) and scored at every tick against that half and against
the half that it has never seen. results.json grows by a run at a time: what is there is not run again, so the command
can be ended and called again. One thread a run, two runs at a time (--processes).
"""

import dataclasses
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import torch

from experiments.half import HALVES, Judge, Ledger, Run, finished, table, trained_half
from gan.begin import begin
from gan.checkpoint import save_checkpoint
from gan.command_line import Parser, run_command
from gan.config import RunConfig, flatten, with_values
from gan.data.dataset import load_pictures
from gan.data.resolution import Resolution
from gan.errors import UserError
from gan.loop import train
from gan.recipes import recipe_named
from gan.sampling.sample import sample
from gan.version import code_version

HERE = Path(__file__).resolve().parent
NUM_SAMPLES = 1000
TICKS = 8
SHOWN = ("fid", "kid", "precision", "recall", "coverage", "memorised")
TRANSFER = "transfer"

SWITCHES: dict[str, dict[str, str]] = {
    "default": {},
    "bf16": {"precision": "bf16"},
    "no augmentation": {"augment.policy": "none"},
    "DiffAugment": {"augment.policy": "diffaugment"},
    "ADA, p up to 1": {"augment.max_p": "1.0"},
    "ADA, blit and geometry": {"augment.colour": "false"},
    "ADA, blind to alpha": {"augment.alpha_aware": "false"},
    "no R1": {"regulariser.r1_gamma": "0"},
    "R1 x 10": {"regulariser.r1_gamma": "x10"},
    "R1 x 100": {"regulariser.r1_gamma": "x100"},
    "R1 x 1000": {"regulariser.r1_gamma": "x1000"},
    "R1 each 4th step": {"regulariser.r1_interval": "4"},
    "R1 x 10 + R2": {"regulariser.r1_gamma": "x10", "regulariser.r2_gamma": "x10"},
    "relativistic + R1 x 10 + R2": {
        "loss.kind": "relativistic",
        "regulariser.r1_gamma": "x10",
        "regulariser.r2_gamma": "x10",
    },
    "hinge": {"loss.kind": "hinge"},
    "no minibatch deviation": {"network.minibatch_group": "1"},
    "PacGAN, 2": {"loss.packing": "2"},
    "R1 x 100 + PacGAN, 2": {"regulariser.r1_gamma": "x100", "loss.packing": "2"},
    "top-k, to 0.5": {"loss.top_k": "0.5"},
    "TTUR, D x 2": {"optimiser.discriminator_lr_ratio": "2.0"},
    "TTUR, D x 0.5": {"optimiser.discriminator_lr_ratio": "0.5"},
    "style mixing 0.9": {"network.style_mixing_probability": "0.9"},
    "path length 2": {"network.path_length_weight": "2.0"},
    "orthogonal 1e-4": {"regulariser.orthogonal_weight": "0.0001"},
    "classes balanced": {"data.class_balance": "1.0"},
    "mirrored": {"data.mirror": "true"},
    "average, half-life 2 kimg": {"average.half_life_kimg": "2.0"},
    "average, no ramp-up": {"average.ramp_up": "0"},
    "batch grows to 64": {"optimiser.largest_batch": "64", "optimiser.batch_growth_kimg": "16"},
    "warm-up 4 kimg": {"optimiser.warm_up_kimg": "4"},
    "cosine decay": {"optimiser.decay": "cosine"},
    "gradient clip 1": {"optimiser.gradient_clip": "1.0"},
    "transfer": {"transfer.start_from": TRANSFER},
    "transfer, freeze-D 2": {"transfer.start_from": TRANSFER, "transfer.freeze_discriminator": "2"},
}


@dataclass(frozen=True, kw_only=True)
class Job:
    """One run. values: of a switch; `x10` is ten times the recipe's own, `transfer` a run on the other pictures."""

    recipe: str
    switch: str
    seed: int
    kimg: float
    icons: str
    other: str

    @property
    def key(self) -> str:
        return f"{self.recipe} | {self.kimg:g} kimg | {self.switch} | seed {self.seed}"

    def config(self) -> RunConfig:
        """Settings by name; the multiples are of the heuristic's gamma, which is also the default row's."""
        start = schedule(self.kimg) | {"seed": str(self.seed), "regulariser.r1_multiplier": "1"}
        config = with_values(recipe_named(self.recipe), start)
        gamma = 0.0002 * 32 * 32 / config.optimiser.batch_size
        values = {
            name: str(gamma * float(value[1:])) if value.startswith("x") else value
            for name, value in SWITCHES[self.switch].items()
        }
        return with_values(config, values)


def schedule(kimg: float) -> dict[str, str]:
    return {"schedule.total_kimg": str(kimg), "schedule.tick_kimg": str(kimg / TICKS)}


def follow(job: Job) -> Run:
    """Train to the end; the scores at each tick."""
    torch.set_num_threads(1)
    size = Resolution(height=32, width=32)
    pictures = load_pictures(job.icons, size)
    config = job.config()
    with tempfile.TemporaryDirectory() as folder:
        if config.transfer.start_from == TRANSFER:
            start = _trained_elsewhere(job, Path(folder) / "start", size)
            config = dataclasses.replace(config, transfer=dataclasses.replace(config.transfer, start_from=str(start)))
        judge, half = Judge(pictures), trained_half(pictures)
        training = begin(config, half, torch.device("cpu"))
    started = time.process_time()
    ticks: list[dict[str, Any]] = []
    for tick in train(training, half):
        counts = np.bincount(half.labels).tolist() if training.shape.num_classes else []
        scores = judge.scores(sample(training.average, range(NUM_SAMPLES), class_counts=counts))
        ticks.append({"images_seen": tick.images_seen, "ada_p": tick.ada_p, "returns": tick.num_returns, **scores})
    return {"ticks": ticks, "cpu_seconds": round(time.process_time() - started), "commit": code_version()}


def _trained_elsewhere(job: Job, folder: Path, size: Resolution) -> Path:
    """A checkpoint of the same recipe, trained as long on the other pictures."""
    pictures = load_pictures(job.other, size)
    config = with_values(recipe_named(job.recipe), schedule(job.kimg) | {"seed": str(job.seed)})
    training = begin(config, pictures, torch.device("cpu"))
    for _ in train(training, pictures):
        pass
    save_checkpoint(folder, training, pictures)
    return folder


def jobs(options: Any) -> Iterator[Job]:
    """Seed by seed, so that an early end leaves whole rows; only switches of fields that the recipe has."""
    fields = flatten(recipe_named(options.recipe))
    for seed in range(options.seeds):
        for switch, values in SWITCHES.items():
            if options.switches and switch not in options.switches:
                continue
            if not set(values) <= set(fields) or (TRANSFER in values.values() and not options.other):
                continue
            yield Job(
                recipe=options.recipe,
                switch=switch,
                seed=seed,
                kimg=options.kimg,
                icons=options.icons,
                other=options.other or "",
            )


def main() -> int:
    parser = Parser(prog="experiments/ablation/run.py", description=__doc__ or "", epilog="")
    parser.add_argument("--icons", help="real icons: a folder or zip")
    parser.add_argument("--other", help="other pictures of that kind, for the transfer rows (left out without)")
    parser.add_argument("--recipe", default="stylegan2-small", help="the default to switch from [stylegan2-small]")
    parser.add_argument("--switches", nargs="+", help="only these rows")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--kimg", type=float, default=64.0)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--table", action="store_true", help="print the tables of what is there, run nothing")
    options = parser.parse_args()

    def command() -> None:
        ledger = Ledger(HERE / "results.json")
        if not options.table:
            if not options.icons:
                raise UserError("--icons is missing: give a folder or zip of real icons")
            for job, run in finished(ledger.missing(jobs(options)), follow, options.processes):
                ledger.add(job.key, run)
        start = f"{options.recipe} | {options.kimg:g} kimg"
        for half in HALVES:
            rows = {switch: ledger.runs_of(f"{start} | {switch}") for switch in SWITCHES}
            print(f"\n{options.recipe}, {options.kimg:g} kimg, against the {half} half\n")
            print(table("switch", rows, half, SHOWN))

    return run_command("ablation", command)


if __name__ == "__main__":
    raise SystemExit(main())
