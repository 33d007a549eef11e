"""The store's tables, and how a database of any earlier version comes to have them.

A change is a new file in serve/keeping/migrations/versions, whose `upgrade` does it; the tables here are what all of
them together make (a test compares the two).
"""

import threading
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import JSON, Column, Connection, DateTime, MetaData, String, Table, func, inspect, select

MIGRATIONS = Path(__file__).parent / "migrations"
VERSION_TABLE = "ganvil_store_version"
_one_at_a_time = threading.Lock()  # Alembic keeps what it works on in its modules' globals
_ADVISORY_LOCK = int.from_bytes(b"ganvil")
_FIRST = "0001"  # databases made before there were versions are of this one

metadata = MetaData()
weapons = Table(
    "weapons",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(64), nullable=False),
    Column("type", String(40), nullable=False),
    Column("rarity", String(16), nullable=False),
    Column("flavour", String(280), nullable=False),
    Column("perks", JSON, nullable=False),
    Column("source", String(120), nullable=False),
    Column("given_at", DateTime(timezone=True), nullable=False, index=True),
)


def is_up_to_date(connection: Connection) -> bool:
    """Whether no migration is missing. A database of a later version than ours is left as it is."""
    now = _revision(connection)
    scripts = ScriptDirectory(str(MIGRATIONS))
    ours = {script.revision for script in scripts.walk_revisions()}
    return now is not None and (now == scripts.get_current_head() or now not in ours)


def bring_up_to_date(connection: Connection) -> None:
    """Run the missing migrations, all or none; replicas that begin at once do it one after the other."""
    _lock(connection)
    with _one_at_a_time:
        if is_up_to_date(connection):
            return
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes |= {"connection": connection, "version_table": VERSION_TABLE}
        if _revision(connection) is None and inspect(connection).has_table(weapons.name):
            command.stamp(config, _FIRST)
        command.upgrade(config, "head")


def _lock(connection: Connection) -> None:
    """Held until the transaction ends. SQLite's driver would begin none for a change of tables."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.execute(select(func.pg_advisory_xact_lock(_ADVISORY_LOCK)))


def _revision(connection: Connection) -> str | None:
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    revision: str | None = context.get_current_revision()
    return revision
