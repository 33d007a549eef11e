"""Steam: the store's banners by app id, with each game's name and short description.

Two services of Valve's that need no key and that Valve does not document: the storefront's
`/api/appdetails?appids=ID` (described at wiki.teamfortress.com/wiki/User:RJackson/StorefrontAPI: one id a request,
`{"ID": {"success": true, "data": {…}}}`, about 200 requests in five minutes, and a bare `null` or a 429 beyond that),
and `IStoreBrowseService/GetItems`, which names the library's pictures (their addresses hold hashes since 2024, so
they cannot be guessed from the id: SteamDatabase/steamdb.info-issues 837).
"""

import argparse
import html
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from gan.data.sources.http import Client, Throttled, Unavailable
from gan.data.sources.interface import (
    Announce,
    Item,
    Missing,
    RemotePicture,
    Source,
    reading,
    web_address,
)
from gan.errors import UserError

STORE_PICTURES = {  # our word → the field of appdetails
    "header": "header_image",
    "capsule": "capsule_image",
    "small-capsule": "capsule_imagev5",
}
LIBRARY_PICTURES = {  # our word → the field of GetItems' assets
    "main-capsule": "main_capsule",
    "library": "library_capsule",
    "hero": "library_hero",
}
WAIT_AFTER_NULL_SECONDS = 60.0
"""A bare null says "too many requests" without saying how long; the window is five minutes."""


