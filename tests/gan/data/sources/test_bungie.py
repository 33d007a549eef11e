"""Destiny's manifest as Bungie serves it: an envelope, a zip, SQLite with signed ids; and its ways to refuse."""

import io
import json
import sqlite3
import zipfile
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import pytest

from gan.data.sources.bungie import Bungie
from gan.data.sources.bungie_manifest import open_manifest, signed
from gan.data.sources.collect import collect
from gan.data.sources.http import Unavailable
from gan.errors import UserError

CONTENT = "/common/destiny2_content/sqlite/en/world_sql_content_8ce5.content"
MANIFEST = "/Platform/Destiny2/Manifest/"
ACE, SWORD, GHOST, SECRET, REISSUE, ODD = 347366834, 4068264807, 1, 2, 3, 4
FRAME, BARREL, RANDOM, ENHANCED, TRACKER, EMPTY = 3000000001, 12, 13, 14, 15, 16


def plug(plug_hash: int, name: str, kind: str, icon: str | None, category: str = "frames") -> dict[str, Any]:
    return {
        "hash": plug_hash,
        "itemType": 19,
        "displayProperties": {"name": name, "description": f"What {name}\n\ndoes.", "icon": icon},
        "itemTypeDisplayName": kind,
        "plug": {"plugCategoryIdentifier": category},
    }


def weapon(weapon_hash: int, name: str, icon: str | None, **more: Any) -> dict[str, Any]:
    return {
        "hash": weapon_hash,
        "itemType": 3,
        "displayProperties": {"name": name, "icon": icon, "hasIcon": icon is not None},
        "itemTypeDisplayName": "Hand Cannon",
        "flavorText": f"On {name}.",
        "inventory": {"tierTypeName": "Exotic"},
        "redacted": False,
        **more,
    }


ITEMS = [
    weapon(
        ACE,
        "Ace of Spades",
        "/icons/ace.png",
        screenshot="/screenshots/ace.png",
        perks=[{"perkHash": 50}, {"perkHash": 51}],
        sockets={
            "socketEntries": [
                {"singleInitialItemHash": FRAME},
                {"singleInitialItemHash": BARREL, "reusablePlugItems": [{"plugItemHash": BARREL}]},
                {"singleInitialItemHash": 0, "randomizedPlugSetHash": 900},
                {"singleInitialItemHash": TRACKER},
                {"singleInitialItemHash": EMPTY},
            ],
            "socketCategories": [
                {"socketCategoryHash": 3956125808, "socketIndexes": [0]},
                {"socketCategoryHash": 4241085061, "socketIndexes": [1, 2, 3, 99]},
                {"socketCategoryHash": 2685412949, "socketIndexes": [4]},
            ],
        },
    ),
    weapon(SWORD, "Black Talon", "/icons/talon.png", itemTypeDisplayName="Sword", flavorText=""),
    weapon(SECRET, "Classified", "/icons/secret.png", redacted=True),
    weapon(REISSUE, "Ace of Spades", "/icons/ace.png"),
    weapon(ODD, "No Picture", None),
    {"hash": GHOST, "itemType": 24, "displayProperties": {"name": "A Ghost", "icon": "/icons/ghost.png"}},
    plug(FRAME, "Memento Mori", "Intrinsic", "/icons/memento.png"),
    plug(BARREL, "Corkscrew Rifling", "Barrel", "/icons/barrel.png"),
    plug(RANDOM, "Firefly", "Trait", "/icons/firefly.png"),
    plug(ENHANCED, "Firefly", "Enhanced Trait", "/icons/firefly.png"),
    plug(TRACKER, "Kill Tracker", "Tracker", "/icons/t.png", "v400.plugs.weapons.masterworks.trackers"),
    plug(EMPTY, "Default Shader", "Shader", "/icons/shader.png", "shader"),
]


def manifest_zip(path: Path, items: list[dict[str, Any]]) -> bytes:
    """What Bungie's file server hands out, tables as blobs of JSON under signed ids."""
    tables = {
        "DestinyInventoryItemDefinition": items,
        "DestinyPlugSetDefinition": [
            {"hash": 900, "reusablePlugItems": [{"plugItemHash": RANDOM}, {"plugItemHash": ENHANCED}]}
        ],
        "DestinySandboxPerkDefinition": [
            {"hash": 50, "isDisplayable": True, "displayProperties": {"name": "Kinetic", "description": "Hits."}},
            {"hash": 51, "isDisplayable": False, "displayProperties": {"name": "Hidden"}},
        ],
    }
    with sqlite3.connect(path) as connection:
        for table, definitions in tables.items():
            connection.execute(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY NOT NULL, json BLOB)")
            rows = [(signed(one["hash"]), json.dumps(one).encode()) for one in definitions]
            connection.executemany(f"INSERT INTO {table} VALUES (?, ?)", rows)
    connection.close()
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(path, "../../world_sql_content_8ce5.content")
    return zipped.getvalue()


