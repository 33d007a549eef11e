"""How far are `labels --cluster k`'s groups from the classes that people gave?

    python experiments/clusters/run.py [--sets armory dcss-items …] [--seeds 3] [--out results.json]

Sets whose classes are known are grouped without being told them, by several ways to look at a picture and several k.
Scores, adjusted for chance where 0 is no more than chance and 1 the same groups: adjusted Rand index (Hubert & Arabie
1985; counts pairs) and adjusted mutual information (Vinh et al. 2010; fairer to uneven classes); and the normalised
mutual information that papers quote, which grows with k by itself.
"""

import argparse
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import (  # it comes with MLflow
    adjusted_mutual_info_score,
    adjusted_rand_score,
    normalized_mutual_info_score,
)

from gan.data.cluster import cluster_features, embed, fewest_pictures, look, pixels_of
from gan.data.dataset import ARMORY, PictureSet, load_pictures
from gan.data.resolution import Resolution
from gan.features.registry import load_feature_net

HERE = Path(__file__).resolve().parent
DATA = HERE.parents[2] / "shared" / "data"
SETS = (ARMORY, "dcss-weapons-plus", "dcss-items", "dcss-monsters", "gameicons-all-128")
CHANCE = "chance"  # groups drawn by lot
BASELINE_COMPONENTS = 256  # of raw pixels: over 99 % of their variance, so k-means hardly notices

Points = NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", default=SETS, metavar="NAME")
    parser.add_argument("--k", nargs="+", type=int, default=[8, 16], help="besides the number of classes")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=HERE / "results.json")
    options = parser.parse_args()
    results: dict[str, Any] = json.loads(options.out.read_text()) if options.out.exists() else {}
    for name in options.sets:
        results[name] = score(_load(name), options.k, options.seeds)
        options.out.write_text(json.dumps(results, indent=1) + "\n")
        print(name, json.dumps(results[name], indent=1))


def score(pictures: PictureSet, also: list[int], num_seeds: int) -> dict[str, Any]:
    """For each way to look at pictures and each k: the mean scores over seeds, and the deviation of the ARI's."""
    num_classes = len(pictures.class_names)
    found: dict[str, Any] = {"pictures": len(pictures), "classes": num_classes, "seeds": num_seeds}
    began = time.process_time()
    ways = {name: way() for name, way in _ways(pictures).items()}
    found["features_seconds"] = round(time.process_time() - began, 1)
    found["by_k"] = {}
    for k in sorted({*also, num_classes}):
        found["by_k"][k] = {
            name: _scores(pictures.labels, [_groups(points, len(pictures), k, seed) for seed in range(num_seeds)])
            for name, points in ways.items()
        }
    return found


def _ways(pictures: PictureSet) -> Mapping[str, Callable[[], Points | None]]:
    net = load_feature_net("randconv", torch.device("cpu"))
    images = pictures.images
    return {
        CHANCE: lambda: None,
        "raw pixels": lambda: _fewer(pixels_of(images)),
        "pixels, embedded": lambda: embed(pixels_of(images)),
        "net, embedded": lambda: embed(net(images)),
        "both (the default)": lambda: look(images, net),
    }


def _groups(points: Points | None, num: int, k: int, seed: int) -> NDArray[np.int64]:
    if points is None:
        return np.random.default_rng(seed).integers(k, size=num)
    return cluster_features(points, k, seed=seed, fewest=fewest_pictures(num, k))


def _scores(truth: NDArray[np.int64], groupings: list[NDArray[np.int64]]) -> dict[str, float]:
    rand = [adjusted_rand_score(truth, groups) for groups in groupings]
    return {
        "ari": round(float(np.mean(rand)), 3),
        "ari_deviation": round(float(np.std(rand)), 3),
        "ami": round(float(np.mean([adjusted_mutual_info_score(truth, groups) for groups in groupings])), 3),
        "nmi": round(float(np.mean([normalized_mutual_info_score(truth, groups) for groups in groupings])), 3),
    }


def _fewer(pixels: NDArray[np.float32]) -> Points:
    """Turned into their 256 most varied directions at most, not scaled: distances stay nearly what they were."""
    centred = pixels.astype(np.float64) - pixels.mean(axis=0)
    sketch = np.random.default_rng(0).standard_normal((BASELINE_COMPONENTS, len(centred))) @ centred
    for _ in range(3):
        sketch = np.linalg.qr(centred.T @ (centred @ sketch.T))[0].T
    return np.asarray(centred @ sketch.T)


def _load(name: str) -> PictureSet:
    if name == ARMORY:
        return load_pictures(ARMORY, Resolution(height=32, width=32))
    return load_pictures(str(DATA / f"{name}.zip"))


if __name__ == "__main__":
    main()
