import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from serve.keeping.store import Store
from serve.service import Service
from serve.stock.forge import ForgeConfig
from serve.stock.foundry import Foundry
from tests.serve.drawn_ensemble import DrawnEnsemble
from tests.serve.texts.chat_server import KEY, ChatServer


@pytest.fixture
def chat(monkeypatch: pytest.MonkeyPatch) -> Iterator[ChatServer]:
    server = ChatServer()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{server.server_address[1]}/v1")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def service(drawn: DrawnEnsemble, tmp_path: Path) -> Iterator[Service]:
    foundry = Foundry(drawn, config=ForgeConfig(batch_size=8, num_stock=64))
    service = Service(foundry=foundry, store=Store(f"sqlite:///{tmp_path}/store.db"))
    yield service
    service.close()
