"""A database for the store: each test over a fresh SQLite file, and over a fresh database of a real PostgreSQL."""

import os
import shutil
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from sqlalchemy import URL, create_engine, text
from sqlalchemy.engine import make_url

from experiments.faults.servers import Gate, postgresql

PASSWORD = "open-sesame"  # of no use to the server, which trusts everybody; it must be seen nowhere


@pytest.fixture(scope="session")
def server() -> Iterator[URL]:
    """Started once, at the first test that wants it."""
    with pytest.MonkeyPatch.context() as patch:
        # Debian keeps a server's programs off the path.
        places = [str(place) for place in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
        patch.setenv("PATH", os.pathsep.join([os.environ["PATH"], *places]))
        if shutil.which("initdb") is None:
            pytest.skip("no PostgreSQL here (apt-get install postgresql)")
        # Not under pytest's own folder, which every session that begins shuts to the user that PostgreSQL runs as.
        with TemporaryDirectory(prefix="ganvil-") as folder, postgresql(Path(folder)) as uri:
            yield make_url(uri)


@pytest.fixture(scope="session")
def new_database(server: URL) -> Callable[[], URL]:
    names = (f"store_{number}" for number in count())

    def create() -> URL:
        name = next(names)
        engine = create_engine(server, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"create database {name}"))
        engine.dispose()
        return server.set(drivername="postgresql", database=name, password=PASSWORD)

    return create


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/deep/store.db"
    made: URL = request.getfixturevalue("new_database")()
    return made.render_as_string(hide_password=False)


@pytest.fixture
def gate(server: URL) -> Iterator[Gate]:
    """The only way to the server; not yet open."""
    assert server.port is not None
    gate = Gate(server.port)
    yield gate
    gate.kill()


@pytest.fixture
def gated_url(new_database: Callable[[], URL], gate: Gate) -> str:
    """A fresh database behind the gate."""
    return new_database().set(port=gate.port).render_as_string(hide_password=False)
