"""Which settings a first run on few small pictures should start from: two questions, two runs each, one thread a run.

    python experiments/first_settings/run.py --icons dcss-weapons-plus.zip

1. DCGAN on the armory: the paper's Adam and batches of 32, or the recipe's rates and batches of 16?
2. StyleGAN2 on icons with transparent grounds: the paper's linear output, or tanh?
Writes results.json (held-out scores at four points of each run) and sheet.png, a row of samples a run.
"""

import dataclasses
import json
import platform
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import torch
from torch import Tensor

from gan.begin import begin
from gan.command_line import Parser, run_command
from gan.config import OptimiserConfig, RunConfig, ScheduleConfig
from gan.data.dataset import load_pictures
from gan.data.resolution import Resolution
from gan.features.registry import load_feature_net
from gan.loop import train
from gan.metrics.evaluate import Reference
from gan.networks.registry import NETWORKS
from gan.networks.stylegan2 import StyleGAN2Generator
from gan.pixels import UInt8Array, sheet
from gan.recipes import dcgan_small, stylegan2
from gan.sampling.sample import sample
from gan.version import code_version

HERE = Path(__file__).resolve().parent
NUM_SAMPLES = 400
PAPER_ADAM = OptimiserConfig(generator_lr=2e-4, beta1=0.5, beta2=0.999, batch_size=32)


class LinearStyleGAN2Generator(StyleGAN2Generator):
    """StyleGAN2 with the output of its paper."""

    def synthesis(self, styles: Tensor, noise: Sequence[Tensor]) -> Tensor:
        return self.sum_of_skips(styles, noise)


@dataclass(frozen=True, kw_only=True)
class Run:
    name: str
    config: RunConfig
    linear_output: bool = False


def runs(icons: str) -> list[Run]:
    def on(source: str, config: RunConfig, kimg: float) -> RunConfig:
        data = dataclasses.replace(config.data, source=source)
        return dataclasses.replace(config, data=data, schedule=ScheduleConfig(total_kimg=kimg, tick_kimg=kimg / 4))

    slow = dataclasses.replace(dcgan_small(), optimiser=PAPER_ADAM)
    return [
        Run(name="stylegan2, linear", config=on(icons, stylegan2(), 16.0), linear_output=True),
        Run(name="stylegan2, tanh", config=on(icons, stylegan2(), 16.0)),
        Run(name="dcgan, 2e-4, batch 32", config=on("armory", slow, 48.0)),
        Run(name="dcgan, recipe", config=on("armory", dcgan_small(), 48.0)),
    ]


def follow(run: Run) -> tuple[list[dict[str, Any]], UInt8Array]:
    """Train to the end; scores at each tick and 16 last samples."""
    torch.set_num_threads(1)
    if run.linear_output:
        NETWORKS["stylegan2"] = dataclasses.replace(NETWORKS["stylegan2"], generator=LinearStyleGAN2Generator)
    pictures = load_pictures(run.config.data.source, Resolution(height=32, width=32))
    net = load_feature_net("randconv", torch.device("cpu"))
    reference = Reference.build(pictures.images, net)
    training = begin(run.config, pictures, torch.device("cpu"))
    points: list[dict[str, Any]] = []
    images = pictures.images
    started = time.process_time()
    for tick in train(training, pictures):
        images = sample(training.average, range(NUM_SAMPLES))
        scores = reference.score(net(images), "held_out")
        seconds = round(time.process_time() - started, 1)
        points.append({"images_seen": tick.images_seen, "cpu_seconds": seconds, **scores.to_plain()})
    return points, images[:16]


def main() -> int:
    parser = Parser(prog="experiments/first_settings/run.py", description=__doc__ or "", epilog="")
    parser.add_argument("--icons", required=True, help="real icons of 32x32 with transparent grounds: a folder or zip")
    options = parser.parse_args()

    def command() -> None:
        todo = runs(options.icons)
        with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
            followed = list(pool.map(follow, todo))
        results = {
            "commit": code_version(),
            "hardware": f"{platform.machine()}, 2 CPU cores, one thread a run",
            "icons": Path(options.icons).name,
            "runs": {run.name: points for run, (points, _) in zip(todo, followed, strict=True)},
        }
        (HERE / "results.json").write_text(json.dumps(results, indent=1) + "\n")
        rows = np.concatenate([images for _, images in followed])
        sheet(rows, 16, scale=2, row_titles=[run.name for run in todo]).save(HERE / "sheet.png")
        for run, (points, _) in zip(todo, followed, strict=True):
            for point in points:
                print(
                    f"{run.name:24} {point['images_seen']:6} images {point['cpu_seconds']:6.0f} s"
                    f"  FID {point['fid']:6.1f}  precision {point['precision']:.2f}"
                    f"  recall {point['recall']:.2f}  coverage {point['coverage']:.2f}"
                )

    return run_command("first_settings", command)


if __name__ == "__main__":
    raise SystemExit(main())
