"""The files of a source as they are, from a folder, a zip or a URL of a zip: names, labels, bytes on demand.

Decodes nothing and writes nothing anywhere. What cannot be trusted is told apart before a byte of it is read: see
`unsafe_name`, symbolic links, encrypted members, names that come twice, files too large for a picture.
"""

import os
import re
import stat
import tempfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Literal
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

import fsspec
from fsspec.callbacks import TqdmCallback

from gan.data.label_files import (
    CLASSES_JSON,
    DATASET_JSON,
    LICENCE_FILES,
    read_class_names,
    read_labels,
    read_licence,
)
from gan.data.threads import PROGRESS_AFTER_SECONDS
from gan.errors import UserError

IMAGE_ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff")
MOST_BYTES_A_FILE = 48 << 20  # a 16-megapixel photograph as PNG has about 30 MiB
MOST_BYTES_OF_TEXT = 64 << 20  # the labels of more than a million pictures

_SECRET = re.compile(r"sig|token|key|secret|credential|password", re.IGNORECASE)
_SHARD = re.compile(r"\d{5}")
_DRIVE = re.compile(r"[A-Za-z]:")

Label = str | int | None


@dataclass(frozen=True)
class Skipped:
    """A file that was passed over, and why."""

    name: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Member:
    """One picture file, not read yet.

    name: its path inside the source, with forward slashes. label: its number in dataset.json, or else its first
    folder, or None.
    """

    name: str
    label: Label
    num_bytes: int
    open: Callable[[], IO[bytes]] = field(repr=False, compare=False)

    def read(self) -> bytes:
        """All of it. OSError, with a reason fit to print, where it cannot be read; safe from several threads."""
        try:
            with self.open() as stream:
                data = stream.read(MOST_BYTES_A_FILE + 1)
        except (BadZipFile, zlib.error, EOFError, RuntimeError) as error:  # RuntimeError: encrypted, unknown method
            raise OSError(f"damaged in the zip: {error}") from error
        if len(data) > MOST_BYTES_A_FILE:
            raise OSError(_too_large(len(data)))
        return data


@dataclass(frozen=True, kw_only=True)
class Source:
    """What a folder or zip holds, in a fixed order.

    source: as it may stand in records, without passwords and signatures. labelled: where the members' labels come
    from. class_names: those of classes.json, by number. labels_without_file: what dataset.json names and nobody has.
    licence: as a card of ours, or of `fetch`, names it.
    """

    source: str
    kind: Literal["folder", "zip"]
    members: tuple[Member, ...]
    refused: tuple[Skipped, ...]
    labelled: Literal["dataset.json", "folders"]
    class_names: tuple[str, ...] = ()
    labels_without_file: tuple[str, ...] = ()
    licence: str | None = None

    @property
    def chosen(self) -> tuple[Member, ...]:
        """The members of the set: those that dataset.json labels, where it has labels; else all."""
        if self.labelled == "folders":
            return self.members
        return tuple(member for member in self.members if member.label is not None)


@contextmanager
def open_source(source: str) -> Iterator[Source]:
    """The source's files; they can be read until the end of the `with`.

    Raises UserError: nothing there, neither folder nor zip, a damaged dataset.json or classes.json.
    """
    if "://" in source:
        shown = without_secrets(source)
        with _open_url(source, shown) as file, _open_zip(shown, file) as archive:
            yield _zip_source(shown, archive)
        return
    path = Path(source)
    if path.is_dir():
        yield _folder_source(source, path)
    elif path.is_file():
        with path.open("rb") as file, _open_zip(source, file) as archive:
            yield _zip_source(source, archive)
    else:
        raise UserError(
            f"data {source!r} does not exist: give a folder of pictures, a zip, a URL of a zip, or 'armory' (built in)"
        )


def without_secrets(url: str) -> str:
    """The URL as it may stand in records and logs: without a password, and without the signature of a signed one."""
    address, _, query = re.sub(r"://[^/@]*@", "://", url).partition("?")
    return f"{address}?{query}" if query and not _SECRET.search(query) else address


