"""Plays faults on a service under load, and counts requests: answered, failed, slow.

    python experiments/serving/run.py [FAULT …] [--visitors 8]

The service is the command that a user types, its registry MLflow's, the visitors look at every answer (visitors.py).
No request may fail that need not: only those that a killed replica held in its hands may.
"""

import argparse
import json
import os
import platform
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
from safetensors.numpy import load_file, save_file

from experiments.faults.processes import kill_9
from experiments.faults.servers import Gate, postgresql
from experiments.serving.site import Registry, Site, serving
from experiments.serving.text_server import MOODS, text_server
from experiments.serving.untrained import write_untrained
from experiments.serving.visitors import Visitors
from gan.version import code_version
from ops.service import ServiceError, hand_over

RESULTS = Path(__file__).with_name("results.json")
NUM_SWAPS = 10
RECIPES = ("tiny-dcgan", "tiny-stylegan2")
SIZE = 32
Notes = dict[str, Any]


@dataclass(frozen=True)
class Scene:
    """Where a fault is played: a folder of its own, ensembles to choose from, the first of them live."""

    folder: Path
    ensembles: tuple[Path, ...]
    num_visitors: int

    @contextmanager
    def service(self, *more: str, environment: dict[str, str] | None = None) -> Iterator[tuple[Site, Registry]]:
        registry = Registry(self.folder / "registry")
        registry.set_live(registry.add(self.ensembles[0]))
        with serving(self.folder, registry, "--poll-seconds", "5", *more, environment=environment) as site:
            yield site, registry

    def visited(self, site: Site, during: Callable[[], Notes]) -> Notes:
        """What the visitors saw from five seconds before until five seconds after."""
        with Visitors(site.address, self.num_visitors).at_work() as seen:
            time.sleep(5.0)
            notes = during()
            time.sleep(5.0)
        return {**seen.to_plain(), **notes, "health_at_the_end": site.health()["status"]}


def none(scene: Scene) -> Notes:
    """Nothing happens."""
    with scene.service() as (site, _):

        def during() -> Notes:
            time.sleep(10.0)
            return {}

        return scene.visited(site, during)


def swap(scene: Scene) -> Notes:
    """Ten other ensembles go live, one after the other, the eleventh the first again."""
    with scene.service() as (site, registry):

        def during() -> Notes:
            seconds = []
            for ensemble in (*scene.ensembles[1:NUM_SWAPS], scene.ensembles[0]):
                registry.set_live(version := registry.add(ensemble))
                started = time.monotonic()
                hand_over(site.address, version)
                seconds.append(round(time.monotonic() - started, 2))
            return {"swaps": len(seconds), "seconds_each": seconds, "live_at_the_end": site.live()}

        return scene.visited(site, during)


def broken(scene: Scene) -> Notes:
    """A version without a member's weights, then one whose weights are NaN: refused; then the alias goes back."""
    lacking, mad = scene.folder / "lacking", scene.folder / "mad"
    for place in (lacking, mad):
        shutil.copytree(scene.ensembles[1], place)
    next(lacking.rglob("generator.safetensors")).unlink()
    weights = next(mad.rglob("generator.safetensors"))
    save_file({name: np.full_like(value, np.nan) for name, value in load_file(weights).items()}, weights)
    with scene.service() as (site, registry):

        def during() -> Notes:
            told: dict[str, object] = {}
            for name, ensemble in (("lacking", lacking), ("nan", mad)):
                registry.set_live(version := registry.add(ensemble))
                try:
                    hand_over(site.address, version, wait_seconds=10)
                    told[name] = "taken"
                except ServiceError as error:
                    told[name] = str(error).partition(": ")[2]
                told[f"{name}, live then"], told[f"{name}, health then"] = site.live(), site.health()["status"]
            registry.set_live("1")
            hand_over(site.address, "1")
            return {"told": told, "live_at_the_end": site.live()}

        return scene.visited(site, during)


