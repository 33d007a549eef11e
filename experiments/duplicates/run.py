"""Are the duplicates found, and only they? Scores gan.data.likeness where the truth is known, beside imagededup.

    python experiments/duplicates/run.py packs --data ../shared/data
    python experiments/duplicates/run.py big --pictures 100000
    python experiments/duplicates/run.py whole --pictures 100000

`packs`: dcss-dirty.zip with its truth file; monsters, weapons, game icons and the armory with copies planted in them,
and what is dropped of each before any are planted. The other's part is left out where imagededup is not installed
(`pip install --no-deps --target PEER imagededup ImageHash PyWavelets`, then PYTHONPATH=PEER: it pins old versions).
`big`: a zip of armory pictures, one in twenty a copy, drawn once and kept in --work: time, memory, recall. `whole`: the
same zip through `python -m gan.data clean`. Each adds to results.json. Seconds are those of the CPU, one thread.
"""

import argparse
import importlib
import io
import json
import logging
import platform
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from zipfile import ZipFile

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
from PIL import Image

from experiments.duplicates.packs import armory_pack, dirty_pack, with_copies, zip_pack
from experiments.duplicates.scoring import Item, score
from experiments.duplicates.whole import drawn_pack, truth_of, whole
from gan.command_line import Parser, run_command
from gan.data.likeness.descriptor import Descriptor, describe
from gan.data.likeness.find import Duplicates, find_duplicates
from gan.version import code_version

RESULTS = Path(__file__).resolve().parent / "results.json"
NUM_OF_EACH_KIND = 30
SHARE_OF_COPIES = 0.05
MIRRORS = {"near_mirror", "mirror"}
# imagededup's own default is 10 of 64 bits.
PHASH_DISTANCES = (0, 2, 4, 10)


def described(items: Iterable[Item]) -> list[Descriptor]:
    return [describe(np.ascontiguousarray(np.asarray(item.image).transpose(2, 0, 1)), straight=True) for item in items]


def ours(items: Sequence[Item], *, mirror: bool) -> tuple[Duplicates, float]:
    started = time.process_time()
    duplicates = find_duplicates(described(items), mirror=mirror)
    return duplicates, time.process_time() - started


def phash(items: Sequence[Item]) -> dict[int, tuple[frozenset[int], float]] | None:
    """What imagededup's PHash would remove at each distance, with seconds; pictures laid on grey, since it knows no
    alpha. None where it is not installed."""
    try:
        methods = importlib.import_module("imagededup.methods")
    except ImportError:
        return None
    logging.disable(logging.INFO)
    started = time.process_time()
    hasher = methods.PHash(verbose=False)
    encodings = {}
    for place, item in enumerate(items):
        ground = Image.new("RGB", item.image.size, (128, 128, 128))
        ground.paste(item.image, mask=item.image)
        encodings[str(place)] = hasher.encode_image(image_array=np.asarray(ground))
    encoding_seconds = time.process_time() - started
    found = {}
    for distance in PHASH_DISTANCES:
        started = time.process_time()
        removed = hasher.find_duplicates_to_remove(
            encoding_map=encodings,
            max_distance_threshold=distance,
            num_dist_workers=0,
        )
        seconds = encoding_seconds + time.process_time() - started
        found[distance] = (frozenset(int(name) for name in removed), seconds)
    return found


def judge(items: Sequence[Item]) -> dict[str, Any]:
    """Ours without and with mirrors, and imagededup's, on one set."""
    report: dict[str, Any] = {"pictures": len(items)}
    for mirror in (False, True):
        duplicates, seconds = ours(items, mirror=mirror)
        not_counted = frozenset() if mirror else frozenset(MIRRORS)
        report["ours, mirrors counted" if mirror else "ours"] = {
            "cpu_seconds": round(seconds, 2),
            "likely": len(duplicates.likely),
            **score(items, duplicates.dropped, not_counted=not_counted).as_json(),
        }
    for distance, (dropped, seconds) in (phash(items) or {}).items():
        report[f"imagededup PHash, distance {distance}"] = {
            "cpu_seconds": round(seconds, 2),
            **score(items, dropped, not_counted=frozenset(MIRRORS)).as_json(),
        }
    return report


