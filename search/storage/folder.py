"""The folder of one search, on a local disk or at a URI: its settings, its study, its trials' checkpoints.

<storage>/search/<name>/
  search.json                   the plan (search/plan.py); written first: where it is, there is a search
  optuna.db or journal/         the study: SQLite on a local disk, else one object an entry
  <trial>.<attempt>/            one folder a trial and attempt, with Tune's checkpoint_…/ in it

A checkpoint counts once COMPLETE lies in it with the right sizes: copying one can be cut anywhere.
"""

import copy
import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pyarrow.fs  # type: ignore[import-untyped]
from filelock import FileLock, Timeout

from gan.errors import UserError
from search.storage.patience import patient

COMPLETE = "complete.json"
SETTINGS = "search.json"


@dataclass(frozen=True)
class StoredCheckpoint:
    """A whole checkpoint in the storage: its URI, and how far it had come."""

    uri: str
    images_seen: int


class SearchFolder:
    """Reads and writes below `<storage>/search/<name>`; every write is complete or absent."""

    def __init__(self, storage: str, name: str) -> None:
        """storage is absolute or a URI that pyarrow knows (s3://, gs://, file://); else UserError."""
        self.storage = storage
        self.name = name
        try:
            self.filesystem, root = pyarrow.fs.FileSystem.from_uri(storage)
        except (pyarrow.ArrowInvalid, OSError) as error:
            raise UserError(
                f"storage {storage!r} cannot be opened ({str(error).splitlines()[0]}): give an absolute folder or a URI"
                " such as s3://bucket/ganvil"
            ) from None
        self.root = PurePosixPath(root) / "search" / name

    def with_patience(self) -> "SearchFolder":
        """The same, where whatever is asked of storage that is away waits for it (search/storage/patience.py)."""
        waiting = copy.copy(self)
        waiting.filesystem = patient(self.filesystem)
        return waiting

    @property
    def is_local(self) -> bool:
        return isinstance(self.filesystem, pyarrow.fs.LocalFileSystem)

    @property
    def local_path(self) -> Path:
        assert self.is_local
        return Path(self.root)

    @property
    def tune_storage(self) -> tuple[str, pyarrow.fs.FileSystem | None]:
        """What Tune is given as storage, a path and its filesystem; the search's name is its experiment's."""
        return str(self.root.parent), None if self.is_local else self.filesystem

    def make(self) -> None:
        """Make it, or say why it cannot be made."""
        try:
            self.filesystem.create_dir(str(self.root))
        except OSError as error:
            raise UserError(f"storage {self.storage!r} cannot be written to: {str(error).splitlines()[0]}") from None

    def read(self, name: str) -> bytes | None:
        """The file's content, None where there is no such file."""
        path = str(self.root / name)
        if self.filesystem.get_file_info(path).type != pyarrow.fs.FileType.File:
            return None
        with self.filesystem.open_input_stream(path) as stream:
            return bytes(stream.read())

    def write(self, name: str, content: bytes) -> None:
        """Whole or not at all: an object store does so by itself, a disk by renaming."""
        path = self.root / name
        self.filesystem.create_dir(str(path.parent))
        target = path.with_name(f".{path.name}.partial") if self.is_local else path
        with self.filesystem.open_output_stream(str(target)) as stream:
            stream.write(content)
        if target != path:
            self.filesystem.move(str(target), str(path))

    def names(self, folder: str = "") -> list[str]:
        """What lies directly in a folder below the root, sorted; hidden names left out."""
        selector = pyarrow.fs.FileSelector(str(self.root / folder), allow_not_found=True)
        found = [info.base_name for info in self.filesystem.get_file_info(selector)]
        return sorted(name for name in found if not name.startswith("."))

    def next_attempt(self, trial: str) -> int:
        """A number above those of all attempts that have left a folder: none of theirs is written into again."""
        return 1 + max((int(name.rpartition(".")[2]) for name in self._attempts(trial)), default=-1)

    def newest_checkpoint(self, trial: str) -> StoredCheckpoint | None:
        """The whole checkpoint of most images among all attempts of the trial."""
        found = [
            checkpoint
            for attempt in self._attempts(trial)
            for name in self.names(attempt)
            if name.startswith("checkpoint_")
            if (checkpoint := self._whole(f"{attempt}/{name}")) is not None
        ]
        return max(found, key=lambda checkpoint: checkpoint.images_seen, default=None)

    def is_whole(self, uri: str) -> bool:
        """Whether the checkpoint at that URI, one of this search's, is still there and whole."""
        return self._whole("/".join(uri.partition("?")[0].rsplit("/", 2)[-2:])) is not None

    def forget_attempts(self, trial: str, *, but: StoredCheckpoint | None) -> None:
        """Delete the folders of the trial's earlier attempts, except the one that is to be gone on from."""
        for attempt in self._attempts(trial):
            if but is None or f"/{attempt}/" not in but.uri:
                self.filesystem.delete_dir(str(self.root / attempt))

    def _attempts(self, trial: str) -> list[str]:
        split = ((name, *name.rpartition(".")) for name in self.names())
        return [name for name, stem, _, number in split if stem == trial and number.isdecimal()]

    def _whole(self, folder: str) -> StoredCheckpoint | None:
        text = self.read(f"{folder}/{COMPLETE}")
        try:
            manifest = json.loads(text or b"")
            images_seen, sizes = int(manifest["images_seen"]), dict(manifest["bytes"])
        except (ValueError, KeyError, TypeError):
            return None
        infos = self.filesystem.get_file_info([str(self.root / folder / name) for name in sizes])
        if any(info.size != size for info, size in zip(infos, sizes.values(), strict=True)):
            return None
        return StoredCheckpoint(uri=self._uri(folder), images_seen=images_seen)

    def _uri(self, folder: str) -> str:
        base, _, query = self.storage.partition("?")
        return f"{base.rstrip('/')}/search/{self.name}/{folder}{'?' + query if query else ''}"

    def lock(self) -> FileLock | None:
        """Held while a driver runs the search, on a local disk; UserError where another one holds it."""
        if not self.is_local:
            return None
        lock = FileLock(self.local_path / ".lock")
        try:
            return lock.acquire(timeout=0).lock
        except Timeout:
            raise UserError(f"search {self.name!r} is running already: stop that one, or take another --name") from None


def locate(checkpoint_uri: str) -> tuple[str, pyarrow.fs.FileSystem]:
    """A stored checkpoint's path and filesystem, which waits where it is away."""
    filesystem, path = pyarrow.fs.FileSystem.from_uri(checkpoint_uri)
    return path, patient(filesystem)


def seal(folder: Path, images_seen: int) -> None:
    """Write COMPLETE into a local checkpoint folder before it travels."""
    sizes = {path.name: path.stat().st_size for path in sorted(folder.iterdir())}
    (folder / COMPLETE).write_text(json.dumps({"images_seen": images_seen, "bytes": sizes}))