def unsafe_name(name: str) -> str | None:
    """Why a member of that name could be written outside a target folder; None where it could not."""
    if "\0" in name:
        return "unsafe name: it holds a NUL"
    if "\\" in name:
        return "unsafe name: it holds a backslash, which separates folders on some systems"
    if name.startswith("/"):
        return "unsafe name: an absolute path"
    if _DRIVE.match(name):
        return "unsafe name: it begins with a drive letter"
    if ".." in name.split("/"):
        return "unsafe name: it leads out of its folder by '..'"
    return None


def is_picture_name(name: str) -> bool:
    """Whether the ending is a picture's. The resource forks that a Mac adds to zips (`._axe.png`) are none."""
    path = PurePosixPath(name)
    return name.lower().endswith(IMAGE_ENDINGS) and not path.name.startswith("._") and "__MACOSX" not in path.parts


def folder_of(name: str) -> str | None:
    """The first folder of a path, which is a class."""
    parts = PurePosixPath(name).parts
    return parts[0] if len(parts) > 1 else None


@contextmanager
def _open_url(url: str, shown: str) -> Iterator[IO[bytes]]:
    opened = False
    try:
        with fsspec.open(url, "rb") as file:
            opened = True
            if _gives_parts(file):
                yield file
                return
        with _copied(url) as copy:
            yield copy
    except UserError:
        raise
    except ImportError as error:  # it says what to install
        raise UserError(f"data {shown!r} needs a library that is not installed: {error}, then try again") from error
    except Exception as error:  # every file system of fsspec raises kinds of its own
        reason = str(error).replace(url, shown).partition("\n")[0] or type(error).__name__
        if isinstance(error, FileNotFoundError):
            cause = str(error.__cause__ or "").partition("\n")[0].replace(url, shown)
            reason = "nothing is there" + (f" ({cause})" if cause else "")
        trouble = "broke off" if opened else "cannot be opened"
        raise UserError(f"data {shown!r} {trouble}: {reason}; give a URL of a zip that can be read") from error


def _gives_parts(file: IO[bytes]) -> bool:
    """Whether a part can be read by itself, as zips are: of some web servers, as Python's own, only the whole can."""
    try:
        file.seek(max(0, file.seek(0, os.SEEK_END) - 1))
        file.read(1)
        file.seek(0)
    except (OSError, ValueError, NotImplementedError):
        return False
    return True


@contextmanager
def _copied(url: str) -> Iterator[IO[bytes]]:
    """All of it in a temporary file without a name, gone with the process."""
    system, path = fsspec.core.url_to_fs(url)
    with tempfile.TemporaryFile(prefix="ganvil-download-") as copy:
        bar = {"desc": "downloading", "unit": "B", "unit_scale": True, "disable": None, "delay": PROGRESS_AFTER_SECONDS}
        with TqdmCallback(tqdm_kwargs=bar) as callback:
            system.get_file(path, copy, callback=callback)
        copy.seek(0)
        yield copy


@contextmanager
def _open_zip(source: str, file: IO[bytes]) -> Iterator[ZipFile]:
    try:
        archive = ZipFile(file)
    except (BadZipFile, ValueError, NotImplementedError):  # ValueError: an archive comment that overflows
        raise UserError(f"data {source!r} is not a zip: give a folder, a zip or a URL of a zip") from None
    with archive:
        yield archive


def _folder_source(source: str, root: Path) -> Source:
    files: list[_File] = []
    refused: list[Skipped] = []
    for place, folders, names in os.walk(root):
        inside = Path(place).relative_to(root)
        links = [name for name in folders if (Path(place) / name).is_symlink()]
        refused += [Skipped((inside / name).as_posix(), "a symbolic link to a folder") for name in links]
        for name in names:
            path, shown = Path(place) / name, (inside / name).as_posix()
            if not is_picture_name(shown):
                continue
            if path.is_symlink():
                refused.append(Skipped(shown, "a symbolic link"))
            elif path.is_file():
                files.append(_File(shown, path.stat().st_size, partial(_open_file, path)))
    files.sort(key=lambda file: PurePosixPath(file.name).parts)

    def read_text(name: str) -> bytes | None:
        path = root / name
        if path.is_symlink() or not path.is_file():
            return None
        _check_size(source, name, path.stat().st_size)
        return path.read_bytes()

    return _label(source, "folder", files, refused, read_text)


