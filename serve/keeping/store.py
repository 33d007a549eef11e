"""What was given out, in SQL: the same weapon keeps its text for ever.

SQLite by default, PostgreSQL by URL. The first text kept for an id wins, on any replica. A store that is down
costs nothing but memory of the text: it is asked again after some seconds, and `fault` says what is wrong
until it answers.
"""

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import RowMapping, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from serve.keeping.database import open_engine
from serve.keeping.schema import bring_up_to_date, is_up_to_date, weapons
from serve.texts.lore import Lore, Perk

log = logging.getLogger("ganvil.serve")
DOWN_SECONDS = 5.0
MIGRATION_SECONDS = 60.0  # for a change of large tables, or for another replica that is at it
DOWN = (SQLAlchemyError, OSError)  # pg8000 lets a socket's own errors through


class Store:
    """Texts by weapon id. Every call answers, whether the database does or not."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._engine = open_engine(url)
        place = self._engine.url.database
        if self._engine.dialect.name == "sqlite" and place:
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
            self._rise()
            return {str(row["id"]): _lore(row) for row in rows}
        except DOWN as error:
            self._fall(error)
            return {}

    def keep(self, texts: Mapping[str, Lore]) -> dict[str, Lore]:
        """Keeps those that are new and gives what is now kept for each: the older text where there was one.

        While the store is down, what was given comes back and `fault` is set.
        """
        if not self._awake():
            return dict(texts)
        now = datetime.now(UTC)
        # In one order everywhere: two replicas that keep the same ids would wait for each other otherwise.
        rows = [{"id": each, **lore.model_dump(mode="json"), "given_at": now} for each, lore in sorted(texts.items())]
        insert = postgresql.insert if self._engine.dialect.name == "postgresql" else sqlite.insert
        unless_kept = insert(weapons).on_conflict_do_nothing(index_elements=["id"]).returning(weapons.c.id)
        try:
            with self._engine.begin() as connection:
                new = set(connection.execute(unless_kept, rows).scalars()) if rows else set()
            self._rise()
        except DOWN as error:
            self._fall(error)
            return dict(texts)
        return dict(texts) | self.get_many([each for each in texts if each not in new])

    def close(self) -> None:
        self._engine.dispose()

    def _awake(self) -> bool:
        """Whether to try at all; makes or mends the tables at the first try that works."""
        with self._guard:
            if time.monotonic() < self._down_until:
                return False
            if self.fault is not None:  # one asks whether it is back; the others do not wait for the answer
                self._down_until = time.monotonic() + DOWN_SECONDS
        if not self._ready:
            try:
                self._make_ready()
                self._ready = True
            except DOWN as error:
                self._fall(error)
        return self._ready

    def _make_ready(self) -> None:
        with self._engine.connect() as connection:
            if is_up_to_date(connection):
                return
        patient = open_engine(self._url, patience_seconds=MIGRATION_SECONDS)
        try:
            with patient.begin() as connection:
                bring_up_to_date(connection)
        finally:
            patient.dispose()

    def _rise(self) -> None:
        with self._guard:
            if self.fault is not None:
                log.info("the store answers again")
            self.fault, self._down_until = None, 0.0

    def _fall(self, error: Exception) -> None:
        kind = _kind(error)
        with self._guard:
            if self.fault is None:
                log.warning("the store does not answer (%s); weapons are given out without keeping their text", kind)
            self.fault, self._down_until = kind, time.monotonic() + DOWN_SECONDS


def _kind(error: Exception) -> str:
    """Its type and SQLSTATE, if any. Not its text: that may hold the URL's password and the statement's values."""
    cause = getattr(error, "orig", None) or error
    told = cause.args[0] if cause.args else None
    state = told.get("C") if isinstance(told, dict) else getattr(cause, "sqlstate", None)  # pg8000's way, psycopg's
    return " ".join(filter(None, (type(cause).__name__, state)))


def _lore(row: RowMapping) -> Lore:
    perks = row["perks"]
    assert isinstance(perks, list)
    fields = {name: row[name] for name in ("name", "type", "rarity", "flavour", "source")}
    return Lore.model_validate({**fields, "perks": [Perk.model_validate(perk) for perk in perks]})
