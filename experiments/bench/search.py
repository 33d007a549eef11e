"""What a search costs beside its trials: the same trials with and without it, and the hand-out of a thousand.

    OMP_NUM_THREADS=1 python experiments/bench/search.py trials --trials 8 --kimg 48 --rounds 2
    OMP_NUM_THREADS=1 python experiments/bench/search.py dispatch --trials 1000

`trials`: the search as a user types it (Ray, Optuna, MLflow, checkpoints, pictures), then the very runs that its
study drew, bare: trained, scored and saved at the same ticks, as many at a time, in plain processes. Turn by turn.
`dispatch`: trials that only report, so that what is left is what handing out, following and telling one costs.
"""

import argparse
import dataclasses
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import torch
from ray import tune
from rich.console import Console

from gan.begin import begin
from gan.checkpoint import save_checkpoint
from gan.config import RunConfig
from gan.data.dataset import ARMORY, load_pictures
from gan.data.resolution import Resolution
from gan.features.registry import load_feature_net
from gan.loop import train
from gan.metrics.diversity import RealSpread
from gan.metrics.evaluate import Reference
from gan.version import code_version
from search.machines.wishes import Wishes
from search.names import point_of
from search.plan import Plan, stored_plan
from search.proposing.optuna_search import open_study
from search.storage.folder import SearchFolder
from search.study import search
from search.trial.scoring import measure

ROOT = Path(__file__).resolve().parents[2]
RESULTS = Path(__file__).with_suffix(".json")
SIZE = Resolution(height=32, width=32)
RECIPES = ("dcgan-small", "stylegan2-small")


def with_search(storage: Path, options: argparse.Namespace) -> float:
    """Wall seconds of the whole command."""
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, str(ROOT / "search" / "run.py"), "--data", ARMORY, "--name", "bench", "--resolution", "32",
         "--recipe", *RECIPES, "--trials", str(options.trials), "--kimg", str(options.kimg), "--ticks", "8",
         "--no-early-stopping", "--max-concurrent", str(options.at_once), "--storage", str(storage),
         "--tracking-uri", f"sqlite:///{storage / 'mlflow.db'}"],
        check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    return time.perf_counter() - started


def runs_of(storage: Path) -> tuple[Plan, list[RunConfig]]:
    """What the search trained, in its order."""
    folder = SearchFolder(str(storage), "bench")
    plan = stored_plan(folder)
    assert plan is not None
    trials = open_study(folder, plan.space()).get_trials(deepcopy=False)
    return plan, [
        dataclasses.replace(plan.space().build_run(dict(trial.params)), seed=plan.seed + trial.number)
        for trial in trials
    ]


def bare(plan: Plan, runs: list[RunConfig], options: argparse.Namespace) -> float:
    """Wall seconds of the same runs in plain processes, their start included."""
    started = time.perf_counter()
    with (
        tempfile.TemporaryDirectory() as folder,
        ProcessPoolExecutor(options.at_once, mp_context=get_context("spawn")) as pool,
    ):
        list(pool.map(one_bare, runs, [plan.num_samples] * len(runs), [folder] * len(runs)))
    return time.perf_counter() - started


def one_bare(run: RunConfig, num_samples: int, folder: str) -> None:
    torch.set_num_threads(1)
    pictures = load_pictures(ARMORY, SIZE)
    net = load_feature_net("randconv", torch.device("cpu"))
    reference = Reference.build(pictures.images, net, cache_dir=Path(folder) / "cache")
    spread = RealSpread.of(pictures.images, reference.training.features)
    training = begin(run, pictures, torch.device("cpu"))
    for tick in train(training, pictures):
        measured = measure(
            training, tick, pictures, reference=reference, spread=spread, net=net, num_samples=num_samples
        )
        save_checkpoint(Path(folder) / f"{run.seed}", training, pictures, scores=measured.scores)


