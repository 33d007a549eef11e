"""Texts written ahead: a worker takes pictures out of the stock, lets an author look, and keeps both on a
shelf.

Requests take from the shelf when something lies there and from the stock otherwise, so no request ever waits
for an author. An author that fails is left alone for a while that doubles with each failure.
"""

import logging
import threading
import time
from collections import deque

from serve.stock.drawable import Made
from serve.stock.foundry import Foundry
from serve.texts.lore import Author, Lore, NoText

log = logging.getLogger("ganvil.serve")
MAX_PAUSE_SECONDS = 300.0


class Scribe:
    """Keeps at most `num_shelf` written weapons ahead, by `num_workers` threads."""

    def __init__(
        self,
        author: Author,
        foundry: Foundry,
        *,
        num_shelf: int = 32,
        num_workers: int = 2,
        first_pause_seconds: float = 2.0,
    ) -> None:
        self._author = author
        self._foundry = foundry
        self._num_shelf = num_shelf
        self._first_pause = first_pause_seconds
        self._shelf: deque[tuple[Made, Lore]] = deque()
        self._num_writing = 0
        self._num_failures = 0
        self._paused_until = 0.0
        self._changed = threading.Condition()
        self._closed = False
        self.num_written = 0
        self.last_failure: str | None = None
        self._threads = [
            threading.Thread(target=self._work, name=f"scribe-{index}", daemon=True) for index in range(num_workers)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def num_ahead(self) -> int:
        return len(self._shelf)

    def take_now(self, version: str) -> tuple[Made, Lore] | None:
        """A written weapon of that ensemble version, or None at once; those of other versions are given
        up.
        """
        with self._changed:
            taken = None
            while self._shelf and taken is None:
                made, lore = self._shelf.popleft()
                taken = (made, lore) if made.weapon_id.version == version else None
            self._changed.notify_all()
            return taken

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._closed and (self._is_full() or time.monotonic() < self._paused_until):
                    wait = max(self._paused_until - time.monotonic(), 0.05) if not self._is_full() else None
                    self._changed.wait(timeout=wait)
                if self._closed:
                    return
                self._num_writing += 1
            lore: Lore | None = None
            made: Made | None = None
            try:
                forge = self._foundry.forge
                made = forge.take_now()
                if made is not None:
                    lore = self._author.write(made, forge.ids.type_of(made.weapon_id))
                else:
                    time.sleep(0.05)
            except NoText as why:
                self._fail(str(why))
            except Exception as error:
                log.exception("an author failed in a way that it should not")
                self._fail(type(error).__name__)
            finally:
                with self._changed:
                    self._num_writing -= 1
                    if made is not None and lore is not None:
                        self._shelf.append((made, lore))
                        self.num_written += 1
                        self._num_failures = 0
                        self.last_failure = None
                    self._changed.notify_all()

    def _is_full(self) -> bool:
        return len(self._shelf) + self._num_writing >= self._num_shelf

    def _fail(self, why: str) -> None:
        with self._changed:
            self._num_failures += 1
            pause = min(self._first_pause * 2.0 ** min(self._num_failures - 1, 20), MAX_PAUSE_SECONDS)
            self._paused_until = time.monotonic() + pause
            self.last_failure = why
        log.warning("no text from the author: %s; the grammar writes for the next %.0f s", why, pause)
