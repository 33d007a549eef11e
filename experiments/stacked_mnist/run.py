"""Stacked MNIST: how many of a thousand modes does one network hold, how many an ensemble of the same images?

    python experiments/stacked_mnist/run.py --mnist FOLDER --trials 8 --kimg 64 --repeats 3
    python experiments/stacked_mnist/run.py --table

PacGAN's protocol (experiments/stacked_mnist/stacks.py): modes and KL(samples || uniform) of 26,000 samples, named by a
classifier trained here. Shorter than there: `--pictures` stacks in place of 128,000, and trials x kimg thousand images
in place of 6,400. For the same total of images:

  NETWORK alone   one run of that recipe
  search          the search over the recipe, of which: the best single checkpoint, all at random, the eight lowest
                  FIDs, and the ensemble as `ops/refresh.py` would choose it

results.json grows by a run at a time.
"""

import dataclasses
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from experiments.half import Ledger, finished
from experiments.stacked_mnist.stacks import NUM_MODES, SIDE, Classifier, stacked, trained_classifier, write_zip
from gan.begin import begin
from gan.checkpoint import load_generator
from gan.command_line import Parser, run_command
from gan.config import RunConfig
from gan.data.dataset import load_pictures
from gan.data.resolution import Resolution
from gan.ensemble.mixture import mixture_rows
from gan.ensemble.selection import Selection
from gan.errors import UserError
from gan.loop import train
from gan.metrics.modes import modes
from gan.pixels import UInt8Array
from gan.recipes import recipe_named
from gan.sampling.sample import sample
from gan.version import code_version
from ops.candidates import CandidateStore
from ops.pool import gather, with_truncations
from ops.proposal import propose, propose_again
from ops.tracking_server import connect

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
NUM_SAMPLES = 26_000
ALONE = ("dcgan-small", "stylegan2-small", "r3gan-small")
SEARCHED = "dcgan-small"
TRUNCATIONS = (1.1, 1.2)  # as ops/refresh.py has it


@dataclass(frozen=True, kw_only=True)
class Job:
    """recipe: alone; None: the search."""

    recipe: str | None
    repeat: int
    trials: int
    kimg: float
    pictures: Path
    classifier: Path

    @property
    def key(self) -> str:
        who = f"{self.recipe} alone" if self.recipe else f"search of {self.trials} x {self.kimg:g} kimg"
        return f"{who} | {self.trials * self.kimg:g} kimg | seed {self.repeat}"


def follow(job: Job) -> dict[str, Any]:
    """Modes and divergence by name of the choice."""
    torch.set_num_threads(1)
    classifier = Classifier()
    classifier.load_state_dict(load_file(job.classifier))
    found = alone(job, classifier) if job.recipe else searched(job, classifier)
    return {**found, "commit": code_version()}


def judged(pictures: UInt8Array, classifier: Classifier) -> dict[str, float]:
    counted = modes(classifier.modes(pictures), np.arange(NUM_MODES), NUM_MODES)
    return {"modes": counted.num_modes, "kl": counted.divergence}


def alone(job: Job, classifier: Classifier) -> dict[str, Any]:
    """One run for all the images, as it is at its end."""
    assert job.recipe is not None
    pictures = load_pictures(str(job.pictures), Resolution(height=SIDE, width=SIDE), channels=3)
    config = lasting(recipe_named(job.recipe), job.trials * job.kimg)
    training = begin(dataclasses.replace(config, seed=job.repeat), pictures, torch.device("cpu"))
    for _ in train(training, pictures):
        pass
    return {"choices": {"the run": judged(sample(training.average, range(NUM_SAMPLES)), classifier)}}


def lasting(config: RunConfig, kimg: float) -> RunConfig:
    return dataclasses.replace(config, schedule=dataclasses.replace(config.schedule, total_kimg=kimg, tick_kimg=kimg))


