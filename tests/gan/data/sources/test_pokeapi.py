"""PokeAPI's documents: pages whose `next` names another host, sprites that are null, texts with old line breaks."""

import json

import pytest

from gan.data.sources import pokeapi
from gan.data.sources.collect import collect
from gan.data.sources.pokeapi import PokeApi
from gan.errors import UserError


def text(words: str, language: str = "en") -> dict[str, object]:
    return {"flavor_text": words, "language": {"name": language}, "version": {"name": "red"}}


@pytest.fixture
def service(server, Reply, monkeypatch):
    """Three Pokémon in pages of two; the third has no front sprite."""
    monkeypatch.setattr(pokeapi, "PAGE", 2)
    names = ["bulbasaur", "mewtwo", "formless"]

    def page(asked):
        offset, limit = int(asked.query["offset"]), int(asked.query["limit"])
        results = [
            {"name": name, "url": f"https://pokeapi.co/api/v2/pokemon/{name}/"}
            for name in names[offset : offset + limit]
        ]
        more = f"https://pokeapi.co/api/v2/pokemon?offset={offset + limit}" if offset + limit < 3 else None
        return Reply(json.dumps({"count": 3, "next": more, "previous": None, "results": results}).encode())

    server.routes["/api/v2/pokemon"] = page
    for number, name in enumerate(names, start=1):
        front = None if name == "formless" else f"{server.url}/sprites/{number}.png"
        art = f"{server.url}/sprites/other/{number}.png"
        server.picture(f"/sprites/{number}.png")
        server.picture(f"/sprites/other/{number}.png")
        server.json(
            f"/api/v2/pokemon/{name}",
            {
                "id": number,
                "name": name,
                "species": {"name": name, "url": f"https://pokeapi.co/api/v2/pokemon-species/{number}/"},
                "sprites": {
                    "front_default": front,
                    "back_default": None,
                    "other": {"official-artwork": {"front_default": art}, "dream_world": None},
                },
                "types": [
                    {"slot": 2, "type": {"name": "poison"}},
                    {"slot": 1, "type": {"name": "psychic" if name == "mewtwo" else "grass"}},
                ],
            },
        )
        server.json(
            f"/api/v2/pokemon-species/{name}",
            {
                "name": name,
                "is_legendary": name == "mewtwo",
                "is_mythical": False,
                "names": [
                    {"name": "フシギ", "language": {"name": "ja"}},
                    {"name": name.title(), "language": {"name": "en"}},
                ],
                "genera": [{"genus": "Seed Pokémon", "language": {"name": "en"}}],
                "flavor_text_entries": [
                    text("An old text."),
                    text("A strange seed was\nplanted on its\fback at birth. It has extra\u00ad\nordinary power."),
                    text("Une graine.", "fr"),
                ],
            },
        )
    return server


def test_sprites_types_and_texts(service, client, tmp_path, lore) -> None:
    collected = collect(PokeApi(base_url=service.url), client, tmp_path / "out")
    assert collected.classes == {"grass": 1, "psychic": 1}
    assert collected.missing[0].reason == "formless: has no front picture"
    first, second = lore()
    assert first["name"] == "Bulbasaur"
    assert first["picture"] == "grass/bulbasaur-1-front.png"
    assert first["text"] == "A strange seed was planted on its back at birth. It has extraordinary power."
    assert first["rarity"] is None
    assert first["details"] == {"types": ["grass", "poison"], "genus": "Seed Pokémon"}
    assert second["rarity"] == "legendary"
    assert service.times("/api/v2/pokemon") == 2, "all pages from the host asked for"


def test_artwork_lies_deeper(service, client, tmp_path, lore) -> None:
    collect(PokeApi(base_url=service.url, pictures=("artwork",)), client, tmp_path / "out")
    assert [line["picture"] for line in lore()] == [
        "grass/bulbasaur-1-artwork.png",
        "psychic/mewtwo-2-artwork.png",
        "grass/formless-3-artwork.png",
    ]


def test_a_picture_without_a_text_is_worth_having(service, client, tmp_path, lore) -> None:
    del service.routes["/api/v2/pokemon-species/bulbasaur"]
    collect(PokeApi(base_url=service.url), client, tmp_path / "out", limit=1)
    assert lore()[0]["name"] == "bulbasaur"
    assert lore()[0]["text"] is None


def test_a_faulty_document_costs_its_item_only(service, client, tmp_path, Reply) -> None:
    service.routes["/api/v2/pokemon/bulbasaur"] = [Reply(status=500)]
    service.json("/api/v2/pokemon/formless", {"id": 3})
    collected = collect(PokeApi(base_url=service.url), client, tmp_path / "out")
    assert collected.items == 1
    assert [(missing.key, missing.later) for missing in collected.missing] == [("bulbasaur", True), ("formless", False)]
    assert "unlike its documentation" in collected.missing[1].reason


def test_a_list_of_another_shape_is_one_clear_line(service, client, tmp_path) -> None:
    service.json("/api/v2/pokemon", {"pokemon": []})
    with pytest.raises(UserError, match="unlike its documentation"):
        collect(PokeApi(base_url=service.url), client, tmp_path / "out")
