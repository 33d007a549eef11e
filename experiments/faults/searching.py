"""A small real search in a process of its own, whose log says how far it is."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
NAME = "faults"
TRIALS, TICKS, KIMG = 6, 8, 6.4
_REPORT = re.compile(r"^\d\d:\d\d:\d\d (\d{3}) \S+ +([\d.]+)/[\d.]+ kimg", re.M)
_LONGEST_SECONDS = 900.0


def draw_pictures(folder: Path) -> None:
    """128 pictures of 16 px, in four flat blocks of colour."""
    folder.mkdir(parents=True, exist_ok=True)
    chance = np.random.default_rng(0)
    for index in range(128):
        blocks = np.kron(chance.integers(0, 256, (2, 2, 3)), np.ones((8, 8, 1)))
        Image.fromarray(blocks.astype(np.uint8)).save(folder / f"{index:03d}.png")


class Searching:
    """`python search/run.py`, begun or resumed; its output goes to a file."""

    def __init__(
        self,
        folder: Path,
        pictures: Path,
        *more: str,
        resume: bool = False,
        environment: Mapping[str, str] | None = None,
        trials: int = TRIALS,
        ticks: int = TICKS,
        kimg: float = KIMG,
    ) -> None:
        sizes = ["--recipe", "tiny-dcgan", "--samples", "64", "--no-early-stopping", "--trials", str(trials)]
        sizes += ["--kimg", str(kimg), "--ticks", str(ticks), "--data", str(pictures)]
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "MLFLOW_", "GANVIL_"))
        }
        self.log = folder / ("resumed.log" if resume else "search.log")
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "search" / "run.py"), "--name", NAME, "--max-concurrent", "2"]
                + (["--resume"] if resume else sizes)
                + list(more),
                cwd=folder,
                env={**kept, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), **(environment or {})},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a Ctrl-C here is not one there
            )

    @property
    def text(self) -> str:
        return self.log.read_text()

    @property
    def reports(self) -> list[tuple[str, str]]:
        """(trial, kimg) of every line of a tick."""
        return _REPORT.findall(self.text)

    def until(self, ready: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + _LONGEST_SECONDS
        while not ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{what}: the search ended before:\n{self.text[-3000:]}")
            time.sleep(0.1)

    def until_the_middle(self) -> None:
        """One trial has ended, others are under way with checkpoints."""
        self.until(lambda: " done |" in self.text or "collapsed:" in self.text, "a trial's end")
        seen = len(self.reports)
        self.until(lambda: len(self.reports) >= seen + 4, "four more ticks")

    def wait(self) -> int:
        """Its exit code."""
        return self.process.wait(_LONGEST_SECONDS)

    def kill(self) -> None:
        """kill -9, where it has not ended."""
        self.process.kill()
        self.process.wait()

    def send(self, what: signal.Signals) -> None:
        self.process.send_signal(what)

    def reports_while(self, seconds: float) -> tuple[int, float]:
        """Ticks reported in that time, and the longest time before one of them."""
        begun, last, longest = time.monotonic(), time.monotonic(), 0.0
        first = seen = len(self.reports)
        while time.monotonic() - begun < seconds and self.process.poll() is None:
            time.sleep(0.1)
            if (now := len(self.reports)) > seen:
                longest, last, seen = max(longest, time.monotonic() - last), time.monotonic(), now
        return seen - first, longest
