"""The web pages: the gallery at `/`, a weapon's own page, the ensemble's at `/members`, the interface's at `/docs`.

Server-rendered, with one small script for the gallery; nothing is asked of a third party, and the headers
forbid it.
"""

import json
import re
from contextlib import suppress
from pathlib import Path

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.templating import Jinja2Templates
from markupsafe import Markup, escape

from gan.errors import UserError
from serve.service import Service, Weapon
from serve.stock.demands import StockEmpty
from serve.stock.forge import BrokenEnsemble
from serve.stock.weapon_id import WeaponId
from serve.texts.grammar import show_type
from serve.web.document import example_path, operations
from serve.web.problems import MEDIA_TYPE, STATUS_OF, TITLES
from serve.web.schemas import ensemble_answer, weapon_answer

STATIC = Path(__file__).parent / "static"
TEMPLATES = Path(__file__).parent / "templates"
NUM_FIRST = 12
CARD_SIDE, PAGE_SIDE = 256, 512
PIXEL_ART_SIDE = 128  # larger pictures are shown smoothly, not with hard pixels
CHOICES = {
    "ensemble": "this ensemble",
    "best_single": "the best single checkpoint",
    "random": "all checkpoints at random",
    "top_k": "the lowest FIDs, one weight",
}  # as ops/proposal.py names them
SHOWN_SCORES = {"fid", "kid", "precision", "recall", "coverage", "num_samples", "num_reals", "features"}
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}


def create_pages(service: Service, app: FastAPI) -> APIRouter:
    routes = APIRouter(include_in_schema=False)
    templates = Jinja2Templates(TEMPLATES)
    templates.env.trim_blocks = templates.env.lstrip_blocks = True
    templates.env.filters["show_type"] = show_type
    templates.env.filters["code"] = mark_code

    def page(request: Request, name: str, status: int = 200, **context: object) -> Response:
        root = str(request.scope.get("root_path", "")).rstrip("/")
        ensemble = service.ensemble
        shared = {
            "root": root,
            "ensemble": ensemble,
            "card_size": shown_size(ensemble.width, ensemble.height, CARD_SIDE),
            "smooth": max(ensemble.width, ensemble.height) > PIXEL_ART_SIDE,
            "page_size": shown_size(ensemble.width, ensemble.height, PAGE_SIDE),
        }
        return templates.TemplateResponse(request, name, shared | context, status_code=status, headers=HEADERS)

    @routes.get("/")
    def show_gallery(request: Request) -> Response:
        weapons: list[Weapon] = []
        with suppress(StockEmpty, BrokenEnsemble):  # the page's script asks again, and says so
            weapons = service.give(NUM_FIRST)
        root = str(request.scope.get("root_path", "")).rstrip("/")
        return page(
            request,
            "gallery.html",
            weapons=[weapon_answer(weapon, service, root) for weapon in weapons],
            types=service.forge.ids.type_names(),
        )

    @routes.get("/weapons/{weapon_id}")
    def show_weapon_page(request: Request, weapon_id: str) -> Response:
        try:
            weapon = service.find(WeaponId.parse(weapon_id))
        except (UserError, StockEmpty, BrokenEnsemble) as error:
            status = STATUS_OF[next(kind for kind in type(error).__mro__ if kind in STATUS_OF)]
            return page(request, "missing.html", status, title=TITLES[status], detail=str(error))
        root = str(request.scope.get("root_path", "")).rstrip("/")
        return page(
            request,
            "weapon.html",
            weapon=weapon_answer(weapon, service, root),
            base=str(request.base_url).rstrip("/"),
        )

    @routes.get("/docs")
    def show_docs(request: Request) -> Response:
        document = app.openapi()
        weapon = json.dumps(document["components"]["schemas"]["WeaponAnswer"]["examples"][0], indent=2)
        problem = json.dumps(
            document["paths"]["/weapon"]["get"]["responses"]["422"]["content"][MEDIA_TYPE]["example"], indent=2
        )
        rooms = [
            (tag, [each for each in operations(document) if tag["name"] in each[2]["tags"]]) for tag in document["tags"]
        ]
        return page(
            request, "docs.html", document=document, rooms=rooms, weapon=weapon, problem=problem, tried=example_path
        )

    @routes.get("/members")
    def show_members(request: Request) -> Response:
        answer = ensemble_answer(service)
        return page(request, "members.html", answer=answer, scores=scores_of(answer.report))

    return routes


def mark_code(text: str) -> Markup:
    """Markdown's `code`, the only mark in what is said of the routes."""
    return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def scores_of(report: dict[str, object]) -> list[dict[str, object]]:
    """The held-out scores of the choices, as the refresh reported them; [] where an ensemble came without."""
    found = []
    for name, title in CHOICES.items():
        score = report.get(f"scores_{name}")
        if isinstance(score, dict) and score.keys() >= SHOWN_SCORES:
            found.append({**score, "title": title})
    return found


def shown_size(width: int, height: int, side: int) -> tuple[int, int]:
    """A picture's size on a page: the largest whole multiple within `side`, so that its pixels stay square.

    A picture that is larger than that as it is, is fitted.
    """
    factor = min(side // width, side // height)
    if factor >= 1:
        return width * factor, height * factor
    shrink = side / max(width, height)
    return max(1, round(width * shrink)), max(1, round(height * shrink))
