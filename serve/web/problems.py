"""Errors as RFC 9457 problem details: one media type, one shape, for every answer that is not the thing asked
for.
"""

import logging
from collections.abc import Mapping
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from gan.errors import UserError
from serve.stock.choosing import UnknownWeapon
from serve.stock.demands import StockEmpty
from serve.stock.forge import BrokenEnsemble
from serve.stock.foundry import GoneVersion
from serve.stock.weapon_id import MalformedWeaponId

log = logging.getLogger("ganvil.serve")
MEDIA_TYPE = "application/problem+json"
TITLES = {
    401: "Authorisation needed",
    404: "Not found",
    405: "Method not allowed",
    410: "Gone",
    429: "Too many requests",
    422: "The request does not hold together",
    500: "Our mistake",
    502: "The new ensemble was refused",
    503: "Not ready, try again",
}


class FieldProblem(BaseModel):
    field: str = Field(description="the parameter", examples=["truncation"])
    detail: str = Field(description="what it breaks", examples=["Input should be less than or equal to 1.5"])


class Problem(BaseModel):
    """A problem detail of RFC 9457: `title` says what the status means, `detail` what happened here."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)

    type: str = Field(default="about:blank", json_schema_extra={"format": "uri-reference"})
    title: str = Field(examples=["Not found"])
    status: int = Field(ge=400, le=599, examples=[404])
    detail: str = Field(examples=["ensemble 3 has 2 members, not a member 9"])
    instance: str = Field(
        description="what was asked for", examples=["/weapon/3-9-abc"], json_schema_extra={"format": "uri-reference"}
    )
    errors: list[FieldProblem] = Field(default=[], description="parameters that do not fit")


class Unauthorised(UserError):
    """The bearer token is missing or wrong."""


STATUS_OF: dict[type[Exception], int] = {
    MalformedWeaponId: 422,
    UnknownWeapon: 404,
    GoneVersion: 410,
    Unauthorised: 401,
    StockEmpty: 503,
    BrokenEnsemble: 500,
    UserError: 422,
}


def answer_problem(
    request: Request,
    status: int,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    errors: list[FieldProblem] | None = None,
) -> JSONResponse:
    problem = Problem(
        title=TITLES.get(status, "The request failed"),
        status=status,
        detail=detail,
        instance=quote(path_of(request)),
        errors=errors or [],
    )
    more = {"Cache-Control": "no-store"} | dict(headers or {})
    return JSONResponse(
        problem.model_dump(exclude_defaults=False), status_code=status, headers=more, media_type=MEDIA_TYPE
    )


def path_of(request: Request) -> str:
    """Not `path_of(request)`, which fails where the query is not UTF-8."""
    return str(request.scope["path"])


def install_problems(app: FastAPI) -> None:
    """Turns every error that leaves a route into a problem."""

    def on_ours(request: Request, error: Exception) -> JSONResponse:
        kind = next(each for each in type(error).__mro__ if each in STATUS_OF)
        status = STATUS_OF[kind]
        headers = {503: {"Retry-After": "2"}, 401: {"WWW-Authenticate": "Bearer"}}.get(status)
        if status == 500:
            log.error("%s: %s", path_of(request), error)
        return answer_problem(request, status, str(error), headers=headers)

    for kind in STATUS_OF:
        app.add_exception_handler(kind, on_ours)

    @app.exception_handler(RequestValidationError)
    def on_invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        problems = [FieldProblem(field=str(each["loc"][-1]), detail=str(each["msg"])) for each in error.errors()]
        detail = "; ".join(f"{each.field}: {each.detail}" for each in problems)
        return answer_problem(request, 422, detail, errors=problems)

    @app.exception_handler(HTTPException)
    def on_http(request: Request, error: HTTPException) -> JSONResponse:
        detail = f"there is no {path_of(request)} here" if error.status_code == 404 else str(error.detail)
        return answer_problem(request, error.status_code, detail, headers=error.headers)

    @app.exception_handler(Exception)
    def on_anything(request: Request, error: Exception) -> JSONResponse:
        # Starlette raises it again after this answer, so the server's log has the traceback.
        return answer_problem(request, 500, "an unexpected fault; it has been logged")
