"""What is said about a weapon: name, type, rarity, flavour text and perks, and who wrote it."""

from typing import Annotated, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from serve.stock.drawable import Made

Rarity = Literal["common", "uncommon", "rare", "legendary", "exotic"]
RARITIES: tuple[Rarity, ...] = ("common", "uncommon", "rare", "legendary", "exotic")
MAX_SOURCE = 120  # letters that the store's column holds
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Perk(BaseModel):
    model_config = ConfigDict(frozen=True)

    name: Annotated[Line, StringConstraints(max_length=48)]
    text: Annotated[Line, StringConstraints(max_length=160)]


class Lore(BaseModel):
    """The text of one weapon; the limits are those that a card can hold."""

    model_config = ConfigDict(frozen=True)

    name: Annotated[Line, StringConstraints(max_length=64)]
    type: Annotated[Line, StringConstraints(max_length=40)]
    rarity: Rarity
    flavour: Annotated[Line, StringConstraints(max_length=280)]
    perks: Annotated[tuple[Perk, ...], Field(min_length=1, max_length=4)]
    source: Annotated[str, Field(description="'grammar', or 'gpt:' and the model's name")]


class Author(Protocol):
    """Writes about a picture that it may look at. `type_name` is the picture's class, None where it has none.

    Raises NoText when it has nothing to say (out of budget, out of reach, refused).
    """

    def write(self, made: Made, type_name: str | None) -> Lore: ...


class NoText(Exception):
    """The author has no text for this weapon, now; the message says why and holds no secret."""
