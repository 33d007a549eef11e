"""A real PostgreSQL that is away, hangs or refuses: the service serves, says so, shows no password, and recovers."""

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import URL, create_engine, text

from experiments.faults.servers import Gate
from serve.keeping import store as store_module
from serve.keeping.database import PATIENCE_SECONDS
from serve.keeping.store import Store
from serve.service import Service
from serve.stock.forge import ForgeConfig
from serve.stock.foundry import Foundry
from serve.texts.grammar import write_lore
from serve.web.site import create_web
from tests.serve.drawn_ensemble import DrawnEnsemble
from tests.serve.keeping.conftest import PASSWORD

pytestmark = pytest.mark.slow
LORE = write_lore("3-2-a", "axe")


@pytest.fixture(autouse=True)
def said(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.LogCaptureFixture]:
    """Everything that any library logs; the password is never in it."""
    monkeypatch.setattr(store_module, "DOWN_SECONDS", 0.0)
    caplog.set_level(logging.DEBUG)
    yield caplog
    assert PASSWORD not in caplog.text
    assert "Traceback" not in caplog.text


@pytest.fixture
def serving(drawn: DrawnEnsemble) -> Iterator[Callable[[str], TestClient]]:
    """The whole service over a store, by HTTP."""
    services: list[Service] = []

    def serve(url: str) -> TestClient:
        foundry = Foundry(drawn, config=ForgeConfig(batch_size=8, num_stock=64))
        services.append(Service(foundry=foundry, store=Store(url), recent_bytes=0))
        return TestClient(create_web(services[-1]))

    yield serve
    for service in services:
        service.close()


def health(client: TestClient) -> dict:
    answer = client.get("/healthz")
    assert answer.status_code == 200
    assert PASSWORD not in answer.text
    return answer.json()


def test_away_at_the_start(gated_url: str, gate: Gate, serving, said: pytest.LogCaptureFixture) -> None:
    client = serving(gated_url)
    assert client.get("/weapon").status_code == 200
    assert client.get("/weapon/3-0-7").headers["cache-control"] == "no-cache"
    assert health(client)["faults"] == ["the store does not answer (InterfaceError): texts are not kept"]
    gate.start()
    weapon = client.get("/weapon/3-0-7").json()
    assert health(client)["status"] == "ok"
    assert Store(gated_url).get(weapon["id"]).name == weapon["name"]
    assert said.text.count("the store does not answer") == 1
    assert said.text.count("the store answers again") == 1


def test_away_in_the_middle(gated_url: str, gate: Gate, serving) -> None:
    gate.start()
    client = serving(gated_url)
    Store(gated_url).keep({"3-0-7": LORE})
    assert client.get("/weapon/3-0-7").json()["name"] == LORE.name
    gate.kill()
    meanwhile = client.get("/weapon/3-0-7")
    assert meanwhile.json()["name"] != LORE.name
    assert meanwhile.headers["cache-control"] == "no-cache"
    assert health(client)["store"] == "down"
    gate.start()
    again = client.get("/weapon/3-0-7")
    assert again.json()["name"] == LORE.name
    assert "immutable" in again.headers["cache-control"]
    assert health(client)["status"] == "ok"


def test_a_server_that_hangs_is_waited_for_a_moment(new_database: Callable[[], URL]) -> None:
    url = new_database()
    store = Store(url.render_as_string(hide_password=False))
    other = create_engine(url.set(drivername="postgresql+pg8000"))
    with other.begin() as connection:
        connection.execute(text("lock table weapons"))
        started = time.monotonic()
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(store.get, ["3-2-a"] * 8)) == [None] * 8
        assert store.keep({"3-2-a": LORE}) == {"3-2-a": LORE}
        assert time.monotonic() - started < 4 * PATIENCE_SECONDS
        assert store.fault == "TimeoutError"
    other.dispose()
    assert store.keep({"3-2-a": LORE}) == {"3-2-a": LORE}
    assert store.fault is None
    store.close()


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"database": "nowhere"}, "ProgrammingError 3D000"),
        ({"username": "nobody"}, "InterfaceError 28000"),
        ({"query": {"sslmode": "require"}}, "InterfaceError"),
    ],
)
def test_what_is_refused_has_its_name(new_database: Callable[[], URL], change: dict, fault: str) -> None:
    store = Store(new_database().set(**change).render_as_string(hide_password=False))
    assert store.fault == fault
    assert store.keep({"3-2-a": LORE}) == {"3-2-a": LORE}
    store.close()


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n" * 20, b""])
def test_a_server_of_another_kind(new_database: Callable[[], URL], answer: bytes) -> None:
    """It answers in HTTP, or takes the connection and says nothing."""
    connections: list[socket.socket] = []

    def reply(listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connections.append(listener.accept()[0])
                connections[-1].sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=reply, args=(listener,), daemon=True).start()
        url = new_database().set(port=listener.getsockname()[1])
        store = Store(url.render_as_string(hide_password=False))
        assert store.fault is not None
        store.close()
    for connection in connections:
        connection.close()
