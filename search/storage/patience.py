"""Waiting for storage that is away (S3, GS), instead of failing with it: trials and driver go on when it is back.

A `PatientFilesystem` stands before pyarrow's own wherever a search writes or reads: checkpoints, the study's journal,
Tune's own state. Each operation is tried again, with longer pauses, until it succeeds or `Patience.limit_seconds` are
over. Files go through a temporary file on the local disk, so that one which breaks off can be sent, or fetched, again
from its beginning. What no waiting would mend (a file that is not there, a right that is missing) is raised at once.

A search that begins asks the bare filesystem first: a mistyped address is an error in seconds, not a wait.
"""

import logging
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from shutil import copyfileobj
from typing import IO, Any, TypeVar

import pyarrow  # type: ignore[import-untyped]
import pyarrow.fs  # type: ignore[import-untyped]

from gan.errors import UserError

Result = TypeVar("Result")

_PERMANENT = (FileNotFoundError, FileExistsError, IsADirectoryError, NotADirectoryError, PermissionError)
_CHUNK_BYTES = 8 * 2**20

log = logging.getLogger("ganvil.storage")


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long to wait: pauses double from the first to the longest, until the limit since the first failure.

    The limit: a server's restart, a network's bad quarter of an hour; after it a trial counts it as a failure.
    """

    limit_seconds: float = 1800.0
    first_pause_seconds: float = 1.0
    longest_pause_seconds: float = 15.0

    def pause_seconds(self, failures: int) -> float:
        """Before the next attempt, after so many that failed (1 or more)."""
        return min(self.first_pause_seconds * 2.0 ** (failures - 1), self.longest_pause_seconds)


class StorageAwayError(OSError):
    """Storage did not come back within the limit."""


class Waiting:
    """Waits for one storage, and says so once: when it goes away, and when it is back. Threads may share it."""

    def __init__(
        self,
        patience: Patience,
        *,
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._patience, self._pause, self._clock = patience, pause, clock
        self._lock = threading.Lock()
        self._away_since: float | None = None
        self._unsent: StorageAwayError | None = None

    def until_done(self, attempt: Callable[[], Result]) -> Result:
        """attempt()'s result; StorageAwayError when the limit is over, other errors than the network's as they are."""
        if self._unsent is not None:
            unsent, self._unsent = self._unsent, None
            raise unsent
        begun, failures = self._clock(), 0
        while True:
            try:
                result = attempt()
            except _PERMANENT:
                raise
            except OSError as error:
                failures += 1
                self._is_away(error)
                pause = self._patience.pause_seconds(failures)
                if self._clock() - begun + pause > self._patience.limit_seconds:
                    raise StorageAwayError(
                        f"storage did not answer for {self._clock() - begun:.0f} s: {_line(error)}"
                    ) from error
                self._pause(pause)
            else:
                self._is_back()
                return result

    def remember(self, error: StorageAwayError) -> None:
        """Have the next operation raise it: pyarrow's copy_files loses what is raised while a file is closed."""
        self._unsent = error

    def _is_away(self, error: OSError) -> None:
        with self._lock:
            if self._away_since is None:
                self._away_since = self._clock()
                minutes = self._patience.limit_seconds / 60
                log.warning("storage does not answer, waiting for it (at most %.3g min): %s", minutes, _line(error))

    def _is_back(self) -> None:
        if self._away_since is None:
            return
        with self._lock:
            if self._away_since is not None:
                log.warning("storage answers again, after %.0f s", self._clock() - self._away_since)
                self._away_since = None


