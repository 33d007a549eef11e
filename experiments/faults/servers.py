"""Real servers on free ports of this machine: MLflow, an S3 (moto's), PostgreSQL. Each can be killed and come back."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

BUCKET = "ganvil"
S3_KEYS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
_STARTS_WITHIN_SECONDS = 180.0


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1.0):
        return True
    return False


class Server:
    """A process that listens on a port, in a process group of its own."""

    def __init__(self, command: Sequence[str], port: int, log: Path, more: Mapping[str, str] | None = None) -> None:
        self._command, self.port, self._log = list(command), port, log
        self._environment = {**os.environ, **(more or {})}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns once it answers."""
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                self._command, env=self._environment, stdout=output, stderr=output, start_new_session=True
            )
        deadline = time.monotonic() + _STARTS_WITHIN_SECONDS
        while not answers(self.port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self._command[0]} did not start:\n{self._log.read_text()[-2000:]}")
            time.sleep(0.1)

    def kill(self) -> None:
        """kill -9 of it and of the workers that it started: its own process group."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None


class Gate:
    """A port that leads to another one. Shut, it refuses connections and has cut those that there were.

    moto keeps what it holds in memory: killed, it would come back empty. So it is the way to it that goes down.
    """

    def __init__(self, leads_to: int) -> None:
        self.port = free_port()
        self._leads_to = leads_to
        self._open: list[socket.socket] = []
        self._listener: socket.socket | None = None

    def start(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def kill(self) -> None:
        if self._listener is not None:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        self._open.clear()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                here, _ = listener.accept()
                there = socket.create_connection(("127.0.0.1", self._leads_to))
            except OSError:
                return
            self._open += [here, there]
            for one, other in ((here, there), (there, here)):
                threading.Thread(target=_carry, args=(one, other), daemon=True).start()


def _carry(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while content := one.recv(1 << 16):
            other.sendall(content)
    with suppress(OSError):
        other.shutdown(socket.SHUT_WR)


def mlflow_server(folder: Path, *, backend: str = "", artifacts: str = "", s3_port: int = 0) -> Server:
    """`mlflow server` with artifacts through it; SQLite and a local folder where nothing else is named."""
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", backend or f"sqlite:///{folder / 'mlflow.db'}"]
    command += ["--artifacts-destination", artifacts or str(folder / "mlartifacts")]
    more = {"MLFLOW_S3_ENDPOINT_URL": f"http://127.0.0.1:{s3_port}", **S3_KEYS} if s3_port else {}
    return Server(command, port, folder / "mlflow.log", more)


@contextmanager
def s3(folder: Path) -> Iterator[Gate]:
    """moto's server with one bucket, behind a gate."""
    import boto3

    server = Server(
        [str(Path(sys.executable).with_name("moto_server")), "-p", str(port := free_port())], port, folder / "s3.log"
    )
    gate = Gate(port)
    server.start()
    try:
        gate.start()
        client = boto3.client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{port}",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            region_name="us-east-1",
        )
        client.create_bucket(Bucket=BUCKET)
        yield gate
    finally:
        gate.kill()
        server.kill()


def s3_uri(gate: Gate, folder: str) -> str:
    """As --storage takes it."""
    return f"s3://{BUCKET}/{folder}?scheme=http&endpoint_override=127.0.0.1:{gate.port}&region=us-east-1"


@contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """A fresh cluster of PostgreSQL as the user `nobody` where this one is root (whom it refuses); its URI."""
    as_other = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
    data = folder / "postgresql"
    data.mkdir()
    if as_other:
        for place in (folder, *folder.parents):
            if place.stat().st_uid == os.geteuid() and place != place.parent:
                place.chmod(place.stat().st_mode | 0o111)
        os.chown(data, 65534, 65534)
    subprocess.run(
        [*as_other, "initdb", "-D", str(data), "-U", "ganvil", "-A", "trust", "--no-sync"],
        check=True,
        capture_output=True,
    )
    port = free_port()
    command = [*as_other, "postgres", "-D", str(data), "-h", "127.0.0.1", "-p", str(port), "-k", str(data)]
    server = Server(command, port, folder / "postgresql.log")
    server.start()
    try:
        time.sleep(1.0)  # it listens a moment before it takes a database's creation
        subprocess.run(
            [*as_other, "createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "ganvil", "mlflow"], check=True
        )
        yield f"postgresql+pg8000://ganvil@127.0.0.1:{port}/mlflow"
    finally:
        server.kill()
