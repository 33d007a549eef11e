"""Texts on their way into the store: a request does not wait for a database.

Only texts that would be written the same again may go this way (the grammar's: a function of the id): what a crash
loses on the way, the next request for that id writes anew, word for word. A store that is down is asked again from
here, whether anybody comes or not.
"""

import threading
from collections.abc import Iterable, Mapping

from serve.keeping.store import Store
from serve.texts.lore import Lore

GATHER_SECONDS = 0.2
MAX_WAITING = 4096
LOOK_SECONDS = 5.0  # after a store that is down


class WriteBehind:
    """Keeps what it was given a little later, many at once. Thread-safe; `close` writes what is left."""

    def __init__(self, store: Store, *, max_waiting: int = MAX_WAITING) -> None:
        self._store = store
        self._max_waiting = max_waiting
        self._waiting: dict[str, Lore] = {}
        self._changed = threading.Condition()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._work, name="write-behind", daemon=True)
        self._thread.start()

    def put(self, weapon_id: str, lore: Lore) -> None:
        """At once, unless the store lags far behind: then it waits as the store's callers do."""
        with self._changed:
            if len(self._waiting) < self._max_waiting:
                self._waiting[weapon_id] = lore
                self._changed.notify()
                return
        self._store.keep({weapon_id: lore})

    def get_many(self, ids: Iterable[str]) -> dict[str, Lore]:
        """Those of them that are on their way."""
        with self._changed:
            return {weapon_id: self._waiting[weapon_id] for weapon_id in ids if weapon_id in self._waiting}

    def close(self) -> None:
        self._closed.set()
        with self._changed:
            self._changed.notify()
        self._thread.join(timeout=30.0)

    def _work(self) -> None:
        while not self._closed.is_set():
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed.is_set(), timeout=LOOK_SECONDS)
            self._closed.wait(GATHER_SECONDS)
            self._flush()

    def _flush(self) -> None:
        with self._changed:
            batch: Mapping[str, Lore] = dict(self._waiting)
        if batch or self._store.fault is not None:
            self._store.keep(batch)
        with self._changed:  # only now: whoever asks meanwhile finds them here
            for weapon_id in batch:
                del self._waiting[weapon_id]