def envelope(response: Any = None, code: int = 1, status: str = "Success", throttle: int = 0) -> dict[str, Any]:
    return {
        "Response": response,
        "ErrorCode": code,
        "ErrorStatus": status,
        "ThrottleSeconds": throttle,
        "Message": "…",
        "MessageData": {},
    }


GOOD = envelope({"version": "1", "mobileWorldContentPaths": {"en": CONTENT, "de": "/de.content"}})


@pytest.fixture
def service(server, tmp_path, Reply):
    server.json(MANIFEST, GOOD)
    server.routes[CONTENT] = [Reply(manifest_zip(tmp_path / "made.sqlite", ITEMS))]
    for item in ITEMS:
        if icon := item["displayProperties"].get("icon"):
            server.picture(icon)
    server.picture("/screenshots/ace.png")
    return server


def bungie(server, **options: Any) -> Bungie:
    return Bungie(api_key="secret-123", base_url=server.url, **options)


def test_weapons_with_texts_rarity_and_perks(service, client, tmp_path, lore) -> None:
    collected = collect(bungie(service), client, tmp_path / "out")
    assert collected.classes == {"Hand Cannon": 2, "Sword": 1}
    assert [missing.reason for missing in collected.missing] == ["No Picture: has no icon"]
    by_key = {line["key"]: line for line in lore()}
    ace = by_key[str(ACE)]
    assert (ace["name"], ace["type"], ace["text"], ace["rarity"]) == (
        "Ace of Spades",
        "Hand Cannon",
        "On Ace of Spades.",
        "Exotic",
    )
    assert ace["details"]["perks"] == [
        {"name": "Memento Mori", "text": "What Memento Mori does."},
        {"name": "Corkscrew Rifling", "text": "What Corkscrew Rifling does."},
        {"name": "Firefly", "text": "What Firefly does."},
        {"name": "Kinetic", "text": "Hits."},
    ]
    assert by_key[str(SWORD)]["text"] is None
    assert by_key[str(REISSUE)]["picture"] == ace["picture"], "reissues share an icon, which is kept once"
    assert service.times("/icons/ace.png") == 1
    assert not service.times("/icons/secret.png")
    assert not service.times("/icons/ghost.png")


def test_the_key_goes_to_the_api_only(service, client, tmp_path) -> None:
    collect(bungie(service), client, tmp_path / "out")
    with_key = [asked.path for asked in service.asked if asked.headers.get("x-api-key") == "secret-123"]
    assert with_key == [MANIFEST]
    for path in (tmp_path / "out").rglob("*"):
        assert path.is_dir() or b"secret-123" not in path.read_bytes()
    assert "secret-123" not in repr(bungie(service))


def test_screenshots(service, client, tmp_path, lore) -> None:
    collect(bungie(service, pictures=("screenshot",)), client, tmp_path / "out")
    assert [line["picture"] for line in lore()] == [f"Hand Cannon/ace-of-spades-{ACE}-screenshot.png"]


def test_perk_icons_are_a_set_of_their_own(service, client, tmp_path, lore) -> None:
    collected = collect(bungie(service, pictures=("perks",)), client, tmp_path / "out")
    assert collected.classes == {"Barrel": 1, "Intrinsic": 1, "Trait": 1}
    assert next((line["name"], line["text"]) for line in lore()) == ("Memento Mori", "What Memento Mori does.")


def test_the_manifest_is_fetched_once(service, client, tmp_path) -> None:
    collect(bungie(service), client, tmp_path / "out", limit=1)
    collect(bungie(service), client, tmp_path / "out")
    assert service.times(MANIFEST) == service.times(CONTENT) == 1


