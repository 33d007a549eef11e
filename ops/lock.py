"""One refresh of a model at a time on this machine."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout


class AlreadyRunning(Exception):
    """Another refresh holds the lock."""


@contextmanager
def refresh_lock(folder: Path, model: str, tracking_uri: str) -> Iterator[None]:
    """Held while inside; AlreadyRunning at once where another process holds it. The system frees it on kill -9."""
    folder.mkdir(parents=True, exist_ok=True)
    mark = hashlib.sha256(tracking_uri.encode()).hexdigest()[:8]
    try:
        with FileLock(folder / f".refresh-{model}-{mark}.lock").acquire(timeout=0):
            yield
    except Timeout:
        raise AlreadyRunning(f"another refresh of model {model!r} is running") from None
