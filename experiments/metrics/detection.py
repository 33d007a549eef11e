"""Which number sees which fault, from which dose on, at how many samples? Real pictures, spoilt on purpose.

    python experiments/metrics/detection.py --sets armory dcss-items.zip dcss-monsters.zip
    python experiments/metrics/detection.py --sets dcss-items.zip --counts 50 100 200 400 --few
    python experiments/metrics/detection.py --table --plot detection.png

One half of a set is compared with; samples are drawn from the other half, so that at dose 0 nothing is wrong, and
then spoilt. A dose is seen where the number lies outside the 95 % interval of dose 0 of the same seed and count, to
the worse side, for every seed. Every measurement is kept in results.json as it comes; what is in it is not measured
again. The second command tells how small a set may be (gan/metrics/smallest.py).
"""

import argparse
import json
import sys
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from gan.data.dataset import PictureSet, load_pictures
from gan.data.resolution import Resolution
from gan.features.interface import FeatureNet
from gan.features.registry import FEATURE_NETS, load_feature_net
from gan.metrics.evaluate import Reference
from gan.metrics.memorisation import TrainingPictures
from gan.metrics.report import BETTER, Reals, measure
from gan.pixels import UInt8Array

RESULTS = Path(__file__).with_name("results.json")
SIDE = 32
Fault = Callable[[UInt8Array, float, np.random.Generator], UInt8Array]


def blurred(images: UInt8Array, sigma: float, rng: np.random.Generator) -> UInt8Array:
    """By a Gaussian, premultiplied as all pictures are inside."""
    soft = gaussian_filter(images.astype(np.float32), (0, 0, sigma, sigma), mode="nearest")
    return np.asarray(np.clip(np.rint(soft), 0, 255), dtype=np.uint8)


def noisy(images: UInt8Array, sigma: float, rng: np.random.Generator) -> UInt8Array:
    """Normal noise of that share of full contrast on all channels."""
    loud = images + 255.0 * sigma * rng.standard_normal(images.shape, dtype=np.float32)
    return np.asarray(np.clip(np.rint(loud), 0, 255), dtype=np.uint8)


CHANGES: dict[str, Fault] = {"blur": blurred, "noise": noisy}
DOSES: dict[str, tuple[float, ...]] = {  # classes: the share of the classes that is dropped
    "classes": (0.0, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9),
    "blur": (0.0, 0.3, 0.45, 0.6, 1.0),
    "noise": (0.0, 0.02, 0.04, 0.08, 0.15),
    "copies": (0.0, 0.05, 0.1, 0.25, 0.5),
}
FEW_DOSES: dict[str, tuple[float, ...]] = {"classes": (0.0, 0.5), "noise": (0.0, 0.15), "copies": (0.0, 0.25)}
WORSE = {  # to which side a fault should move a number; 0: either
    "lower": +1,
    "higher": -1,
    "to 1": 0,
    "to fresh": 0,
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Ground:
    """One set under one net: the half that is compared with, and the other half as pictures to draw from."""

    name: str
    reference: Reference
    reals: Reals
    pool: UInt8Array
    pool_labels: NDArray[np.int64]
    originals: UInt8Array


def ground(pictures: PictureSet, net: FeatureNet, cache: Path) -> Ground:
    """Copies are copies of the half compared with; the pool is fresh to it."""
    reference = Reference.build(pictures.images, net, cache_dir=cache)
    num = len(reference.reference)
    ours, theirs = reference.order[:num], reference.order[num:]
    compared = reference.held_out.features
    reals = Reals(
        name="held_out",
        compared=compared,
        fresh=None,
        all_training=TrainingPictures.of(compared),
        compared_labels=pictures.labels[theirs],
        fresh_labels=None,
        num_classes=len(pictures.class_names),
    )
    return Ground(
        name=Path(pictures.source).stem,
        reference=reference,
        reals=reals,
        pool=pictures.images[ours],
        pool_labels=pictures.labels[ours],
        originals=pictures.images[theirs],
    )


def spoilt(where: Ground, fault: str, dose: float, count: int, seed: int) -> UInt8Array | None:
    """`count` pictures of the pool with the fault; None where the pool is too small for that.

    The same seed draws the same pictures at each dose, as far as the fault leaves them.
    """
    rng = np.random.default_rng([seed, zlib.crc32(where.name.encode())])
    order = rng.permutation(len(where.pool))
    if fault == "classes":
        classes = rng.permutation(np.unique(where.pool_labels))
        dropped = classes[: min(len(classes) - 1, round(dose * len(classes)))]
        order = order[~np.isin(where.pool_labels[order], dropped)]
    if len(order) < count:
        return None
    images = where.pool[order[:count]]
    if fault == "copies":
        num = round(dose * count)
        images[:num] = where.originals[rng.permutation(len(where.originals))[:num]]
    elif dose > 0 and fault in CHANGES:
        images = CHANGES[fault](images, dose, rng)
    return images


def measured(where: Ground, images: UInt8Array, net: FeatureNet) -> dict[str, list[float | None]]:
    """Each number with its interval, trusted or not."""
    report = measure(where.reference.standardise(net(images)), where.reals, features=net.name)
    return {
        name: [
            number.value,
            *((None, None) if number.interval is None else (number.interval.low, number.interval.high)),
        ]
        for name, number in report.numbers.items()
    }


def run(options: argparse.Namespace, results: dict[str, Any]) -> None:
    doses = FEW_DOSES if options.few else DOSES
    for features in options.features:
        net = load_feature_net(features, torch.device("cpu"))
        for source in options.sets:
            where = ground(load_pictures(source, Resolution(height=SIDE, width=SIDE)), net, options.cache_dir)
            for seed in range(options.seeds):
                for count in options.counts:
                    for fault, some in doses.items():
                        for dose in some:
                            key = f"{where.name} | {features} | {count} | {fault} | {dose} | {seed}"
                            if key in results:
                                continue
                            images = spoilt(where, fault, dose, count, seed)
                            results[key] = None if images is None else measured(where, images, net)
                            save(results, options.results)
                print(f"{where.name} {features} seed {seed}", file=sys.stderr, flush=True)


def save(results: dict[str, Any], file: Path) -> None:
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps(results, separators=(",", ":")).replace('},"', '},\n"') + "\n")
    partial.replace(file)


