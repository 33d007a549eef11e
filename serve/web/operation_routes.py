"""The ensemble, its change, and what those who watch over the service ask for."""

import hmac

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse
from fastapi.security.utils import get_authorization_scheme_param

from gan.errors import UserError
from serve.service import Service
from serve.stock.watch import RefusedEnsemble
from serve.web.meters import Meters
from serve.web.problems import Unauthorised, answer_problem
from serve.web.promises import UNKEPT, answer, problem, problems
from serve.web.schemas import EnsembleAnswer, HealthAnswer, RefreshAnswer, ensemble_answer, health_answer

FIRST_MEMBER = {"index": "$response.body#/members/0/index", "version": "$response.body#/version"}
ADMIN_TOKEN = {"type": "http", "scheme": "bearer", "description": "The service's GANVIL_ADMIN_TOKEN."}
NO_TOKEN = "this needs the service's admin token: Authorization: Bearer GANVIL_ADMIN_TOKEN"
METRICS = 'ganvil_requests_total{route="/weapon",status="200"} 7.0\nganvil_stock_pictures 512.0\n'


def create_operation_routes(service: Service, meters: Meters) -> APIRouter:
    routes = APIRouter(tags=["operation"])
    is_closed = bool(service.admin_token)

    @routes.get(
        "/ensemble",
        responses=answer(
            "The live ensemble", links={"member": {"operationId": "show_member", "parameters": FIRST_MEMBER}}
        ),
        summary="Members, weights, scores",
    )
    def show_ensemble() -> EnsembleAnswer:
        """What draws the weapons, the types that it knows, and the scores that it was chosen by."""
        return ensemble_answer(service)

    @routes.post(
        "/ensemble/refresh",
        response_model=RefreshAnswer,
        responses=answer("The ensemble that is live now")
        | ({401: problem(401, "/ensemble/refresh", NO_TOKEN)} if is_closed else {})
        | problems(502),
        openapi_extra={"security": [{"AdminToken": []}]} if is_closed else None,
        summary="Look now whether another ensemble should be live",
    )
    def refresh(request: Request) -> RefreshAnswer | Response:
        """What the service does by itself from time to time. An ensemble that cannot draw is refused, and the old one
        stays.
        """
        scheme, given = get_authorization_scheme_param(request.headers.get("Authorization"))
        wanted = service.admin_token
        if wanted is not None:
            is_wanted = hmac.compare_digest(given.encode(), wanted.encode())
            if scheme.lower() != "bearer" or not is_wanted:
                raise Unauthorised(NO_TOKEN)
        try:
            changed = service.watch is not None and service.watch.look()
        except (RefusedEnsemble, UserError) as error:
            live = service.ensemble.version
            return answer_problem(request, 502, f"{error}; version {live} stays live")
        return RefreshAnswer(version=service.ensemble.version, changed=changed)

    # These two are async: they must answer while every thread of the pool waits for a picture.
    @routes.get(
        "/healthz",
        responses=answer("It lives; `faults` has what is wrong all the same", headers=UNKEPT)
        | {503: {"model": HealthAnswer, "description": "Nothing can be drawn", "headers": UNKEPT}},
        summary="Liveness, and what is wrong",
    )
    async def show_health(response: Response) -> HealthAnswer:
        """For probes: 503 only where no weapon can be given out."""
        health = health_answer(service)
        response.headers["Cache-Control"] = "no-store"
        if health.status == "failing":
            response.status_code = 503
        return health

    @routes.get(
        "/metrics",
        responses={200: {"description": "Figures", "content": {"text/plain": {"example": METRICS}}}},
        response_class=PlainTextResponse,
        summary="Figures for Prometheus",
    )
    async def show_metrics() -> Response:
        """Requests by route and status, times, the stock and what was drawn; in Prometheus' text format."""
        return Response(meters.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return routes
