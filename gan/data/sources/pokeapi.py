"""PokeAPI: the sprites and artwork of every Pokémon, with types, English Pokédex texts, and who is legendary.

Documented at https://pokeapi.co/docs/v2: `/api/v2/pokemon?limit=…&offset=…` lists names, `/api/v2/pokemon/NAME` holds
`sprites` (addresses, many of them null) and `types` by slot, `/api/v2/pokemon-species/NAME` the flavour texts. Its
fair use policy asks everyone to keep what was answered, which the client does.
"""

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self
from urllib.parse import quote

from gan.data.sources.http import Client, Unavailable
from gan.data.sources.interface import (
    Announce,
    Item,
    Missing,
    RemotePicture,
    Source,
    reading,
    web_address,
)

PICTURES = {  # our word → the way down in `sprites`
    "front": ("front_default",),
    "back": ("back_default",),
    "front-shiny": ("front_shiny",),
    "back-shiny": ("back_shiny",),
    "artwork": ("other", "official-artwork", "front_default"),
    "home": ("other", "home", "front_default"),
    "red-blue": ("versions", "generation-i", "red-blue", "front_transparent"),
    "crystal": ("versions", "generation-ii", "crystal", "front_transparent"),
    "emerald": ("versions", "generation-iii", "emerald", "front_default"),
    "platinum": ("versions", "generation-iv", "platinum", "front_default"),
    "black-white": ("versions", "generation-v", "black-white", "front_default"),
}
PAGE = 200


@dataclass(frozen=True, kw_only=True)
class PokeApi(Source):
    NAME: ClassVar[str] = "pokeapi"
    GIVES: ClassVar[str] = (
        "About 1,300 Pokémon: sprites (96x96, transparent) or official artwork (475x475), classes by type, English "
        "Pokédex texts, legendary or not."
    )
    LICENCE: ClassVar[str] = (
        "PokeAPI's code and data are BSD-3-Clause, but the pictures, names and texts belong to Nintendo, Game Freak, "
        "Creatures and The Pokémon Company, which license none of them: study and private use only; publish neither "
        "the pictures nor a model that draws them."
    )
    LICENCE_URL: ClassVar[str] = "https://pokeapi.co/docs/v2#fairuse"
    ANSWERS_PER_SECOND: ClassVar[float] = 2.0
    DOWNLOADS_PER_SECOND: ClassVar[float] = 5.0
    TEACHES: ClassVar[str] = """\
pictures:
  front, back, front-shiny, back-shiny    96x96 sprites of the newest games
  artwork                                 475x475, official artwork          home   512x512, renders
  red-blue, crystal, emerald, platinum, black-white     sprites of one game each: one style, so easier to learn

A Pokémon's class is its first type (18 in all). Two documents a Pokémon, at two a second: all of them take about 25
minutes, and may be interrupted.

examples:
  python -m gan.data fetch pokeapi --out pokemon
  python -m gan.data fetch pokeapi --pictures crystal --out crystal --limit 251
"""

    pictures: tuple[str, ...] = ("front",)
    base_url: str = "https://pokeapi.co"

    def items(self, client: Client, announce: Announce) -> Iterator[Item | Missing]:
        for name in self._names(client, announce):
            try:
                with reading(name):
                    yield self._item(client, name)
            except Unavailable as error:
                yield Missing(key=name, reason=str(error), later=error.later)

    def _names(self, client: Client, announce: Announce) -> Iterator[str]:
        """By offset rather than by the pages' own `next`, which names the service's host even on a mirror."""
        offset, count = 0, 1
        while offset < count:
            page = client.answer(f"{self.base_url}/api/v2/pokemon", query={"limit": str(PAGE), "offset": str(offset)})
            with reading(f"the list of {self.base_url}"):
                count, names = int(page["count"]), [str(entry["name"]) for entry in page["results"]]
            announce(count)
            yield from names
            offset += PAGE

    def _item(self, client: Client, name: str) -> Item:
        pokemon = client.answer(f"{self.base_url}/api/v2/pokemon/{quote(name, safe='')}")
        pictures = tuple(self._pictures(pokemon["sprites"]))
        if not pictures:
            raise Unavailable(f"{name}: has no {' or '.join(self.pictures)} picture", later=False)
        types = [str(entry["type"]["name"]) for entry in sorted(pokemon["types"], key=lambda entry: int(entry["slot"]))]
        species = self._species(client, str(pokemon["species"]["name"]))
        return Item(
            key=str(pokemon["id"]),
            name=_english(species.get("names"), "name") or name,
            class_name=types[0] if types else "",
            pictures=pictures,
            text=_english(species.get("flavor_text_entries"), "flavor_text"),
            rarity=_rarity(species),
            details={"types": types, "genus": _english(species.get("genera"), "genus")},
        )

    def _species(self, client: Client, name: str) -> Mapping[str, Any]:
        """Empty where the service has none: the picture is worth having without its text."""
        try:
            species: Mapping[str, Any] = client.answer(f"{self.base_url}/api/v2/pokemon-species/{quote(name, safe='')}")
        except Unavailable as error:
            if error.later:
                raise
            return {}
        return species

    def _pictures(self, sprites: Mapping[str, Any]) -> Iterator[RemotePicture]:
        for kind in self.pictures:
            found: Any = sprites
            for step in PICTURES[kind]:
                found = found.get(step) if isinstance(found, dict) else None
            if isinstance(found, str):
                yield RemotePicture(kind=kind, url=found)

    def identity(self) -> dict[str, Any]:
        return {"pictures": list(self.pictures)}

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--pictures", nargs="+", metavar="PICTURE", choices=list(PICTURES), default=["front"], help="[front]"
        )
        parser.add_argument(
            "--base-url", type=web_address, default=cls.base_url, help=f"the service or a mirror [{cls.base_url}]"
        )

    @classmethod
    def from_options(cls, options: argparse.Namespace, environment: Mapping[str, str]) -> Self:
        return cls(pictures=tuple(dict.fromkeys(options.pictures)), base_url=options.base_url)


def _english(entries: Any, field: str) -> str | None:
    """The last English entry, which is of the newest game, on one line: the old games broke theirs by \\n and \\f,
    some after a soft hyphen within a word."""
    texts = [str(entry[field]) for entry in entries or [] if entry["language"]["name"] == "en"]
    return " ".join(texts[-1].replace("\u00ad\n", "").replace("\u00ad", "").split()) if texts else None


def _rarity(species: Mapping[str, Any]) -> str | None:
    return next((rarity for rarity in ("mythical", "legendary") if species.get(f"is_{rarity}")), None)
