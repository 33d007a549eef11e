"""From a database's URL to an engine that gives up soon. The URL may hold a password: no message shows any of it."""

import logging
import sqlite3
import ssl
from contextlib import suppress

from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from gan.errors import UserError

PATIENCE_SECONDS = 2.0
EXAMPLES = "sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME"
SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_POOL = "ganvil"


def open_engine(url: str, *, patience_seconds: float = PATIENCE_SECONDS) -> Engine:
    """What takes longer than the patience is an error; UserError for a URL that no driver here can open."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise UserError(f"--store is not a database's URL; write {EXAMPLES}") from None
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+pg8000")
    try:
        match parsed.get_backend_name():
            case "sqlite":
                engine = _sqlite(parsed, patience_seconds)
            case "postgresql":
                engine = _postgresql(parsed, patience_seconds)
            case _:
                raise UserError(f"--store {parsed.drivername}://…: it is SQLite or PostgreSQL; write {EXAMPLES}")
    except NoSuchModuleError:
        raise UserError(f"--store {parsed.drivername}://…: there is no such driver; write {EXAMPLES}") from None
    except ModuleNotFoundError as error:
        package = '"ganvil[postgresql]"' if error.name == "pg8000" else error.name
        raise UserError(f"--store needs the Python package {error.name!r}: pip install {package}") from None
    if engine.dialect.is_async:
        raise UserError(f"--store {parsed.drivername}://…: that driver is asynchronous; write {EXAMPLES}")
    return engine


def _sqlite(url: URL, patience_seconds: float) -> Engine:
    if not url.database or url.database == ":memory:":
        raise UserError(f"--store {url.drivername}:// names no file, and memory forgets; write {EXAMPLES}")
    engine = create_engine(url, connect_args={"timeout": patience_seconds}, hide_parameters=True)
    event.listen(engine, "connect", _tune_sqlite)
    return engine


def _tune_sqlite(connection: object, record: object) -> None:
    assert isinstance(connection, sqlite3.Connection)
    cursor = connection.cursor()
    # A write-ahead log lets replicas read while one writes; NORMAL may lose the last texts in a power cut, no
    # more.
    with suppress(sqlite3.OperationalError):  # locked: another connection is changing it at this moment
        cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()


def _postgresql(url: URL, patience_seconds: float) -> Engine:
    # SQLAlchemy's pool logs a traceback for every connection that a lost server leaves behind; the store says it once.
    logging.getLogger(f"sqlalchemy.pool.impl.QueuePool.{_POOL}").setLevel(logging.CRITICAL)
    if url.get_driver_name() == "pg8000":
        patience = {"timeout": patience_seconds, **_pg8000_arguments(url)}
        url = url.set(query={})
    else:
        patience = {"connect_timeout": round(patience_seconds)}
    return create_engine(
        url,
        connect_args=patience,
        pool_timeout=patience_seconds,
        pool_pre_ping=True,
        pool_logging_name=_POOL,
        hide_parameters=True,
    )


def _pg8000_arguments(url: URL) -> dict[str, object]:
    """What stands after the URL's `?`; pg8000 itself knows no sslmode, which hosted databases' URLs have."""
    query = dict(url.query)
    mode = query.pop("sslmode", "prefer")
    if query or mode not in SSL_MODES:
        wrong = ", ".join(sorted(query)) or "sslmode"
        raise UserError(
            f"--store postgresql://…?{wrong}=…: only sslmode may stand there, one of {', '.join(SSL_MODES)}; other"
            " drivers know more (postgresql+psycopg://)"
        )
    if mode in ("disable", "allow", "prefer"):
        return {"ssl_context": False if mode == "disable" else None}
    if mode == "require":
        return {"ssl_context": True}
    context = ssl.create_default_context()
    context.check_hostname = mode == "verify-full"
    return {"ssl_context": context}
