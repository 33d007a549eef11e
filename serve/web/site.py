"""The service's routes, for any ASGI server: `create_web(service)`. Knows no Ray."""

import hmac
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response
from fastapi.middleware.cors import CORSMiddleware
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.concurrency import run_in_threadpool
from starlette.staticfiles import StaticFiles

from gan.errors import UserError
from gan.pixels import to_pil
from gan.version import code_version
from serve.pictures.cards import draw_card
from serve.service import Service, Weapon
from serve.stock.watch import RefusedEnsemble
from serve.stock.weapon_id import MAX_TRUNCATION_PERCENT, SEED_END, WeaponId
from serve.web.answers import NOT_MODIFIED, PNG, IdText, is_known, json_of, permalink_headers, png, root_of
from serve.web.gate import HEADER, Gate, GateConfig
from serve.web.meters import Meters
from serve.web.middleware import HeadAsGet, Metering
from serve.web.pages import STATIC, create_pages
from serve.web.play_routes import create_play_routes
from serve.web.problems import Unauthorised, answer_problem, install_problems, problem_responses
from serve.web.schemas import (
    EnsembleAnswer,
    HealthAnswer,
    RefreshAnswer,
    WeaponAnswer,
    ensemble_answer,
    health_answer,
    weapon_answer,
)

MAX_WEAPONS = 64
CARD_WIDTHS = {"large": 1920, "small": 640}

Truncation = Annotated[
    float,
    Query(
        ge=0.0,
        le=MAX_TRUNCATION_PERCENT / 100,
        allow_inf_nan=False,
        description="creativity, in hundredths: 0 is the most typical weapon, 1 as trained, above it wild",
        examples=[0.7],
    ),
]
TypeName = Annotated[
    str | None,
    Query(
        alias="type",
        min_length=1,
        max_length=80,
        description="only this type, one of those that GET /ensemble lists",
        examples=["axe"],
    ),
]
Seed = Annotated[
    int | None,
    Query(
        ge=0,
        lt=SEED_END,
        description="the same seed gives the same weapon, while the ensemble stays",
        examples=[7],
    ),
]


def create_web(service: Service, gate: GateConfig | None = None) -> FastAPI:
    """The whole service: routes, pages, static files, problems, metrics. gate: None lets everybody in."""
    app = FastAPI(
        title="Ganvil",
        version=code_version(),
        description="Weapons that no smith ever made: pictures by generators, texts by GPT or a grammar.",
        docs_url=None,  # Swagger's page asks a third party for its scripts; ours is in serve/web/pages.py
        redoc_url=None,
        responses={} if gate is None or gate.is_open else problem_responses(401, 429),
    )
    meters = Meters(service)
    app.state.service = service
    app.state.meters = meters
    install_problems(app)
    app.include_router(create_weapon_routes(service))
    app.include_router(create_play_routes(service))
    app.include_router(create_operation_routes(service, meters))
    app.include_router(create_pages(service, app))
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    if gate is not None and not gate.is_open:
        app.add_middleware(Gate, config=gate)
    app.add_middleware(Metering, meters=meters)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=["*"],
        allow_methods=["GET", "HEAD"],
        allow_headers=[HEADER],
        expose_headers=["X-Weapon-Id", "ETag"],
    )
    app.add_middleware(HeadAsGet)
    return app


