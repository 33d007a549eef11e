"""Files that torch or pickle wrote, as data: a plain pickle, torch's old stream, torch's zip.

torch.load(weights_only=True) would not do: rosinality's checkpoints hold an argparse.Namespace, which it refuses,
and NVlabs' are no torch files but pickles with torch streams inside. One reader for all of them is also less to
trust.
"""

import io
import struct
import zipfile
from pathlib import Path
from typing import Any

import torch

from gan.convert.inert import HINTS, NAMES, Storage
from gan.convert.unpickle import Admitted, damaged, refused, unpickle
from gan.errors import UserError

_ZIP = b"PK\x03\x04"
_MAGIC = 0x1950A86A20F9469CFC6C  # the first number of torch's old stream
_PROTOCOL = 1001


def read_file(path: Path) -> Any:
    """What the file holds: dicts, lists, numbers and `StoredTensor`s. UserError names what is refused or damaged."""
    data = path.read_bytes()
    try:
        if data.startswith(_ZIP):
            return _read_zip(data)
        stream = io.BytesIO(data)
        first = unpickle(stream, _NAMES_OF_PICKLES, HINTS)
        return _read_stream(stream) if first == _MAGIC else first
    except UserError as error:
        raise UserError(f"{path.name!r}: {error}") from None


def _storage_from_bytes(data: Any) -> Storage:
    """The storage in a stream of its own, as a pickled tensor carries it."""
    if type(data) is not bytes:
        raise TypeError("a storage is read from bytes")
    stream = io.BytesIO(data)
    if unpickle(stream, NAMES, HINTS) != _MAGIC:
        raise damaged("a storage that is no torch stream")
    storage = _read_stream(stream)
    if not isinstance(storage, Storage):
        raise damaged("a torch stream without a storage")
    return storage


_NAMES_OF_PICKLES = {
    **NAMES,
    "torch.storage._load_from_bytes": Admitted("torch.storage._load_from_bytes", _storage_from_bytes),
}


class _Storages:
    """The storages that a torch file names by persistent ids, each once."""

    def __init__(self) -> None:
        self.by_key: dict[str, Storage] = {}

    def named(self, value: Any) -> Storage:
        """The storage of a persistent id ('storage', dtype, key, location, number of elements[, view])."""
        if type(value) is not tuple or not 5 <= len(value) <= 6 or value[0] != "storage":
            raise refused(f"persistent id {value[0] if type(value) is tuple and value else value}"[:80])
        _, dtype, key, _, num = value[:5]
        if len(value) == 6 and value[5] is not None:
            raise refused("a storage that is part of another")
        if not isinstance(dtype, torch.dtype) or type(key) is not str or type(num) is not int or num < 0:
            raise TypeError("a storage is named by dtype, key and number of elements")
        storage = self.by_key.setdefault(key, Storage(dtype, num))
        if (storage.dtype, storage.num) != (dtype, num):
            raise damaged("one storage under two descriptions")
        return storage


def _read_stream(stream: io.BytesIO) -> Any:
    """torch's old format, behind its magic number: protocol, system, object, keys, then the storages' bytes."""
    if unpickle(stream, NAMES, HINTS) != _PROTOCOL:
        raise damaged("a torch stream of another protocol")
    system = unpickle(stream, NAMES, HINTS)
    if type(system) is not dict or system.get("little_endian") is not True:
        raise refused("a torch stream of a big-endian machine")
    storages = _Storages()
    root = unpickle(stream, NAMES, HINTS, storages.named)
    keys = unpickle(stream, NAMES, HINTS)
    if type(keys) is not list or {key for key in keys if type(key) is str} != set(storages.by_key):
        raise damaged("a torch stream whose storages are not those that it names")
    view = stream.getbuffer()
    for key in keys:
        storage = storages.by_key[key]
        start = stream.tell() + 8
        header = stream.read(8)
        num_bytes = storage.num * storage.dtype.itemsize
        if len(header) < 8 or struct.unpack("<q", header)[0] != storage.num or start + num_bytes > len(view):
            raise damaged("a torch stream that ends too soon")
        storage.data = view[start : start + num_bytes]
        stream.seek(start + num_bytes)
    return root


def _read_zip(data: bytes) -> Any:
    """torch's zip: NAME/data.pkl, and NAME/data/KEY for each storage, none of them compressed."""
    entries = _unzipped(data)
    roots = [name.removesuffix("data.pkl") for name in entries if name.endswith("/data.pkl")]
    if len(roots) != 1:
        raise damaged("a zip without torch's data.pkl")
    if entries.get(f"{roots[0]}byteorder", b"little") != b"little":
        raise refused("a torch zip of a big-endian machine")
    storages = _Storages()
    root = unpickle(io.BytesIO(entries[f"{roots[0]}data.pkl"]), NAMES, HINTS, storages.named)
    for key, storage in storages.by_key.items():
        numbers = entries.get(f"{roots[0]}data/{key}")
        if numbers is None or len(numbers) != storage.num * storage.dtype.itemsize:
            raise damaged(f"storage {key[:20]!r} is missing or of another size")
        storage.data = memoryview(numbers)
    return root


def _unzipped(data: bytes) -> dict[str, bytes]:
    """What lies in the zip, no more than the zip is large."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            packed = any(entry.compress_type != zipfile.ZIP_STORED for entry in entries)
            if packed or sum(entry.file_size for entry in entries) > len(data):
                raise refused("compressed or overlapping zip entries", "torch stores them as they are")
            return {entry.filename: archive.read(entry) for entry in entries}
    except UserError:
        raise
    except (zipfile.BadZipFile, ValueError, RuntimeError, NotImplementedError, EOFError, struct.error) as error:
        raise damaged(f"a damaged zip ({type(error).__name__})") from None
