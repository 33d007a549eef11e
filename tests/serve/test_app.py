"""The commands, and the service on a real Ray Serve."""

import io
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from gan.pixels import from_pil

ROOT = Path(__file__).resolve().parents[2]
BARE = {name: value for name, value in os.environ.items() if not name.startswith(("GANVIL_", "OPENAI_", "MLFLOW_"))}


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "serve.app", *map(str, arguments)]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(log: Path, *arguments: object) -> Iterator[subprocess.Popen[bytes]]:
    """The command, once it has said that it serves; stopped at the end, by force if it must be."""
    with log.open("wb") as output:
        process = subprocess.Popen(command(*arguments), cwd=ROOT, env=BARE, stdout=output, stderr=subprocess.STDOUT)
    try:
        until = time.monotonic() + 180.0
        while "serves on" not in log.read_text():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.2)
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()


def picture_of(answer: httpx.Response) -> np.ndarray:
    assert answer.status_code == 200, answer.text
    return from_pil(Image.open(io.BytesIO(answer.content)), 4).astype(int)


@pytest.mark.slow
def test_the_real_service(ensemble_folder: Path, tmp_path: Path) -> None:
    port = free_port()
    log = tmp_path / "log"
    arguments = ("--ensemble", ensemble_folder, "--runs", tmp_path / "runs", "--port", port, "--num-stock", 64)
    with running(log, *arguments) as process, httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        weapon = client.get("/weapon").json()
        picture = client.get("/weapon.png")
        weapon_id = picture.headers["x-weapon-id"]
        again = client.get(f"/weapon/{weapon_id}.png")
        assert np.abs(picture_of(picture) - picture_of(again)).max() <= 1
        assert client.get(weapon["links"]["self"]).json() == weapon
        assert picture_of(client.get(weapon["links"]["card"])).shape == (4, 1080, 1920)
        assert client.head(weapon["links"]["picture"]).content == b""
        assert len(client.get("/weapons", params={"n": 64}).json()) == 64
        assert client.get("/healthz").json()["status"] == "ok"
        assert "ganvil_requests_total" in client.get("/metrics").text
        assert client.get("/").headers["content-type"].startswith("text/html")
        assert client.get("/static/gallery.js").status_code == 200
        assert client.post("/ensemble/refresh").json() == {"version": weapon["ensemble"], "changed": False}
        missing = client.get("/weapon/nonsense")
        assert (missing.status_code, missing.headers["content-type"]) == (422, "application/problem+json")
        taken = subprocess.run(command(*arguments), cwd=ROOT, env=BARE, capture_output=True, text=True, timeout=120)
        assert (taken.returncode, taken.stdout) == (2, "")
        assert (
            taken.stderr
            == f"serve: cannot listen on 127.0.0.1:{port}: Address already in use; choose another with --port\n"
        )
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    assert (tmp_path / "runs" / "store.db").exists()
    assert "Traceback" not in log.read_text()


@pytest.mark.slow
def test_once_stops_after_one_request(ensemble_folder: Path, tmp_path: Path) -> None:
    port = free_port()
    arguments = ("--ensemble", ensemble_folder, "--runs", tmp_path / "runs", "--port", port, "--once")
    with running(tmp_path / "log", *arguments) as process:
        assert httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=60).status_code == 200
        time.sleep(2.0)
        assert process.poll() is None  # to look whether it lives is no request
        assert httpx.get(f"http://127.0.0.1:{port}/weapon", timeout=60).status_code == 200
        assert process.wait(60) == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--ensemble", "/nowhere"), "ensemble '/nowhere' does not exist"),
        (("--ensemble", "models:/weapons@live", "--tracking-uri", "sqlite:////nowhere/m.db"), "names no database"),
        (("--num-stock", "many"), "num_stock = 'many'"),
        (("--store", "mysql://h/n"), "--store"),
        (("--prot", "8001"), "unrecognized arguments"),
        (("--port", "99999"), "--port"),
    ],
)
def test_the_users_errors_are_one_line(arguments: tuple[str, ...], told: str, tmp_path: Path) -> None:
    port = () if "--port" in arguments else ("--port", free_port())
    done = subprocess.run(
        command(*arguments, *port, "--runs", tmp_path), cwd=ROOT, env=BARE, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert told in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.slow
def test_rays_own_command_finds_the_application() -> None:
    """`serve run` is Ray's, `serve.app` is ours: one name, and no clash."""
    serve = Path(sys.executable).parent / "serve"
    done = subprocess.run(
        [serve, "run", "serve.app:build", "ensemble=/nowhere"],
        cwd=ROOT,
        env=BARE,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 2
    assert "Error: ensemble '/nowhere' does not exist" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_an_ensemble_that_cannot_be_loaded_is_one_line(ensemble_folder: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(ensemble_folder, broken)
    next(broken.rglob("generator.safetensors")).unlink()
    arguments = command("--ensemble", broken, "--runs", tmp_path, "--port", free_port())
    done = subprocess.run(arguments, cwd=ROOT, env=BARE, capture_output=True, text=True, timeout=180)
    assert (done.returncode, done.stdout) == (2, "")
    assert "generator.safetensors', written by Ganvil" in done.stderr
    assert "Traceback" not in done.stderr
