"""Precision, recall, density, coverage and KID: time and memory beside prdc and torch-fidelity, on the same features.

    OMP_NUM_THREADS=1 taskset -c 0 python experiments/bench/metrics.py --counts 5000 --rounds 3
    OMP_NUM_THREADS=1 taskset -c 0 python experiments/bench/metrics.py --counts 50000 --rounds 1
    python experiments/bench/metrics.py --search

Every turn is a process of its own (its peak of memory is its own), and contenders take turns: A B C A B C. Results are
added to metrics.json as they come; what is in it is not measured again.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import sys
import tempfile
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
from gan.data.dataset import load_pictures
from gan.data.resolution import Resolution
from gan.features.registry import load_feature_net
from gan.metrics.ball_metrics import ball_metrics, balls_of_reals
from gan.metrics.evaluate import FeatureSpace, Reference
from gan.metrics.kid import kid

RESULTS = Path(__file__).with_suffix(".json")
Features = NDArray[np.float32]
NUM_DRAWN = 2880


def drawn(count: int) -> tuple[Features, Features]:
    """Samples and reals, standardised `randconv` features: of 2,880 armory pictures at 32 px, and beyond those of
    mixtures of three such rows (a + .3 (b - c)), whose directions and neighbourhoods are much like theirs.

    Kept in a temporary folder for the processes that measure.
    """
    file = Path(tempfile.gettempdir(), f"ganvil-bench-randconv-{count}.npy")
    if not file.exists():
        raw = load_feature_net("randconv", torch.device("cpu"))(draw_armory(NUM_DRAWN, 32, 32).images)
        features = FeatureSpace.fit(raw, standardised=True).apply(raw)
        rng = np.random.default_rng(0)
        a, b, c = rng.integers(0, NUM_DRAWN, (3, 2 * count))
        mixed = features[a] + np.float32(0.3) * (features[b] - features[c])
        mixed[: min(NUM_DRAWN, 2 * count)] = features[: 2 * count]
        np.save(file, mixed[rng.permutation(2 * count)])
    both = np.load(file)
    return np.ascontiguousarray(both[:count]), np.ascontiguousarray(both[count:])


def ours(samples: Features, reals: Features) -> dict[str, float]:
    """All four, with k = 3 and 5, as the peers cannot in one call."""
    balls = ball_metrics(*balls_of_reals(reals), samples)
    return {name: getattr(balls, name) for name in ("precision", "recall", "density", "coverage")}


def prdc(samples: Features, reals: Features) -> dict[str, float]:
    """All four at one k; three distance matrices at once in memory."""
    from prdc import compute_prdc

    return dict(compute_prdc(reals, samples, nearest_k=3))


def fidelity(samples: Features, reals: Features) -> dict[str, float]:
    """Precision and recall only, in its mode that saves memory."""
    from torch_fidelity.metric_prc import calculate_precision_recall_part

    precision, recall = calculate_precision_recall_part(torch.from_numpy(samples), torch.from_numpy(reals), 3)
    return {"precision": precision, "recall": recall}


def our_kid(samples: Features, reals: Features) -> dict[str, float]:
    """All pairs at once."""
    return {"kid": kid(samples, reals)}


def fidelity_kid(samples: Features, reals: Features) -> dict[str, float]:
    """Its defaults: 100 subsets of 1,000, each of a tenth of a per cent of the pairs at 50,000."""
    from torch_fidelity.metric_kid import kid_features_to_metric

    found = kid_features_to_metric(
        torch.from_numpy(samples),
        torch.from_numpy(reals),
        kid_subsets=100,
        kid_subset_size=1000,
        kid_kernel="poly",
        kid_kernel_poly_degree=3,
        kid_kernel_poly_gamma=None,
        kid_kernel_poly_coef0=1,
        rng_seed=0,
        verbose=False,
    )
    return {"kid": float(found["kernel_inception_distance_mean"])}


CONTENDERS: dict[str, Callable[[Features, Features], dict[str, float]]] = {
    "ours": ours,
    "prdc": prdc,
    "fidelity": fidelity,
    "ours-kid": our_kid,
    "fidelity-kid": fidelity_kid,
}


def _turn(pipe: Connection, name: str, count: int) -> None:
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    samples, reals = drawn(count)
    CONTENDERS[name](samples[:1000], reals[:1000])  # imports and first calls are not what is measured
    before = resource.getrusage(resource.RUSAGE_SELF)
    start = time.perf_counter()
    numbers = CONTENDERS[name](samples, reals)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_SELF)
    pipe.send(
        {
            "wall_seconds": round(wall, 3),
            "cpu_seconds": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 3),
            "added_mib": round((after.ru_maxrss - before.ru_maxrss) / 1024, 1),
            "numbers": {key: float(value) for key, value in numbers.items()},
        }
    )


def turn(name: str, count: int) -> dict[str, Any]:
    """One measurement in a fresh process; what it could not do is said, not raised."""
    context = get_context("spawn")
    pipe, other = context.Pipe()
    process = context.Process(target=_turn, args=(other, name, count))
    process.start()
    other.close()
    try:
        result: dict[str, Any] = pipe.recv()
    except EOFError:
        result = {}
    process.join()
    return result or {"failed": f"ended with exit code {process.exitcode}"}


def in_a_search(results: dict[str, Any], rounds: int) -> None:
    """One evaluation as a trial does it: features of 2,000 pictures and both halves' scores."""
    for side in (32, 64):
        reals = load_pictures("armory", Resolution(height=side, width=side)).images
        net = load_feature_net("randconv", torch.device("cpu"))
        reference = Reference.build(reals, net)
        samples = np.random.default_rng(0).permutation(np.concatenate([reals, reals]))[:2000]
        for _ in range(rounds):
            start, cpu = time.perf_counter(), time.process_time()
            raw = net(samples)
            between, cpu_between = time.perf_counter(), time.process_time()
            for half in ("reference", "held_out"):
                reference.score(raw, half)
            results.setdefault(f"search {side}", []).append(
                {
                    "features_seconds": round(between - start, 3),
                    "scores_seconds": round(time.perf_counter() - between, 3),
                    "cpu_seconds": [round(cpu_between - cpu, 3), round(time.process_time() - cpu_between, 3)],
                }
            )