def dropped_of_itself(items: Sequence[Item]) -> tuple[dict[str, Any], list[Item]]:
    """What goes of a pack to which nothing was added, by kind; and the pack without it."""
    duplicates, seconds = ours(items, mirror=True)
    kinds = Counter(
        f"{pair.match.kind}{', mirrored' if pair.match.mirrored else ''}"
        for found in duplicates.groups
        for pair in found.pairs
    )
    report = {"pictures": len(items), "dropped": dict(sorted(kinds.items())), "likely": len(duplicates.likely)}
    return report | {"cpu_seconds": round(seconds, 2)}, [
        item for place, item in enumerate(items) if place not in duplicates.dropped
    ]


def packs(folder: Path) -> dict[str, Any]:
    report: dict[str, Any] = {"dcss-dirty": judge(dirty_pack(folder)), "by itself": {}, "planted": {}}
    sources = {
        "dcss-weapons-plus": zip_pack(folder / "dcss-weapons-plus.zip"),
        "dcss-monsters": zip_pack(folder / "dcss-monsters.zip"),
        "gameicons-all-128": zip_pack(folder / "gameicons-all-128.zip")[::4],
        "armory 32x32": armory_pack(1000, 32, 32, seed=11),
        "armory 96x64": armory_pack(300, 96, 64, seed=12),
    }
    for name, items in sources.items():
        report["by itself"][name], rest = dropped_of_itself(items)
        report["planted"][name] = judge(with_copies(rest, NUM_OF_EACH_KIND, seed=5))
        print(name, json.dumps(report["planted"][name]["ours"]), flush=True)
    return report


def big(pack: Path) -> dict[str, Any]:
    """Nothing but descriptors is held while the pictures go by."""
    descriptors: list[Descriptor] = []
    decoding = describing = 0.0
    items = truth_of(pack)
    with ZipFile(pack) as archive:
        memory_before = _peak_memory_mb()
        for item in items:
            started = time.process_time()
            image = Image.open(io.BytesIO(archive.read(f"{item.name}.png"))).convert("RGBA")
            decoded = time.process_time()
            descriptors += described([replace(item, image=image)])
            describing += time.process_time() - decoded
            decoding += decoded - started
    started = time.process_time()
    duplicates = find_duplicates(descriptors, mirror=False)
    finding = time.process_time() - started
    return {
        "pictures": len(items),
        "copies": sum(bool(item.copy_of) for item in items),
        "cpu_seconds": {"decoding": round(decoding), "describing": round(describing), "finding": round(finding)},
        "peak memory MB": {"before": memory_before, "after": _peak_memory_mb()},
        "likely": len(duplicates.likely),
        **score(items, duplicates.dropped, not_counted=frozenset(MIRRORS)).as_json(),
    }


def _peak_memory_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def part(options: argparse.Namespace) -> dict[str, Any]:
    if options.part == "packs":
        return packs(options.data)
    options.work.mkdir(parents=True, exist_ok=True)
    pack = drawn_pack(options.pictures, SHARE_OF_COPIES, options.work)
    return big(pack) if options.part == "big" else whole(pack, not_counted=frozenset(MIRRORS))


def main() -> int:
    title, details = __doc__.split("\n", maxsplit=1)
    parser = Parser(prog="duplicates", description=title, epilog=details)
    parser.add_argument("part", choices=("packs", "big", "whole"))
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the packs")
    parser.add_argument("--pictures", type=int, default=100_000, help="how many for `big` and `whole`")
    parser.add_argument("--work", type=Path, metavar="FOLDER", help="where `whole` keeps its zip of 150 MB")
    options = parser.parse_args()

    def command() -> None:
        report = part(options)
        results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
        name = options.part if options.part == "packs" else f"{options.part}, {options.pictures:,} pictures"
        results[name] = {"code": code_version(), "machine": platform.machine(), **report}
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")
        print(json.dumps(report["dcss-dirty"] if options.part == "packs" else report, indent=1))

    return run_command("duplicates", command)


if __name__ == "__main__":
    raise SystemExit(main())
