import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from serve.keeping import store as store_module
from serve.keeping.store import Store
from serve.stock.weapon_id import SEED_END, WeaponId
from serve.texts.grammar import write_lore
from serve.texts.lore import MAX_SOURCE, Lore, Perk

ROOT = Path(__file__).resolve().parents[3]


@contextmanager
def opened(url: str) -> Iterator[Store]:
    store = Store(url)
    try:
        yield store
    finally:
        store.close()


def test_the_first_text_stays_for_ever(url: str) -> None:
    first, second = write_lore("3-2-a", "axe"), write_lore("3-2-b", "bow")
    second = second.model_copy(update={"name": "Ærd's Löwe, 剣", "flavour": "“%s” % \\ ' \" :x"})
    with opened(url) as store:
        assert store.get("3-2-a") is None
        assert store.keep({"3-2-a": first}) == {"3-2-a": first}
        assert store.keep({"3-2-a": second, "3-2-b": second}) == {"3-2-a": first, "3-2-b": second}
    with opened(url) as again:
        assert again.get_many(["3-2-b", "3-2-a", "3-2-c"]) == {"3-2-a": first, "3-2-b": second}
        assert again.fault is None


def test_the_longest_text_is_kept(url: str) -> None:
    """PostgreSQL counts a column's letters, SQLite does not."""
    perk = Perk(name="剣" * 48, text="剣" * 160)
    name, kind, flavour, source = "剣" * 64, "剣" * 40, "剣" * 280, "x" * MAX_SOURCE
    longest = Lore(name=name, type=kind, rarity="legendary", flavour=flavour, perks=(perk,) * 4, source=source)
    weapon_id = WeaponId(version="0123abcd", member=9999, seed=SEED_END - 1, truncation_percent=150, label=99999)
    with opened(url) as store:
        assert store.keep({str(weapon_id): longest}) == {str(weapon_id): longest}
        assert store.fault is None


def test_replicas_that_keep_the_same_ids_at_once_agree(url: str) -> None:
    """In opposite orders, which would have them wait for each other if the store kept them so."""
    ids = [f"3-2-{number}" for number in range(400)]
    with opened(url) as one, opened(url) as other:
        for start in range(4):
            together = threading.Barrier(2)

            def keep(store: Store, author: str, order: int, start: int = start, together=together) -> dict:
                texts = {f"{start}{each}": write_lore(f"{author}{each}", "axe") for each in ids[::order]}
                together.wait()
                return store.keep(texts)

            with ThreadPoolExecutor(2) as pool:
                mine, theirs = pool.submit(keep, one, "a", 1), pool.submit(keep, other, "b", -1)
            assert mine.result() == theirs.result()
            assert one.get_many(list(mine.result())) == mine.result()
            assert (one.fault, other.fault) == (None, None)


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
    monkeypatch.setattr(Store, "_make_ready", lambda self: tries.append(1))
    for _ in range(50):
        store.get("3-2-a")
    assert tries == []


def test_one_asks_whether_it_is_back_and_the_others_do_not_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(f"sqlite:///{tmp_path}")
    asked, answered = threading.Event(), threading.Event()

    def ask(self: Store) -> None:
        asked.set()
        assert answered.wait(10.0)

    monkeypatch.setattr(Store, "_make_ready", ask)
    store._down_until = 0.0
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(store.get, "3-2-a")
        assert asked.wait(10.0)
        assert [store.get("3-2-a") for _ in range(50)] == [None] * 50
        assert not first.done()
        answered.set()


BEGIN = """
import sys
from serve.keeping.store import Store
print("ready", flush=True)
sys.stdin.readline()
store = Store(sys.argv[1])
assert store.fault is None, store.fault
"""


@pytest.mark.slow
def test_replicas_that_begin_at_once_make_one_database(url: str) -> None:
    command = [sys.executable, "-c", BEGIN, url]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    replicas = [subprocess.Popen(command, cwd=ROOT, **pipes) for _ in range(3)]
    assert [replica.stdout.readline() for replica in replicas] == ["ready\n"] * 3
    for replica in replicas:
        replica.stdin.write("\n")
        replica.stdin.flush()
    for replica in replicas:
        replica.communicate(timeout=120)
    assert [replica.returncode for replica in replicas] == [0] * 3
    with opened(url) as store:
        assert store.keep({"3-2-a": write_lore("3-2-a", "axe")})
        assert store.fault is None
