"""The routes of serve/pictures/play.py: pictures of what could be made of one weapon or of two."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import JSONResponse

from gan.pixels import to_pil
from serve.pictures.montage import captioned_row, member_sheet, there_and_back
from serve.pictures.play import CREATIVITIES, creativity_row, member_ids, mixed, morph_frames
from serve.service import Service
from serve.stock.weapon_id import WeaponId
from serve.web.answers import NOT_MODIFIED, PNG, IdText, is_known, permalink_headers, picture_of_type, png, root_of
from serve.web.problems import problem_responses
from serve.web.schemas import WeaponAnswer, weapon_answer

MOST_FRAMES = 96
MOST_SIMILAR = 16
Frames = Annotated[int, Query(ge=8, le=MOST_FRAMES, description="pictures on the way there")]
Milliseconds = Annotated[int, Query(ge=20, le=1000, description="for each of them")]
Layer = Annotated[
    int | None,
    Query(ge=1, le=64, description="the first layer that follows the second; absent: the middle"),
]


def create_play_routes(service: Service) -> APIRouter:
    routes = APIRouter(tags=["play"])
    problems = problem_responses(404, 410, 422, 503)

    @routes.get(
        "/weapon/{weapon_id}/creativity.png",
        responses=PNG | NOT_MODIFIED | problems,
        response_class=Response,
        summary="The same weapon from the most typical to the wildest",
    )
    def show_creativity(request: Request, weapon_id: IdText) -> Response:
        asked = WeaponId.parse(weapon_id)
        headers = permalink_headers(asked, "creativity")
        if is_known(request, headers):
            service.check(asked)
            return Response(status_code=304, headers=headers)
        pictures = creativity_row(service.foundry, asked)
        captions = [f"{percent / 100:g}" for percent in CREATIVITIES]
        return png(captioned_row(pictures, captions), headers)

    @routes.get(
        "/weapon/{a}/morph/{b}.webp",
        responses=picture_of_type("image/webp") | NOT_MODIFIED | problems,
        response_class=Response,
        summary="An animation from one weapon to another and back",
    )
    def show_morph(
        request: Request, a: IdText, b: IdText, frames: Frames = 24, milliseconds: Milliseconds = 60
    ) -> Response:
        first, last = WeaponId.parse(a), WeaponId.parse(b)
        headers = permalink_headers(first, f"morph-{last}-{frames}-{milliseconds}")
        if is_known(request, headers):
            service.check(first)
            service.check(last)
            return Response(status_code=304, headers=headers)
        pictures = morph_frames(service.foundry, first, last, frames)
        return Response(there_and_back(pictures, milliseconds), media_type="image/webp", headers=headers)

    @routes.get(
        "/weapon/{a}/mix/{b}.png",
        responses=PNG | NOT_MODIFIED | problems,
        response_class=Response,
        summary="Build and shape of the first, colours and detail of the second; of one StyleGAN member",
    )
    def show_mix(request: Request, a: IdText, b: IdText, layer: Layer = None) -> Response:
        coarse, fine = WeaponId.parse(a), WeaponId.parse(b)
        headers = permalink_headers(coarse, f"mix-{fine}-{layer}")
        if is_known(request, headers):
            service.check(coarse)
            service.check(fine)
            return Response(status_code=304, headers=headers)
        return png(to_pil(mixed(service.foundry, coarse, fine, layer)), headers)

    @routes.get(
        "/weapon/{weapon_id}/similar",
        responses=NOT_MODIFIED | problems,
        response_model=list[WeaponAnswer],
        summary="Others of its ensemble that look like it, the nearest first",
    )
    def show_similar(
        request: Request, weapon_id: IdText, n: Annotated[int, Query(ge=1, le=MOST_SIMILAR, description="how many")] = 8
    ) -> Response:
        asked = WeaponId.parse(weapon_id)
        headers = permalink_headers(asked, f"similar-{n}")
        if is_known(request, headers):
            service.check(asked)
            return Response(status_code=304, headers=headers)
        weapons = service.similar(asked, n)
        found = [weapon_answer(weapon, service, root_of(request)).model_dump(mode="json") for weapon in weapons]
        kept = all(weapon.kept for weapon in weapons)  # without the store their texts may be others tomorrow
        return JSONResponse(found, headers=headers if kept else headers | {"Cache-Control": "no-cache"})

    @routes.get(
        "/ensemble/members/{index}.png",
        responses=PNG | NOT_MODIFIED | problem_responses(404, 410, 422, 503),
        response_class=Response,
        summary="Pictures of one member",
    )
    def show_member(
        request: Request,
        index: Annotated[int, Path(ge=0, le=9999, description="as GET /ensemble counts them")],
        version: Annotated[str | None, Query(max_length=8, description="of the ensemble; absent: the live one")] = None,
    ) -> Response:
        ids = member_ids(service.foundry, version, index)
        headers = permalink_headers(ids[0], "member")
        if version is None:
            headers["Cache-Control"] = "no-cache"
        if is_known(request, headers):
            return Response(status_code=304, headers=headers)
        pictures = [made.picture for made in service.foundry.forge_of(ids[0].version).make_many(ids)]
        return png(member_sheet(pictures), headers)

    return routes
