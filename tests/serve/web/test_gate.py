"""Keys and rates over a whole service, on real (tiny, untrained) networks."""

import re

import pytest
from fastapi.testclient import TestClient

from gan.errors import UserError
from serve.assemble import gate_of
from serve.service import Service
from serve.settings import ServiceSettings
from serve.web import site
from serve.web.gate import GateConfig

KEY, OTHER = "a-key-of-many-letters", "another-key"


def client_behind(service: Service, address: str = "10.0.0.1", **gate: object) -> TestClient:
    return TestClient(site.create_web(service, GateConfig(**gate)), client=(address, 1))


def test_an_address_has_its_own_count(service: Service) -> None:
    client = client_behind(service, rate="3/hour")
    answers = [client.get("/weapon/3-0-7") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    refused = answers[-1]
    assert refused.headers["content-type"] == "application/problem+json"
    assert 1 <= int(refused.headers["retry-after"]) <= 3600
    assert "3 per 1 hour" in refused.json()["detail"]
    assert refused.headers["cache-control"] == "no-store"
    other = TestClient(client.app, client=("10.0.0.2", 1))
    assert other.get("/weapon/3-0-7").status_code == 200
    for path in ("/healthz", "/metrics", "/static/ganvil.css"):
        assert client.get(path).status_code == 200


def test_a_key_has_its_own_rate(service: Service) -> None:
    client = client_behind(service, keys=frozenset({KEY, OTHER}), rate="1/hour", key_rate="2/hour")
    with_key = [client.get("/weapon/3-0-7", headers={"X-API-Key": KEY}).status_code for _ in range(3)]
    assert with_key == [200, 200, 429]
    assert client.get("/weapon/3-0-7", headers={"X-API-Key": OTHER}).status_code == 200
    assert [client.get("/weapon/3-0-7").status_code for _ in range(2)] == [200, 429]


def test_a_wrong_key_is_told_even_where_none_is_needed(service: Service) -> None:
    client = client_behind(service, keys=frozenset({KEY}), key_rate="2/hour")
    refused = client.get("/weapon", headers={"X-API-Key": "nonsense"})
    assert refused.status_code == 401
    assert "not known" in refused.json()["detail"]
    assert refused.headers["www-authenticate"] == 'ApiKey header="X-API-Key"'
    assert client.get("/weapon").status_code == 200


def test_a_closed_gate(service: Service) -> None:
    client = client_behind(service, keys=frozenset({KEY}), anonymous=False)
    for path in ("/weapon", "/", "/weapons/3-0-7", "/docs"):
        refused = client.get(path)
        assert refused.status_code == 401
        assert KEY not in refused.text
        assert client.get(path, headers={"X-API-Key": KEY}).status_code == 200
    assert client.get("/healthz").status_code == 200
    asked = {"Origin": "https://game.example", "Access-Control-Request-Method": "GET"}
    preflight = client.options("/weapon", headers={**asked, "Access-Control-Request-Headers": "X-API-Key"})
    assert preflight.status_code == 200
    assert (
        client.get("/weapon", headers={"Origin": "https://game.example"}).headers["access-control-allow-origin"] == "*"
    )


def test_refusals_are_in_the_interface_and_in_the_figures(service: Service) -> None:
    client = client_behind(service, rate="1/hour")
    answers = client.get("/openapi.json").json()["paths"]["/weapon"]["get"]["responses"]
    assert {"401", "429"} <= set(answers)
    client.get("/weapon")
    assert re.search(r'ganvil_requests_total\{route="[^"]*",status="429"\} 1', client.get("/metrics").text)
    plain = TestClient(site.create_web(service, GateConfig()))
    assert "429" not in plain.get("/openapi.json").json()["paths"]["/weapon"]["get"]["responses"]


def test_what_is_no_rate_or_no_gate_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GANVIL_API_KEYS", raising=False)
    with pytest.raises(UserError, match="rate_limit = 'often' is no rate"):
        gate_of(ServiceSettings.resolve({"rate_limit": "often"}))
    with pytest.raises(UserError, match="names no key"):
        gate_of(ServiceSettings.resolve({"anonymous": "no"}))
    monkeypatch.setenv("GANVIL_API_KEYS", f" {KEY} ,{OTHER},")
    gate = gate_of(ServiceSettings.resolve({"anonymous": "no"}))
    assert gate.keys == {KEY, OTHER}
    assert not gate.is_open
    assert gate_of(ServiceSettings.resolve({})).is_open
