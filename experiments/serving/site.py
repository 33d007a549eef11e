"""The service as a user runs it, on a registry with several ensembles: everything that the faults are played on."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
from mlflow import MlflowClient

from experiments.faults.processes import command_line, descendants
from experiments.faults.servers import free_port

ROOT = Path(__file__).resolve().parents[2]
MODEL = "weapons"
_STARTS_WITHIN_SECONDS = 240.0


class Registry:
    """MLflow's, in a SQLite database of its own; versions are ensemble folders."""

    def __init__(self, place: Path) -> None:
        place.mkdir(parents=True)
        self.uri = f"sqlite:///{place / 'mlflow.db'}"
        self._client = MlflowClient(tracking_uri=self.uri)
        self._experiment = self._client.create_experiment("serving", artifact_location=(place / "artifacts").as_uri())
        self._client.create_registered_model(MODEL)

    def add(self, ensemble: Path) -> str:
        """Its version; the live one stays what it is."""
        run = self._client.create_run(self._experiment)
        self._client.log_artifacts(run.info.run_id, str(ensemble), "ensemble")
        source = f"{run.info.artifact_uri}/ensemble"
        return str(self._client.create_model_version(MODEL, source, run.info.run_id).version)

    def set_live(self, version: str) -> None:
        self._client.set_registered_model_alias(MODEL, "live", version)


class Site:
    """`python -m serve.app` in a process of its own."""

    def __init__(self, process: "subprocess.Popen[bytes]", address: str, log: Path) -> None:
        self._process, self.address, self.log = process, address, log

    def replicas(self) -> list[int]:
        below = descendants(self._process.pid)
        return [pid for pid in below if command_line(pid).startswith("ray::ServeReplica:default:ganvil")]

    def health(self) -> dict[str, object]:
        found: dict[str, object] = httpx.get(f"{self.address}/healthz", timeout=30).json()
        return found

    def live(self) -> str:
        return str(httpx.get(f"{self.address}/ensemble", timeout=30).json()["version"])


@contextmanager
def serving(
    folder: Path, registry: Registry, *more: str, environment: Mapping[str, str] | None = None
) -> Iterator[Site]:
    """Begun, and ended with Ctrl-C's own signal."""
    port = free_port()
    log = folder / "serve.log"
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("RAY_", "MLFLOW_", "GANVIL_", "OPENAI_"))
    }
    command = [sys.executable, "-m", "serve.app", "--tracking-uri", registry.uri, "--port", str(port)]
    command += ["--runs", str(folder / "runs"), *more]
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**kept, "OMP_NUM_THREADS": "1", **(environment or {})},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + _STARTS_WITHIN_SECONDS
        while "serves on" not in log.read_text():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the service did not start:\n{log.read_text()[-2000:]}")
            time.sleep(0.2)
        yield Site(process, f"http://127.0.0.1:{port}", log)
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
