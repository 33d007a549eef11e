"""Where labels come from: folders, a CSV, the numbers of a dataset.json (gan/data/members.py reads it) or of groups.

Names in, labels and class names out; no file is opened here. Names are those of a set (`Member.name`): paths inside
the folder or zip, with forward slashes.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from gan.data.members import folder_of
from gan.errors import UserError

UNSORTED = "unsorted"
SHARD = re.compile(r"\d{5}")
CSV_DELIMITERS = (",", ";", "\t")  # what spreadsheets write, by country
SHOWN_NAMES = 5


@dataclass(frozen=True, kw_only=True)
class Labels:
    """A class for each picture.

    labels `[n]` int64 into class_names; both are all 0 and empty where there are fewer than two classes. `without`
    names the pictures that had no label: they are the last class, `unsorted`. `unknown` names what was labelled and
    is not in the set.
    """

    labels: NDArray[np.int64]
    class_names: tuple[str, ...]
    without: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    def counts(self) -> NDArray[np.int64]:
        """Pictures of each class, `[classes]`."""
        return np.bincount(self.labels, minlength=len(self.class_names)).astype(np.int64)


def from_folders(names: Sequence[str]) -> Labels:
    """The first folder of each name; pictures beside the folders are `unsorted`.

    StyleGAN's 00000/, 00001/ … hold 1,000 files each and are no classes.
    """
    folders = {name: folder_of(name) for name in names}
    return assign(names, {name: folder for name, folder in folders.items() if folder and not SHARD.fullmatch(folder)})


def from_csv(names: Sequence[str], text: str, source: str) -> Labels:
    """A table with a header of `file` and `label`, other columns aside; commas, semicolons or tabs.

    A row's file is a name as in the set, `axe/a.png`; its label is the class's name. `source` is what errors call
    the table. Raises UserError: no such header, a row without file or label, two labels for one file, or not one
    file that is in the set.
    """
    found: dict[str, str] = {}
    lines: dict[str, int] = {}
    for line, file, label in _rows(text, source):
        if file in found and found[file] != label:
            raise UserError(
                f"{source}, line {line}: {file!r} is {label!r} here and {found[file]!r} in line {lines[file]};"
                " a picture has one label: strike one of the lines"
            )
        found[file], lines[file] = label, line
    if not set(found) & set(names):
        raise UserError(
            f"{source}: not one of its {len(found)} files is in the set; they are written as in the set,"
            f" for example {_like(names, found)!r}, not {next(iter(found), '')!r}"
        )
    return assign(names, found)


def assign(names: Sequence[str], found: Mapping[str, str | int], class_names: Sequence[str] = ()) -> Labels:
    """What was found for each name, as 0..k-1 in order: numbers by size, before words by alphabet.

    A number's name is class_names' at that place; beyond them it is called `class 7`.
    """
    here = [found.get(name) for name in names]
    order: list[str | int | None] = [*sorted({label for label in here if label is not None}, key=_rank)]
    unknown = tuple(sorted(set(found) - set(names)))
    if len(order) < 2:
        return Labels(labels=np.zeros(len(names), dtype=np.int64), class_names=(), unknown=unknown)
    without = tuple(name for name, label in zip(names, here, strict=True) if label is None)
    if without:
        order.append(None)
    index = {label: place for place, label in enumerate(order)}
    return Labels(
        labels=np.array([index[label] for label in here], dtype=np.int64),
        class_names=_distinct(_class_name(label, class_names) for label in order),
        without=without,
        unknown=unknown,
    )


def shown(names: Sequence[str]) -> str:
    """A few of the names, and how many more."""
    more = f" and {len(names) - SHOWN_NAMES} more" if len(names) > SHOWN_NAMES else ""
    return ", ".join(names[:SHOWN_NAMES]) + more


def _rank(label: str | int) -> tuple[bool, int, str]:
    """Numbers before words, also where a CSV wrote them as text: 2 before 10."""
    text = str(label)
    return (not text.isdecimal(), int(text) if text.isdecimal() else 0, text)


def _class_name(label: str | int | None, class_names: Sequence[str]) -> str:
    if label is None:
        return UNSORTED
    if isinstance(label, str):
        return label
    return class_names[label] if 0 <= label < len(class_names) else f"class {label}"


def _distinct(class_names: Iterable[str]) -> tuple[str, ...]:
    """As they are; of two that are the same (a folder called `unsorted`) the later one is numbered."""
    times: Counter[str] = Counter()
    result: list[str] = []
    for name in class_names:
        times[name] += 1
        result.append(name if times[name] == 1 else f"{name} ({times[name]})")
    return tuple(result)


def _rows(text: str, source: str) -> Iterable[tuple[int, str, str]]:
    """Line number, file and label of each row."""
    header = text.lstrip("\ufeff").split("\n", 1)[0]
    delimiter = max(CSV_DELIMITERS, key=header.count)
    reader = csv.DictReader(io.StringIO(text.lstrip("\ufeff"), newline=""), delimiter=delimiter, strict=True)
    try:
        columns = [column.strip().lower() for column in reader.fieldnames or ()]
        if "file" not in columns or "label" not in columns:
            raise UserError(f"{source}: the header is {header.strip()!r}; it must name the columns file and label")
        reader.fieldnames = columns
        for row in reader:
            file, label = (row["file"] or "").strip(), (row["label"] or "").strip()
            if not file or not label:
                missing = "label" if file else "file"
                place = f"{source}, line {reader.line_num}"
                raise UserError(f"{place}: no {missing} in {file or label!r}; write one, or strike the line")
            yield reader.line_num, file.replace("\\", "/").removeprefix("./"), label
    except csv.Error as error:
        raise UserError(
            f"{source}, line {reader.line_num}: {error}; write a row a picture, quotes in pairs: axe/a.png,axe"
        ) from None


def _like(names: Sequence[str], found: Iterable[str]) -> str:
    """A name of the set that ends as one in the table does, if there is any: it shows what to write."""
    endings = {PurePosixPath(file).name for file in found}
    return next((name for name in names if PurePosixPath(name).name in endings), names[0])
