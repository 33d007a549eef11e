"""A run: a source's items into a folder that `gan.data` reads as it is, able to go on wherever it was cut.

FOLDER/Hand Cannon/ace-of-spades-347366834-icon.jpg    a folder a class
FOLDER/lore.jsonl                                      an item a line, its texts beside its pictures (lore.py)
FOLDER/source.json                                     where it is from, what its licence allows, counts
FOLDER/.fetch/                                         answers and archives, so that nothing is asked for twice; the
                                                       lock that keeps two runs apart (alone.py)
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tqdm import tqdm

from gan.data.sources.alone import alone_in
from gan.data.sources.http import Client, Unavailable, shown
from gan.data.sources.interface import Item, Missing, Picture, RemotePicture, Source
from gan.data.sources.lore import Lore, SavedPicture
from gan.data.sources.places import STATE, class_folder, file_stem, picture_ending, picture_there
from gan.errors import UserError
from gan.version import code_version
from gan.whole_file import write_whole

FAULTS_IN_A_ROW = 5
"""After so many items in a row that a service failed to give, each patiently repeated, it is taken to be down."""

MOST_MISSING_LISTED = 1000


@dataclass(frozen=True, kw_only=True)
class Collected:
    """What the folder holds now, and what could not be had in this run."""

    items: int
    classes: dict[str, int]
    new: int
    missing: tuple[Missing, ...]


def collect(
    source: Source,
    client: Client,
    folder: Path,
    *,
    limit: int | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    quiet: bool | None = None,
    refresh: bool = False,
) -> Collected:
    """Fetch what is not there yet, up to the source's first `limit` items.

    quiet: no progress bar (None: only on a terminal). refresh: forget what the client keeps of earlier answers first.
    Raises UserError: the folder belongs to something else, another run is at work in it, the service refuses or is
    down; in every case the same call goes on later.
    """
    _claim(folder, source)  # before the lock, which would leave its trace in a folder of somebody else's
    with alone_in(folder):
        if refresh:
            client.forget()
        return _collect(_Run(source, client, folder, now), limit=limit, quiet=quiet)


def _collect(run: "_Run", *, limit: int | None, quiet: bool | None) -> Collected:
    source = run.source
    taken = 0
    complete = False
    with tqdm(desc=f"fetching {source.NAME}", total=limit, unit=" items", disable=quiet) as bar:

        def announce(total: int) -> None:
            bar.total = total if limit is None else min(total, limit)
            bar.refresh()

        try:
            for item in source.items(run.client, announce):
                if isinstance(item, Missing):
                    run.miss(item)
                    continue
                run.take(item)
                taken += 1
                bar.update()
                if taken == limit:
                    break  # before the source asks for the next one
            else:
                complete = True
        except Unavailable as error:
            raise UserError(f"{error}; {_GOES_ON}") from None
        finally:
            run.record(complete=complete)
    return run.collected()


_GOES_ON = "run the same command again later, it goes on where it was"


class _Run:
    """One run's folder and counts."""

    def __init__(self, source: Source, client: Client, folder: Path, now: Callable[[], datetime]) -> None:
        self.source = source
        self.client = client
        self._folder = folder
        self._now = now
        _claim(folder, source)  # again: the run before this one may have been another source's
        self._lore = Lore(folder / "lore.jsonl")
        self._before = len(self._lore.keys)
        self._missing: list[Missing] = []
        self._faults_in_a_row = 0
        self.record(complete=False)

    def take(self, item: Item) -> None:
        """Its pictures, then its line. Where a picture may come later there is no line yet, so it is tried again."""
        if item.key in self._lore.keys:
            return
        saved: list[SavedPicture] = []
        for picture in item.pictures:
            try:
                saved.append(self._save(item, picture))
            except Unavailable as error:
                self.miss(Missing(key=item.key, reason=str(error), later=error.later))
                if error.later:
                    return
        if saved:
            self._lore.add(item, saved)
            self._faults_in_a_row = 0

    def miss(self, missing: Missing) -> None:
        self._missing.append(missing)
        self._faults_in_a_row = self._faults_in_a_row + 1 if missing.later else 0
        if self._faults_in_a_row >= FAULTS_IN_A_ROW:
            raise UserError(
                f"{FAULTS_IN_A_ROW} items in a row could not be had, the last: {missing.reason}; {_GOES_ON}"
            )

    def _save(self, item: Item, picture: Picture) -> SavedPicture:
        origin = picture.url if isinstance(picture, RemotePicture) else picture.member
        path = self._lore.places.get(origin)
        if path is None:
            place = self._folder / class_folder(item.class_name)
            stem = file_stem(item.name, item.key, picture.kind)
            there = picture_there(place, stem) or self._write(place, stem, picture)
            path = there.relative_to(self._folder).as_posix()
        return SavedPicture(kind=picture.kind, path=path, origin=origin)

    def _write(self, place: Path, stem: str, picture: Picture) -> Path:
        data = self.client.picture(picture.url) if isinstance(picture, RemotePicture) else picture.data
        ending = picture_ending(data)
        if ending is None:
            origin = shown(picture.url) if isinstance(picture, RemotePicture) else picture.member
            raise Unavailable(f"{origin}: not a picture", later=False)
        path = place / f"{stem}{ending}"
        write_whole(path, data)
        return path

    def record(self, *, complete: bool) -> None:
        """source.json as things stand. complete: every item of the source was tried and none is due for later."""
        source = self.source
        content = {
            "source": source.NAME,
            "gives": source.GIVES,
            "licence": source.LICENCE,
            "licence_url": source.LICENCE_URL,
            "url": shown(source.base_url),
            "options": source.identity(),
            "fetched": self._now().isoformat(timespec="seconds"),
            "fetched_by": f"ganvil {code_version()}",
            "complete": complete and not any(missing.later for missing in self._missing),
            "items": len(self._lore.keys),
            "pictures": len(set(self._lore.places.values())),
            "classes": dict(sorted(self._lore.classes.items())),
            "missing": [vars(missing) for missing in self._missing[:MOST_MISSING_LISTED]],
        }
        write_whole(self._folder / "source.json", json.dumps(content, indent=2, ensure_ascii=False).encode() + b"\n")

    def collected(self) -> Collected:
        return Collected(
            items=len(self._lore.keys),
            classes=dict(sorted(self._lore.classes.items())),
            new=len(self._lore.keys) - self._before,
            missing=tuple(self._missing),
        )


def _claim(folder: Path, source: Source) -> None:
    """UserError unless the folder is new, empty, or an earlier run of this source with the same options."""
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{str(folder)!r} is a file: choose a folder")
    record = folder / "source.json"
    if not record.exists():
        if folder.exists() and any(child.name != STATE for child in folder.iterdir()):
            raise UserError(f"folder {str(folder)!r} holds something else (no source.json): choose a new one")
        return
    try:
        earlier: dict[str, Any] = json.loads(record.read_bytes())
        theirs = (earlier["source"], earlier["options"])
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{str(record)!r} is not one of ours: choose another folder") from None
    ours = (source.NAME, source.identity())
    if theirs != ours:
        raise UserError(
            f"folder {str(folder)!r} holds {theirs[0]} with {theirs[1]}, not {ours[0]} with {ours[1]}: choose another "
            "folder, different pictures in one set teach a network neither"
        )
