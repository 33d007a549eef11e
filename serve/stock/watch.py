"""Looks at regular times whether another ensemble should be live, and brings it in.

What is new and broken is refused with a log line, and not tried again until something newer comes; what was
live stays live.
"""

import logging
import threading
from typing import Protocol

from serve.stock.drawable import EnsembleLike
from serve.stock.foundry import Foundry

log = logging.getLogger("ganvil.serve")


class EnsembleSource(Protocol):
    """Where ensembles come from: `serve.stock.ensemble_source` has a folder and the MLflow registry."""

    def current(self) -> str:
        """A mark of what should be live now, cheap to ask for; raises UserError when it cannot be told."""
        ...

    def load(self, mark: str) -> EnsembleLike:
        """The ensemble of that mark; raises UserError."""
        ...

    def load_version(self, version: str) -> EnsembleLike:
        """An older ensemble by the version in its weapons' ids; raises UserError where it is gone."""
        ...


class RefusedEnsemble(Exception):
    """A new ensemble was there and cannot be served; the old one stays."""


class EnsembleWatch:
    """Polls `source` every `poll_seconds` (0: only when asked) and swaps `foundry` over."""

    def __init__(self, source: EnsembleSource, foundry: Foundry, *, live: str, poll_seconds: float) -> None:
        self._source = source
        self._foundry = foundry
        self._live = live
        self._refused: str | None = None
        self._poll_seconds = poll_seconds
        self._guard = threading.Lock()
        self._ended = threading.Event()
        self.fault: str | None = None
        self._thread = threading.Thread(target=self._work, name="ensemble-watch", daemon=True)
        if poll_seconds > 0:
            self._thread.start()

    def look(self) -> bool:
        """Looks now; True if another ensemble went live. Raises RefusedEnsemble, UserError (source out of
        reach).
        """
        return self._look(again=True)

    def close(self) -> None:
        self._ended.set()

    def _look(self, *, again: bool) -> bool:
        with self._guard:
            mark = self._source.current()
            if mark == self._live:
                self.fault = None
                self._refused = None
                return False
            if mark == self._refused and not again:
                return False
            try:
                changed = self._foundry.swap(self._source.load(mark))
            except Exception as error:  # whatever is wrong with the new one must not touch the old one
                self._refused = mark
                self.fault = f"ensemble {mark} is refused: {error}"
                log.error("%s; %s stays live", self.fault, self._foundry.forge.ensemble.version)
                raise RefusedEnsemble(self.fault) from error
            self._live = mark
            self._refused = None
            self.fault = None
            return changed

    def _work(self) -> None:
        while not self._ended.wait(self._poll_seconds):
            try:
                self._look(again=False)
            except RefusedEnsemble:
                pass  # told when it was refused
            except Exception as error:
                if self.fault is None:
                    log.warning("cannot see which ensemble should be live: %s", error)
                self.fault = f"cannot see which ensemble should be live: {error}"