def _open_file(path: Path) -> IO[bytes]:
    return path.open("rb")


def _zip_source(source: str, archive: ZipFile) -> Source:
    infos = [info for info in archive.infolist() if not info.is_dir()]
    comes = Counter(info.filename for info in infos)
    files: list[_File] = []
    refused: list[Skipped] = []
    for info in infos:
        if not is_picture_name(info.filename):
            continue
        comes[info.filename] -= 1
        reason = _refusal(info, is_last=comes[info.filename] == 0)
        if reason is not None:
            refused.append(Skipped(info.filename, reason))
        else:
            files.append(_File(info.filename, info.file_size, partial(archive.open, info)))
    files.sort(key=lambda file: file.name)
    by_name = {info.filename: info for info in infos}

    def read_text(name: str) -> bytes | None:
        info = by_name.get(name)
        if info is None:
            return None
        _check_size(source, name, info.file_size)
        try:
            return archive.read(info)
        except (BadZipFile, zlib.error, EOFError, RuntimeError) as error:
            raise UserError(f"{name} in {source!r} cannot be read ({error}): make the zip anew") from None

    return _label(source, "zip", files, refused, read_text)


def _refusal(info: ZipInfo, *, is_last: bool) -> str | None:
    if (reason := unsafe_name(info.orig_filename)) is not None:
        return reason
    if stat.S_ISLNK(info.external_attr >> 16):
        return "a symbolic link"
    if info.flag_bits & 1:
        return "encrypted"
    if info.compress_type not in (ZIP_STORED, ZIP_DEFLATED):  # the others inflate without a bound on memory
        return f"compressed by method {info.compress_type}: only stored and deflated members are read"
    if not is_last:
        return "the name comes twice in the zip: the later one counts, as for tools that unpack"
    return None


def _too_large(num_bytes: int) -> str:
    return f"{num_bytes:,} bytes, over the {MOST_BYTES_A_FILE:,} that a picture may have"


@dataclass(frozen=True)
class _File:
    name: str
    num_bytes: int
    open: Callable[[], IO[bytes]]


def _label(
    source: str,
    kind: Literal["folder", "zip"],
    files: Sequence[_File],
    refused: Sequence[Skipped],
    read_text: Callable[[str], bytes | None],
) -> Source:
    """By dataset.json where it has labels, else by folder."""
    too_large = [Skipped(file.name, _too_large(file.num_bytes)) for file in files if file.num_bytes > MOST_BYTES_A_FILE]
    refused = (*refused, *too_large)
    files = [file for file in files if file.num_bytes <= MOST_BYTES_A_FILE]
    cards = (read_text(name) for name in LICENCE_FILES)
    licence = next((licence for card in cards if card is not None and (licence := read_licence(card))), None)
    dataset = read_text(DATASET_JSON)
    labels = None if dataset is None else read_labels(source, dataset)
    if labels is not None:
        classes = read_text(CLASSES_JSON)
        found = {file.name for file in files} | {skipped.name for skipped in refused}
        return Source(
            source=source,
            kind=kind,
            members=_members(files, [labels.get(file.name) for file in files]),
            refused=refused,
            labelled="dataset.json",
            class_names=() if classes is None else read_class_names(source, classes),
            labels_without_file=tuple(sorted(labels.keys() - found)),
            licence=licence,
        )
    folders = [folder_of(file.name) for file in files]
    if dataset is not None and all(_SHARD.fullmatch(str(folder)) for folder in folders):
        folders = [None] * len(files)  # StyleGAN's 00000/, 00001/ …: 1,000 files each
    return Source(
        source=source,
        kind=kind,
        members=_members(files, folders),
        refused=refused,
        labelled="folders",
        licence=licence,
    )


def _members(files: Sequence[_File], labels: Sequence[Label]) -> tuple[Member, ...]:
    return tuple(
        Member(name=file.name, label=label, num_bytes=file.num_bytes, open=file.open)
        for file, label in zip(files, labels, strict=True)
    )


def _check_size(source: str, name: str, num_bytes: int) -> None:
    if num_bytes > MOST_BYTES_OF_TEXT:
        raise UserError(f"{name} in {source!r} has {num_bytes:,} bytes, over {MOST_BYTES_OF_TEXT:,}: take it out")