@dataclass(frozen=True, kw_only=True)
class Steam(Source):
    NAME: ClassVar[str] = "steam"
    GIVES: ClassVar[str] = (
        "Banners of games in Steam's store: wide headers (460x215), capsules, tall library covers (600x900), with "
        "name, short description, genre."
    )
    LICENCE: ClassVar[str] = (
        "No licence is given: each banner belongs to its game's publisher, and the Steam Subscriber Agreement allows "
        "personal, non-commercial use only. Ask the publishers before you publish a set, a model or its pictures."
    )
    LICENCE_URL: ClassVar[str] = "https://store.steampowered.com/subscriber_agreement/"
    ANSWERS_PER_SECOND: ClassVar[float] = 0.6  # 200 in five minutes is .67
    DOWNLOADS_PER_SECOND: ClassVar[float] = 4.0
    TEACHES: ClassVar[str] = """\
pictures:
  header         460x215, the store page's banner                small-capsule  184x69
  capsule        231x87                                          main-capsule   616x353
  library        600x900, the tall cover                         hero           1920x620 or more, without the title

An app's class is its first genre. Adult, region-locked and withdrawn apps answer "no success" and are listed as
missing. The store allows about 200 apps in five minutes: 1,000 apps take half an hour, and may be interrupted.

examples:
  python -m gan.data fetch steam --app-ids 440 570 730 --out banners
  python -m gan.data fetch steam --app-list ids.txt --pictures library --out covers
"""

    app_ids: tuple[int, ...]
    pictures: tuple[str, ...] = ("header",)
    language: str = "english"
    base_url: str = "https://store.steampowered.com"
    browse_url: str = "https://api.steampowered.com"
    assets_url: str = "https://shared.akamai.steamstatic.com/store_item_assets"

    def items(self, client: Client, announce: Announce) -> Iterator[Item | Missing]:
        announce(len(self.app_ids))
        for app_id in self.app_ids:
            try:
                with reading(f"app {app_id}"):
                    yield self._item(client, app_id)
            except Unavailable as error:
                yield Missing(key=str(app_id), reason=str(error), later=error.later)

    def _item(self, client: Client, app_id: int) -> Item:
        answer = client.answer(
            f"{self.base_url}/api/appdetails", query={"appids": str(app_id), "l": self.language}, judge=_judge
        )
        entry = answer.get(str(app_id)) if isinstance(answer, dict) else None
        data = entry.get("data") if isinstance(entry, dict) and entry.get("success") else None
        if not isinstance(data, dict):  # an empty list in place of an object is its other way to say "nothing"
            raise Unavailable(
                f"app {app_id}: Steam has no details of it (withdrawn, hidden or not sold here)", later=False
            )
        genres = [str(genre["description"]) for genre in data.get("genres") or [] if genre.get("description")]
        pictures = tuple(self._pictures(client, app_id, data))
        if not pictures:
            raise Unavailable(f"app {app_id}: has no {' or '.join(self.pictures)}", later=False)
        return Item(
            key=str(app_id),
            name=str(data.get("name") or app_id),
            class_name=genres[0] if genres else str(data.get("type") or ""),
            pictures=pictures,
            text=html.unescape(str(data.get("short_description") or "")).strip() or None,
            details={
                "app_id": app_id,
                "kind": data.get("type"),
                "genres": genres,
                "developers": data.get("developers") or [],
                "publishers": data.get("publishers") or [],
            },
        )

    def _pictures(self, client: Client, app_id: int, data: Mapping[str, Any]) -> Iterator[RemotePicture]:
        from_library = [kind for kind in self.pictures if kind in LIBRARY_PICTURES]
        assets = self._assets(client, app_id) if from_library else {}
        for kind in self.pictures:
            if kind in STORE_PICTURES:
                if url := data.get(STORE_PICTURES[kind]):
                    yield RemotePicture(kind=kind, url=str(url))
            elif file := assets.get(LIBRARY_PICTURES[kind]):
                path = str(assets.get("asset_url_format") or "").replace("${FILENAME}", str(file))
                yield RemotePicture(kind=kind, url=f"{self.assets_url}/{path}")

    def _assets(self, client: Client, app_id: int) -> Mapping[str, Any]:
        """The library pictures' file names; empty where there are none."""
        request = {
            "ids": [{"appid": app_id}],
            "context": {"language": self.language, "country_code": "US"},
            "data_request": {"include_assets": True},
        }
        answer = client.answer(
            f"{self.browse_url}/IStoreBrowseService/GetItems/v1/", query={"input_json": json.dumps(request)}
        )
        items = answer.get("response", {}).get("store_items") or [] if isinstance(answer, dict) else []
        return next((item["assets"] for item in items if item.get("success") == 1 and item.get("assets")), {})

    def identity(self) -> dict[str, Any]:
        return {"pictures": list(self.pictures), "language": self.language}

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--app-ids", type=int, nargs="+", default=[], metavar="ID", help="the games' numbers")
        parser.add_argument("--app-list", type=Path, metavar="FILE", help="a text file of numbers, # for remarks")
        parser.add_argument(
            "--pictures",
            nargs="+",
            metavar="PICTURE",
            choices=[*STORE_PICTURES, *LIBRARY_PICTURES],
            default=["header"],
            help="[header]",
        )
        parser.add_argument("--language", default="english", help="of the descriptions, in Steam's words [english]")
        parser.add_argument("--base-url", type=web_address, default=cls.base_url, help=f"the store [{cls.base_url}]")
        parser.add_argument(
            "--browse-url", type=web_address, default=cls.browse_url, help=f"names library pictures [{cls.browse_url}]"
        )
        parser.add_argument(
            "--assets-url", type=web_address, default=cls.assets_url, help=f"holds them [{cls.assets_url}]"
        )

    @classmethod
    def from_options(cls, options: argparse.Namespace, environment: Mapping[str, str]) -> Self:
        listed = _read_list(options.app_list) if options.app_list is not None else []
        app_ids = tuple(dict.fromkeys([*options.app_ids, *listed]))
        if not app_ids:
            raise UserError("no app to fetch: name some with --app-ids 440 570 or in a file with --app-list ids.txt")
        return cls(
            app_ids=app_ids,
            pictures=tuple(dict.fromkeys(options.pictures)),
            language=options.language,
            base_url=options.base_url,
            browse_url=options.browse_url,
            assets_url=options.assets_url,
        )


def _judge(status: int, document: Any) -> Throttled | None:
    """`null` in a 200, or in a 400 or 403 as some have seen it, is how the storefront says "too many requests"."""
    if status == 200 and document is None:
        return Throttled(
            reason="an empty answer, as Steam gives to who asks too often", seconds=WAIT_AFTER_NULL_SECONDS
        )
    return None


def _read_list(path: Path) -> list[int]:
    """Numbers apart by space, comma or line. Raises UserError naming the first word that is none."""
    words = re.sub(r"#.*", "", path.read_text(encoding="utf-8")).replace(",", " ").split()
    for word in words:
        if not word.isdecimal():
            raise UserError(f"{str(path)!r} holds {word!r}, which is no app id: give whole numbers, # begins a remark")
    return [int(word) for word in words]
