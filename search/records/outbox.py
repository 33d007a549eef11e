"""What is to go to MLflow, in order; what has not got there yet is still in it."""

import logging
import time
from collections import deque
from collections.abc import Callable

from mlflow.exceptions import MlflowException

_ATTEMPTS = 3
_FIRST_PAUSE_SECONDS = 0.5
_PERMANENT = ("INVALID_PARAMETER_VALUE", "RESOURCE_ALREADY_EXISTS", "BAD_REQUEST", "ENDPOINT_NOT_FOUND")

log = logging.getLogger("ganvil.records")
logging.getLogger("mlflow").setLevel(logging.WARNING)
logging.getLogger("alembic").setLevel(logging.WARNING)


class Outbox:
    """Deliveries in order. One that fails keeps its place; one that can never succeed is dropped with a note."""

    def __init__(self, pause: Callable[[float], None] = time.sleep) -> None:
        self._waiting: deque[Callable[[], None]] = deque()
        self._pause = pause

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, delivery: Callable[[], None]) -> None:
        self._waiting.append(delivery)

    def deliver(self, attempts: int = _ATTEMPTS) -> bool:
        """Try to empty it; False, after a note, when something stays."""
        failures = 0
        while self._waiting:
            try:
                self._waiting[0]()
                self._waiting.popleft()
            except Exception as error:  # whatever a client, a server or a network may raise
                if isinstance(error, MlflowException) and error.error_code in _PERMANENT:
                    log.warning("a record was refused and is left out: %s", line_of(error))
                    self._waiting.popleft()
                    continue
                failures += 1
                if failures >= attempts:
                    log.warning("%d records wait, MLflow could not be reached: %s", len(self), line_of(error))
                    return False
                self._pause(_FIRST_PAUSE_SECONDS * 2 ** (failures - 1))
        return True


def line_of(error: BaseException) -> str:
    """An error's first line, no longer than a table's cell."""
    lines = str(error).splitlines()
    return (lines[0] if lines else type(error).__name__)[:200]
