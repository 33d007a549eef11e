"""A real HTTP server on this machine that says what a test tells it to, and a clock on which waiting takes no time."""

import io
import json
import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from PIL import Image

from gan.data.sources.http import Client, Clock, Manners


@dataclass(frozen=True)
class Reply:
    """status, body and headers; send: only so many bytes of the body, then the connection is cut."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    send: int | None = None


@dataclass(frozen=True)
class Asked:
    path: str
    query: dict[str, str]
    headers: dict[str, str]


@dataclass
class Server:
    """routes: path → its replies, one a request, the last for ever; or a function of the request."""

    url: str = ""
    routes: dict[str, list[Reply] | Callable[[Asked], Reply]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    def times(self, path: str) -> int:
        return sum(asked.path == path for asked in self.asked)

    def reply(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        route = self.routes.get(asked.path)
        if route is None:
            return Reply(b"not here", 404)
        if callable(route):
            return route(asked)
        return route.pop(0) if len(route) > 1 else route[0]

    def json(self, path: str, *documents: Any, status: int = 200) -> None:
        self.routes[path] = [Reply(json.dumps(document).encode(), status) for document in documents]

    def picture(self, path: str, colour: str = "red") -> bytes:
        data = png(colour)
        self.routes[path] = [Reply(data, headers={"Content-Type": "image/png"})]
        return data


def _serve(server: Server) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 1 << 16  # headers and body in one packet, or each reply waits 40 ms for an acknowledgement

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            reply = server.reply(Asked(parts.path, query, {k.lower(): v for k, v in self.headers.items()}))
            self.send_response(reply.status)
            for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body[: reply.send])
            if reply.send is not None:
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            """Clients that are killed in these tests leave broken connections."""

    httpd = Quiet(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    server.url = f"http://127.0.0.1:{httpd.server_port}"
    threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    return httpd


@pytest.fixture
def new_server() -> Iterator[Callable[[], Server]]:
    running: list[ThreadingHTTPServer] = []

    def start() -> Server:
        server = Server()
        running.append(_serve(server))
        return server

    yield start
    for httpd in running:
        httpd.shutdown()
        httpd.server_close()


@pytest.fixture
def server(new_server: Callable[[], Server]) -> Server:
    return new_server()


@dataclass
class Sleeper:
    """Where time passes only while somebody sleeps. 2026-01-01T00:00:00Z is when it begins."""

    seconds: float = 0.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.slept.append(seconds)
        self.seconds += seconds

    @property
    def clock(self) -> Clock:
        return Clock(now=lambda: self.seconds, date=lambda: 1767225600 + self.seconds, sleep=self.sleep)


@pytest.fixture
def sleeper() -> Sleeper:
    return Sleeper()


@pytest.fixture
def client(tmp_path: Path, sleeper: Sleeper) -> Iterator[Client]:
    """As for a service with a key; its folder is that of a run into tmp_path / "out"."""
    with Client(
        keep=tmp_path / "out" / ".fetch",
        manners=Manners(attempts=4, read_seconds=5),
        key_variable="SOME_API_KEY",
        key_from="free at https://keys.example",
        clock=sleeper.clock,
        chance=random.Random(0),
    ) as polite:
        yield polite


def png(colour: str = "red", size: int = 8) -> bytes:
    file = io.BytesIO()
    Image.new("RGBA", (size, size), colour).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(name="png")
def _png() -> Callable[[str], bytes]:
    return png


@pytest.fixture(name="Reply")
def _reply() -> type[Reply]:
    """The class itself: test folders are no packages, so tests cannot import it."""
    return Reply


@pytest.fixture
def lore(tmp_path: Path) -> Callable[[], list[dict[str, Any]]]:
    """The lines of the run's lore.jsonl."""
    return lambda: [json.loads(line) for line in (tmp_path / "out" / "lore.jsonl").read_text().splitlines()]