def test_throttling_in_a_good_answer_is_honoured(service, client, tmp_path, sleeper) -> None:
    throttled = envelope(None, 51, "PerEndpointRequestThrottleExceeded", throttle=10)
    silent = envelope(None, 1672, "DestinyThrottledByGameServer")  # and ThrottleSeconds 0, as is usual
    service.json(MANIFEST, throttled, silent, GOOD)
    assert collect(bungie(service), client, tmp_path / "out", limit=1).items == 1
    assert service.times(MANIFEST) == 3
    assert sleeper.seconds >= 10 + 4


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [(500, 2102, "ApiKeyMissingFromRequest"), (200, 2101, "ApiInvalidOrExpiredKey"), (401, 2101, "Unauthorized")],
)
def test_a_wrong_key_is_told_at_once(service, client, tmp_path, status, code, words) -> None:
    service.json(MANIFEST, envelope(None, code, words), status=status)
    with pytest.raises(UserError, match="SOME_API_KEY") as caught:
        collect(bungie(service), client, tmp_path / "out")
    assert "secret-123" not in str(caught.value)
    assert service.times(MANIFEST) == 1


def test_a_401_without_an_envelope(service, client, tmp_path, Reply) -> None:
    service.routes[MANIFEST] = [Reply(b"<html>no</html>", 401)]
    with pytest.raises(UserError, match="SOME_API_KEY"):
        collect(bungie(service), client, tmp_path / "out")


def test_maintenance(service, client, tmp_path) -> None:
    service.json(MANIFEST, envelope(None, 5, "SystemDisabled"), status=503)
    with pytest.raises(UserError, match="maintenance; run the same command again later"):
        collect(bungie(service), client, tmp_path / "out")


def test_another_language(service, client, tmp_path) -> None:
    with pytest.raises(UserError, match=r"--language 'xx' .* de, en"):
        collect(bungie(service, language="xx"), client, tmp_path / "out")


def test_a_cut_manifest_is_fetched_again(service, client, tmp_path, Reply) -> None:
    (whole,) = service.routes[CONTENT]
    service.routes[CONTENT] = [Reply(whole.body, send=len(whole.body) // 2), whole]
    assert collect(bungie(service), client, tmp_path / "out", limit=1).items == 1
    assert service.times(CONTENT) == 2


@pytest.mark.parametrize("content", ["text", "not sqlite", "two files"])
def test_a_manifest_that_is_none_is_dropped(service, client, tmp_path, Reply, content) -> None:
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("a.content", "hello")
        if content == "two files":
            archive.writestr("b.content", "hello")
    (whole,) = service.routes[CONTENT]
    service.routes[CONTENT] = [Reply(b"maintenance" if content == "text" else zipped.getvalue()), whole]
    with pytest.raises(UserError, match="manifest cannot be read"):
        collect(bungie(service), client, tmp_path / "out")
    assert collect(bungie(service), client, tmp_path / "out", limit=1).items == 1


def test_an_unusual_definition_costs_itself_only(service, client, tmp_path, Reply) -> None:
    odd = [weapon(7, "Odd", "/icons/ace.png", inventory="none"), *ITEMS]
    service.routes[CONTENT] = [Reply(manifest_zip(tmp_path / "odd.sqlite", odd))]
    collected = collect(bungie(service), client, tmp_path / "out")
    assert collected.items == 3
    assert any("weapon 7: an answer unlike its documentation" in missing.reason for missing in collected.missing)


def test_ids_are_signed() -> None:
    assert signed(3537745894) == -757221402, "Levante Prize, as nxtlo/aiobungie's example has it"
    assert signed(2**31 - 1) == 2**31 - 1
    assert signed(2**31) == -(2**31)
    assert signed(2**32 - 1) == -1


def test_the_database_cannot_be_written_and_vanishes(tmp_path) -> None:
    path = tmp_path / "m.zip"
    path.write_bytes(manifest_zip(tmp_path / "made.sqlite", ITEMS))
    with open_manifest(path) as manifest:
        database = Path(manifest._connection.execute("PRAGMA database_list").fetchone()[2])
        assert database.parent != tmp_path.parent
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            manifest._connection.execute("DELETE FROM DestinyPlugSetDefinition")
        found = manifest.definition("DestinyInventoryItemDefinition", SWORD)
        assert found is not None
        assert found["hash"] == SWORD
        assert manifest.definition("NoSuchTable", 1) is None
    assert not database.exists()
    with pytest.raises(Unavailable), open_manifest(path) as manifest:
        list(manifest.definitions("NoSuchTable"))


def test_the_key_comes_from_the_environment() -> None:
    parser = ArgumentParser()
    Bungie.add_arguments(parser)
    options = parser.parse_args([])
    assert Bungie.from_options(options, {"BUNGIE_API_KEY": " abc "}).api_key == "abc"
    for environment in ({}, {"BUNGIE_API_KEY": ""}, {"BUNGIE_API_KEY": "a b\nc"}):
        with pytest.raises(UserError, match="BUNGIE_API_KEY") as caught:
            Bungie.from_options(options, environment)
        assert "a b" not in str(caught.value)
