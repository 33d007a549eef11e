"""Steam's two services as they answer: one id a request, no success, null when asked too often, hashed assets."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import pytest

from gan.data.sources.collect import collect
from gan.data.sources.http import Client
from gan.data.sources.steam import WAIT_AFTER_NULL_SECONDS, Steam
from gan.errors import UserError


def details(server, app_id: int, **changes: Any) -> dict[str, Any]:
    data = {
        "type": "game",
        "name": f"Game &amp; {app_id}",
        "steam_appid": app_id,
        "short_description": "Swords &amp; sorcery.",
        "header_image": f"{server.url}/apps/{app_id}/header.jpg?t=1700000000",
        "capsule_image": f"{server.url}/apps/{app_id}/capsule_231x87.jpg?t=1700000000",
        "genres": [{"id": "1", "description": "Action"}, {"id": "3", "description": "RPG"}],
        "developers": ["Valve"],
        "publishers": ["Valve"],
        **changes,
    }
    return {str(app_id): {"success": True, "data": data}}


@pytest.fixture
def store(server, Reply):
    """Apps 10 and 20; 30 was withdrawn; 40 answers a list in place of an object."""
    answers: dict[str, list[Any]] = {
        "10": [details(server, 10)],
        "20": [details(server, 20, genres=[])],
        "30": [{"30": {"success": False}}],
        "40": [{"40": {"success": True, "data": []}}],
    }

    def appdetails(asked):
        assert asked.query["l"] == "english"
        queue = answers[asked.query["appids"]]
        return Reply(json.dumps(queue.pop(0) if len(queue) > 1 else queue[0]).encode())

    server.routes["/api/appdetails"] = appdetails
    for app_id in (10, 20):
        server.picture(f"/apps/{app_id}/header.jpg")
        server.picture(f"/apps/{app_id}/capsule_231x87.jpg")
    server.answers = answers
    return server


def steam(server, *app_ids: int, pictures: tuple[str, ...] = ("header",)) -> Steam:
    assets = f"{server.url}/store_item_assets"
    return Steam(app_ids=app_ids, pictures=pictures, base_url=server.url, browse_url=server.url, assets_url=assets)


def test_banners_and_descriptions(store, client, tmp_path, lore) -> None:
    collected = collect(steam(store, 10, 20), client, tmp_path / "out")
    assert collected.classes == {"Action": 1, "game": 1}
    first = lore()[0]
    assert first["key"] == "10"
    assert first["type"] == "Action"
    assert first["text"] == "Swords & sorcery."
    assert first["picture"] == "Action/game-amp-10-10-header.png"
    assert first["details"]["genres"] == ["Action", "RPG"]


def test_an_app_without_success_costs_itself_only(store, client, tmp_path) -> None:
    collected = collect(steam(store, 30, 40, 10), client, tmp_path / "out")
    assert collected.items == 1
    assert [(missing.key, missing.later) for missing in collected.missing] == [("30", False), ("40", False)]
    assert "no details" in collected.missing[0].reason


def test_null_means_too_many_requests(store, client, tmp_path, sleeper) -> None:
    store.answers["10"] = [None, None, details(store, 10)]
    assert collect(steam(store, 10), client, tmp_path / "out").items == 1
    assert sleeper.seconds >= 2 * WAIT_AFTER_NULL_SECONDS


def test_a_429_of_the_store(store, client, tmp_path, Reply, sleeper) -> None:
    good = store.routes["/api/appdetails"]
    replies = [Reply(b"null", 429), Reply(b"null", 429)]
    store.routes["/api/appdetails"] = lambda asked: replies.pop() if replies else good(asked)
    assert collect(steam(store, 10), client, tmp_path / "out").items == 1
    assert sleeper.seconds > 10


def test_a_block_stops_the_run(store, tmp_path, sleeper, Reply) -> None:
    store.routes["/api/appdetails"] = [Reply(b"Access Denied", 403)]
    with (
        Client(keep=tmp_path / "k", clock=sleeper.clock) as keyless,
        pytest.raises(UserError, match="refuses us"),
    ):
        collect(steam(store, 10), keyless, tmp_path / "out")


def test_library_covers_come_from_the_hashed_address(store, client, tmp_path, lore, Reply) -> None:
    def get_items(asked):
        request = json.loads(asked.query["input_json"])
        assert request["data_request"] == {"include_assets": True}
        (app_id,) = (entry["appid"] for entry in request["ids"])
        if app_id == 20:
            return Reply(b'{"response": {"store_items": [{"success": 15, "visible": false}]}}')
        assets = {
            "asset_url_format": f"steam/apps/{app_id}/${{FILENAME}}?t=1700000000",
            "library_capsule": "8de85f0f/library_600x900.jpg",
        }
        document = {"response": {"store_items": [{"appid": app_id, "success": 1, "assets": assets}]}}
        return Reply(json.dumps(document).encode())

    store.routes["/IStoreBrowseService/GetItems/v1/"] = get_items
    store.picture("/store_item_assets/steam/apps/10/8de85f0f/library_600x900.jpg")
    collected = collect(steam(store, 10, 20, pictures=("library",)), client, tmp_path / "out")
    assert collected.items == 1
    assert "has no library" in collected.missing[0].reason
    assert store.asked[-2].query == {"t": "1700000000"} or store.asked[-3].query == {"t": "1700000000"}
    assert lore()[0]["picture"] == "Action/game-amp-10-10-library.png"


def test_a_changed_format_costs_the_item_not_the_run(store, client, tmp_path) -> None:
    store.answers["20"] = [details(store, 20, genres="Action")]
    collected = collect(steam(store, 20, 10), client, tmp_path / "out")
    assert collected.items == 1
    assert "unlike its documentation" in collected.missing[0].reason


def test_the_list_of_apps(tmp_path: Path) -> None:
    parser = ArgumentParser()
    Steam.add_arguments(parser)
    file = tmp_path / "ids.txt"
    file.write_text("10  # the first\n20, 30\n\n10\n")
    options = parser.parse_args(["--app-ids", "5", "10", "--app-list", str(file)])
    assert Steam.from_options(options, {}).app_ids == (5, 10, 20, 30)
    file.write_text("10\nhalf-life\n")
    with pytest.raises(UserError, match="'half-life'"):
        Steam.from_options(options, {})
    with pytest.raises(UserError, match="no app to fetch"):
        Steam.from_options(parser.parse_args([]), {})
