import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from gan.errors import UserError
from serve.keeping import schema
from serve.keeping import store as store_module
from serve.keeping.store import Store, open_engine
from serve.texts.grammar import write_lore

ROOT = Path(__file__).resolve().parents[3]


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
    monkeypatch.setattr(store_module, "bring_up_to_date", lambda connection: tries.append(1))
    for _ in range(50):
        store.get("3-2-a")
    assert tries == []


def test_migrations_make_the_tables_that_the_code_knows(url: str) -> None:
    Store(url).close()
    with open_engine(url).connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": schema.VERSION_TABLE})
        assert context.get_current_revision() is not None
        ours = compare_metadata(context, schema.metadata)
        assert [change for change in ours if getattr(change[-1], "name", "") != schema.VERSION_TABLE] == []


def test_a_database_from_before_there_were_versions_keeps_its_texts(url: str, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    engine = open_engine(url)
    schema.metadata.create_all(engine)
    lore = write_lore("3-2-a", "axe")
    with engine.begin() as connection:
        row = {"id": "3-2-a", **lore.model_dump(mode="json"), "given_at": datetime.now(UTC)}
        connection.execute(schema.weapons.insert(), [row])
    for _ in range(2):
        store = Store(url)
        assert store.fault is None
        assert store.get("3-2-a") == lore
        store.close()


def test_a_database_of_a_later_version_is_left_as_it_is(url: str) -> None:
    Store(url).close()
    with open_engine(url).begin() as connection:
        connection.execute(text(f"update {schema.VERSION_TABLE} set version_num = '9999'"))
    later = Store(url)
    assert later.fault is None
    with open_engine(url).connect() as connection:
        assert connection.execute(text(f"select version_num from {schema.VERSION_TABLE}")).scalar() == "9999"


def test_replicas_that_begin_at_once_make_one_database(url: str) -> None:
    begin = f"from serve.keeping.store import Store; store = Store({url!r}); assert store.fault is None, store.fault"
    replicas = [subprocess.Popen([sys.executable, "-c", begin], cwd=ROOT) for _ in range(4)]
    assert [replica.wait(120) for replica in replicas] == [0] * 4


@pytest.mark.parametrize("url", ["nonsense", "mysql://host/name", "sqlite", "postgresql+nodriver://h/n", "oracle:///x"])
def test_urls_that_cannot_work(url: str) -> None:
    with pytest.raises(UserError, match="--store"):
        Store(url)


def test_no_password_in_an_error() -> None:
    with pytest.raises(UserError) as raised:
        Store("mysql://me:secret@host/name")
    assert "secret" not in str(raised.value)
