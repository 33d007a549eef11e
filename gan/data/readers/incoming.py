"""What every kind of SOURCE of `import` gives: pictures to come, one by one, and what was passed over."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from PIL import Image

from gan.data.members import Label, Skipped


@dataclass(frozen=True)
class Candidate:
    """A picture that `open` decodes, in any thread, for the length of a `with`: see gan.data.decode.decoding."""

    name: str
    label: Label
    open: Callable[[], AbstractContextManager[Image.Image | Skipped]]


@dataclass(frozen=True, kw_only=True)
class Incoming:
    """One source, opened.

    source: as it may stand in records. kind: `folder`, `zip`, `video`, `sprite sheet`. candidates: in the set's
    order, taken once; those passed over before decoding are among them. num: how many, None where nobody knows.
    class_names: of labels that are numbers. licence: as the source itself names it.
    """

    source: str
    kind: str
    candidates: Iterable[Candidate | Skipped]
    num: int | None
    class_names: tuple[str, ...] = ()
    licence: str | None = None


def decoded(name: str, label: Label, image: Image.Image) -> Candidate:
    """A picture that is in memory already."""
    return Candidate(name, label, lambda: nullcontext(image))