def compare(options: argparse.Namespace) -> dict[str, Any]:
    """Both sides turn by turn; the search first, since its study says which runs."""
    turns: list[dict[str, float]] = []
    for number in range(1, options.rounds + 1):
        with tempfile.TemporaryDirectory() as storage:
            searched = with_search(Path(storage), options)
            plain = bare(*runs_of(Path(storage)), options)
        turns.append({"search_seconds": round(searched, 1), "bare_seconds": round(plain, 1)})
        print(f"turn {number}: search {searched:.1f} s, bare {plain:.1f} s, {searched / plain - 1:+.1%}", flush=True)
    return {"kimg": options.kimg, "at_once": options.at_once, "turns": turns}


def fake_trial(config: dict[str, Any], *, plan: Plan, **others: Any) -> None:
    """A whole trial's only report."""
    point = point_of(config)
    fid = 100.0 + float(point["discriminator_lr_ratio"])
    tune.report(
        {
            "network": config["network"],
            "trial": f"{config['trial_number']:03d}",
            "images_seen": int(plan.total_images),
            "run_id": "",
            "records_waiting": 0,
            "collapsed": "",
            "stopped": "",
            "returned": "",
            "second_chance": "",
            "curve": [[int(plan.total_images), fid, 0.5]],
            "finished": True,
            "best_fid": fid,
            "best_recall": 1.0 / fid,
        }
    )


def dispatch(options: argparse.Namespace) -> dict[str, Any]:
    """Seconds a trial, of wall and of this driver's CPU, over each tenth of them: the study grows."""
    pictures = load_pictures(ARMORY, SIZE)
    storage = Path(tempfile.mkdtemp(prefix="ganvil-bench-"))
    plan = Plan(
        name="bench", data=ARMORY, data_fingerprint=pictures.fingerprint, height=32, width=32,
        channels=pictures.channels, conditional=False, recipes=RECIPES, num_trials=options.trials, kimg=1.0,
        num_ticks=1, num_samples=100, features="randconv", seed=0,
    )  # fmt: skip
    started = time.perf_counter()
    try:
        outcome = search(
            plan,
            pictures,
            folder=SearchFolder(str(storage), plan.name),
            tracking_uri=f"sqlite:///{storage / 'mlflow.db'}",
            wishes=Wishes(cpus=None, gpus=None, max_concurrent=None),
            resume=False,
            console=Console(quiet=True),
            trial=fake_trial,
        )
        assert len(outcome.found) == options.trials
        study = open_study(SearchFolder(str(storage), plan.name), plan.space())
        ends = sorted(t.datetime_complete for t in study.get_trials(deepcopy=False) if t.datetime_complete)
    finally:
        shutil.rmtree(storage, ignore_errors=True)
    tenth = max(1, len(ends) // 10)
    by_tenth = [
        (part[-1] - part[0]).total_seconds() / max(1, len(part) - 1)
        for part in (ends[at : at + tenth] for at in range(0, len(ends), tenth))
    ]
    used = resource.getrusage(resource.RUSAGE_SELF)
    found = {
        "trials": options.trials,
        "seconds_a_trial": round((ends[-1] - ends[0]).total_seconds() / (len(ends) - 1), 3),
        "driver_cpu_seconds_a_trial": round((used.ru_utime + used.ru_stime) / options.trials, 3),
        "seconds_a_trial_by_tenth": [round(seconds, 3) for seconds in by_tenth],
        "whole_seconds": round(time.perf_counter() - started, 1),
    }
    print(json.dumps(found), flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("trials", "dispatch"))
    parser.add_argument("--trials", type=int, default=8)
    parser.add_argument("--kimg", type=float, default=48.0)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--at-once", type=int, default=os.cpu_count())
    options = parser.parse_args()
    found = compare(options) if options.what == "trials" else dispatch(options)
    if options.what == "trials":
        ratios = [turn["search_seconds"] / turn["bare_seconds"] for turn in found["turns"]]
        print(f"the search takes {statistics.median(ratios) - 1:+.1%} (median of {len(ratios)} turns)")
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    results[options.what] = {
        **found,
        "commit": code_version(),
        "hardware": f"{platform.machine()}, {os.cpu_count()} cores",
    }
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
