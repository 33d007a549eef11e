"""What is known of a set: `dataset-card.json` in its zip."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from gan.data.label_files import first_fault
from gan.data.members import Skipped
from gan.errors import UserError

CARD_NAME = "dataset-card.json"


@dataclass(frozen=True, kw_only=True)
class SourceCard:
    """One source of a set.

    source: without passwords and signatures. sizes: how many pictures came as "32x32" (height x width). method: how
    they were to be resized (`none`: kept at their size); filters: how many were by which filter, exactly. Of the
    num_looked_at pictures of the sample that decides (0: the method was named), num_pixel_art are pixel art.
    """

    source: str
    kind: str
    licence: str | None
    num_pictures: int
    sizes: Mapping[str, int]
    method: str
    filters: Mapping[str, int]
    num_looked_at: int
    num_pixel_art: int


@dataclass(frozen=True, kw_only=True)
class DatasetCard:
    """A set as a whole.

    channels: 1 grey, 3 RGB, 4 RGBA with straight alpha. classes: pictures of each, by label; empty where there are
    none. licence: None where nobody named one. background: what alpha was flattened on, or None. fingerprint: that of
    gan.data.dataset.load_pictures on the finished zip. skipped: every file that is not in the set, and why.
    """

    name: str
    num_pictures: int
    height: int
    width: int
    channels: int
    classes: Mapping[str, int]
    licence: str | None
    fit: str
    background: str | None
    sources: tuple[SourceCard, ...]
    skipped: tuple[Skipped, ...]
    fingerprint: str
    ganvil_version: str

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: bytes | str) -> "DatasetCard":
        """UserError where it is none."""
        try:
            return TypeAdapter(cls).validate_json(text)
        except ValidationError as error:
            raise UserError(f"{CARD_NAME} cannot be read ({first_fault(error)}): import the set anew") from None
