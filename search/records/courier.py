"""Records on their way to MLflow, in a thread of their own: training waits for them only while MLflow answers.

Whoever hands something over waits a few seconds for it to arrive, so that in quiet times a tick's records are there
before its checkpoint is. Once deliveries fail, or hang, nobody waits: they are tried again, with longer pauses, until
they arrive, in their order. The thread lives as long as there is something to deliver.
"""

import threading
import time
from collections.abc import Callable
from typing import Protocol

MOMENT_SECONDS = 5.0
_AWAY_AFTER = 2  # failures one after the other: a locked database is none
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 10.0


class Outgoing(Protocol):
    """What a courier empties (`search.records.runs.Outbox`)."""

    def __len__(self) -> int: ...

    def add(self, delivery: Callable[[], None]) -> None: ...

    def deliver(self, attempts: int) -> bool:
        """Whether all has been delivered, after so many failures at most."""
        ...


class Courier:
    """Empties an outbox."""

    def __init__(self, outbox: Outgoing, pause: Callable[[float], None] = time.sleep) -> None:
        self._outbox = outbox
        self._pause = pause
        self._change = threading.Condition()
        self._running = False
        self._failing = False

    def __len__(self) -> int:
        """What has not arrived."""
        return len(self._outbox)

    def add(self, delivery: Callable[[], None]) -> None:
        """Hand it over."""
        with self._change:
            self._outbox.add(delivery)
            if not self._running:
                self._running = True
                threading.Thread(target=self._run, name="ganvil-records", daemon=True).start()

    def wait_a_moment(self) -> bool:
        """Until all has arrived, or cannot, or the moment is over; whether it has."""
        with self._change:
            if not self._change.wait_for(lambda: not self._running or self._failing, MOMENT_SECONDS):
                self._failing = True  # a server that hangs is as good as away
            return not self._running

    def wait(self, seconds: float) -> bool:
        """Until all has arrived, for so long at most; whether it has."""
        with self._change:
            return self._change.wait_for(lambda: not self._running, seconds)

    def _run(self) -> None:
        failures = 0
        while True:
            done = self._outbox.deliver(attempts=1)
            with self._change:
                if done and not len(self._outbox):
                    self._running = self._failing = False
                    self._change.notify_all()
                    return
                failures = 0 if done else failures + 1
                self._failing = not done and (self._failing or failures >= _AWAY_AFTER)
                self._change.notify_all()
            if not done:
                self._pause(min(_FIRST_PAUSE_SECONDS * 2.0 ** (failures - 1), _LONGEST_PAUSE_SECONDS))
