"""The routes of serve/pictures/play.py: pictures of what could be made of one weapon or of two."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from gan.pixels import to_pil
from serve.pictures.montage import captioned_row, member_sheet, there_and_back
from serve.pictures.play import CREATIVITIES, creativity_row, member_ids, mixed, morph_frames
from serve.service import Service
from serve.stock.weapon_id import WeaponId
from serve.web.answers import permalink, png, root_of, unless_lost
from serve.web.parameters import Frames, IdText, IfNoneMatch, Layer, MemberIndex, Milliseconds, NumSimilar, Version
from serve.web.promises import KEPT, NOT_MODIFIED, answer, links_between, links_to, picture, problems
from serve.web.schemas import WeaponAnswer, weapon_answer

TO_THE_NEAREST = links_to("$response.body#/0/id") | links_between("$request.path.weapon_id", "$response.body#/0/id")


def create_play_routes(service: Service) -> APIRouter:
    routes = APIRouter(tags=["play"])
    others = NOT_MODIFIED | problems(404, 410, 422, 503)

    @routes.get(
        "/weapon/{weapon_id}/creativity.png",
        responses=picture("Its pictures in a row", headers=KEPT) | others,
        response_class=Response,
        summary="The same weapon from the most typical to the wildest",
    )
    def show_creativity(weapon_id: IdText, held: IfNoneMatch = None) -> Response:
        """At truncations from 0 to 1.5, each written below its picture."""
        asked = WeaponId.parse(weapon_id)

        def draw(headers: dict[str, str]) -> Response:
            captions = [f"{percent / 100:g}" for percent in CREATIVITIES]
            return png(captioned_row(creativity_row(service.foundry, asked), captions), headers)

        return permalink(service, [asked], "creativity", held, draw)

    @routes.get(
        "/weapon/{a}/morph/{b}.webp",
        responses=picture("The animation, without an end", media_type="image/webp", headers=KEPT) | others,
        response_class=Response,
        summary="An animation from one weapon to another and back",
    )
    def show_morph(
        a: IdText, b: IdText, frames: Frames = 24, milliseconds: Milliseconds = 60, held: IfNoneMatch = None
    ) -> Response:
        """Through what their member draws between them; two of different members meet in the typical pictures of
        both.
        """
        first, last = WeaponId.parse(a), WeaponId.parse(b)

        def draw(headers: dict[str, str]) -> Response:
            pictures = there_and_back(morph_frames(service.foundry, first, last, frames), milliseconds)
            return Response(pictures, media_type="image/webp", headers=headers)

        return permalink(service, [first, last], f"morph-{last}-{frames}-{milliseconds}", held, draw)

    @routes.get(
        "/weapon/{a}/mix/{b}.png",
        responses=picture("Its picture", headers=KEPT) | others,
        response_class=Response,
        summary="Build and shape of the first, colours and detail of the second",
    )
    def show_mix(a: IdText, b: IdText, layer: Layer = None, held: IfNoneMatch = None) -> Response:
        """Of two weapons of one StyleGAN member: `styles` of a weapon says how many layers there are to choose from.
        422 for others.
        """
        coarse, fine = WeaponId.parse(a), WeaponId.parse(b)

        def draw(headers: dict[str, str]) -> Response:
            return png(to_pil(mixed(service.foundry, coarse, fine, layer)), headers)

        return permalink(service, [coarse, fine], f"mix-{fine}-{layer}", held, draw)

    @routes.get(
        "/weapon/{weapon_id}/similar",
        responses=answer("The nearest first", headers=KEPT, links=TO_THE_NEAREST) | others,
        response_model=list[WeaponAnswer],
        summary="Others of its ensemble that look like it",
    )
    def show_similar(request: Request, weapon_id: IdText, n: NumSimilar = 8, held: IfNoneMatch = None) -> Response:
        """The nearest of 128 that are drawn for the comparison, the same ones each time."""
        asked = WeaponId.parse(weapon_id)

        def tell(headers: dict[str, str]) -> Response:
            weapons = service.similar(asked, n)
            told = [weapon_answer(weapon, service, root_of(request)).model_dump(mode="json") for weapon in weapons]
            return JSONResponse(told, headers=unless_lost(all(weapon.kept for weapon in weapons), headers))

        return permalink(service, [asked], f"similar-{n}", held, tell)

    @routes.get(
        "/ensemble/members/{index}.png",
        responses=picture("A sheet of its pictures", headers=KEPT) | others,
        response_class=Response,
        summary="Pictures of one member",
    )
    def show_member(index: MemberIndex, version: Version = None, held: IfNoneMatch = None) -> Response:
        """The same ones each time, its types by turns."""
        ids = member_ids(service.foundry, version, index)

        def draw(headers: dict[str, str]) -> Response:
            pictures = service.foundry.forge_of(ids[0].version).make_many(ids)
            return png(member_sheet([made.picture for made in pictures]), headers)

        return permalink(service, ids[:1], "member", held, draw, for_ever=version is not None)

    return routes
