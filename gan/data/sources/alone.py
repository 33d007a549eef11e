"""One run at a time into a folder: two would fetch everything twice, and write into each other's files.

The lock is the operating system's (flock; on Windows msvcrt's), so it ends with its process, however that ends: after
kill -9 nothing stays locked.
"""

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from gan.data.sources.places import STATE
from gan.errors import UserError

LOCK = "lock"


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """For the length of the `with` no other run is at work in the folder, which is made where it is not there.

    Raises UserError at once where another one is.
    """
    state = folder / STATE
    state.mkdir(parents=True, exist_ok=True)
    with (state / LOCK).open("ab") as file:  # never deleted: a lock on a file without a name keeps nobody out
        try:
            _lock(file)
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EAGAIN, errno.EDEADLK):
                raise
            raise UserError(
                f"another fetch is at work in folder {str(folder)!r}: let it end (or stop it) and run the same command "
                "again, or choose another folder"
            ) from None
        yield


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes]) -> None:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(file: IO[bytes]) -> None:
        """Until the file is closed, by whatever. OSError where it is locked already."""
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
