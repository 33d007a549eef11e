"""The store's tables, and how a database of any earlier version comes to have them.

A change is a new file in serve/keeping/migrations/versions, whose `upgrade` does it; the tables here are what all of
them together make (a test compares the two).
"""

import threading
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import JSON, Column, Connection, DateTime, MetaData, String, Table, inspect

VERSION_TABLE = "ganvil_store_version"
_one_at_a_time = threading.Lock()  # Alembic keeps what it works on in its modules' globals
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


def bring_up_to_date(connection: Connection) -> None:
    """Run what migrations the database lacks. One of a later version than ours is left as it is."""
    with _one_at_a_time:
        _bring_up_to_date(connection)


def _bring_up_to_date(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes |= {"connection": connection, "version_table": VERSION_TABLE}
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    now = context.get_current_revision()
    if now is None and inspect(connection).has_table(weapons.name):
        command.stamp(config, _FIRST)
    elif now is not None and now not in _known(config):
        return
    command.upgrade(config, "head")


def _known(config: Config) -> set[str]:
    from alembic.script import ScriptDirectory

    return {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
