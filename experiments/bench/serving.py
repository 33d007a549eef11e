"""How fast does the service answer, beside an empty route under the same Ray Serve and the bare generator?

    python experiments/bench/serving.py --seconds 20 --turns 3 --requests 100000

wrk asks, with 1, 8 and 64 connections, turn by turn for

  empty      an async FastAPI route that gives {} (a deployment of its own under the same Ray Serve)
  weapon     GET /weapon: a picture out of the stock, a new text, written to the store
  png        GET /weapon.png: the same, and the picture itself
  same       GET /weapon/ID: one weapon again and again
  new        GET /weapon/ID.png: another id each time, drawn on demand

and for /weapons?n=64 with the stock kept empty by them: pictures a second beside a loop that only draws, with the other
cores idle and with one of them busy. At the end --requests of `weapon` and what the replica holds after each tenth of
them. Members are untrained networks (as fast as trained ones). Results are added to serving.json.
"""

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
import httpx
import ray
import torch
from fastapi import FastAPI
from ray import serve as ray_serve
from rich.progress import track

from experiments.faults.processes import command_line, descendants
from experiments.faults.servers import free_port
from experiments.serving.untrained import write_untrained
from gan.ensemble.ensemble import load_ensemble
from gan.version import code_version
from serve.app import application
from serve.settings import ServiceSettings

RESULTS = Path(__file__).with_suffix(".json")
RECIPES = ("dcgan-small", "stylegan2-small")
CONNECTIONS = (1, 8, 64)
NEW_IDS = """
local digits = "0123456789abcdefghjkmnpqrstvwxyz"
init = function() math.randomseed(os.time()) end
request = function()
  local seed = ""
  for place = 1, 6 do
    local at = math.random(#digits)
    seed = seed .. digits:sub(at, at)
  end
  return wrk.format("GET", "/weapon/VERSION-" .. math.random(0, LAST) .. "-" .. seed .. ".png")
end
"""

empty_app = FastAPI()


@empty_app.get("/")
async def empty() -> dict[str, str]:
    return {}


@ray_serve.ingress(empty_app)
class Empty:
    """Nothing but what every route under Ray Serve costs."""


@contextmanager
def serving(settings: ServiceSettings, port: int) -> Iterator[None]:
    """Ours at /, the empty route at /empty, on one Ray of their own."""
    ray.init(address="local", num_cpus=4, include_dashboard=False, object_store_memory=128 * 2**20, log_to_driver=False)
    try:
        ray_serve.start(http_options={"host": "127.0.0.1", "port": port})
        plain = ray_serve.deployment(Empty, max_ongoing_requests=256, ray_actor_options={"num_cpus": 1})
        ray_serve.run(plain.bind(), name="empty", route_prefix="/empty")
        ray_serve.run(application(settings), name="ganvil", route_prefix="/")
        yield
    finally:
        ray.shutdown()


def wrk(url: str, connections: int, seconds: float, script: str = "") -> dict[str, float]:
    """Requests a second, milliseconds at the 50th and 99th of 100, answers that were no success."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        command = ["wrk", "--latency", "-t", "1", "-c", str(connections), "-d", f"{seconds:g}s", "--timeout", "30s"]
        told = subprocess.run(
            [*command, *(["-s", file.name] if script else []), url], capture_output=True, text=True, check=True
        ).stdout
    failed = sum(int(number) for number in re.findall(r"Non-2xx or 3xx responses: (\d+)", told))
    sockets = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", told)
    return {
        "requests_a_second": float(found(r"Requests/sec:\s+([\d.]+)", told)),
        "p50_ms": milliseconds(found(r"\n\s+50%\s+(\S+)", told)),
        "p99_ms": milliseconds(found(r"\n\s+99%\s+(\S+)", told)),
        "failed": failed + (sum(map(int, sockets.groups())) if sockets else 0),
    }


def found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match, f"wrk told no {pattern}:\n{text}"
    return match[1]


def milliseconds(text: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text).groups()  # type: ignore[union-attr]
    return round(float(number) * {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}[unit], 2)


def replica(name: str) -> int:
    """The process of the one replica of that deployment."""
    (pid,) = [pid for pid in descendants(os.getpid()) if command_line(pid).startswith(f"ray::ServeReplica:{name}:")]
    return pid


def resident_mb(pid: int) -> float:
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return round(int(line.split()[1]) / 1024, 1)


def bare(folder: Path, seconds: float) -> float:
    """Pictures a second of the members in turn, in batches as the service draws them, and nothing else."""
    torch.set_num_threads(1)
    ensemble = load_ensemble(folder)
    num, turn, started = 0, 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        num += len(ensemble.draw(turn % len(ensemble.members), range(turn * 32, turn * 32 + 32)))
        turn += 1
    return round(num / (time.perf_counter() - started), 1)


def bare_beside_a_busy_core(folder: Path, seconds: float) -> float:
    """The same while another process keeps a core busy, as wrk and Ray's proxy do while the service draws."""
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        return bare(folder, seconds)
    finally:
        busy.kill()


