"""Each over SQLite and PostgreSQL: databases of any earlier version come to have the tables, and keep their texts."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from serve.keeping import schema
from serve.keeping.database import open_engine
from serve.keeping.store import Store
from serve.texts.grammar import write_lore

LORE = write_lore("3-2-a", "axe")
NEXT = """
import sqlalchemy as sa
from alembic import op
revision, down_revision = "0002", "0001"
def upgrade():
    op.add_column("weapons", sa.Column("likes", sa.Integer, nullable=False, server_default="7"))
    {then}
"""


@pytest.fixture
def engine(url: str, tmp_path: Path):
    (tmp_path / "deep").mkdir()
    engine = open_engine(url)
    yield engine
    engine.dispose()


@pytest.fixture
def migrations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of ours, to which a test may add one."""
    place = shutil.copytree(schema.MIGRATIONS, tmp_path / "migrations")
    monkeypatch.setattr(schema, "MIGRATIONS", place)
    return place / "versions"


def version(connection: Connection) -> str | None:
    return connection.execute(text(f"select version_num from {schema.VERSION_TABLE}")).scalar()


def keep_one(url: str) -> None:
    store = Store(url)
    assert store.keep({"3-2-a": LORE}) == {"3-2-a": LORE}
    assert store.fault is None
    store.close()


def kept(url: str) -> object:
    store = Store(url)
    try:
        assert store.fault is None
        return store.get("3-2-a")
    finally:
        store.close()


def test_from_nothing_they_make_the_tables_that_the_code_knows(url: str, engine) -> None:
    keep_one(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": schema.VERSION_TABLE})
        assert context.get_current_revision() is not None
        ours = compare_metadata(context, schema.metadata)
        assert [change for change in ours if getattr(change[-1], "name", "") != schema.VERSION_TABLE] == []


def test_a_database_from_before_there_were_versions_keeps_its_texts(url: str, engine) -> None:
    schema.metadata.create_all(engine)
    with engine.begin() as connection:
        row = {"id": "3-2-a", **LORE.model_dump(mode="json"), "given_at": datetime.now(UTC)}
        connection.execute(schema.weapons.insert(), [row])
    for _ in range(2):
        assert kept(url) == LORE


def test_an_older_database_takes_the_next_step_with_its_texts(url: str, engine, migrations: Path) -> None:
    keep_one(url)
    (migrations / "v0002_likes.py").write_text(NEXT.format(then="pass"))
    assert kept(url) == LORE
    with engine.connect() as connection:
        assert version(connection) == "0002"
        assert connection.execute(text("select likes from weapons")).all() == [(7,)]


def test_a_step_that_fails_half_way_leaves_the_database_as_it_was(url: str, engine, migrations: Path) -> None:
    keep_one(url)
    (migrations / "v0002_likes.py").write_text(NEXT.format(then='op.execute("select nothing from nowhere")'))
    broken = Store(url)
    assert str(broken.fault).split()[0] in ("OperationalError", "ProgrammingError")
    broken.close()
    with engine.connect() as connection:
        assert version(connection) == "0001"
        assert "likes" not in {column["name"] for column in inspect(connection).get_columns("weapons")}
    (migrations / "v0002_likes.py").unlink()
    assert kept(url) == LORE


def test_a_database_of_a_later_version_is_left_as_it_is(url: str, engine) -> None:
    keep_one(url)
    with engine.begin() as connection:
        connection.execute(text(f"update {schema.VERSION_TABLE} set version_num = '9999'"))
    assert kept(url) == LORE
    with engine.connect() as connection:
        assert version(connection) == "9999"
