"""The routes over a whole service, on real (tiny, untrained) networks."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from gan.ensemble.ensemble import load_ensemble
from gan.pixels import from_pil
from serve.keeping.store import Store
from serve.service import Service
from serve.stock.demands import StockEmpty
from serve.stock.forge import ForgeConfig
from serve.stock.foundry import Foundry
from serve.stock.watch import EnsembleWatch, RefusedEnsemble
from serve.web import site
from tests.serve.drawn_ensemble import CLASSES, DrawnEnsemble

FOR_EVER = "public, max-age=31536000, immutable"
PROBLEM = "application/problem+json"


def picture_of(answer) -> np.ndarray:
    """Premultiplied: of a pixel that is next to transparent, straight colours tell nothing."""
    assert answer.headers["content-type"] == "image/png"
    return from_pil(Image.open(io.BytesIO(answer.content)), 4).astype(int)


def problem_of(answer, status: int) -> dict:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == PROBLEM
    problem = answer.json()
    assert problem["status"] == status
    assert problem["detail"]
    assert problem["instance"].startswith("/")
    return problem


def test_a_weapon_and_everything_that_it_links_to(client: TestClient) -> None:
    answer = client.get("/weapon")
    weapon = answer.json()
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-weapon-id"] == weapon["id"]
    assert set(weapon) == {
        "id", "name", "type", "rarity", "flavour", "perks", "member", "seed", "truncation", "styles", "text_source",
        "ensemble", "links",
    }  # fmt: skip
    assert (weapon["text_source"], weapon["ensemble"], weapon["truncation"]) == ("grammar", "3", 1.0)
    assert client.get(weapon["links"]["self"]).json() == weapon
    assert picture_of(client.get(weapon["links"]["picture"])).shape == (4, 16, 16)
    assert picture_of(client.get(weapon["links"]["card"])).shape == (4, 1080, 1920)
    assert weapon["name"] in client.get(weapon["links"]["page"]).text.replace("&#39;", "'")


def test_the_id_gives_the_same_picture_in_any_batch_and_after_a_restart(
    client: TestClient, ensemble_folder: Path, tmp_path: Path
) -> None:
    answers = [client.get("/weapon.png") for _ in range(12)]
    store = Store(f"sqlite:///{tmp_path}/other.db")
    other = Service(foundry=Foundry(load_ensemble(ensemble_folder, version="3")), store=store)
    restarted = TestClient(site.create_web(other))
    for answer in answers:
        weapon_id = answer.headers["x-weapon-id"]
        again = picture_of(restarted.get(f"/weapon/{weapon_id}.png"))
        assert np.abs(picture_of(answer) - again).max() <= 1  # 1/255: float sums depend on the batch
        assert restarted.get(f"/weapon/{weapon_id}").json() == client.get(f"/weapon/{weapon_id}").json()
    other.close()


def test_many(client: TestClient) -> None:
    weapons = client.get("/weapons", params={"n": 20}).json()
    assert len({weapon["id"] for weapon in weapons}) == 20
    assert {weapon["member"] for weapon in weapons} == {"tiny_dcgan", "tiny_stylegan2"}
    assert len(client.get("/weapons").json()) == 16


def test_type_truncation_and_seed(client: TestClient) -> None:
    weapon = client.get("/weapon", params={"type": "Long Blade", "truncation": 0.7, "seed": 7}).json()
    assert weapon["id"] == "3-1-7-t70-c1"
    assert (weapon["type"], weapon["truncation"], weapon["seed"]) == ("Long Blade", 0.7, 7)
    assert client.get("/weapon", params={"seed": 7}).json()["id"] == client.get("/weapon?seed=7").json()["id"]
    answer = client.get("/weapon.png", params={"type": "axe", "truncation": 0})
    assert answer.headers["x-weapon-id"].endswith("-t0-c0")
    assert all(weapon["type"] == "Staff" for weapon in client.get("/weapons?n=5&type=staff").json())


@pytest.mark.parametrize("kind", ["", ".png", "/card.png?size=small"])
def test_permalinks_are_for_ever(client: TestClient, kind: str) -> None:
    first = client.get(f"/weapon/3-0-7{kind}")
    assert first.headers["cache-control"] == FOR_EVER
    assert first.headers["x-weapon-id"] == "3-0-7"
    tag = first.headers["etag"]
    assert tag.startswith('W/"')
    for held in (tag, f'"other", {tag}', tag.removeprefix("W/")):
        known = client.get(f"/weapon/3-0-7{kind}", headers={"If-None-Match": held})
        assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", tag)
    assert client.get(f"/weapon/3-0-8{kind}", headers={"If-None-Match": tag}).status_code == 200
    assert client.get(f"/weapon/3-0-7{kind}", headers={"If-None-Match": "*"}).status_code == 304
    assert client.get(f"/weapon/3-9-7{kind}", headers={"If-None-Match": "*"}).status_code == 404


def test_each_kind_has_its_own_tag(client: TestClient) -> None:
    kinds = ["", ".png", "/card.png", "/card.png?size=small"]
    assert len({client.get(f"/weapon/3-0-7{kind}").headers["etag"] for kind in kinds}) == len(kinds)


@pytest.mark.parametrize(
    "path", ["/", "/weapon", "/weapon.png", "/weapons", "/weapon/3-0-7", "/weapon/3-0-7.png", "/weapon/3-0-7/card.png",
             "/weapons/3-0-7", "/ensemble", "/healthz", "/metrics", "/docs", "/openapi.json", "/static/ganvil.css"],
)  # fmt: skip
def test_head_is_get_without_the_body(client: TestClient, path: str) -> None:
    answer = client.head(path)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"] == client.get(path).headers["content-type"]


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/weapon?truncation=1.6", "truncation"),
        ("/weapon?truncation=-0.1", "truncation"),
        ("/weapon?truncation=nan", "truncation"),
        ("/weapon?truncation=much", "truncation"),
        ("/weapon?seed=-1", "seed"),
        ("/weapon?seed=2147483648", "seed"),
        ("/weapon.png?seed=x", "seed"),
        ("/weapons?n=0", "n"),
        ("/weapons?n=65", "n"),
        ("/weapon?type=", "type"),
        ("/weapon/3-0-7/card.png?size=huge", "size"),
        ("/ensemble/members/0.png?version=live", "version"),
    ],
)
def test_ranges(client: TestClient, path: str, field: str) -> None:
    assert field in {each["field"] for each in problem_of(client.get(path), 422)["errors"]}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/weapon/nonsense", 422),
        ("/weapon/3-0-abu.png", 422),
        ("/weapon/3-9-abc", 404),
        ("/weapon/3-0-abc-c1/card.png", 404),
        ("/weapon/2-0-abc", 410),
        ("/weapon/0a1b2c3d-0-abc.png", 410),
        ("/weapon?type=banana", 404),
        ("/nowhere", 404),
        ("/static/nothing.js", 404),
    ],
)
def test_what_is_not_there(client: TestClient, path: str, status: int) -> None:
    problem_of(client.get(path), status)


def test_a_problem_names_what_was_asked_for_as_a_uri(client: TestClient) -> None:
    assert problem_of(client.get("/weapon/a b<c>"), 422)["instance"] == "/weapon/a%20b%3Cc%3E"


def test_unknown_ids_are_not_unchanged(client: TestClient) -> None:
    tag = 'W/"2-0-abc.json"'
    problem_of(client.get("/weapon/2-0-abc", headers={"If-None-Match": tag}), 410)


def test_other_methods(client: TestClient) -> None:
    for path in ("/weapon", "/weapon/3-0-7", "/", "/static/ganvil.css"):
        refused = client.delete(path)
        problem_of(refused, 405)
        assert refused.headers["allow"] == "GET, HEAD, OPTIONS"
        asked = client.options(path)
        assert (asked.status_code, asked.content, asked.headers["allow"]) == (204, b"", "GET, HEAD, OPTIONS")
    assert client.head("/ensemble/refresh").headers["allow"] == "OPTIONS, POST"
    assert client.options("/nowhere").status_code == 404


def test_a_page_elsewhere_may_ask_with_what_it_holds(client: TestClient) -> None:
    headers = {
        "Origin": "https://game.example",
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "If-None-Match",
    }
    preflight = client.options("/weapon/3-0-7.png", headers=headers)
    assert (preflight.status_code, preflight.text) == (200, "OK")


def test_a_dry_stock_is_a_503_that_says_when(client: TestClient, service: Service, monkeypatch) -> None:
    def dry(timeout_seconds: float = 5.0):
        raise StockEmpty("no picture in stock")

    monkeypatch.setattr(service.forge, "take", dry)
    monkeypatch.setattr(service.forge, "take_now", lambda: None)
    answer = client.get("/weapon")
    problem_of(answer, 503)
    assert int(answer.headers["retry-after"]) > 0
    assert client.get("/").status_code == 200  # the page comes up, and asks again by itself


def test_our_own_mistake_tells_nothing(service: Service, monkeypatch) -> None:
    quiet = TestClient(site.create_web(service), raise_server_exceptions=False)
    monkeypatch.setattr(service, "give_now", lambda: 1 / 0)
    assert "ZeroDivision" not in json.dumps(problem_of(quiet.get("/weapon"), 500))


def test_the_ensemble(client: TestClient) -> None:
    ensemble = client.get("/ensemble").json()
    assert (ensemble["version"], ensemble["height"], ensemble["channels"]) == ("3", 16, 4)
    assert ensemble["types"] == sorted(CLASSES)
    assert [member["network"] for member in ensemble["members"]] == ["dcgan", "stylegan2"]
    assert [(member["realism_floor"], member["accepted"]) for member in ensemble["members"]] == [(None, 1.0)] * 2
    assert ensemble["report"] == {"fid_embedded": 21.8}
    assert ensemble["loaded_versions"] == ["3"]


def test_metrics_count_by_route(client: TestClient) -> None:
    client.get("/weapon/3-0-7")
    client.get("/weapon/3-0-8")
    text = client.get("/metrics").text
    line = next(
        line
        for line in text.splitlines()
        if line.startswith('ganvil_requests_total{route="/weapon/{weapon_id}",status="200"')
    )
    assert float(line.split()[-1]) >= 2
    for name in (
        "ganvil_stock_pictures ",
        "ganvil_pictures_made_total{",
        "ganvil_pictures_refused_total{",
        "ganvil_stock_taken_total{",
        "ganvil_stock_misses_total{",
        "ganvil_stock_miss_seconds_total{",
        "ganvil_stock_empty_total{",
        "ganvil_demand_seconds_total{",
        "ganvil_demands_waiting 0.0",
        "ganvil_store_up 1.0",
    ):
        assert name in text
    assert 'ganvil_demands_total{ensemble="3"} ' in text
    assert "3-0-7" not in text


def test_health_tells_of_a_store_that_is_down(ensemble_folder: Path, tmp_path: Path) -> None:
    service = Service(
        foundry=Foundry(load_ensemble(ensemble_folder, version="3")), store=Store(f"sqlite:///{tmp_path}")
    )
    client = TestClient(site.create_web(service))
    health = client.get("/healthz")
    assert (health.status_code, health.json()["status"], health.json()["store"]) == (200, "degraded", "down")
    weapon = client.get("/weapon").json()
    again = client.get(weapon["links"]["self"])
    assert again.json() == weapon  # the grammar writes the same again
    assert again.headers["cache-control"] == "no-cache"  # but nobody may rely on it for ever
    assert "ganvil_store_up 0.0" in client.get("/metrics").text
    service.close()


def test_health_fails_when_nothing_can_be_drawn(drawn: DrawnEnsemble, tmp_path: Path) -> None:
    foundry = Foundry(drawn, config=ForgeConfig(batch_size=4, num_stock=4))
    service = Service(foundry=foundry, store=Store(f"sqlite:///{tmp_path}/s.db"))
    client = TestClient(site.create_web(service))
    assert client.get("/healthz").json()["status"] == "ok"
    drawn.broken = lambda member: True
    while foundry.forge.take_now() is not None or foundry.forge.fault is None:
        pass
    assert client.get("/healthz").status_code == 503
    service.close()


class MovingSource:
    """A source that a test moves by hand."""

    def __init__(self) -> None:
        self.mark = "3"
        self.broken = False

    def current(self) -> str:
        return self.mark

    def load(self, mark: str) -> DrawnEnsemble:
        return DrawnEnsemble(version=mark, fingerprint=mark, broken=lambda member: self.broken)

    load_version = load


def test_refresh(drawn: DrawnEnsemble, tmp_path: Path) -> None:
    source = MovingSource()
    foundry = Foundry(drawn, config=ForgeConfig(batch_size=8, num_stock=32), load_older=source.load_version)
    watch = EnsembleWatch(source, foundry, live="3", poll_seconds=0)
    service = Service(foundry=foundry, store=Store(f"sqlite:///{tmp_path}/s.db"), watch=watch, admin_token="let-me-in")
    client = TestClient(site.create_web(service))
    old = client.get("/weapon.png")
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic bGV0LW1lLWlu"}):
        answer = client.post("/ensemble/refresh", headers=headers)
        problem_of(answer, 401)
        assert answer.headers["www-authenticate"] == "Bearer"
    allowed = {"Authorization": "Bearer let-me-in"}
    assert client.post("/ensemble/refresh", headers=allowed).json() == {"version": "3", "changed": False}
    source.mark = "4"
    assert client.post("/ensemble/refresh", headers=allowed).json() == {"version": "4", "changed": True}
    assert client.get("/weapon").json()["ensemble"] == "4"
    again = client.get(f"/weapon/{old.headers['x-weapon-id']}.png")
    np.testing.assert_array_equal(picture_of(again), picture_of(old))
    source.mark, source.broken = "5", True
    problem = problem_of(client.post("/ensemble/refresh", headers=allowed), 502)
    assert "version 4 stays live" in problem["detail"]
    assert client.get("/weapon").json()["ensemble"] == "4"
    assert "refused" in client.get("/healthz").json()["faults"][0]
    with pytest.raises(RefusedEnsemble):
        watch.look()
    source.mark = "4"
    assert client.post("/ensemble/refresh", headers=allowed).json() == {"version": "4", "changed": False}
    assert client.get("/healthz").json()["faults"] == []
    service.close()


def test_any_page_may_ask_and_none_is_asked_by_ours(client: TestClient) -> None:
    answer = client.get("/weapon.png", headers={"Origin": "https://game.example"})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "X-Weapon-Id" in answer.headers["access-control-expose-headers"]
    for path in ("/", "/weapons/3-0-7", "/members", "/docs"):
        page = client.get(path)
        assert "default-src 'none'" in page.headers["content-security-policy"]
        for part in page.text.split('src="')[1:] + page.text.split('rel="stylesheet" href="')[1:]:
            assert part.startswith("/"), part[:60]
        assert "style=" not in page.text  # the policy would refuse it


def test_the_gallery(client: TestClient) -> None:
    page = client.get("/").text
    assert page.count('class="card"') == 13  # twelve weapons and the mould
    assert all(f'<option value="{name}">' in page for name in CLASSES)


@pytest.mark.parametrize(("weapon_id", "status"), [("nonsense", 422), ("3-9-abc", 404), ("2-0-abc", 410), ("<b>", 422)])
def test_pages_that_are_not_there_are_pages(client: TestClient, weapon_id: str, status: int) -> None:
    answer = client.get(f"/weapons/{weapon_id}")
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert "<b>" not in answer.text


def test_mounted_below_a_path(service: Service) -> None:
    below = TestClient(site.create_web(service), root_path="/forge")
    assert below.get("/forge/weapon").json()["links"]["picture"].startswith("/forge/weapon/3-")
    assert 'href="/forge/static/ganvil.css"' in below.get("/forge/").text
