"""What was given out, in SQL: the same weapon keeps its text for ever.

SQLite by default, PostgreSQL by URL. The first text kept for an id wins, on any replica. A store that is down
costs nothing but memory of the text: it is asked again after some seconds, and `fault` says what is wrong
until it answers.
"""

import logging
import sqlite3
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine, RowMapping, create_engine, event, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from gan.errors import UserError
from serve.keeping.schema import bring_up_to_date, weapons
from serve.texts.lore import Lore, Perk

log = logging.getLogger("ganvil.serve")
DOWN_SECONDS = 5.0


class Store:
    """Texts by weapon id. Every call answers, whether the database does or not."""

    def __init__(self, url: str) -> None:
        self._engine = open_engine(url)
        place = self._engine.url.database
        if self._engine.dialect.name == "sqlite" and place and place != ":memory:":
            with suppress(OSError):  # SQLite will say so itself, at the first try
                Path(place).absolute().parent.mkdir(parents=True, exist_ok=True)
        self._ready = False
        self._down_until = 0.0
        self._guard = threading.Lock()
        self.fault: str | None = None
        self.keep({})

    def get(self, weapon_id: str) -> Lore | None:
        """The text kept for this id; None when there is none or the store is down."""
        return self.get_many([weapon_id]).get(weapon_id)

    def get_many(self, ids: Sequence[str]) -> dict[str, Lore]:
        if not ids or not self._awake():
            return {}
        try:
            with self._engine.connect() as connection:
                rows = connection.execute(select(weapons).where(weapons.c.id.in_(ids))).mappings().all()
            self.fault = None
            return {str(row["id"]): _lore(row) for row in rows}
        except SQLAlchemyError as error:
            self._fall(error)
            return {}

    def keep(self, texts: Mapping[str, Lore]) -> dict[str, Lore]:
        """Keeps those that are new and gives what is now kept for each: the older text where there was one.

        While the store is down, what was given comes back and `fault` is set.
        """
        if not self._awake():
            return dict(texts)
        now = datetime.now(UTC)
        rows = [{"id": weapon_id, **lore.model_dump(mode="json"), "given_at": now} for weapon_id, lore in texts.items()]
        try:
            with self._engine.begin() as connection:
                if rows:
                    insert = postgresql.insert if self._engine.dialect.name == "postgresql" else sqlite.insert
                    connection.execute(insert(weapons).on_conflict_do_nothing(index_elements=["id"]), rows)
            self.fault = None
        except SQLAlchemyError as error:
            self._fall(error)
            return dict(texts)
        return dict(texts) | self.get_many(list(texts))

    def close(self) -> None:
        self._engine.dispose()

    def _awake(self) -> bool:
        """Whether to try at all; makes or mends the tables at the first try that works."""
        if time.monotonic() < self._down_until:
            return False
        if self._ready:
            return True
        with self._guard:
            # Several replicas begin at once, and each would be first: a second try finds what another has made.
            for tries_left in (2, 1, 0):
                try:
                    with self._engine.begin() as connection:
                        bring_up_to_date(connection)
                    self._ready = True
                    break
                except SQLAlchemyError as error:
                    if tries_left == 0:
                        self._fall(error)
                    else:
                        time.sleep(0.05)
        return self._ready

    def _fall(self, error: Exception) -> None:
        # Not the error's text: it may hold the URL's password and the statement's values.
        kind = type(getattr(error, "orig", None) or error).__name__
        if self.fault is None:
            log.warning("the store does not answer (%s); weapons are given out without keeping their text", kind)
        self.fault = kind
        self._down_until = time.monotonic() + DOWN_SECONDS


def open_engine(url: str) -> Engine:
    """An engine that gives up soon; raises UserError for a URL that no driver here can open."""
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            engine = create_engine(parsed, connect_args={"timeout": 2.0})
            event.listen(engine, "connect", _tune_sqlite)
            return engine
        if parsed.get_backend_name() != "postgresql":
            raise UserError(
                f"--store {parsed.render_as_string()!r}: use sqlite:///FILE or postgresql+DRIVER://HOST/NAME"
            )
        return create_engine(parsed, connect_args={"connect_timeout": 2}, pool_timeout=2.0, pool_pre_ping=True)
    except (ArgumentError, NoSuchModuleError) as error:
        raise UserError(
            f"--store is not a database URL ({type(error).__name__}); one looks like sqlite:///store.db"
        ) from None
    except ModuleNotFoundError as error:
        raise UserError(f"--store needs the Python package {error.name!r}: pip install {error.name}") from None


def _tune_sqlite(connection: object, record: object) -> None:
    assert isinstance(connection, sqlite3.Connection)
    cursor = connection.cursor()
    # A write-ahead log lets replicas read while one writes; NORMAL may lose the last texts in a power cut, no
    # more.
    with suppress(sqlite3.OperationalError):  # locked: another connection is changing it at this moment
        cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()


def _lore(row: RowMapping) -> Lore:
    perks = row["perks"]
    assert isinstance(perks, list)
    fields = {name: row[name] for name in ("name", "type", "rarity", "flavour", "source")}
    return Lore.model_validate({**fields, "perks": [Perk.model_validate(perk) for perk in perks]})
