"""Truncation without styles: z scaled towards the origin, or turned towards the most typical z?

    python experiments/truncation/run.py --data armory CHECKPOINT …

Each checkpoint (dcgan, cdcgan or r3gan) draws the same seeds both ways at several truncations: scores beside the
unseen half, and truncation.png, five seeds of each checkpoint: scaled on the left, turned on the right.
"""

import argparse
import json
import os
import platform
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import torch
from PIL import Image
from rich.progress import track

from experiments.half import Judge
from gan.checkpoint import load_generator
from gan.data.dataset import load_pictures
from gan.data.resolution import Resolution
from gan.networks.interface import Generator, Latents, StyleGenerator
from gan.pixels import UInt8Array, sheet, to_uint8
from gan.sampling.latents import seeded_latents
from gan.sampling.sample import sample
from gan.version import code_version

HERE = Path(__file__).resolve().parent
TRUNCATIONS = (0.0, 0.25, 0.5, 0.7, 0.85, 1.0)
NUM_SAMPLES = 1000
SHOWN = range(5)
SCORES = ("fid", "kid", "precision", "recall", "coverage")
Draw = Callable[[Generator, range, float], UInt8Array]


@torch.inference_mode()
def scaled(generator: Generator, seeds: range, truncation: float) -> UInt8Array:
    """What a DCGAN's truncation was before."""
    given = seeded_latents(generator, seeds, device=torch.device("cpu"))
    parts = [to_uint8(generator(Latents(z=z, labels=None))) for z in (given.z * truncation).split(64)]
    return np.asarray(torch.cat(parts).numpy())


def turned(generator: Generator, seeds: range, truncation: float) -> UInt8Array:
    return sample(generator, seeds, truncation=truncation)


WAYS: dict[str, Draw] = {"scaled": scaled, "turned": turned}


def picture(generators: list[Generator]) -> Image.Image:
    """A row a seed; scaled at each truncation, then turned."""
    drawn = [
        [draw(generator, SHOWN, truncation) for draw in WAYS.values() for truncation in TRUNCATIONS]
        for generator in generators
    ]
    tiles = [tile[seed] for columns in drawn for seed in SHOWN for tile in columns]
    return sheet(np.stack(tiles), len(WAYS) * len(TRUNCATIONS), scale=2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "checkpoints", nargs="+", type=Path, metavar="CHECKPOINT", help="folder of one, without classes"
    )
    parser.add_argument("--data", default="armory", help="the pictures that it was trained on [armory]")
    options = parser.parse_args()
    generators = [load_generator(folder, torch.device("cpu"))[0].eval() for folder in options.checkpoints]
    if any(isinstance(generator, StyleGenerator) or generator.shape.num_classes for generator in generators):
        parser.error("only checkpoints without styles and without classes")
    shape = generators[0].shape
    judge = Judge(
        load_pictures(options.data, Resolution(height=shape.height, width=shape.width), channels=shape.channels)
    )
    rows: dict[str, Any] = {}
    for truncation in track(TRUNCATIONS, "truncations"):
        for way, draw in WAYS.items():
            found = [judge.scores(draw(each, range(NUM_SAMPLES), truncation))["held_out"] for each in generators]
            rows[f"{truncation:g} {way}"] = {score: [one[score] for one in found] for score in SCORES}
    picture(generators[:3]).save(HERE / "truncation.png", optimize=True)
    hardware = f"{platform.machine()}, {os.cpu_count()} CPU cores"
    result = {"commit": code_version(), "hardware": hardware, "data": options.data, "rows": rows}
    (HERE / "results.json").write_text(json.dumps(result, indent=1) + "\n")
    print(f"| truncation | {' | '.join(SCORES)} |\n|---|{'---|' * len(SCORES)}")
    for name, scores in rows.items():
        print(f"| {name} | {' | '.join(f'{statistics.fmean(scores[score]):.3f}' for score in SCORES)} |")


if __name__ == "__main__":
    main()
