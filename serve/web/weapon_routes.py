"""Weapons: new ones, many, and the same one again by its id."""

from functools import partial

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from gan.pixels import to_pil
from serve.pictures.cards import draw_card
from serve.service import Service, Weapon
from serve.stock.weapon_id import WeaponId
from serve.web.answers import json_list_of, json_of, permalink, png, root_of, unless_lost
from serve.web.parameters import CardSize, IdText, IfNoneMatch, NumWeapons, Seed, Truncation, TypeName
from serve.web.promises import KEPT, NOT_MODIFIED, UNKEPT, WEAPON_ID, answer, links_between, links_to, picture, problems
from serve.web.schemas import WeaponAnswer, weapon_answer

CARD_WIDTHS = {"large": 1920, "small": 640}
BY_BODY, BY_HEADER = links_to("$response.body#/id"), links_to("$response.header.X-Weapon-Id")
OF_THE_FIRST_TWO = links_to("$response.body#/0/id") | links_between("$response.body#/0/id", "$response.body#/1/id")


def create_weapon_routes(service: Service) -> APIRouter:
    routes = APIRouter(tags=["weapons"])
    not_given, not_found = problems(404, 422, 503), problems(404, 410, 422, 503)

    @routes.get(
        "/weapon",
        responses=answer("A weapon", headers=WEAPON_ID | UNKEPT, links=BY_BODY) | not_given,
        response_model=WeaponAnswer,
        summary="A random new weapon",
    )
    async def give_weapon(
        request: Request, truncation: Truncation = 1.0, type_name: TypeName = None, seed: Seed = None
    ) -> Response:
        """Name, text, and links to its picture, its card and its page. Its id gives the same weapon again, always."""
        weapon = await give(truncation, type_name, seed)
        headers = {"Cache-Control": "no-store", "X-Weapon-Id": str(weapon.weapon_id)}
        return json_of(weapon_answer(weapon, service, root_of(request)), headers)

    @routes.get(
        "/weapon.png",
        responses=picture("Its picture", headers=WEAPON_ID | UNKEPT, links=BY_HEADER) | not_given,
        response_class=Response,
        summary="A random new weapon's picture",
    )
    async def give_picture(truncation: Truncation = 1.0, type_name: TypeName = None, seed: Seed = None) -> Response:
        """The picture alone; the header X-Weapon-Id names the weapon."""
        weapon = await give(truncation, type_name, seed)
        headers = {"Cache-Control": "no-store", "X-Weapon-Id": str(weapon.weapon_id)}
        return png(to_pil(weapon.made.picture), headers)

    @routes.get(
        "/weapons",
        responses=answer("Weapons", headers=UNKEPT, links=OF_THE_FIRST_TWO) | not_given,
        response_model=list[WeaponAnswer],
        summary="Many new weapons at once",
    )
    def give_weapons(
        request: Request, n: NumWeapons = 16, truncation: Truncation = 1.0, type_name: TypeName = None
    ) -> Response:
        """As many calls of `/weapon` in one."""
        weapons = service.give(n, truncation_percent=percent_of(truncation), type_name=type_name)
        told = [weapon_answer(weapon, service, root_of(request)) for weapon in weapons]
        return json_list_of(told, {"Cache-Control": "no-store"})

    @routes.get(
        "/weapon/{weapon_id}.png",
        responses=picture("Its picture", headers=KEPT) | NOT_MODIFIED | not_found,
        response_class=Response,
        summary="The same picture again",
    )
    def show_picture(weapon_id: IdText, held: IfNoneMatch = None) -> Response:
        """In the ensemble's size, with transparency where it was trained on such pictures."""
        asked = WeaponId.parse(weapon_id)

        def draw(headers: dict[str, str]) -> Response:
            return png(to_pil(service.picture(asked).picture), headers)

        return permalink(service, [asked], "png", held, draw)

    @routes.get(
        "/weapon/{weapon_id}/card.png",
        responses=picture("Its card", headers=KEPT) | NOT_MODIFIED | not_found,
        response_class=Response,
        summary="Its item card",
    )
    def show_card(weapon_id: IdText, size: CardSize = "large", held: IfNoneMatch = None) -> Response:
        """The picture with name, type, flavour and perks, framed in the colour of its rarity."""
        asked = WeaponId.parse(weapon_id)

        def draw(headers: dict[str, str]) -> Response:
            weapon = service.find(asked)
            foot = f"{asked} · Ganvil"
            card = draw_card(weapon.made.picture, weapon.lore, foot=foot, width=CARD_WIDTHS[size])
            return png(card, unless_lost(weapon.kept, headers))

        return permalink(service, [asked], f"card-{size}", held, draw)

    @routes.get(
        "/weapon/{weapon_id}",
        responses=answer("The weapon", headers=KEPT) | NOT_MODIFIED | not_found,
        response_model=WeaponAnswer,
        summary="The same weapon again",
    )
    async def show_weapon(request: Request, weapon_id: IdText, held: IfNoneMatch = None) -> Response:
        """As it was given out, text included."""
        asked = WeaponId.parse(weapon_id)
        ready = service.find_now(asked)

        def tell(headers: dict[str, str]) -> Response:
            weapon = ready or service.find(asked)
            return json_of(weapon_answer(weapon, service, root_of(request)), unless_lost(weapon.kept, headers))

        again = partial(permalink, service, [asked], "json", held, tell)
        return again() if ready is not None else await run_in_threadpool(again)

    async def give(truncation: float, type_name: str | None, seed: int | None) -> Weapon:
        percent = percent_of(truncation)
        plain = percent == 100 and type_name is None and seed is None
        ready = service.give_now() if plain else None
        if ready is not None:  # on the event loop itself: it waited for nothing
            return ready
        return (await run_in_threadpool(service.give, truncation_percent=percent, type_name=type_name, seed=seed))[0]

    return routes


def percent_of(truncation: float) -> int:
    return round(truncation * 100)
