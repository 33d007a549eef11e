"""What OpenAPI is told of the answers: their headers, pictures and where they lead."""

from typing import Any

from serve.web.answers import FOR_EVER
from serve.web.parameters import EXAMPLE_ID, ID_PATTERN
from serve.web.problems import MEDIA_TYPE, TITLES, FieldProblem, Problem

Responses = dict[int | str, dict[str, Any]]  # as FastAPI has them, by status


def header(description: str, example: str | int, **schema: object) -> dict[str, Any]:
    """One that an answer always has."""
    kind = "string" if isinstance(example, str) else "integer"
    return {"description": description, "required": True, "schema": {"type": kind, **schema}, "example": example}


WEAPON_ID = {"X-Weapon-Id": header("the weapon's id", EXAMPLE_ID, pattern=ID_PATTERN)}
UNKEPT = {"Cache-Control": header("the next answer is another one", "no-store")}
KEPT = WEAPON_ID | {
    "ETag": header("send it as If-None-Match", f'W/"{EXAMPLE_ID}.png"', pattern='^W/"[!-~]+"$'),
    "Cache-Control": header("for ever; no-cache where the answer may become another one", FOR_EVER),
}
NOT_MODIFIED: Responses = {304: {"description": "You hold it already", "headers": KEPT}}

RETRY_AFTER = {"Retry-After": header("in so many seconds", 2, minimum=1)}
PROBLEM_HEADERS = {
    401: {"WWW-Authenticate": header("what is wanted: Bearer, or ApiKey, which is the header X-API-Key", "Bearer")},
    429: RETRY_AFTER,
    503: RETRY_AFTER,
}
PROBLEMS = {  # an example of each
    401: ("/weapon", "this needs a key: X-API-Key: KEY"),
    404: ("/weapon/3-9-k9x2m4", "ensemble 3 has 2 members, not a member 9"),
    410: ("/weapon/2-0-k9x2m4", "ensemble version 2 is no longer to be had"),
    422: ("/weapon", "truncation: Input should be less than or equal to 1.5"),
    429: ("/weapon", "more than 600 per 1 minute asked for; try again later"),
    502: ("/ensemble/refresh", "member 0 (dcgan-7f3a-220k) draws only blank pictures; version 3 stays live"),
    503: ("/weapon", "no picture in stock within 5 s"),
}


def answer(description: str, **more: dict[str, Any]) -> Responses:
    """Of a route whose model says what is in it. more: headers and links."""
    return {200: {"description": description, **more}}


def picture(description: str, media_type: str = "image/png", **more: dict[str, Any]) -> Responses:
    # `format: binary` is OpenAPI 3.0's, but what makers of clients still look for.
    content = {media_type: {"schema": {"type": "string", "format": "binary"}}}
    return {200: {"description": description, "content": content, **more}}


def links_to(weapon_id: str) -> dict[str, Any]:
    """weapon_id: where the answer has it."""
    routes = ("weapon", "picture", "card", "creativity", "similar")
    return {name: {"operationId": f"show_{name}", "parameters": {"weapon_id": weapon_id}} for name in routes}


def links_between(a: str, b: str) -> dict[str, Any]:
    return {name: {"operationId": f"show_{name}", "parameters": {"a": a, "b": b}} for name in ("morph", "mix")}


def problems(*statuses: int) -> Responses:
    return {status: problem(status, *PROBLEMS[status]) for status in statuses}


def problem(status: int, path: str, detail: str) -> dict[str, Any]:
    """With an example: what was asked for, and what came of it."""
    field, _, rule = detail.partition(": ")
    errors = [FieldProblem(field=field, detail=rule)] if status == 422 else []
    example = Problem(title=TITLES[status], status=status, detail=detail, instance=path, errors=errors).model_dump()
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}}
    told: dict[str, Any] = {"description": TITLES[status], "content": content}
    return told | ({"headers": PROBLEM_HEADERS[status]} if status in PROBLEM_HEADERS else {})
