import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.fs  # type: ignore[import-untyped]
import pytest

from gan.errors import UserError
from search.storage.patience import (
    Patience,
    PatientFilesystem,
    StorageAwayError,
    Waiting,
    patient,
    storage_or_user_error,
)


class Clock:
    """Time that passes only in pauses."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def time(self) -> float:
        return self.now


def failing(times: int, error: Exception, result: str = "there") -> Any:
    """An operation that fails so often before it succeeds."""
    errors: Iterator[Exception] = iter([error] * times)

    def attempt() -> str:
        for one in errors:
            raise one
        return result

    return attempt


def test_it_waits_longer_and_longer_and_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    waiting = Waiting(Patience(), pause=clock.pause, clock=clock.time)
    assert waiting.until_done(failing(6, OSError("Could not connect to server"))) == "there"
    assert clock.pauses == [1, 2, 4, 8, 15, 15]
    assert [record.message for record in caplog.records] == [
        "storage does not answer, waiting for it (at most 30 min): Could not connect to server",
        "storage answers again, after 45 s",
    ]


def test_the_limit_is_kept() -> None:
    clock = Clock()
    waiting = Waiting(Patience(limit_seconds=60), pause=clock.pause, clock=clock.time)
    with pytest.raises(StorageAwayError, match="for 60 s: no route"):
        waiting.until_done(failing(99, OSError("no route")))
    assert clock.now == 60.0
    assert waiting.until_done(failing(2, OSError("no route"))) == "there", "the next one waits afresh"


@pytest.mark.parametrize("error", [FileNotFoundError("x"), PermissionError("x"), ValueError("x")])
def test_what_waiting_does_not_mend_is_raised_at_once(error: Exception) -> None:
    clock = Clock()
    with pytest.raises(type(error)):
        Waiting(Patience(), pause=clock.pause, clock=clock.time).until_done(failing(1, error))
    assert clock.pauses == []


class Unreliable(pyarrow.fs.FileSystemHandler):  # type: ignore[misc]
    """A local folder behind a network that breaks: each operation fails at first, a transfer in its middle."""

    def __init__(self, folder: Path) -> None:
        self._real = pyarrow.fs.SubTreeFileSystem(str(folder), pyarrow.fs.LocalFileSystem())
        self._failed: set[tuple[str, str]] = set()
        self.away = False

    def _break_once(self, operation: str, path: str) -> None:
        if self.away or (operation, path) not in self._failed:
            self._failed.add((operation, path))
            raise OSError(f"curlCode: 7 during {operation}")

    def get_type_name(self) -> str:
        return "unreliable"

    def get_file_info(self, paths: list[str]) -> Any:
        self._break_once("info", paths[0])
        return self._real.get_file_info(paths)

    def get_file_info_selector(self, selector: Any) -> Any:
        self._break_once("list", selector.base_dir)
        return self._real.get_file_info(selector)

    def create_dir(self, path: str, recursive: bool) -> None:
        self._break_once("create", path)
        self._real.create_dir(path, recursive=recursive)

    def delete_dir(self, path: str) -> None:
        self._real.delete_dir(path)
        self._break_once("delete", path)  # done, but the answer is lost

    def open_input_stream(self, path: str) -> Any:
        self._break_once("read", path)
        return self._real.open_input_stream(path)

    def open_output_stream(self, path: str, metadata: Any) -> Any:
        stream = self._real.open_output_stream(path)
        if self.away or ("write", path) not in self._failed:
            self._failed.add(("write", path))
            stream.write(b"half of it")
            stream.close()
            raise OSError("curlCode: 56 during UploadPart")
        return stream

    def normalize_path(self, path: str) -> str:
        return path

    def delete_dir_contents(self, path: str, missing_dir_ok: bool) -> None: ...
    def delete_root_dir_contents(self) -> None: ...
    def delete_file(self, path: str) -> None: ...
    def move(self, src: str, dest: str) -> None: ...
    def copy_file(self, src: str, dest: str) -> None: ...
    def open_input_file(self, path: str) -> Any: ...
    def open_append_stream(self, path: str, metadata: Any) -> Any: ...


HASTY = Patience(limit_seconds=0.05, first_pause_seconds=0.001)


def test_everything_that_a_search_does_with_storage_goes_on_where_it_broke(tmp_path: Path) -> None:
    (tmp_path / "storage").mkdir()
    storage = patient(pyarrow.fs.PyFileSystem(Unreliable(tmp_path / "storage")), HASTY)
    checkpoint = tmp_path / "checkpoint"
    checkpoint.mkdir()
    for name, size in (("generator", 3_000_000), ("empty", 0), ("complete.json", 9)):
        (checkpoint / name).write_bytes(bytes(range(256)) * (size // 256) + b"x" * (size % 256))
    storage.create_dir("trial/checkpoint_000001")
    pyarrow.fs.copy_files(str(checkpoint), "trial/checkpoint_000001", destination_filesystem=storage)
    (tmp_path / "back").mkdir()
    pyarrow.fs.copy_files("trial/checkpoint_000001", str(tmp_path / "back"), source_filesystem=storage)
    for file in checkpoint.iterdir():
        assert (tmp_path / "back" / file.name).read_bytes() == file.read_bytes()
    assert storage.get_file_info("trial/checkpoint_000001").type == pyarrow.fs.FileType.Directory
    storage.delete_dir("trial/checkpoint_000001")
    assert storage.get_file_info("trial/checkpoint_000001").type == pyarrow.fs.FileType.NotFound
    with pytest.raises(FileNotFoundError):
        storage.open_input_stream("nothing")


def test_an_upload_that_was_given_up_is_not_passed_over(tmp_path: Path) -> None:
    """copy_files drops what is raised while a file is closed: the next operation brings it up."""
    unreliable = Unreliable(tmp_path)
    storage = patient(pyarrow.fs.PyFileSystem(unreliable), HASTY)
    (tmp_path / "from").mkdir()
    (tmp_path / "from" / "file").write_bytes(b"whole")
    storage.create_dir("to")
    unreliable.away = True
    pyarrow.fs.copy_files(str(tmp_path / "from"), "to", destination_filesystem=storage)
    unreliable.away = False
    with pytest.raises(StorageAwayError):
        storage.create_dir("more")
    storage.create_dir("more")


def test_it_travels_and_a_local_disk_needs_none(tmp_path: Path) -> None:
    there = patient(pyarrow.fs.SubTreeFileSystem(str(tmp_path), pyarrow.fs.LocalFileSystem()))
    assert isinstance(there.handler, PatientFilesystem)
    assert pickle.loads(pickle.dumps(there)) == there
    local = pyarrow.fs.LocalFileSystem()
    assert patient(local) is local


def as_tune_wraps_it() -> None:
    try:
        raise StorageAwayError("storage did not answer for 60 s")
    except OSError:
        raise RuntimeError("a traceback") from None


def test_a_search_ends_with_a_line_that_says_how_to_go_on() -> None:
    with pytest.raises(UserError, match="for 60 s; when it is back, go on with: --name n --resume"):
        with_storage(as_tune_wraps_it)
    with pytest.raises(ZeroDivisionError):
        with_storage(lambda: 1 // 0)


def with_storage(what: Callable[[], object]) -> None:
    with storage_or_user_error("n"):
        what()