def seen_from(results: dict[str, Any], name: str, features: str, count: int, fault: str, number: str) -> str:
    """The least dose from which on every larger one is outside dose 0's interval for every seed; `-`: none.

    With `~` where the mean over the seeds does not move one way only from dose to dose.
    """
    doses: dict[float, dict[int, list[Any]]] = {}
    start = f"{name} | {features} | {count} | {fault} | "
    for key, value in results.items():
        if key.startswith(start) and value is not None and number in value:
            at, seed = key.removeprefix(start).split(" | ")
            doses.setdefault(float(at), {})[int(seed)] = value[number]
    if 0.0 not in doses or len(doses) < 2:
        return ""
    null = doses[0.0]
    side = WORSE[BETTER[number]]
    found = "-"
    for dose in sorted(set(doses) - {0.0}, reverse=True):
        if not all(seed in null and _outside(row[0], null[seed], side) for seed, row in doses[dose].items()):
            break
        found = f"{dose:g}"
    means = [float(np.mean([row[0] for row in doses[dose].values()])) for dose in sorted(doses)]
    steps = np.diff(means)
    return found + ("" if (steps >= 0).all() or (steps <= 0).all() else " ~")


def _outside(value: float, null: Sequence[float | None], side: int) -> bool:
    """Numbers without an interval (modes) are seen where they differ."""
    low, high = (null[0] if end is None else end for end in null[1:])
    assert low is not None
    assert high is not None
    return (side >= 0 and value > high) or (side <= 0 and value < low)


def _axes(results: dict[str, Any]) -> list[tuple[str, str, int]]:
    keys = [key.split(" | ") for key in results]
    return sorted({(name, features, int(count)) for name, features, count, *_ in keys})


def table(results: dict[str, Any]) -> str:
    """A row a set, net and count and number; the least dose seen of each fault."""
    lines = [f"| set | net | samples | number | {' | '.join(DOSES)} |", f"|{'---|' * (4 + len(DOSES))}"]
    for name, features, count in _axes(results):
        for number in BETTER:
            cells = [seen_from(results, name, features, count, fault, number) for fault in DOSES]
            if any(cells):
                lines.append(f"| {name} | {features} | {count} | {number} | {' | '.join(cells)} |")
    return "\n".join(lines)


def plot(results: dict[str, Any], file: Path) -> None:
    """A panel a fault and number, a line a set, net and count: mean over the seeds, the null's interval shaded."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    numbers = ("fid", "kid", "precision", "recall", "density", "coverage", "vendi", "memorised", "authenticity")
    figure, panels = pyplot.subplots(
        len(DOSES), len(numbers), figsize=(2.2 * len(numbers), 2.0 * len(DOSES)), squeeze=False
    )
    for down, fault in enumerate(DOSES):
        for across, number in enumerate(numbers):
            panel = panels[down][across]
            for index, (name, features, count) in enumerate(_axes(results)):
                start = f"{name} | {features} | {count} | {fault} | "
                rows: dict[float, list[Any]] = {}
                for key, value in results.items():
                    if key.startswith(start) and value is not None:
                        rows.setdefault(float(key.split(" | ")[4]), []).append(value[number])
                doses = sorted(rows)
                colour = f"C{index % 10}"
                means = [np.mean([row[0] for row in rows[dose]]) for dose in doses]
                panel.plot(doses, means, ".-", color=colour, label=f"{name} {features} {count}")
                if 0.0 in rows:
                    panel.axhspan(
                        np.mean([row[1] for row in rows[0.0]]),
                        np.mean([row[2] for row in rows[0.0]]),
                        color=colour,
                        alpha=0.12,
                        linewidth=0,
                    )
            panel.tick_params(labelsize=6)
            if down == 0:
                panel.set_title(number, fontsize=9)
            if across == 0:
                panel.set_ylabel(fault, fontsize=9)
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=min(6, max(1, len(labels))), fontsize=7, frameon=False)
    figure.tight_layout(rect=(0, 0.06, 1, 1))
    figure.savefig(file, dpi=110)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", default=["armory"])
    parser.add_argument("--features", nargs="+", choices=FEATURE_NETS, default=["randconv"])
    parser.add_argument("--counts", nargs="+", type=int, default=[200, 400, 800])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--few", action="store_true", help="one dose of three faults only")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--cache-dir", type=Path, default=Path("runs/reference"))
    parser.add_argument("--table", action="store_true", help="only print what is there")
    parser.add_argument("--plot", type=Path, help="draw what is there")
    options = parser.parse_args(arguments)
    results: dict[str, Any] = json.loads(options.results.read_text()) if options.results.exists() else {}
    if not options.table:
        run(options, results)
    print(table(results))
    if options.plot:
        plot(results, options.plot)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