def searched(job: Job, classifier: Classifier) -> dict[str, Any]:
    """The search, and what each way of choosing from its checkpoints holds."""
    with tempfile.TemporaryDirectory(prefix="ganvil-stacked-") as folder:
        uri = f"sqlite:///{folder}/mlflow.db"
        subprocess.run(
            [sys.executable, str(ROOT / "search" / "run.py"), "--data", str(job.pictures), "--name", "s",
             "--resolution", str(SIDE), "--recipe", SEARCHED, "--trials", str(job.trials), "--kimg", str(job.kimg),
             "--max-concurrent", "1", "--seed", str(1000 * job.repeat), "--storage", folder, "--tracking-uri", uri],
            check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        store = CandidateStore(connect(uri), uri, Path(folder) / "candidates")
        cache = Path(folder) / "cache"
        pool = gather(store, store.searches(["s"]), features="randconv", data=None, cache=cache, say=print)
        proposal = propose(pool, size=8)
        wider = with_truncations(pool, store, proposal.choices["ensemble"].members, TRUNCATIONS, print)
        choices = {
            **proposal.choices,
            "ensemble, drawn wider": propose_again(wider, proposal, size=8).choices["ensemble"],
        }
        stored = {candidate.id: candidate for candidate in wider.stored}

        def drawn(choice: Selection) -> UInt8Array:
            parts = []
            for member, rows in zip(choice.members, mixture_rows(choice.weights, NUM_SAMPLES), strict=True):
                generator, _ = load_generator(store.fetch(stored[member]), torch.device("cpu"))
                seeds = range(rows.start, rows.stop)
                parts.append(sample(generator, seeds, truncation=stored[member].truncation))
            return np.concatenate(parts)

        return {
            "candidates": len(pool.stored),
            "choices": {name: judged(drawn(choice), classifier) for name, choice in choices.items()},
        }


def jobs(options: Any, work: Path) -> Iterator[Job]:
    for repeat in range(options.repeats):
        for recipe in (None, *ALONE):
            yield Job(
                recipe=recipe,
                repeat=repeat,
                trials=options.trials,
                kimg=options.kimg,
                pictures=work / "stacks.zip",
                classifier=work / "classifier.safetensors",
            )


def report(ledger: Ledger) -> None:
    for key in ("classifier_accuracy", "real_stacks"):
        if key in ledger.results:
            print(f"{key}: {ledger.results[key]}")
    print("\n| who | images | repeats | modes of 1,000 | KL |\n|---|---|---|---|---|")
    for setting in dict.fromkeys(key.rpartition(" | ")[0] for key in ledger.results["runs"]):
        runs = ledger.runs_of(setting)
        who, _, images = setting.partition(" | ")
        for choice in runs[0]["choices"]:
            cells = [spread([run["choices"][choice][name] for run in runs], form) for name, form in FORMS.items()]
            print(f"| {who}: {choice} | {images} | {len(runs)} | {' | '.join(cells)} |")


FORMS = {"modes": ".0f", "kl": ".3f"}


def spread(values: Sequence[float], form: str) -> str:
    more = f" ({statistics.stdev(values):{form}})" if len(values) > 1 else ""
    return f"{statistics.fmean(values):{form}}{more}"


def prepare(options: Any, work: Path, ledger: Ledger) -> None:
    """The stacks and the classifier, which judges real stacks first."""
    write_zip(work / "stacks.zip", stacked(options.mnist, options.pictures, seed=0))
    classifier, accuracy = trained_classifier(options.mnist)
    save_file(classifier.state_dict(), work / "classifier.safetensors")
    ledger.results["classifier_accuracy"] = round(accuracy, 4)
    ledger.results["real_stacks"] = judged(stacked(options.mnist, NUM_SAMPLES, seed=1), classifier)


def main() -> int:
    parser = Parser(prog="experiments/stacked_mnist/run.py", description=__doc__ or "", epilog="")
    parser.add_argument("--mnist", type=Path, metavar="FOLDER", help="the four files as published (idx, gzip)")
    parser.add_argument("--pictures", type=int, default=12_800, help="stacks to train on [12800]")
    parser.add_argument("--trials", type=int, default=8)
    parser.add_argument("--kimg", type=float, default=64.0, help="thousands of images a trial [64]")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--table", action="store_true", help="print the table of what is there, run nothing")
    options = parser.parse_args()

    def command() -> None:
        ledger = Ledger(HERE / "results.json")
        if not options.table:
            if options.mnist is None:
                raise UserError("--mnist is missing: give the folder of MNIST's four files")
            with tempfile.TemporaryDirectory(prefix="ganvil-stacked-") as folder:
                missing = ledger.missing(jobs(options, Path(folder)))
                if missing:
                    prepare(options, Path(folder), ledger)
                for job, run in finished(missing, follow, options.processes):
                    ledger.add(job.key, run)
        report(ledger)

    return run_command("stacked_mnist", command)


if __name__ == "__main__":
    raise SystemExit(main())
