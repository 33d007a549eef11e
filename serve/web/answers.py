"""What the routes' answers have in common: pictures, and permalinks that may be kept for ever."""

import io
from collections.abc import Callable, Sequence

from fastapi import Request, Response
from PIL import Image
from pydantic import BaseModel

from serve.service import Service
from serve.stock.weapon_id import WeaponId

FOR_EVER = "public, max-age=31536000, immutable"


def permalink(
    service: Service,
    ids: Sequence[WeaponId],
    kind: str,
    held: str | None,
    make: Callable[[dict[str, str]], Response],
    *,
    for_ever: bool = True,
) -> Response:
    """What `make` makes of the ids, with these headers; 304 for who holds it already, and then nothing is drawn.

    held: If-None-Match, compared weakly (RFC 9110, section 8.8.3.2). `*` means any answer, so it must be made.
    """
    # A weak tag: the picture is the same to within 1/255 (premultiplied by alpha), whichever batch drew it.
    tag = f'"{ids[0]}.{kind}"'
    caching = FOR_EVER if for_ever else "no-cache"
    headers = {"ETag": f"W/{tag}", "Cache-Control": caching, "X-Weapon-Id": str(ids[0])}
    tags = {each.strip().removeprefix("W/") for each in (held or "").split(",")}
    if tag in tags:
        for weapon_id in ids:
            service.check(weapon_id)
        return Response(status_code=304, headers=headers)
    answer = make(headers)
    if "*" in tags:
        return Response(status_code=304, headers={name: answer.headers[name] for name in headers})
    return answer


def unless_lost(kept: bool, headers: dict[str, str]) -> dict[str, str]:
    """Without the store a text may be another one tomorrow: then nobody may keep it for ever."""
    return headers if kept else headers | {"Cache-Control": "no-cache"}


def png(image: Image.Image, headers: dict[str, str]) -> Response:
    buffer = io.BytesIO()
    # Level 1: a large card in a quarter of the time, for a fifth more bytes than the default.
    image.save(buffer, "PNG", compress_level=1)
    return Response(buffer.getvalue(), media_type="image/png", headers=headers)


def json_of(answer: BaseModel, headers: dict[str, str]) -> Response:
    """Written once: FastAPI would check again what we have just made."""
    return Response(answer.model_dump_json(), media_type="application/json", headers=headers)


def json_list_of(answers: Sequence[BaseModel], headers: dict[str, str]) -> Response:
    listed = f"[{','.join(each.model_dump_json() for each in answers)}]"
    return Response(listed, media_type="application/json", headers=headers)


def root_of(request: Request) -> str:
    return str(request.scope.get("root_path", "")).rstrip("/")
