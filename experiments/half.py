"""What the experiments share: runs are trained on one half of the pictures, scored against both, and kept one by one.

The other half has been seen by no run. Which picture lies in which half follows from its content alone.
"""

import dataclasses
import json
import os
import platform
import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch

from gan.data.dataset import PictureSet
from gan.features.registry import load_feature_net
from gan.metrics.evaluate import HalfName, Reference
from gan.metrics.split import split_halves
from gan.pixels import UInt8Array

HALVES: tuple[HalfName, ...] = ("held_out", "reference")
Run = dict[str, Any]  # plain values: its ticks with the scores of each half, CPU seconds, commit


class Job(Protocol):
    """One run to be done. Its key, `<setting> | seed <number>`, tells it from all others."""

    @property
    def key(self) -> str: ...


JobType = TypeVar("JobType", bound=Job)
Done = TypeVar("Done")


def trained_half(pictures: PictureSet) -> PictureSet:
    """The half that runs are trained on."""
    index, _ = split_halves(pictures.images)
    return dataclasses.replace(
        pictures,
        images=pictures.images[index],
        labels=pictures.labels[index],
        names=tuple(pictures.names[i] for i in index),
        fingerprint=f"{pictures.fingerprint}-half",
    )


class Judge:
    """Scores of samples against each half, by the embedded feature net."""

    def __init__(self, pictures: PictureSet) -> None:
        self._net = load_feature_net("randconv", torch.device("cpu"))
        self._reference = Reference.build(pictures.images, self._net)

    def scores(self, images: UInt8Array) -> dict[str, Any]:
        features = self._net(images)
        return {half: self._reference.score(features, half).to_plain() for half in HALVES}


class Ledger:
    """A results.json that grows by a run at a time; what is in it is not run again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.results: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {"runs": {}}

    def runs_of(self, setting: str) -> list[Run]:
        """All seeds of that setting: keys are `<setting> | seed <number>`."""
        return [run for key, run in self.results["runs"].items() if key.startswith(f"{setting} | seed ")]

    def add(self, key: str, run: Run) -> None:
        """Written at once, whole or not at all."""
        self.results["hardware"] = f"{platform.machine()}, {os.cpu_count()} CPU cores, one thread a run"
        self.results["runs"][key] = run
        partial = self.path.with_suffix(".partial")
        partial.write_text(json.dumps(self.results, separators=(",", ":")).replace('},"', '},\n"') + "\n")
        partial.replace(self.path)

    def missing(self, jobs: Iterable[JobType]) -> list[JobType]:
        return [job for job in jobs if job.key not in self.results["runs"]]


def finished(
    jobs: Sequence[JobType], follow: Callable[[JobType], Done], processes: int
) -> Iterator[tuple[JobType, Done]]:
    """Each job with its result as it ends, so many at a time, begun in their order."""
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        running = {pool.submit(follow, job): job for job in jobs}
        for number, done in enumerate(as_completed(running), start=1):
            job, result = running[done], done.result()
            print(f"{number}/{len(jobs)} {job.key}", flush=True)
            yield job, result


def table(first: str, rows: Mapping[str, Sequence[Run]], half: HalfName, shown: Sequence[str]) -> str:
    """A row a setting: mean and spread over the seeds of each score, at the tick that is best by the trained half."""
    lines = [f"| {first} | seeds | {' | '.join(shown)} | CPU s |", f"|---|---|{'---|' * len(shown)}---|"]
    for name, runs in rows.items():
        if not runs:
            continue
        best = [best_tick(run) for run in runs]
        cells = [_spread([tick[half][score] for tick in best]) for score in shown]
        seconds = statistics.fmean(run["cpu_seconds"] for run in runs)
        lines.append(f"| {name} | {len(runs)} | {' | '.join(cells)} | {seconds:.0f} |")
    return "\n".join(lines)


def best_tick(run: Run) -> dict[str, Any]:
    """The tick with the lowest FID against the half that the run was trained on."""
    best: dict[str, Any] = min(run["ticks"], key=lambda tick: tick["reference"]["fid"])
    return best


def _spread(values: Sequence[float]) -> str:
    spread = f" ± {statistics.stdev(values):.2g}" if len(values) > 1 else ""
    return f"{statistics.fmean(values):.3g}{spread}"
