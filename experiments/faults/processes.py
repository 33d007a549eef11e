"""Processes of this machine, found from their parents, so that only our own are ever killed."""

import os
import signal
from contextlib import suppress
from pathlib import Path


def descendants(pid: int) -> list[int]:
    """All below that process, the nearest first."""
    parents: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            parents.setdefault(int(fields[1]), []).append(int(folder.name))
    found = list(parents.get(pid, []))
    for child in found:
        found += parents.get(child, [])
    return found


def command_line(pid: int) -> str:
    """As `ps` shows it; empty for one that is gone."""
    with suppress(OSError):
        return (Path("/proc") / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return ""


def trial_workers(*pids: int) -> list[int]:
    """Processes below these that train a trial right now."""
    below = [child for pid in pids for child in descendants(pid)]
    return [pid for pid in below if command_line(pid).startswith("ray::ImplicitFunc.train")]


def kill_9(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
