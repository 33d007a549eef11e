"""Texts reach the store a little later, all of them, and are found on the way."""

import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from serve.keeping import store as store_module
from serve.keeping import write_behind as write_behind_module
from serve.keeping.store import Store
from serve.keeping.write_behind import WriteBehind
from serve.texts.grammar import write_lore
from serve.texts.lore import Lore


class GatedStore(Store):
    """Keeps nothing before its gate is open; counts how often it was asked to."""

    def __init__(self, url: str) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.batches: list[int] = []
        super().__init__(url)

    def keep(self, texts: Mapping[str, Lore]) -> dict[str, Lore]:
        self.gate.wait(10.0)
        if texts:
            self.batches.append(len(texts))
        return super().keep(texts)

    def num_kept(self, ids: Sequence[str]) -> int:
        return len(self.get_many(ids))


@pytest.fixture
def store(tmp_path: Path) -> GatedStore:
    return GatedStore(f"sqlite:///{tmp_path}/store.db")


TEXTS = {f"3-0-{number:03d}": write_lore(f"3-0-{number:03d}", "axe") for number in range(100)}


def test_what_is_on_its_way_is_found_and_then_kept(store: GatedStore) -> None:
    behind = WriteBehind(store)
    store.gate.clear()
    for weapon_id, lore in TEXTS.items():
        behind.put(weapon_id, lore)
    assert behind.get_many([*TEXTS, "3-0-zzz"]) == TEXTS
    assert store.num_kept(list(TEXTS)) == 0
    store.gate.set()
    until = time.monotonic() + 10.0
    while behind.get_many(TEXTS) and time.monotonic() < until:
        time.sleep(0.01)
    assert behind.get_many(TEXTS) == {}
    assert store.get_many(list(TEXTS)) == TEXTS
    assert len(store.batches) < 10  # many at once
    behind.close()


def test_close_writes_what_is_left(store: GatedStore) -> None:
    behind = WriteBehind(store)
    for weapon_id, lore in TEXTS.items():
        behind.put(weapon_id, lore)
    behind.close()
    assert store.get_many(list(TEXTS)) == TEXTS


def test_a_store_that_lags_is_waited_for(store: GatedStore) -> None:
    behind = WriteBehind(store, max_waiting=10)
    store.gate.clear()
    for number in range(10):
        behind.put(f"3-0-{number:03d}", TEXTS["3-0-000"])
    late = threading.Thread(target=behind.put, args=("3-1-abc", TEXTS["3-0-001"]))
    late.start()
    late.join(0.2)
    assert late.is_alive()
    store.gate.set()
    late.join(10.0)
    assert store.get("3-1-abc") == TEXTS["3-0-001"]
    behind.close()
    assert store.num_kept(list(TEXTS)) == 10


def test_the_first_text_stays(store: GatedStore) -> None:
    store.keep({"3-0-000": TEXTS["3-0-001"]})
    behind = WriteBehind(store)
    behind.put("3-0-000", TEXTS["3-0-000"])
    behind.close()
    assert store.get("3-0-000") == TEXTS["3-0-001"]


def test_a_store_comes_back_though_nobody_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "DOWN_SECONDS", 0.0)
    monkeypatch.setattr(write_behind_module, "LOOK_SECONDS", 0.05)
    place = tmp_path / "store.db"
    place.mkdir()  # a folder where the file should be: SQLite cannot open it
    store = Store(f"sqlite:///{place}")
    behind = WriteBehind(store)
    assert store.fault == "OperationalError"
    place.rmdir()
    until = time.monotonic() + 10.0
    while store.fault is not None and time.monotonic() < until:
        time.sleep(0.01)
    assert store.fault is None
    behind.close()
