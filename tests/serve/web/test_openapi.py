"""The service held against its OpenAPI document: whatever Schemathesis asks is answered as the document says.

`EXAMPLES=1000 pytest tests/serve/web/test_openapi.py` looks longer.
"""

import os
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from schemathesis.engine import Status, events, from_schema
from schemathesis.engine.recorder import ScenarioRecorder

from gan.errors import UserError
from serve.keeping.store import Store
from serve.service import Service
from serve.stock.foundry import Foundry
from serve.stock.watch import EnsembleWatch
from serve.web import site
from serve.web.gate import GateConfig
from tests.serve.drawn_ensemble import DrawnEnsemble

pytestmark = pytest.mark.slow

KEY, TOKEN = "a-key-of-many-letters", "let-me-in"
# Of the tests' ensemble: weapons that there are, two of versions that are gone, and two that name nothing.
IDS = ["3-0-7", "3-0-k9x2m4-t70", "3-1-7-c0", "3-1-8-c2-t150", "3-1-9-t0-c1", "2-0-7", "0a1b2c3d-0-7", "3-9-7", "3-1-7"]
ACCEPTED = ["200", "304", "404", "410"]  # a well-formed id may name nothing (404) or be of a version that is gone (410)
REJECTED = ["401", "404", "405", "410", "422"]
CONFIG: dict[str, Any] = {
    "seed": 1,
    "workers": 1,
    "continue-on-failure": True,
    "generation": {"deterministic": True, "database": "none", "max-examples": int(os.environ.get("EXAMPLES", "8"))},
    "dictionaries": {
        "ids": {"values": IDS},
        "types": {"values": ["axe", "Long Blade", "banana"]},
        "tags": {"values": ["*", 'W/"3-0-7.png"', '"3-0-7.json", W/"other"']},
    },
    "parameters": {
        "path.weapon_id": {"dictionary": "ids", "probability": 0.7},
        "path.a": {"dictionary": "ids", "probability": 0.8},
        "path.b": {"dictionary": "ids", "probability": 0.8},
        "query.type": {"dictionary": "types", "probability": 0.5},
        "header.If-None-Match": {"dictionary": "tags", "probability": 0.3},
    },
    "checks": {
        "positive_data_acceptance": {"expected-statuses": ACCEPTED},
        "negative_data_rejection": {"expected-statuses": REJECTED},
    },
    "operations": [
        # Which two weapons can be mixed, and from which layer on, depends on who drew them: no schema can say it.
        {
            "include-operation-id": "show_mix",
            "checks": {"positive_data_acceptance": {"expected-statuses": [*ACCEPTED, "422"]}},
        }
    ],
}
ONE_BY_ONE = {"fuzzing": {"enabled": False}, "stateful": {"enabled": False}}  # each bound and each omission, once
# For a service that answers nothing but that it cannot: what is asked for does not matter then.
REFUSING: dict[str, Any] = {
    "checks": {
        "not_a_server_error": {"enabled": False},
        "positive_data_acceptance": {"enabled": False},
        "negative_data_rejection": {"enabled": False},
        "unsupported_method": {"enabled": False},
    },
    "phases": ONE_BY_ONE,
}

Answers = dict[str, set[int]]


def look(app: FastAPI, **more: Any) -> tuple[list[str], Answers]:
    """What does not hold, and with which statuses each operation answered."""
    found: list[str] = []
    answers: Answers = defaultdict(set)
    config = schemathesis.Config.from_dict(CONFIG | more)
    schema = schemathesis.openapi.from_asgi("/openapi.json", app, config=config, headers={"X-API-Key": KEY})
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            found += failures_in(event.recorder)
            for case_id, interaction in event.recorder.interactions.items():
                if interaction.response is not None:
                    case = event.recorder.cases[case_id].value
                    answers[case.operation.label].add(interaction.response.status_code)
        elif isinstance(event, events.NonFatalError | events.FatalError):
            found.append(repr(event))
    return sorted(set(found)), answers


def failures_in(recorder: ScenarioRecorder) -> Iterator[str]:
    for checks in recorder.checks.values():
        for check in checks:
            if check.status == Status.FAILURE and check.failure_info is not None:
                yield f"{recorder.label}: {check.name}: {check.failure_info.failure}\n{check.failure_info.code_sample}"


def test_all_is_answered_as_promised(service: Service) -> None:
    found, answers = look(site.create_web(service))
    assert found == []
    by_id = [statuses for operation, statuses in answers.items() if "{weapon_id}" in operation or "{a}" in operation]
    assert len(by_id) == 7
    assert all({200, 204, 405, 422} <= statuses for statuses in by_id)
    assert {304, 404, 410} <= set.union(*by_id)


def test_who_has_no_key_is_refused_as_promised(service: Service) -> None:
    gate = GateConfig(keys=frozenset({KEY}), anonymous=False)
    schemes = {"ApiKey": {"api_key": KEY}, "AdminToken": {"bearer": TOKEN}}
    service.admin_token = TOKEN
    try:
        found, answers = look(site.create_web(service, gate), auth={"openapi": schemes}, phases=ONE_BY_ONE)
    finally:
        service.admin_token = None
    assert found == []
    closed = answers.keys() - {"GET /healthz", "GET /metrics"}
    assert all({200, 401} <= answers[operation] for operation in closed)


def test_who_asks_too_often_is_told_as_promised(service: Service) -> None:
    gate = GateConfig(keys=frozenset({KEY}), rate="1/hour", key_rate="1/hour")
    found, answers = look(site.create_web(service, gate), **REFUSING)
    assert found == []
    assert all(429 in answers[operation] for operation in answers.keys() - {"GET /healthz", "GET /metrics"})


def test_a_service_that_cannot_draw_says_so_as_promised(drawn: DrawnEnsemble, tmp_path) -> None:
    class Unreachable:
        def current(self) -> str:
            raise UserError("the registry does not answer")

        def load(self, mark: str) -> DrawnEnsemble:
            raise UserError("the registry does not answer")

        load_version = load

    foundry = Foundry(drawn)
    watch = EnsembleWatch(Unreachable(), foundry, live="3", poll_seconds=0)
    service = Service(foundry=foundry, store=Store(f"sqlite:///{tmp_path}/s.db"), watch=watch)
    foundry.forge.retire()
    foundry.forge.close()
    found, answers = look(site.create_web(service), **REFUSING)
    service.close()
    assert found == []
    assert 502 in answers["POST /ensemble/refresh"]
    assert all(503 in statuses for operation, statuses in answers.items() if operation.startswith("GET /weapon"))