def create_weapon_routes(service: Service) -> APIRouter:
    routes = APIRouter(tags=["weapons"])

    @routes.get(
        "/weapon",
        responses=problem_responses(404, 422, 503),
        response_model=WeaponAnswer,
        summary="A random new weapon",
    )
    async def give_weapon(
        request: Request, truncation: Truncation = 1.0, type_name: TypeName = None, seed: Seed = None
    ) -> Response:
        weapon = await give(truncation, type_name, seed)
        headers = {"Cache-Control": "no-store", "X-Weapon-Id": str(weapon.weapon_id)}
        return json_of(weapon_answer(weapon, service, root_of(request)), headers)

    @routes.get(
        "/weapon.png",
        responses=PNG | problem_responses(404, 422, 503),
        response_class=Response,
        summary="A random new weapon's picture; its id is in the header X-Weapon-Id",
    )
    async def give_picture(truncation: Truncation = 1.0, type_name: TypeName = None, seed: Seed = None) -> Response:
        weapon = await give(truncation, type_name, seed)
        headers = {"Cache-Control": "no-store", "X-Weapon-Id": str(weapon.weapon_id)}
        return png(to_pil(weapon.made.picture), headers)

    @routes.get("/weapons", responses=problem_responses(404, 422, 503), summary="Many at once")
    def give_weapons(
        request: Request,
        response: Response,
        n: Annotated[int, Query(ge=1, le=MAX_WEAPONS, description="how many")] = 16,
        truncation: Truncation = 1.0,
        type_name: TypeName = None,
    ) -> list[WeaponAnswer]:
        response.headers["Cache-Control"] = "no-store"
        weapons = service.give(n, truncation_percent=percent_of(truncation), type_name=type_name)
        return [weapon_answer(weapon, service, root_of(request)) for weapon in weapons]

    @routes.get(
        "/weapon/{weapon_id}.png",
        responses=PNG | NOT_MODIFIED | problem_responses(404, 410, 422, 503),
        response_class=Response,
        summary="The same picture again",
    )
    def show_picture(request: Request, weapon_id: IdText) -> Response:
        asked = WeaponId.parse(weapon_id)
        headers = permalink_headers(asked, "png")
        if is_known(request, headers):
            service.check(asked)
            return Response(status_code=304, headers=headers)
        return png(to_pil(service.picture(asked).picture), headers)

    @routes.get(
        "/weapon/{weapon_id}/card.png",
        responses=PNG | NOT_MODIFIED | problem_responses(404, 410, 422, 503),
        response_class=Response,
        summary="Its item card: 1920x1080, or 640x360 when small",
    )
    def show_card(
        request: Request, weapon_id: IdText, size: Annotated[Literal["large", "small"], Query()] = "large"
    ) -> Response:
        asked = WeaponId.parse(weapon_id)
        headers = permalink_headers(asked, f"card-{size}")
        if is_known(request, headers):
            service.check(asked)
            return Response(status_code=304, headers=headers)
        weapon = service.find(asked)
        card = draw_card(weapon.made.picture, weapon.lore, foot=f"{asked} · Ganvil", width=CARD_WIDTHS[size])
        return png(card, headers if weapon.kept else headers | {"Cache-Control": "no-cache"})

    @routes.get(
        "/weapon/{weapon_id}",
        responses=NOT_MODIFIED | problem_responses(404, 410, 422, 503),
        response_model=WeaponAnswer,
        summary="The same weapon again",
    )
    async def show_weapon(request: Request, weapon_id: IdText) -> Response:
        asked = WeaponId.parse(weapon_id)
        headers = permalink_headers(asked, "json")
        if is_known(request, headers):
            await run_in_threadpool(service.check, asked)
            return Response(status_code=304, headers=headers)
        weapon = service.find_now(asked)
        if weapon is None:
            weapon = await run_in_threadpool(service.find, asked)
        # Without the store the text may be another one tomorrow: then nobody may keep it for ever.
        kept = headers if weapon.kept else headers | {"Cache-Control": "no-cache"}
        return json_of(weapon_answer(weapon, service, root_of(request)), kept)

    async def give(truncation: float, type_name: str | None, seed: int | None) -> Weapon:
        percent = percent_of(truncation)
        plain = percent == 100 and type_name is None and seed is None
        ready = service.give_now() if plain else None
        if ready is not None:  # on the event loop itself: it waited for nothing
            return ready
        return (await run_in_threadpool(service.give, truncation_percent=percent, type_name=type_name, seed=seed))[0]

    return routes


def create_operation_routes(service: Service, meters: Meters) -> APIRouter:
    routes = APIRouter(tags=["operation"])
    bearer = HTTPBearer(auto_error=False, description="GANVIL_ADMIN_TOKEN, where the service has one")

    @routes.get("/ensemble", summary="Members, weights, scores")
    def show_ensemble() -> EnsembleAnswer:
        return ensemble_answer(service)

    @routes.post(
        "/ensemble/refresh",
        response_model=RefreshAnswer,
        responses=problem_responses(401, 502),
        summary="Look now whether another ensemble should be live",
    )
    def refresh(
        request: Request, token: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
    ) -> RefreshAnswer | Response:
        wanted = service.admin_token
        given = "" if token is None else token.credentials
        if wanted is not None and not hmac.compare_digest(given.encode(), wanted.encode()):
            raise Unauthorised("this needs the service's admin token: Authorization: Bearer GANVIL_ADMIN_TOKEN")
        try:
            changed = service.watch is not None and service.watch.look()
        except (RefusedEnsemble, UserError) as error:
            live = service.ensemble.version
            return answer_problem(request, 502, f"{error}; version {live} stays live")
        return RefreshAnswer(version=service.ensemble.version, changed=changed)

    # These two are async: they must answer while every thread of the pool waits for a picture.
    @routes.get("/healthz", responses={503: {"model": HealthAnswer}}, summary="Liveness, and what is wrong")
    async def show_health(response: Response) -> HealthAnswer:
        health = health_answer(service)
        response.headers["Cache-Control"] = "no-store"
        if health.status == "failing":
            response.status_code = 503
        return health

    @routes.get("/metrics", response_class=Response, summary="Figures for Prometheus")
    async def show_metrics() -> Response:
        return Response(meters.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return routes


def percent_of(truncation: float) -> int:
    return round(truncation * 100)
