"""`serve deploy` with the file that ops/ has, on a Ray that runs already; and how many replicas there may be."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from experiments.faults.servers import free_port
from serve.app import application
from serve.settings import ServiceSettings

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
TOKEN = "0123456789abcdef" * 4


@contextmanager
def ray_head(folder: Path, environment: dict[str, str]) -> Iterator[str]:
    """A head node of its own on ports of its own; its dashboard's address."""
    dashboard = free_port()
    ports = [f"--port={free_port()}", f"--dashboard-port={dashboard}", f"--dashboard-agent-listen-port={free_port()}"]
    sizes = ["--num-cpus=2", "--object-store-memory=100000000"]
    with (folder / "ray.log").open("wb") as log:
        process = subprocess.Popen(
            [BIN / "ray", "start", "--head", "--block", *ports, *sizes],
            env=environment, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        wait_until(lambda: answers(f"http://127.0.0.1:{dashboard}/api/version"), 120, folder / "ray.log")
        yield f"http://127.0.0.1:{dashboard}"
    finally:
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(30)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def answers(url: str) -> bool:
    with suppress(httpx.HTTPError):
        httpx.get(url, timeout=5)
        return True
    return False


def wait_until(is_so: Any, seconds: float, log: Path) -> None:
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until, log.read_text()[-2000:]
        time.sleep(0.5)


@pytest.mark.slow
def test_the_file_deploys(ensemble_folder: Path, tmp_path: Path) -> None:
    config = yaml.safe_load((ROOT / "ops" / "serve.yaml").read_text())
    (app,) = config["applications"]
    given = {"ensemble": str(ensemble_folder), "runs": str(tmp_path / "runs"), "num_replicas": 1}
    app["args"] = app["args"] | given | {"cpus_per_replica": 0.5}
    del app["args"]["tracking_uri"]
    port = config["http_options"]["port"] = free_port()
    (tmp_path / "serve.yaml").write_text(yaml.safe_dump(config))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GANVIL_", "RAY_"))}
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": TOKEN, "RAY_USAGE_STATS_ENABLED": "0"}
    environment = {**kept, **token, "PYTHONPATH": str(ROOT)}
    with ray_head(tmp_path, environment) as address:

        def command(*words: str) -> str:
            return subprocess.run(
                [BIN / "serve", *words, "-a", address], env=environment, capture_output=True, text=True, timeout=120
            ).stdout

        command("deploy", str(tmp_path / "serve.yaml"))
        wait_until(lambda: re.search(r"ganvil:\s+status: RUNNING", command("status")), 180, tmp_path / "ray.log")
        weapon = httpx.get(f"http://127.0.0.1:{port}/weapon", timeout=60).json()
        assert httpx.get(f"http://127.0.0.1:{port}{weapon['links']['self']}", timeout=60).json() == weapon


def test_what_the_file_sets_are_settings() -> None:
    (app,) = yaml.safe_load((ROOT / "ops" / "serve.yaml").read_text())["applications"]
    settings = ServiceSettings.resolve(app["args"])
    assert settings.max_replicas > settings.num_replicas > 1


def test_replicas_are_as_many_as_asked_for_or_as_needed(ensemble_folder: Path, tmp_path: Path) -> None:
    def scale(**given: int) -> Any:
        settings = {"ensemble": str(ensemble_folder), "runs": str(tmp_path), **given}
        return application(ServiceSettings.resolve(settings))._bound_deployment._deployment_config

    assert (scale(num_replicas=3).num_replicas, scale(num_replicas=3, max_replicas=3).autoscaling_config) == (3, None)
    needed = scale(num_replicas=2, max_replicas=5).autoscaling_config
    assert (needed.min_replicas, needed.max_replicas) == (2, 5)
