"""Optuna's journal as objects in the search's folder, for storage where no SQLite file can live (S3, GS).

One object an append, numbered; an object appears whole or not at all, so a killed driver leaves a whole journal. One
driver writes at a time: the number of the next object is counted here.
"""

import json
from collections.abc import Iterable
from typing import Any

from optuna.storages.journal import BaseJournalBackend

from search.storage.folder import SearchFolder


class FolderJournal(BaseJournalBackend):  # type: ignore[misc]
    """Reads what is there once, then remembers what it has written."""

    def __init__(self, folder: SearchFolder, subfolder: str = "journal") -> None:
        self._folder = folder
        self._subfolder = subfolder
        names = folder.names(subfolder)
        self._next = int(names[-1].removesuffix(".json")) + 1 if names else 0
        self._logs: list[dict[str, Any]] = [
            log for name in names for log in json.loads(folder.read(f"{subfolder}/{name}") or b"[]")
        ]

    def read_logs(self, log_number_from: int) -> Iterable[dict[str, Any]]:
        return self._logs[log_number_from:]

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        self._folder.write(f"{self._subfolder}/{self._next:09d}.json", json.dumps(logs).encode())
        self._next += 1
        self._logs.extend(logs)