def cases(address: str, folder: Path) -> dict[str, tuple[str, str]]:
    """URL and wrk script by name."""
    weapon = httpx.get(f"{address}/weapon", timeout=60).json()
    last = len(load_ensemble(folder).members) - 1
    return {
        "empty": (f"{address}/empty/", ""),
        "weapon": (f"{address}/weapon", ""),
        "png": (f"{address}/weapon.png", ""),
        "same": (f"{address}/weapon/{weapon['id']}", ""),
        "new": (address, NEW_IDS.replace("VERSION", weapon["ensemble"]).replace("LAST", str(last))),
    }


def rates(address: str, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Every case at every number of connections, turn by turn; medians, and ratios to the empty route of the same
    turn.
    """
    asked = cases(address, folder)
    told: dict[str, list[dict[str, float]]] = {}
    plan = [(case, num) for _ in range(options.turns) for num in CONNECTIONS for case in asked]
    for case, num in track(plan, "requests"):
        url, script = asked[case]
        told.setdefault(f"{case} {num}", []).append(wrk(url, num, options.seconds, script))
    return {name: summary(runs, told[f"empty {name.split()[1]}"]) for name, runs in told.items()}


def summary(runs: Sequence[dict[str, float]], empty_runs: Sequence[dict[str, float]]) -> dict[str, float]:
    ratios = [run["requests_a_second"] / none["requests_a_second"] for run, none in zip(runs, empty_runs, strict=True)]
    medians = {name: round(statistics.median(run[name] for run in runs), 2) for name in runs[0] if name != "failed"}
    return {
        **medians,
        "of_empty": round(statistics.median(ratios), 3),
        "of_empty_least": round(min(ratios), 3),
        "of_empty_most": round(max(ratios), 3),
        "failed": sum(run["failed"] for run in runs),
    }


def sustained(address: str, seconds: float) -> dict[str, float]:
    """Pictures a second while the stock is kept empty by requests for 64 at once: drawn, given out."""

    def figures() -> dict[str, float]:
        lines = httpx.get(f"{address}/metrics", timeout=60).text.splitlines()
        return {line.partition("{")[0]: float(line.rpartition(" ")[2]) for line in lines if line.startswith("ganvil_")}

    before, started = figures(), time.perf_counter()
    asked = wrk(f"{address}/weapons?n=64", 4, seconds)
    after, passed = figures(), time.perf_counter() - started
    made = after["ganvil_pictures_made_total"] - before["ganvil_pictures_made_total"]
    drawing = after["ganvil_making_seconds_total"] - before["ganvil_making_seconds_total"]
    return {
        "given_out_a_second": round(64 * asked["requests_a_second"], 1),
        "drawn_a_second": round(made / passed, 1),
        "share_of_the_time_drawing": round(drawing / passed, 3),
        "failed": asked["failed"],
    }


def memory(address: str, num_requests: int) -> dict[str, list[float]]:
    """What the replica holds, after each tenth of so many requests."""
    pid = replica("ganvil")
    held, counts, answered = [resident_mb(pid)], [0.0], 0.0
    for _ in track(range(10), "memory"):
        until = answered + num_requests / 10
        while answered < until:
            told = wrk(f"{address}/weapon", 16, 5.0)
            answered += told["requests_a_second"] * 5.0
        held.append(resident_mb(pid))
        counts.append(round(answered))
    return {"requests": counts, "resident_mb": held}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each measurement [10]")
    parser.add_argument("--turns", type=int, default=3, help="of every case [3]")
    parser.add_argument("--requests", type=int, default=100_000, help="to watch the memory over; 0: not [100000]")
    parser.add_argument("--size", type=int, default=32, help="pixels of a picture [32]")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ganvil-serving-") as scratch:
        folder = write_untrained(Path(scratch), recipes=RECIPES, size=options.size, seed=0)
        settings = ServiceSettings.resolve({"ensemble": str(folder), "runs": f"{scratch}/runs", "poll_seconds": "0"})
        result: dict[str, Any] = {
            "commit": code_version(),
            "hardware": f"{platform.machine()}, {os.cpu_count()} CPU cores",
            "size": options.size,
            "bare_pictures_a_second": bare(folder, options.seconds),
            "bare_beside_a_busy_core": bare_beside_a_busy_core(folder, options.seconds),
        }
        port = free_port()
        address = f"http://127.0.0.1:{port}"
        with serving(settings, port):
            result["rates"] = rates(address, folder, options)
            result["sustained"] = sustained(address, options.seconds)
            if options.requests:
                result["memory"] = memory(address, options.requests)
        result["bare_pictures_a_second_again"] = bare(folder, options.seconds)
        result["bare_beside_a_busy_core_again"] = bare_beside_a_busy_core(folder, options.seconds)
    print(json.dumps(result, indent=1))
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    RESULTS.write_text(json.dumps([*known, result], indent=1) + "\n")


if __name__ == "__main__":
    main()
