"""All sources by name: one plain dict. A new source is one file and one line here."""

from gan.data.sources.bungie import Bungie
from gan.data.sources.crawl import Crawl
from gan.data.sources.interface import Source
from gan.data.sources.pokeapi import PokeApi
from gan.data.sources.steam import Steam

SOURCES: dict[str, type[Source]] = {source.NAME: source for source in (Crawl, Bungie, Steam, PokeApi)}
