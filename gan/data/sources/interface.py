"""What every source of pictures promises: who it is, what it allows, and an iterator of items.

A source knows one service's formats and nothing of folders, files, resuming or progress bars (collect.py's), nor of
retries, waiting and keys in headers gone wrong (http.py's).
"""

import argparse
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import httpx

from gan.data.sources.http import Client, Unavailable
from gan.errors import UserError

Announce = Callable[[int], None]
"""Called with how many items are to be expected, once a source knows; for the progress bar only."""


@dataclass(frozen=True, kw_only=True)
class RemotePicture:
    """A picture to be downloaded. kind: which picture of its item ("icon", "screenshot"), part of its file's name."""

    kind: str
    url: str


@dataclass(frozen=True, kw_only=True)
class StoredPicture:
    """A picture that came with an archive: its bytes, and the member's name as it stood there (never a path here)."""

    kind: str
    member: str
    data: bytes = field(repr=False)


Picture = RemotePicture | StoredPicture


@dataclass(frozen=True, kw_only=True)
class Item:
    """One thing with its pictures and texts.

    key: the same for the same thing in every run, and unlike all others of the source (an id, a path).
    class_name: the folder that its pictures lie in, so the class that `gan.data` gives them.
    text and rarity: None where the source has none. details: whatever else is worth keeping; JSON.
    """

    key: str
    name: str
    class_name: str
    pictures: tuple[Picture, ...]
    text: str | None = None
    rarity: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Missing:
    """Something that could not be had, and why. later: trying again another time may help."""

    key: str
    reason: str
    later: bool = False


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Around the reading of a service's document: where it has another shape than documented, Unavailable.

    So a service that changes one document costs an item and not the run.
    """
    try:
        yield
    except UserError:  # a ValueError, but not about the document
        raise
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise Unavailable(f"{what}: an answer unlike its documentation ({error!r})", later=False) from None


def web_address(text: str) -> str:
    """An option's base URL, without a slash at its end; for `type=`, so argparse names the option in the error."""
    try:
        address = httpx.URL(text)
    except httpx.InvalidURL:
        address = httpx.URL()
    if address.scheme not in ("http", "https") or not address.host:
        raise argparse.ArgumentTypeError(f"{text!r} is not an address: give one such as https://mirror.example")
    return text.rstrip("/")


class Source(ABC):
    """One service. Subclasses are frozen dataclasses whose fields are the options of a run."""

    NAME: ClassVar[str]
    GIVES: ClassVar[str]
    """What one gets, in a sentence or two."""
    LICENCE: ClassVar[str]
    """What the owner allows and what not, in a sentence or two; stands in source.json and in --help."""
    LICENCE_URL: ClassVar[str]
    KEY_VARIABLE: ClassVar[str | None] = None
    """The environment variable that holds the key, where one is needed."""
    KEY_FROM: ClassVar[str] = ""
    """Where a key is to be had."""
    ANSWERS_PER_SECOND: ClassVar[float]
    """How often the service may be asked for documents."""
    DOWNLOADS_PER_SECOND: ClassVar[float]
    """How often its file server may be asked for pictures."""
    TEACHES: ClassVar[str]
    """The text under `fetch NAME --help`: examples, what is which."""

    base_url: str

    @abstractmethod
    def items(self, client: Client, announce: Announce) -> Iterator[Item | Missing]:
        """In an order that is the same in every run. Raises Unavailable where the service's own list cannot be had,
        UserError where it refuses."""

    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """The options that two runs into one folder must share, as JSON: which picture, which language."""

    @classmethod
    @abstractmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        """Its own options; `--out`, `--limit` and their like are the command's."""

    @classmethod
    @abstractmethod
    def from_options(cls, options: argparse.Namespace, environment: Mapping[str, str]) -> Self:
        """Raises UserError: a key that is not set, an option that makes no sense."""
