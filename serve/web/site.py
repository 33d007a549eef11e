"""The service's routes, for any ASGI server: `create_web(service)`. Knows no Ray."""

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from starlette.staticfiles import StaticFiles

from gan.version import code_version
from serve.service import Service
from serve.web.document import ABOUT, TAGS, install_document
from serve.web.gate import HEADER, Gate, GateConfig
from serve.web.meters import Meters
from serve.web.middleware import EveryMethod, Metering
from serve.web.operation_routes import create_operation_routes
from serve.web.pages import STATIC, create_pages
from serve.web.play_routes import create_play_routes
from serve.web.problems import install_problems
from serve.web.weapon_routes import create_weapon_routes


def create_web(service: Service, gate: GateConfig | None = None) -> FastAPI:
    """The whole service: routes, pages, static files, problems, metrics. gate: None lets everybody in."""
    app = FastAPI(
        title="Ganvil",
        version=code_version(),
        summary="Weapons that no smith ever made",
        description=ABOUT,
        license_info={"name": "Apache License 2.0", "identifier": "Apache-2.0"},
        openapi_tags=TAGS,
        generate_unique_id_function=lambda route: route.name,
        docs_url=None,  # Swagger's page asks a third party for its scripts; ours is in serve/web/pages.py
        redoc_url=None,
    )
    gate = gate or GateConfig()
    meters = Meters(service)
    app.state.service = service
    app.state.meters = meters
    install_problems(app)
    install_document(app, service, gate)
    app.include_router(create_weapon_routes(service))
    app.include_router(create_play_routes(service))
    app.include_router(create_operation_routes(service, meters))
    app.include_router(create_pages(service, app))
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    if not gate.is_open:
        app.add_middleware(Gate, config=gate)
    app.add_middleware(Metering, meters=meters)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=["*"],
        allow_methods=["GET", "HEAD"],
        allow_headers=[HEADER, "If-None-Match"],
        expose_headers=["X-Weapon-Id", "ETag", "Retry-After"],
    )
    app.add_middleware(EveryMethod)
    return app