def save(results: dict[str, Any], file: Path) -> None:
    results["hardware"] = f"{platform.machine()}, OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS', 'unset')}"
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps(results, indent=1) + "\n")
    partial.replace(file)


def table(results: dict[str, Any]) -> str:
    """Medians; CPU seconds, for other work on the machine lengthens the wall's."""
    lines = ["| case | turns | CPU s | wall s | memory MiB |", "|---|---|---|---|---|"]
    for key, turns in results.items():
        done = [one for one in turns if "wall_seconds" in one] if isinstance(turns, list) else []
        if done:
            cells = [
                statistics.median(one[name] for one in done) for name in ("cpu_seconds", "wall_seconds", "added_mib")
            ]
            lines.append(f"| {key} | {len(done)} | {cells[0]:.1f} | {cells[1]:.1f} | {cells[2]:.0f} |")
        elif isinstance(turns, list) and turns and "failed" in turns[0]:
            lines.append(f"| {key} | 0 | {turns[0]['failed']} | | |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", type=int, nargs="*", default=[], help="pictures on each side")
    parser.add_argument("--rounds", type=int, default=3, help="turns a contender [3]")
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, default=list(CONTENDERS))
    parser.add_argument("--search", action="store_true", help="one evaluation inside a search")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    results: dict[str, Any] = json.loads(options.results.read_text()) if options.results.exists() else {}
    for count in options.counts:
        drawn(count)  # once, before anything is measured
        for index in range(options.rounds):
            for name in options.contenders:
                turns = results.setdefault(f"{name} {count}", [])
                if len(turns) <= index:
                    turns.append(turn(name, count))
                    print(name, count, turns[-1], file=sys.stderr, flush=True)
                    save(results, options.results)
    if options.search:
        torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
        in_a_search(results, options.rounds)
        save(results, options.results)
    print(table(results))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
