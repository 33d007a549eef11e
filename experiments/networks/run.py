"""Every network on the same real icons: scores on pictures that it has not seen, and a sheet of what it makes.

    python experiments/networks/run.py --icons dcss-weapons-plus.zip
    python experiments/networks/run.py --table

Each recipe is trained on one half of the icons for as many images, on one thread, and scored at every tick against
both halves (experiments/half.py). A row that starts from another one is trained as that one for the first half of its
images (Shahbazi et al. 2022: classes that come later). The sheet is drawn at the tick that is best by the trained half:
64 samples with seeds 0 to 63, of a network with classes in the proportions of the data.
"""

import dataclasses
import sys
import tempfile
import time
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
from gan.config import RunConfig, with_values
from gan.data.dataset import PictureSet, load_pictures
from gan.data.resolution import Resolution
from gan.errors import UserError
from gan.loop import train
from gan.pixels import UInt8Array, sheet
from gan.recipes import recipe_named
from gan.sampling.sample import sample
from gan.training import Training
from gan.version import code_version

HERE = Path(__file__).resolve().parent
NUM_SAMPLES = 1000
NUM_SHOWN = 64
TICKS = 8
SHOWN = ("fid", "kid", "precision", "recall", "density", "coverage", "memorised")

_PLAIN = {"network.self_modulation": "false"}
_CLASSES = {"data.conditional": "true"}

ROWS: dict[str, tuple[str, dict[str, str]]] = {
    "dcgan": ("dcgan-small", _PLAIN),
    "dcgan-self-modulated": ("dcgan-small", {}),
    "dcgan-residual": (
        "dcgan-small",
        _PLAIN | {"network.discriminator": "residual", "optimiser.beta1": "0", "optimiser.beta2": "0.99"},
    ),
    "cdcgan": ("cdcgan-small", _CLASSES),
    "cdcgan-norm": ("cdcgan-small", _CLASSES | _PLAIN),
    "cdcgan-multiply": ("cdcgan-small", _CLASSES | _PLAIN | {"network.join": "multiply"}),
    "cdcgan-concatenate": ("cdcgan-small", _CLASSES | _PLAIN | {"network.join": "concatenate"}),
    "stylegan2": ("stylegan2-small", {}),
    "swagan": ("swagan-small", {}),
    "biggan": ("biggan-small", {}),
    "biggan-classes": ("biggan-small", _CLASSES),
    "biggan-classes-later": ("biggan-small", _CLASSES | {"transfer.start_from": "biggan"}),
    "biggan-deep": ("biggan-deep-small", {}),
    "r3gan": ("r3gan-small", {}),
}


@dataclass(frozen=True, kw_only=True)
class Job:
    row: str
    kimg: float
    seed: int
    icons: str

    @property
    def key(self) -> str:
        return f"{self.row} | {self.kimg:g} kimg | seed {self.seed}"

    def config(self) -> RunConfig:
        recipe, values = ROWS[self.row]
        length = {"schedule.total_kimg": str(self.kimg), "schedule.tick_kimg": str(self.kimg / TICKS)}
        return with_values(recipe_named(recipe), length | {"seed": str(self.seed)} | values)


def follow(job: Job) -> tuple[Run, UInt8Array]:
    """Train to the end; the scores at each tick, and the best tick's samples."""
    torch.set_num_threads(1)
    pictures = load_pictures(job.icons, Resolution(height=32, width=32))
    judge, half = Judge(pictures), trained_half(pictures)
    started = time.process_time()
    training = _begun(job, half)
    counts = np.bincount(half.labels).tolist() if training.shape.num_classes else []
    ticks: list[dict[str, Any]] = []
    best, shown = float("inf"), np.empty(0, dtype=np.uint8)
    for tick in train(training, half):
        images = sample(training.average, range(NUM_SAMPLES), class_counts=counts)
        ticks.append({"images_seen": tick.images_seen, "ada_p": tick.ada_p, **judge.scores(images)})
        if ticks[-1]["reference"]["fid"] < best:
            best, shown = ticks[-1]["reference"]["fid"], images[:NUM_SHOWN]
    return {"ticks": ticks, "cpu_seconds": round(time.process_time() - started), "commit": code_version()}, shown


def _begun(job: Job, half: PictureSet) -> Training:
    """From noise, or from a run of the row that this one starts from."""
    config, device = job.config(), torch.device("cpu")
    if config.transfer.start_from is None:
        return begin(config, half, device)
    before = dataclasses.replace(job, row=config.transfer.start_from, kimg=job.kimg / 2)
    training = begin(before.config(), half, device)
    for _ in train(training, half):
        pass
    with tempfile.TemporaryDirectory() as folder:
        start = Path(folder) / "start"
        save_checkpoint(start, training, half)
        values = {"transfer.start_from": str(start), "schedule.total_kimg": str(job.kimg / 2)}
        return begin(with_values(config, values), half, device)


def main() -> int:
    parser = Parser(prog="experiments/networks/run.py", description=__doc__ or "", epilog="")
    parser.add_argument("--icons", help="real icons: a folder or zip")
    parser.add_argument("--rows", nargs="+", default=list(ROWS), help=f"which [all: {' '.join(ROWS)}]")
    parser.add_argument("--kimg", type=float, default=64.0)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--table", action="store_true", help="print the tables of what is there, run nothing")
    options = parser.parse_args()

    def command() -> None:
        unknown = [row for row in options.rows if row not in ROWS]
        if unknown:
            raise UserError(f"--rows {' '.join(unknown)}: unknown; choose from {' '.join(ROWS)}")
        ledger = Ledger(HERE / "results.json")
        if not options.table:
            if not options.icons:
                raise UserError("--icons is missing: give a folder or zip of real icons")
            jobs = [
                Job(row=row, kimg=options.kimg, seed=seed, icons=options.icons)
                for seed in range(options.seeds)
                for row in options.rows
            ]
            for job, (run, images) in finished(ledger.missing(jobs), follow, options.processes):
                ledger.add(job.key, run)
                if job.seed == 0:
                    sheet(images, 16, scale=2).save(HERE / f"{job.row}.png")
        for half in HALVES:
            rows = {row: ledger.runs_of(f"{row} | {options.kimg:g} kimg") for row in ROWS}
            print(f"\n{options.kimg:g} kimg, against the {half} half\n")
            print(table("network", rows, half, SHOWN))

    return run_command("networks", command)


if __name__ == "__main__":
    raise SystemExit(main())
