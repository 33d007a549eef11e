"""Plays faults on a small real search, one after the other, and counts what there is before and after.

    python experiments/faults/run.py [FAULT …] [--away 60] [--keep FOLDER]

Every process is real (Ray, MLflow's server, PostgreSQL, moto's S3) and killed by its process id. Every search must end
with six trials, a run each, eight ticks a trial, each once, with their sample grids, and with a candidate for every
tick that the history in the trial's last checkpoint calls healthy.
"""

import argparse
import json
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from experiments.faults.counting import Count, count
from experiments.faults.processes import descendants, kill_9, trial_workers
from experiments.faults.searching import NAME, TICKS, TRIALS, Searching, draw_pictures
from experiments.faults.servers import BUCKET, S3_KEYS, Gate, Server, mlflow_server, postgresql, s3, s3_uri

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Played:
    """What one fault came to."""

    before: Count
    after: Count
    exit_code: int
    notes: dict[str, Any]


@dataclass(frozen=True)
class Place:
    """Where a search is played, and how long servers stay away."""

    folder: Path
    pictures: Path
    away_seconds: float

    @property
    def storage(self) -> str:
        return str(self.folder / "runs")

    @property
    def tracking(self) -> str:
        return f"sqlite:///{self.folder / 'runs' / 'mlflow.db'}"

    def count(self) -> Count:
        return count(self.storage, NAME, self.tracking)

    def begin(self, *more: str, resume: bool = False, environment: Mapping[str, str] | None = None) -> Searching:
        return Searching(self.folder, self.pictures, *more, resume=resume, environment=environment or {})


def none(place: Place) -> Played:
    """Nothing happens."""
    search = place.begin()
    search.until_the_middle()
    before = place.count()
    code = search.wait()
    return Played(before, place.count(), code, notes={})


def worker(place: Place) -> Played:
    """kill -9 of a trial's process: the trial goes on from its checkpoint in another."""
    search = place.begin()
    search.until_the_middle()
    before = place.count()
    victim = trial_workers(search.process.pid)[0]
    kill_9(victim)
    code = search.wait()
    return Played(before, place.count(), code, {"tried again": search.text.count("tried again")})


def driver(place: Place) -> Played:
    """kill -9 of the driver, then --resume."""
    search = place.begin()
    search.until_the_middle()
    kill_9(search.process.pid)
    search.wait()
    before = place.count()
    resumed = place.begin(resume=True)
    code = resumed.wait()
    return Played(before, place.count(), code, {"resumed with": resumed.text.split("\n")[0]})


def _stopped(place: Place, what: signal.Signals) -> Played:
    search = place.begin()
    search.until_the_middle()
    sent = time.monotonic()
    search.send(what)
    stopped = search.wait()
    seconds = time.monotonic() - sent
    before = place.count()
    left = descendants(search.process.pid)
    resumed = place.begin(resume=True)
    code = resumed.wait()
    notes = {"exit code at the stop": stopped, "seconds to stop": round(seconds, 1), "processes left": len(left)}
    return Played(before, place.count(), code, notes)


def ctrl_c(place: Place) -> Played:
    """Ctrl-C once: it stops with everything kept; then --resume."""
    return _stopped(place, signal.SIGINT)


def sigterm(place: Place) -> Played:
    """SIGTERM, which `ray job stop` sends: the same."""
    return _stopped(place, signal.SIGTERM)


def raylet(place: Place) -> Played:
    """kill -9 of one of two nodes' raylets: its trials go on at the other, from the storage that both see."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        lost = cluster.add_node(num_cpus=1)
        search = place.begin(environment={"RAY_ADDRESS": cluster.address})
        search.until_the_middle()
        before = place.count()
        pid = lost.all_processes["raylet"][0].process.pid
        workers = len(trial_workers(pid))
        kill_9(pid)
        code = search.wait()
        notes = {"trials on the lost node": workers, "tried again": search.text.count("tried again")}
        return Played(before, place.count(), code, notes)
    finally:
        cluster.shutdown()


@contextmanager
def _with_mlflow(place: Place, **what: Any) -> Iterator[tuple[Server, str]]:
    server = mlflow_server(place.folder, **what)
    server.start()
    try:
        yield server, f"http://127.0.0.1:{server.port}"
    finally:
        server.kill()


def mlflow(place: Place) -> Played:
    """MLflow's server (SQLite behind it) is killed, and started again a while later: training does not wait."""
    with _with_mlflow(place) as (server, tracking):
        search = place.begin("--tracking-uri", tracking)
        search.until_the_middle()
        before = count(place.storage, NAME, tracking)
        server.kill()
        begun = [trial for trial, _ in search.reports]
        left = sum(TICKS - begun.count(trial) for trial in set(begun))
        ticks, longest = search.reports_while(place.away_seconds)
        server.start()
        code = search.wait()
        notes = {
            "ticks while it was away": ticks,
            "that the running trials had left": left,
            "longest time before one, seconds": round(longest, 1),
        }
        return Played(before, count(place.storage, NAME, tracking), code, notes)


