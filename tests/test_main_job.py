"""The main job, by its commands alone: search, refresh, serve, search again, refresh the running service."""

import io
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
TINY = ("--recipe", "tiny-dcgan", "tiny-stylegan2", "--kimg", "1.6", "--ticks", "4", "--samples", "64", "--trials", "2")

pytestmark = pytest.mark.slow


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "MLFLOW_", "GANVIL_"))}
    return {**kept, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def run(folder: Path, *command: str) -> str:
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment(), capture_output=True, text=True, timeout=400
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def draw_blocks(folder: Path) -> None:
    """64 pictures of 16 px, four blocks of colour each: something that tiny networks begin to learn in seconds."""
    folder.mkdir()
    chance = np.random.default_rng(0)
    for index in range(64):
        blocks = np.kron(chance.integers(0, 256, (2, 2, 3)), np.ones((8, 8, 1)))
        Image.fromarray(blocks.astype(np.uint8)).save(folder / f"{index:02d}.png")


def search(folder: Path, name: str, seed: int) -> None:
    data = ("--data", "blocks", "--name", name, "--seed", str(seed))
    run(folder, str(ROOT / "search" / "run.py"), *data, *TINY)


@contextmanager
def served(folder: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ("-m", "serve.app", "--ensemble", "models:/weapons@live", "--port", str(port), "--poll-seconds", "0")
    process = subprocess.Popen([sys.executable, *command], cwd=folder, env=environment(), stdout=subprocess.PIPE)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            assert process.poll() is None, "the service ended"
            try:
                if httpx.get(f"{url}/healthz", timeout=5).is_success:
                    break
            except httpx.TransportError:
                time.sleep(0.5)
        yield url
    finally:
        process.terminate()
        process.wait(60)


class Visitors:
    """Ask for weapons without a pause, and keep what went wrong."""

    def __init__(self, url: str) -> None:
        self.num_answers = 0
        self.failures: list[str] = []
        self._url = url
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._visit)

    def __enter__(self) -> "Visitors":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _visit(self) -> None:
        with httpx.Client(timeout=30) as client:
            while not self._ended.is_set():
                try:
                    answer = client.get(f"{self._url}/weapon")
                    if answer.status_code != 200:
                        self.failures.append(f"{answer.status_code} {answer.text}")
                except httpx.HTTPError as error:
                    self.failures.append(repr(error))
                self.num_answers += 1


def test_pictures_in_weapons_out_and_a_refresh_that_loses_no_request(tmp_path: Path) -> None:
    draw_blocks(tmp_path / "blocks")
    search(tmp_path, "first", seed=0)
    assert "promoted: version 1 of weapons is live" in run(
        tmp_path, str(ROOT / "ops" / "refresh.py"), "--search", "first"
    )
    with served(tmp_path) as url:
        weapon = httpx.get(f"{url}/weapon").json()
        assert weapon["ensemble"] == "1"
        assert weapon["name"]
        assert weapon["text_source"] == "grammar"
        picture = httpx.get(url + weapon["links"]["picture"])
        assert Image.open(io.BytesIO(picture.content)).size == (16, 16)
        assert httpx.get(url + weapon["links"]["self"]).json() == weapon

        search(tmp_path, "second", seed=1)
        with Visitors(url) as visitors:
            refresh = ("--search", "first", "second", "--serve", url, "--force", "--size", "2")
            assert "version 2 of weapons is live" in run(tmp_path, str(ROOT / "ops" / "refresh.py"), *refresh)
        assert visitors.failures == []
        assert visitors.num_answers > 10
        assert httpx.get(f"{url}/weapon").json()["ensemble"] == "2"
        assert httpx.get(url + weapon["links"]["self"]).json() == weapon, "an old weapon stays what it was"
        assert httpx.get(url + weapon["links"]["picture"]).content == picture.content
