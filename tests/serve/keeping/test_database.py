"""URLs, and what no message may show."""

import sys

import pytest

from gan.errors import UserError
from serve.keeping.database import open_engine


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("nonsense", "not a database's URL"),
        ("sqlite", "not a database's URL"),
        ("postgresql://me:secret@host:port/name", "not a database's URL"),
        ("mysql://me:secret@host/name", "--store mysql://"),
        ("oracle:///x", "--store oracle://"),
        ("postgresql+nodriver://me:secret@h/n", "no such driver"),
        ("postgresql+asyncpg://me:secret@h/n", "asyncpg"),
        ("postgresql://me:secret@h/n?sslmode=secret", "only sslmode"),
        ("postgresql://me@h/n?password=secret", "only sslmode"),
        ("sqlite+aiosqlite:///store.db", "aiosqlite"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
    ],
)
def test_urls_that_cannot_work(url: str, told: str) -> None:
    with pytest.raises(UserError, match="--store") as raised:
        open_engine(url)
    assert told in str(raised.value)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+pg8000"])
def test_a_plain_url_takes_the_driver_that_comes_along(scheme: str) -> None:
    assert open_engine(f"{scheme}://me@host/name?sslmode=verify-full").dialect.driver == "pg8000"


def test_without_the_driver_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pg8000", None)
    with pytest.raises(UserError, match=r'pip install "ganvil\[postgresql\]"'):
        open_engine("postgresql://me@host/name")
