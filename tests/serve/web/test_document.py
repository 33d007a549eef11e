"""The OpenAPI document as something to read: nothing is left unsaid, and its examples can be tried."""

import re
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from serve.service import Service
from serve.stock.weapon_id import SEED_END, MalformedWeaponId, WeaponId
from serve.web import site
from serve.web.document import example_path, operations
from serve.web.gate import GateConfig
from serve.web.parameters import ID_PATTERN

PROBLEM = "application/problem+json"


@pytest.fixture(scope="module")
def document(client: TestClient) -> dict:
    return client.get("/openapi.json").json()


def references_in(part: object) -> Iterator[str]:
    if isinstance(part, dict):
        yield from (value for key, value in part.items() if key == "$ref")
        part = list(part.values())
    if isinstance(part, list):
        for each in part:
            yield from references_in(each)


def test_it_knows_every_route(client: TestClient, document: dict) -> None:
    paths = {
        "/weapon", "/weapon.png", "/weapon/{weapon_id}", "/weapon/{weapon_id}.png", "/weapon/{weapon_id}/card.png",
        "/weapon/{weapon_id}/creativity.png", "/weapon/{weapon_id}/similar", "/weapon/{a}/morph/{b}.webp",
        "/weapon/{a}/mix/{b}.png", "/weapons", "/ensemble", "/ensemble/members/{index}.png", "/ensemble/refresh",
        "/healthz", "/metrics",
    }  # fmt: skip
    assert set(document["paths"]) == paths
    docs = client.get("/docs").text
    assert all(path in docs for path in paths)


def test_everything_is_described_with_an_example(document: dict) -> None:
    tags = {tag["name"] for tag in document["tags"]}
    for _, path, operation in operations(document):
        assert operation["summary"], path
        assert operation["description"], path
        assert set(operation["tags"]) <= tags, path
        for parameter in operation.get("parameters", []):
            assert parameter["description"], (path, parameter)
            assert parameter["schema"]["examples"], (path, parameter)
            assert "anyOf" not in parameter["schema"], (path, parameter)
        for status, told in operation["responses"].items():
            assert told["description"], (path, status)
            assert "Successful" not in told["description"], (path, status)
            if int(status) >= 400 and path != "/healthz":
                assert told["content"][PROBLEM]["example"]["status"] == int(status)
    schemas = document["components"]["schemas"]
    assert {name.rpartition("/")[2] for name in references_in(document)} <= set(schemas)
    assert "HTTPValidationError" not in schemas
    for name in ("WeaponAnswer", "EnsembleAnswer", "RefreshAnswer", "HealthAnswer"):
        (example,) = schemas[name]["examples"]
        assert set(example) == set(schemas[name]["properties"])


def test_its_examples_can_be_tried(client: TestClient, document: dict) -> None:
    for method, path, operation in operations(document):
        if method == "get":
            given = {
                parameter["name"]: parameter["schema"]["examples"][0]
                for parameter in operation.get("parameters", [])
                if parameter["in"] == "query"
            }
            assert client.get(example_path(path, operation), params=given).status_code == 200, path


def test_links_lead_to_operations(document: dict) -> None:
    by_id = {operation["operationId"]: operation for _, _, operation in operations(document)}
    links = [
        link
        for operation in by_id.values()
        for told in operation["responses"].values()
        for link in told.get("links", {}).values()
    ]
    assert len(links) > 20
    for link in links:
        known = {parameter["name"] for parameter in by_id[link["operationId"]]["parameters"]}
        assert set(link["parameters"]) <= known


def test_keys_are_told_where_they_are_wanted(service: Service) -> None:
    def document_of(gate: GateConfig) -> dict:
        return site.create_web(service, gate).openapi()

    free = document_of(GateConfig())
    assert "securitySchemes" not in free["components"]
    assert not any("security" in operation for _, _, operation in operations(free))
    keyed = document_of(GateConfig(keys=frozenset({"a-key"}), key_rate="9/minute"))["paths"]
    assert keyed["/weapon"]["get"]["security"] == [{"ApiKey": []}, {}]
    assert {"401", "429"} <= set(keyed["/weapon"]["get"]["responses"])
    assert not {"401", "429"} & set(keyed["/healthz"]["get"]["responses"])
    closed = document_of(GateConfig(keys=frozenset({"a-key"}), anonymous=False))["paths"]
    assert closed["/weapon"]["get"]["security"] == [{"ApiKey": []}]
    assert "429" not in closed["/weapon"]["get"]["responses"]


@pytest.mark.parametrize(
    "text",
    ["3-2-k9x2m4", "3-2-k9x2m4-t70-c4", "0a1b2c3d-0-0", "3-0-1zzzzzz", "3-0-izzzzzz", "3-0-1zzzzzz-t150", "3-0-1-t007",
     "3-0-2000000", "3-0-1zzzzzzz", "3-0-u", "3-0-7-t151", "3-0-7-t0150", "03-0-7", "3-10000-7", "3-0-7-c123456",
     "3-0-", "x"],
)  # fmt: skip
def test_the_pattern_of_ids_is_what_is_read(text: str) -> None:
    def is_read() -> bool:
        try:
            return WeaponId.parse(text).seed < SEED_END
        except MalformedWeaponId:
            return False

    assert (re.search(ID_PATTERN, text) is not None) == is_read()
