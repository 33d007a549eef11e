"""The OpenAPI document: what is true of all routes, and examples that the live ensemble answers.

What is true of one route stands at the route.
"""

import copy
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI

from serve.service import Service
from serve.stock.weapon_id import WeaponId
from serve.web.gate import HEADER, GateConfig, is_open
from serve.web.operation_routes import ADMIN_TOKEN
from serve.web.problems import Problem
from serve.web.promises import problems

ABOUT = """Weapons that no smith ever made: pictures by generators, texts by GPT or a grammar.

Ask for a random one at `/weapon`. Its id gives the same weapon again, always: keep the id, not the picture.
Errors are problem details of RFC 9457 (`application/problem+json`). Any origin may ask from a browser; every GET route
answers HEAD, and every route OPTIONS."""
TAGS = [
    {"name": "weapons", "description": "New weapons, and the same ones again by their ids."},
    {"name": "play", "description": "What could be made of a weapon, or of two."},
    {"name": "operation", "description": "The ensemble behind them, and how the service is."},
]
KEY = {"type": "apiKey", "in": "header", "name": HEADER, "description": "One of the service's GANVIL_API_KEYS."}

Json = dict[str, Any]


def install_document(app: FastAPI, service: Service, gate: GateConfig) -> None:
    """Makes `app.openapi` tell all of it."""
    plain = app.openapi

    def openapi() -> Json:
        document = copy.deepcopy(plain())
        components = document["components"]
        problem = Problem.model_json_schema(mode="serialization", ref_template="#/components/schemas/{model}")
        components["schemas"] |= problem.pop("$defs") | {"Problem": problem}
        schemes = ({"ApiKey": KEY} if gate.keys else {}) | ({"AdminToken": ADMIN_TOKEN} if service.admin_token else {})
        if schemes:
            components["securitySchemes"] = schemes
        for _, path, operation in operations(document):
            if not gate.is_open and not is_open(path):
                _tell_gate(operation, gate)
            for parameter in operation.get("parameters", []):
                _simplify(parameter)
        _give_live_examples(document, service)
        return document

    app.openapi = openapi  # type: ignore[method-assign]


def operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    """(method, path, operation) of each."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def example_path(path: str, operation: Json) -> str:
    """With the parameters' examples in their places; the query is left to its defaults."""
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", str(parameter["schema"]["examples"][0]))
    return path


def _tell_gate(operation: Json, gate: GateConfig) -> None:
    refusals = problems(401, 429) if gate.rate or gate.key_rate else problems(401)
    operation["responses"] = {str(status): told for status, told in refusals.items()} | operation["responses"]
    if gate.keys:
        without = operation.get("security", [{}])
        with_key = [each | {"ApiKey": []} for each in without]
        operation["security"] = with_key + without if gate.anonymous else with_key


def _simplify(parameter: Json) -> None:
    """A parameter is there or not, but never null, as pydantic has it for `int | None`."""
    kinds = parameter["schema"].pop("anyOf", None)
    if kinds is not None:
        (kind,) = (kind for kind in kinds if kind != {"type": "null"})
        parameter["schema"] |= kind


def _give_live_examples(document: Json, service: Service) -> None:
    """Ids, types and versions that this service knows, in place of made-up ones."""
    ensemble = service.ensemble
    # Of the member with the most styles: two of it can be mixed.
    member = max(range(len(ensemble.members)), key=ensemble.num_styles)
    label = 0 if ensemble.members[member].class_names else None
    first, second = (
        str(WeaponId(version=ensemble.version, member=member, seed=seed, label=label)) for seed in (665618564, 7)
    )
    examples = {"weapon_id": first, "a": first, "b": second, "version": ensemble.version}
    for name in service.forge.ids.type_names()[:1]:
        examples["type"] = name
    for _, _, operation in operations(document):
        for parameter in operation.get("parameters", []):
            if parameter["name"] in examples:
                parameter["schema"]["examples"] = [examples[parameter["name"]]]
