"""Where MLflow is: a flag, else GANVIL_TRACKING_URI, else MLFLOW_TRACKING_URI, else SQLite under ./runs.

(serve/settings.py has the same few lines: the two floors may not import each other.)
"""

import os
import re
import socket
from pathlib import Path
from urllib.parse import urlsplit

from gan.errors import UserError

SCHEMES = ("sqlite", "http", "https", "postgresql", "mysql", "mssql", "databricks", "file")
_PATIENCE_SECONDS = 5.0


def tracking_uri(given: str | None = None) -> str:
    """The tracking URI to use; a path in a sqlite URI is made absolute, since workers run in other folders."""
    uri = given or os.environ.get("GANVIL_TRACKING_URI") or os.environ.get("MLFLOW_TRACKING_URI")
    if not uri:
        return f"sqlite:///{Path('runs').absolute() / 'mlflow.db'}"
    path = uri.removeprefix("sqlite:///")
    if path != uri and path != ":memory:":
        return f"sqlite:///{Path(path).absolute()}"
    if urlsplit(uri).scheme.split("+")[0] not in SCHEMES:
        raise UserError(
            f"tracking URI {hide_password(uri)!r} cannot be read: write http://HOST:5000 or sqlite:////folder/mlflow.db"
        )
    return uri


def hide_password(uri: str) -> str:
    """The URI as it may stand in messages and logs."""
    return re.sub(r"(://[^:/@]*):[^@/]*@", r"\1:***@", uri)


def artifact_location(uri: str) -> str | None:
    """Where our own experiments keep artifacts: beside a SQLite file; None where the server decides."""
    if not uri.startswith("sqlite:///"):
        return None
    return str(Path(uri.removeprefix("sqlite:///")).parent / "mlartifacts")


def demand_answer(uri: str) -> None:
    """A UserError, within seconds, when nothing answers at that URI."""
    parts = urlsplit(uri)
    if parts.scheme == "sqlite":
        folder = Path(uri.removeprefix("sqlite:///")).parent
        existing = next(place for place in (folder, *folder.parents) if place.exists())
        if not (existing.is_dir() and os.access(existing, os.W_OK)):
            raise UserError(
                f"tracking URI {hide_password(uri)!r}: {str(existing)!r} is no folder that can be written to"
            )
    elif parts.scheme in ("http", "https"):
        way_out = "start the server (mlflow server --port 5000), or give another --tracking-uri"
        try:  # a port where nobody listens is refused at once; what listens is asked by search/records/runs.py
            port = parts.port or (443 if parts.scheme == "https" else 80)
            with socket.create_connection((parts.hostname or "", port), timeout=_PATIENCE_SECONDS):
                pass
        except (OSError, ValueError) as error:
            raise UserError(f"tracking URI {hide_password(uri)!r} does not answer ({error}): {way_out}") from None


def be_quick() -> None:
    """MLflow's own default is to retry for minutes; a record must not hold up a training run, nor a command its error.

    Set before MLflow is asked anything; what the environment says already stays.
    """
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
