"""What the routes' answers have in common: pictures, and permalinks that may be kept for ever."""

import io
from typing import Annotated

from fastapi import Path, Request, Response
from PIL import Image
from pydantic import BaseModel

from serve.stock.weapon_id import WeaponId

Responses = dict[int | str, dict[str, object]]  # as FastAPI has them, by status

FOR_EVER = "public, max-age=31536000, immutable"
IdText = Annotated[str, Path(description="a weapon's id", examples=["3-2-k9x2m4"], max_length=60)]
NOT_MODIFIED: Responses = {304: {"description": "you have it already (If-None-Match)"}}


def picture_of_type(media_type: str) -> Responses:
    return {200: {"content": {media_type: {}}, "description": "the picture"}}


PNG = picture_of_type("image/png")


def permalink_headers(weapon_id: WeaponId, kind: str) -> dict[str, str]:
    # A weak tag: the picture is the same to within 1/255 a pixel, whichever batch drew it.
    return {"ETag": f'W/"{weapon_id}.{kind}"', "Cache-Control": FOR_EVER, "X-Weapon-Id": str(weapon_id)}


def is_known(request: Request, headers: dict[str, str]) -> bool:
    """Whether the client holds this answer already: weak comparison of RFC 9110, section 8.8.3.2."""
    tags = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    return headers["ETag"].removeprefix("W/") in tags


def png(image: Image.Image, headers: dict[str, str]) -> Response:
    buffer = io.BytesIO()
    # Level 1: a large card in a quarter of the time, for a fifth more bytes than the default.
    image.save(buffer, "PNG", compress_level=1)
    return Response(buffer.getvalue(), media_type="image/png", headers=headers)


def json_of(answer: BaseModel, headers: dict[str, str]) -> Response:
    """Written once: FastAPI would check again what we have just made."""
    return Response(answer.model_dump_json(), media_type="application/json", headers=headers)


def root_of(request: Request) -> str:
    return str(request.scope.get("root_path", "")).rstrip("/")