class PatientFilesystem(pyarrow.fs.FileSystemHandler):  # type: ignore[misc]
    """pyarrow's doorway for filesystems in Python; see `patient`. It travels to the workers with Tune's storage."""

    def __init__(self, inner: Any, patience: Patience) -> None:
        self.inner = inner
        self._patience = patience
        self._waiting = Waiting(patience)

    def __reduce__(self) -> tuple[type, tuple[Any, Patience]]:
        return PatientFilesystem, (self.inner, self._patience)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PatientFilesystem) and bool(self.inner == other.inner)

    def get_type_name(self) -> str:
        return str(self.inner.type_name)

    def normalize_path(self, path: str) -> str:
        return str(self.inner.normalize_path(path))

    def get_file_info(self, paths: list[str]) -> Any:
        return self._waiting.until_done(lambda: self.inner.get_file_info(paths))

    def get_file_info_selector(self, selector: Any) -> Any:
        return self._waiting.until_done(lambda: self.inner.get_file_info(selector))

    def create_dir(self, path: str, recursive: bool) -> None:
        self._waiting.until_done(lambda: self.inner.create_dir(path, recursive=recursive))

    def delete_dir(self, path: str) -> None:
        def attempt() -> None:  # one that broke off may have deleted all there was
            if self.inner.get_file_info(path).type != pyarrow.fs.FileType.NotFound:
                self.inner.delete_dir(path)

        self._waiting.until_done(attempt)

    def delete_dir_contents(self, path: str, missing_dir_ok: bool = False) -> None:
        self._waiting.until_done(lambda: self.inner.delete_dir_contents(path, missing_dir_ok=missing_dir_ok))

    def delete_root_dir_contents(self) -> None:
        raise NotImplementedError("nobody here empties a whole storage")

    def delete_file(self, path: str) -> None:
        self._waiting.until_done(lambda: self.inner.delete_file(path))

    def move(self, src: str, dest: str) -> None:
        self._waiting.until_done(lambda: self.inner.move(src, dest))

    def copy_file(self, src: str, dest: str) -> None:
        self._waiting.until_done(lambda: self.inner.copy_file(src, dest))

    def open_input_stream(self, path: str) -> Any:
        return self.open_input_file(path)

    def open_input_file(self, path: str) -> Any:
        """The whole file, fetched."""
        file = tempfile.TemporaryFile()  # noqa: SIM115  (whoever reads it closes it)

        def attempt() -> None:
            file.seek(0)
            file.truncate()
            with self.inner.open_input_stream(path) as stream:
                copyfileobj(stream, file, _CHUNK_BYTES)

        self._waiting.until_done(attempt)
        file.seek(0)
        return pyarrow.PythonFile(file, mode="r")

    def open_output_stream(self, path: str, metadata: Mapping[str, str] | None = None) -> Any:
        """Nothing is there before it is closed."""

        def send(file: IO[bytes]) -> None:
            def attempt() -> None:
                file.seek(0)
                with self.inner.open_output_stream(path, metadata=metadata) as stream:
                    copyfileobj(file, stream, _CHUNK_BYTES)

            try:
                self._waiting.until_done(attempt)
            except StorageAwayError as error:
                self._waiting.remember(error)
                raise

        return pyarrow.PythonFile(_Outgoing(send), mode="w")

    def open_append_stream(self, path: str, metadata: Mapping[str, str] | None = None) -> Any:
        raise NotImplementedError("files are written whole")


class _Outgoing:
    """A file that is sent when it is closed; one that could not be written to its end is not."""

    def __init__(self, send: Callable[[IO[bytes]], None]) -> None:
        self._send = send
        self._file = tempfile.TemporaryFile()  # noqa: SIM115
        self._whole = True
        self.closed = False

    def write(self, content: bytes) -> int:
        try:
            return self._file.write(content)
        except BaseException:
            self._whole = False
            raise

    def flush(self) -> None:
        """There is nothing to see before the end."""

    def close(self) -> None:
        if self.closed:
            return
        self.closed = True
        with self._file:
            if self._whole:
                self._send(self._file)


def patient(filesystem: Any, patience: Patience | None = None) -> Any:
    """The filesystem, with patience. A local one stays as it is: what fails there does not mend itself."""
    if isinstance(filesystem, pyarrow.fs.LocalFileSystem):
        return filesystem
    return pyarrow.fs.PyFileSystem(PatientFilesystem(filesystem, patience or Patience()))


@contextmanager
def storage_or_user_error(name: str) -> Iterator[None]:
    """A UserError in place of whatever comes of a StorageAwayError: Tune wraps it."""
    try:
        yield
    except Exception as error:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, StorageAwayError):
            cause = cause.__cause__ or cause.__context__
        if cause is None:
            raise
        raise UserError(f"{cause}; when it is back, go on with: --name {name} --resume") from error


def _line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
