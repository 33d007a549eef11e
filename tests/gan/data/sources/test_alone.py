"""Two real processes: the second is turned away at once, and a killed first one leaves nothing locked."""

import io
import os
import signal
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

import pytest

from gan.data.sources.alone import alone_in
from gan.data.sources.crawl import COMMIT
from gan.errors import UserError

PROJECT = Path(__file__).resolve().parents[4]


def fetch(out: Path, url: str) -> list[str]:
    return [sys.executable, "-m", "gan.data", "fetch", "crawl", "--out", str(out), "--base-url", url]


def test_two_runs_into_one_folder_are_kept_apart_and_kill_leaves_no_lock(
    server, png, Reply, tmp_path, monkeypatch
) -> None:
    monkeypatch.chdir(PROJECT)
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("tiles/releases/Nov-2015/item/weapon/club.png", png("red"))
    asked, go_on = threading.Event(), threading.Event()

    def slow(_: object) -> object:
        asked.set()
        go_on.wait(60)
        return Reply(zipped.getvalue())

    server.routes[f"/crawl/tiles/archive/{COMMIT}.zip"] = slow
    out = tmp_path / "tiles"
    first = subprocess.Popen(fetch(out, server.url))
    try:
        assert asked.wait(60), "the first is in the middle of its download"
        second = subprocess.run([*fetch(out, server.url), "--refresh"], capture_output=True, text=True, timeout=60)
        assert second.returncode == 2
        assert second.stdout == ""
        assert second.stderr == (
            f"gan.data fetch: another fetch is at work in folder {str(out)!r}: let it end (or stop it) and run the same"
            " command again, or choose another folder\n"
        )
        assert server.times(f"/crawl/tiles/archive/{COMMIT}.zip") == 1
    finally:
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
        go_on.set()
    third = subprocess.run(fetch(out, server.url), capture_output=True, text=True, timeout=60)
    assert third.returncode == 0, third.stderr
    assert "1 item in 1 class, 1 of them new" in third.stdout


def test_other_folders_are_free_and_the_lock_ends_with_its_block(tmp_path: Path) -> None:
    began = time.monotonic()
    with alone_in(tmp_path / "one"), alone_in(tmp_path / "two"):
        with pytest.raises(UserError, match="another fetch is at work in folder"), alone_in(tmp_path / "one"):
            pass
        assert time.monotonic() - began < 5, "at once, without waiting"
    with alone_in(tmp_path / "one"):
        pass