def replica(scene: Scene) -> Notes:
    """kill -9 of one replica of two, and of the other when there are two again."""
    with scene.service("--num-replicas", "2") as (site, _):

        def during() -> Notes:
            seconds = []
            for _ in range(2):
                before = site.replicas()
                kill_9(before[0])
                started = time.monotonic()
                while len(site.replicas()) < 2 or before[0] in site.replicas():
                    time.sleep(0.2)
                seconds.append(round(time.monotonic() - started, 1))
                time.sleep(15.0)  # until it has warmed, and is asked
            return {"killed": 2, "seconds_until_two_processes": seconds}

        return scene.visited(site, during)


def store_locked(scene: Scene) -> Notes:
    """Another process holds the SQLite store's write lock for 20 s."""
    with scene.service() as (site, _):

        def during() -> Notes:
            with sqlite3.connect(scene.folder / "runs" / "store.db", timeout=30, isolation_level=None) as other:
                other.execute("BEGIN EXCLUSIVE")
                time.sleep(20.0)
                health = site.health()
                other.execute("ROLLBACK")
            time.sleep(8.0)
            return {"health_meanwhile": health}

        return scene.visited(site, during)


def store_away(scene: Scene) -> Notes:
    """PostgreSQL is away for 20 s."""
    with postgresql(scene.folder) as uri:
        host, _, port = uri.partition("@")[2].partition("/")[0].partition(":")
        gate = Gate(int(port))
        gate.start()
        through = uri.replace(f"{host}:{port}", f"{host}:{gate.port}")
        with scene.service("--store", through) as (site, _):

            def during() -> Notes:
                gate.kill()
                time.sleep(20.0)
                health = site.health()
                gate.start()
                time.sleep(8.0)
                return {"health_meanwhile": health}

            return scene.visited(site, during)


def texts(scene: Scene) -> Notes:
    """The model's server hangs, answers 429, 500 and rubbish, each until it was asked twice so, and is well again."""
    with text_server() as model:
        environment = {"OPENAI_BASE_URL": model.url, "OPENAI_API_KEY": "sk-stand-in"}
        with scene.service("--gpt-calls-per-hour", "100000", environment=environment) as (site, _):

            def during() -> Notes:
                health, seconds = {}, {}
                for mood in [mood for mood in MOODS if mood != "good"]:
                    model.mood = mood
                    model.wait_until_asked(mood, 2)
                    time.sleep(5.0)
                    health[mood] = site.health()["faults"]
                    model.mood, started = "good", time.monotonic()
                    model.wait_until_asked("good", model.asked["good"] + 20)
                    seconds[mood] = round(time.monotonic() - started)
                return {"asked": dict(model.asked), "faults_told": health, "seconds_until_texts_again": seconds}

            return scene.visited(site, during)


FAULTS: dict[str, Callable[[Scene], Notes]] = {
    each.__name__.replace("_", "-"): each for each in (none, swap, broken, replica, store_locked, store_away, texts)
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    listed = "; ".join(f"{name}: {play.__doc__}" for name, play in FAULTS.items())
    parser.add_argument("faults", nargs="*", metavar="FAULT", help=f"{listed} [all]")
    parser.add_argument("--visitors", type=int, default=8, help="who ask at once [8]")
    options = parser.parse_args()
    unknown = set(options.faults) - set(FAULTS)
    if unknown:
        parser.error(f"no fault {', '.join(unknown)}: there are {', '.join(FAULTS)}")
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    with tempfile.TemporaryDirectory(prefix="ganvil-serving-") as place:
        ensembles = tuple(
            write_untrained(Path(place) / f"e{seed}", recipes=RECIPES, size=SIZE, seed=seed)
            for seed in range(NUM_SWAPS)
        )
        for name in options.faults or FAULTS:
            folder = Path(place) / name
            folder.mkdir()
            told = FAULTS[name](Scene(folder, ensembles, options.visitors))
            hardware = f"{platform.machine()}, {os.cpu_count()} CPU cores"
            results[name] = {"commit": code_version(), "hardware": hardware, "visitors": options.visitors, **told}
            RESULTS.write_text(json.dumps(results, indent=1) + "\n")
            print(f"{name}: {told['answered']} answered, {told['failed']} failed, slowest {told['slowest_seconds']} s")


if __name__ == "__main__":
    main()
