"""Reaching MLflow from a command: its errors as one line, soon; its own patience back once it has answered."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from gan.errors import UserError
from search.records.tracking import be_quick, demand_answer, hide_password

_UPLOAD_SECONDS = "300"  # a server may write a large file on to its own store before it answers


def connect(uri: str) -> MlflowClient:
    """A client of a server that answers. UserError, within seconds, where none does or the database is not there."""
    if uri.startswith("sqlite:///") and not Path(uri.removeprefix("sqlite:///")).exists():
        raise UserError(f"tracking URI {uri!r} names no database: run a search first, or give another --tracking-uri")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    own_patience = os.environ.get("MLFLOW_HTTP_REQUEST_TIMEOUT")
    demand_answer(uri)
    be_quick()
    client = MlflowClient(tracking_uri=uri)
    with answering(uri):
        client.search_experiments(max_results=1)
    os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] = own_patience or _UPLOAD_SECONDS
    return client


@contextmanager
def answering(uri: str) -> Iterator[None]:
    """MLflow's and the network's errors as one line for the user."""
    try:
        yield
    except (MlflowException, SQLAlchemyError, ImportError, OSError) as error:  # ImportError: a database's driver
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise UserError(f"{hide_password(uri)} does not answer as MLflow: {hide_password(lines[0][:200])}") from error


def local_folder(artifact_uri: str) -> Path | None:
    """The folder on this machine that the artifact URI names, None where it is elsewhere."""
    parts = urlsplit(artifact_uri)
    if parts.scheme not in ("", "file"):
        return None
    return Path(url2pathname(parts.path) if parts.scheme else artifact_uri)


def working_folder(uri: str) -> Path:
    """Where locks and caches of commands on this server go: beside a SQLite file, else ./runs."""
    path = uri.removeprefix("sqlite:///")
    return Path(path).parent if path != uri else Path("runs").absolute()
