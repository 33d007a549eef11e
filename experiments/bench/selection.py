"""Choosing the ensemble: time and memory for 10 to 2,000 candidates.

    OMP_NUM_THREADS=1 python experiments/bench/selection.py --candidates 10 100 500 2000
    OMP_NUM_THREADS=1 python experiments/bench/selection.py --candidates 500 --rows 2000

Candidates are planted: each draws from some of the built-in pictures' neighbourhoods (rows a + .5 (b - c) of their
features, as experiments/bench/metrics.py makes them), from 3 to 60 of them, so that they differ in quality and complete
each other. Each number of candidates has a process of its own, so its peak of memory is its own. Results are added to
selection.json as they come.
"""

import argparse
import json
import os
import platform
import resource
import time
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gan.data.armory import draw_armory
from gan.ensemble.convex import Limits, lowest_kid
from gan.ensemble.kernel_means import KernelMeans
from gan.ensemble.library import Candidate, Library
from gan.ensemble.selection import greedy_cover, select
from gan.features.registry import load_feature_net
from gan.metrics.evaluate import FeatureSpace
from gan.version import code_version

RESULTS = Path(__file__).with_suffix(".json")
NUM_REALS = 700


def planted(num: int, num_rows: int) -> tuple[list[Candidate], NDArray[np.float32]]:
    raw = load_feature_net("randconv", torch.device("cpu"))(draw_armory(2 * NUM_REALS, 32, 32).images)
    features = FeatureSpace.fit(raw, standardised=True).apply(raw)
    rng = np.random.default_rng(0)
    candidates = []
    for number in range(num):
        around = rng.choice(len(features), rng.integers(3, 60))
        a = rng.choice(around, num_rows)
        b, c = rng.integers(0, len(features), (2, num_rows))
        rows = features[a] + np.float32(0.5) * (features[b] - features[c])
        candidates.append(Candidate(id=f"{number:04d}", features=rows.astype(np.float16), memorised=0.0))
    return candidates, features[::2]


def measure(num: int, num_rows: int, to: Connection) -> None:
    """Seconds of each part, and how far the peak rose over what the candidates themselves take."""
    candidates, reals = planted(num, num_rows)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found: dict[str, Any] = {}

    def timed(name: str, part: Callable[[], Any]) -> Any:
        started = time.perf_counter()
        result = part()
        found[f"{name}_seconds"] = round(time.perf_counter() - started, 2)
        found[f"{name}_peak_mb"] = round((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
        return result

    library = timed("library", lambda: Library(candidates, reals))
    timed("select", lambda: select(library))
    timed("cover", lambda: greedy_cover(library, size=8))
    means = timed("kernel_means", lambda: KernelMeans.of(candidates, reals))
    limits = Limits(precision=library.precisions, memorised=np.zeros(num))
    timed("convex", lambda: lowest_kid(means, limits, size=8))
    to.send(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candidates", nargs="+", type=int, default=[10, 100, 500, 2000])
    parser.add_argument("--rows", type=int, default=1000, help="samples of each [1000]")
    options = parser.parse_args()
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for num in options.candidates:
        here, there = get_context("spawn").Pipe(duplex=False)
        process = get_context("spawn").Process(target=measure, args=(num, options.rows, there))
        process.start()
        there.close()
        found = here.recv()
        process.join()
        threads = os.environ.get("OMP_NUM_THREADS", str(os.cpu_count()))
        hardware = f"{platform.machine()}, {threads} threads"
        results[f"{num} x {options.rows}"] = {**found, "commit": code_version(), "hardware": hardware}
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")
        print(num, options.rows, found, flush=True)


if __name__ == "__main__":
    main()
