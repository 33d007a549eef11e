import threading
from pathlib import Path

import pytest

from gan.errors import UserError
from serve import store as store_module
from serve.grammar import write_lore
from serve.store import Store


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/deep/store.db"


def test_the_first_text_stays_for_ever(url: str) -> None:
    first, second = write_lore("3-2-a", "axe"), write_lore("3-2-b", "bow")
    store = Store(url)
    assert store.get("3-2-a") is None
    assert store.keep({"3-2-a": first}) == {"3-2-a": first}
    assert store.keep({"3-2-a": second, "3-2-b": second}) == {"3-2-a": first, "3-2-b": second}
    store.close()
    assert Store(url).get("3-2-a") == first
    assert Store(url).fault is None


def test_many_writers_agree(url: str) -> None:
    results: list[str] = []

    def write(index: int) -> None:
        kept = Store(url).keep({"3-2-a": write_lore(f"3-2-{index}", "axe")})
        results.append(kept["3-2-a"].name)

    threads = [threading.Thread(target=write, args=(index,)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 8
    assert len(set(results)) == 1


def test_a_store_that_is_down_says_so_and_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "DOWN_SECONDS", 0.0)
    place = tmp_path / "store.db"
    place.mkdir()  # a folder where the file should be: SQLite cannot open it
    store = Store(f"sqlite:///{place}")
    lore = write_lore("3-2-a", "axe")
    assert store.fault == "OperationalError"
    assert store.keep({"3-2-a": lore}) == {"3-2-a": lore}
    assert store.get("3-2-a") is None
    place.rmdir()
    store.keep({"3-2-a": lore})
    assert store.fault is None
    assert store.get("3-2-a") == lore


def test_a_store_that_is_down_is_not_asked_at_every_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(f"sqlite:///{tmp_path}")
    tries: list[int] = []
    monkeypatch.setattr(store_module.metadata, "create_all", lambda engine: tries.append(1))
    for _ in range(50):
        store.get("3-2-a")
    assert tries == []


@pytest.mark.parametrize("url", ["nonsense", "mysql://host/name", "sqlite", "postgresql+nodriver://h/n", "oracle:///x"])
def test_urls_that_cannot_work(url: str) -> None:
    with pytest.raises(UserError, match="--store"):
        Store(url)


def test_no_password_in_an_error() -> None:
    with pytest.raises(UserError) as raised:
        Store("mysql://me:secret@host/name")
    assert "secret" not in str(raised.value)