def _s3_away(place: Place, gate: Gate, storage: str, tracking: str) -> Played:
    search = place.begin("--storage", storage, "--tracking-uri", tracking, environment=S3_KEYS)
    search.until_the_middle()
    before = count(storage, NAME, tracking)
    gate.kill()
    time.sleep(place.away_seconds)
    gate.start()
    code = search.wait()
    waits = [line for line in search.text.splitlines() if line.startswith("storage ")]
    notes = {"tried again": search.text.count("tried again"), "said": [line[:80] for line in waits]}
    return Played(before, count(storage, NAME, tracking), code, notes)


def s3_storage(place: Place) -> Played:
    """S3 under --storage is away: the search waits for it."""
    with s3(place.folder) as gate:
        return _s3_away(place, gate, s3_uri(gate, "runs"), place.tracking)


def whole(place: Place) -> Played:
    """MLflow on PostgreSQL with artifacts in S3, --storage in S3, and S3 is away."""
    with s3(place.folder) as gate, postgresql(place.folder) as database:
        where = {"backend": database, "artifacts": f"s3://{BUCKET}/mlartifacts", "s3_port": gate.port}
        with _with_mlflow(place, **where) as (_, tracking):
            return _s3_away(place, gate, s3_uri(gate, "runs"), tracking)


FAULTS: dict[str, Callable[[Place], Played]] = {
    "none": none,
    "worker": worker,
    "driver": driver,
    "raylet": raylet,
    "mlflow": mlflow,
    "s3": s3_storage,
    "whole": whole,
    "ctrl_c": ctrl_c,
    "sigterm": sigterm,
}


def verdict(played: Played) -> str:
    """`kept`, or what is wrong."""
    wrong = []
    after = played.after
    if played.exit_code != 0:
        wrong.append(f"exit code {played.exit_code}")
    if sum(after.study.values()) != TRIALS or set(after.study) - {"COMPLETE", "PRUNED"}:
        wrong.append(f"trials {after.study}")
    if after.runs != {"FINISHED": TRIALS}:
        wrong.append(f"runs {after.runs}")
    if after.ticks_twice or after.doubled:
        wrong.append(f"doubled: {after.ticks_twice} ticks, {after.doubled} others")
    if after.lost:
        wrong.append(f"{after.lost} trials lost")
    if after.missing > 0:
        wrong.append(f"{after.missing} candidates missing")
    if set(after.ticks_by_run.values()) != {TICKS} or after.grids != TRIALS * TICKS:
        wrong.append(f"ticks {after.ticks_by_run}, {after.grids} grids")
    return "; ".join(wrong) or "kept"


def table(results: Mapping[str, Any]) -> str:
    """The rows of README.md."""
    rows = []
    for name in (name for name in FAULTS if name in results):
        result = results[name]
        before, after = Count(**result["before"]), Count(**result["after"])
        notes = "; ".join(f"{what}: {value}" for what, value in result["notes"].items() if what != "said")
        rows.append(
            f"| `{name}`: {result['fault']} | {before.line()} | {after.line()}"
            f" | **{result['verdict']}** {f'({notes})' if notes else ''} |"
        )
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("faults", nargs="*", metavar="FAULT", help=f"of {', '.join(FAULTS)} [all]")
    parser.add_argument("--away", type=float, default=60.0, help="seconds that a server is away [60]")
    parser.add_argument("--keep", type=Path, help="folder for logs and records [a temporary one]")
    parser.add_argument("--out", type=Path, default=HERE / "results.json")
    options = parser.parse_args()
    root = options.keep or Path(tempfile.mkdtemp(prefix="ganvil-faults-"))
    pictures = root / "pictures"
    draw_pictures(pictures)
    results: dict[str, Any] = json.loads(options.out.read_text()) if options.out.exists() else {}
    for name in options.faults or FAULTS:
        folder = root / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        begun = time.monotonic()
        played = FAULTS[name](Place(folder, pictures, options.away))
        results[name] = {
            "fault": (FAULTS[name].__doc__ or "").strip(),
            "verdict": verdict(played),
            "before": played.before.plain(),
            "after": played.after.plain(),
            "exit_code": played.exit_code,
            "notes": played.notes,
            "seconds": round(time.monotonic() - begun),
        }
        options.out.write_text(json.dumps(results, indent=1) + "\n")
        print(f"{name}: {results[name]['verdict']}\n  before {played.before.line()}\n  after  {played.after.line()}")
        print(f"  {played.notes}, {results[name]['seconds']} s", flush=True)
    print(table(results))
    if options.keep is None:
        shutil.rmtree(root)


if __name__ == "__main__":
    main()
