"""Which code this is: the installed version, and the commit where it runs from a checkout."""

import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


@cache
def code_version() -> str:
    """`0.1.0`, or `0.1.0+abc1234` from a git checkout (`.dirty` where it has uncommitted changes)."""
    try:
        number = version("ganvil")
    except PackageNotFoundError:
        number = "0"
    root = Path(__file__).resolve().parent.parent
    if not (root / ".git").exists():
        return number
    try:
        described = subprocess.run(
            ["git", "-C", str(root), "describe", "--always", "--dirty=.dirty", "--exclude", "*"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return number
    return f"{number}+{described.stdout.strip()}"
