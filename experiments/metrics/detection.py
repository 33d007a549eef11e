"""Which number sees which fault, from which dose on, at how many samples? Real pictures, spoilt on purpose.

    python experiments/metrics/detection.py --sets armory dcss-items.zip dcss-monsters.zip --features randconv pixels
    python experiments/metrics/detection.py --sets dcss-items.zip --counts 25 50 100 --reals 50 --results small.json
    python experiments/metrics/detection.py --table --show doses --plot detection.png
    python experiments/metrics/detection.py --table --show size

A quarter of a set is compared with (near duplicates stay together), samples are drawn from the rest, so that at dose
0 nothing is wrong. Every measurement is kept in results.json as it comes; what is in it is not measured again.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from experiments.metrics.contenders import NAMES, net_named
from experiments.metrics.faults import DOSES, NONE, Pool, spoilt
from experiments.metrics.seen import by_size, plot, summary, table
from gan.data.armory import draw_armory
from gan.data.dataset import load_pictures
from gan.data.resolution import Resolution
from gan.features.interface import FeatureNet
from gan.metrics.evaluate import FeatureSpace
from gan.metrics.fid import fid
from gan.metrics.fid_infinity import extrapolate
from gan.metrics.memorisation import TrainingPictures
from gan.metrics.report import BETTER, Reals, measure
from gan.metrics.split import split_halves

RESULTS: Final = Path(__file__).with_name("results.json")
SMALL: Final = Path(__file__).with_name("small.json")
SIDE: Final = 32
ARMORY_PICTURES: Final = 2880
SLOW_INTERVALS: Final = ("fid", "fid_infinity")  # of a spoilt set only the value is of use


@dataclass(frozen=True, kw_only=True, eq=False)
class Ground:
    """One set under one net."""

    pool: Pool
    net: FeatureNet
    space: FeatureSpace
    reals: Reals


def pool_of(source: str, num_reals: int | None) -> tuple[Pool, NDArray[np.int64], int]:
    """The pool, the classes of what is compared with, and how many classes there are."""
    if source == "armory":
        drawn = draw_armory(ARMORY_PICTURES, SIDE, SIDE)
        images, labels, num_classes = drawn.images, drawn.classes, int(drawn.classes.max()) + 1
    else:
        pictures = load_pictures(source, Resolution(height=SIDE, width=SIDE))
        images, labels, num_classes = pictures.images, pictures.labels, len(pictures.class_names)
    first, second = split_halves(images)
    third, compared = (second[part] for part in split_halves(images[second]))
    drawn_from = np.concatenate([first, third])
    if num_reals is not None:
        compared = np.random.default_rng(0).permutation(compared)[:num_reals]
    pool = Pool(
        name=set_name(source, num_reals),
        images=images[drawn_from],
        labels=labels[drawn_from],
        originals=images[compared],
    )
    return pool, labels[compared], num_classes


def set_name(source: str, num_reals: int | None) -> str:
    return Path(source).stem + ("" if num_reals is None else f", {num_reals} reals")


def ground(source: str, num_reals: int | None, features: str) -> Ground:
    """Copies are copies of the quarter compared with (or that many of it); the pool is fresh to it."""
    pool, labels, num_classes = pool_of(source, num_reals)
    net = net_named(features, pool.originals)
    raw = net(pool.originals)
    space = FeatureSpace.fit(raw, standardised=net.standardised)
    compared = space.apply(raw)
    reals = Reals(
        name="compared",
        compared=compared,
        fresh=None,
        all_training=TrainingPictures.of(compared),
        compared_labels=labels,
        fresh_labels=None,
        num_classes=num_classes,
    )
    return Ground(pool=pool, net=net, space=space, reals=reals)


def measured(where: Ground, fault: str, dose: float, count: int, seed: int) -> dict[str, list[float]] | None:
    """Each number; of pictures without a fault with the ends of its interval. None where there are too few pictures."""
    images = spoilt(where.pool, fault, dose, count, seed)
    if images is None:
        return None
    samples = where.space.apply(where.net(images))
    only = tuple(BETTER) if fault == NONE else tuple(name for name in BETTER if name not in SLOW_INTERVALS)
    report = measure(samples, where.reals, features=where.net.name, only=only)
    found = {name: [number.value] for name, number in report.numbers.items()}
    if fault == NONE:
        for name, number in report.numbers.items():
            ends = number.interval
            found[name] += [number.value, number.value] if ends is None else [ends.low, ends.high]
    else:
        found["fid"] = [fid(samples, where.reals.compared)]
        found["fid_infinity"] = [extrapolate(samples, where.reals.compared, seed=0).fid_infinity]
    return {name: [float(f"{value:.4g}") for value in values] for name, values in found.items()}


def run(options: argparse.Namespace, results: dict[str, Any]) -> None:
    cases = [(NONE, 0.0), *((fault, dose) for fault in options.faults for dose in DOSES[fault])]
    for source, num_reals in product(options.sets, options.reals or [None]):
        for features in options.features:
            keys = {
                " | ".join((set_name(source, num_reals), features, str(count), str(seed), case[0], f"{case[1]:g}")): (
                    *case,
                    count,
                    seed,
                )
                for seed in range(options.seeds)
                for count in options.counts
                for case in cases
            }
            missing = [key for key in keys if key not in results]
            if not missing:
                continue
            where = ground(source, num_reals, features)
            for key in tqdm(missing, desc=f"{where.pool.name}, {features}", mininterval=10):
                results[key] = measured(where, *keys[key])
                if keys[key][:2] == cases[-1]:
                    save(results, options.results)
            save(results, options.results)


def save(results: dict[str, Any], file: Path) -> None:
    """A line a measurement, its numbers in the order of the first line."""
    partial = file.with_suffix(".partial")
    numbers = list(BETTER)
    lines = [f'"numbers":{json.dumps(numbers)}']
    for key in sorted(results):
        found = results[key]
        values = None if found is None else [found[name] for name in numbers]
        lines.append(f"{json.dumps(key)}:{json.dumps(values, separators=(',', ':'))}")
    partial.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    partial.replace(file)


def load(file: Path) -> dict[str, Any]:
    """By key the numbers by name; nothing where there is no file yet."""
    if not file.exists():
        return {}
    plain = json.loads(file.read_text())
    numbers = plain.pop("numbers")
    return {key: None if values is None else dict(zip(numbers, values, strict=True)) for key, values in plain.items()}


def of_one_net(results: dict[str, Any], features: str) -> dict[str, Any]:
    """Those of the sets that were measured in small parts too."""
    sets = {key.split(",")[0] for key in results if " reals | " in key}
    kept = {key: value for key, value in results.items() if key.split(",")[0].split(" | ")[0] in sets}
    return {key: value for key, value in kept.items() if key.split(" | ")[1] == features}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", default=["armory"], help="armory, or folders or zips [armory]")
    parser.add_argument("--features", nargs="+", choices=NAMES, default=["randconv"])
    parser.add_argument("--counts", nargs="+", type=int, default=[200, 400, 800], help="samples [200 400 800]")
    parser.add_argument("--reals", nargs="+", type=int, help="so many of the quarter to compare with [all]")
    parser.add_argument("--faults", nargs="+", choices=DOSES, default=list(DOSES))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--table", action="store_true", help="only print what is there")
    parser.add_argument("--show", choices=("summary", "doses", "size"), default="summary", help="which table [summary]")
    parser.add_argument("--small", type=Path, default=SMALL, help="results of small sets, for --show size")
    parser.add_argument("--plot", type=Path, help="draw what is there")
    options = parser.parse_args(arguments)
    results = load(options.results)
    if not options.table:
        run(options, results)
    if options.show == "size":  # which holds small sets against whole ones
        results = of_one_net(results | load(options.small), options.features[0])
    print({"size": by_size, "summary": summary, "doses": table}[options.show](results))
    if options.plot:
        plot(results, options.plot)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
