"""Bungie: the weapons of Destiny 2, from the game's own manifest rather than by searching for words.

`GET /Platform/Destiny2/Manifest/` (header X-API-Key) names a zip for each language; in it is one SQLite file
(bungie_manifest.py). Weapons are the definitions of `DestinyInventoryItemDefinition` with itemType 3; a weapon's
perks are the plug items in its sockets of two categories. Pictures lie at paths of the same host, without a key.

Every answer of the API is an envelope `{Response, ErrorCode, ErrorStatus, ThrottleSeconds, Message}` whose ErrorCode
counts, not the HTTP status: throttling comes in a 200 (Bungie-net/api issues 771 and 1051), a missing key in a 500.
"""

import argparse
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self
from urllib.parse import urljoin

from gan.data.sources.bungie_manifest import Definition, Manifest, open_manifest
from gan.data.sources.http import Client, Judge, Throttled, Unavailable
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

ITEMS = "DestinyInventoryItemDefinition"
PLUG_SETS = "DestinyPlugSetDefinition"
SANDBOX_PERKS = "DestinySandboxPerkDefinition"
WEAPON = 3  # DestinyItemType
PERK_SOCKETS = (3956125808, 4241085061)  # DestinySocketCategoryDefinition: intrinsic traits, weapon perks
SUCCESS, SYSTEM_DISABLED = 1, 5  # PlatformErrorCodes
WRONG_KEY = (2101, 2102, 2103, 2107)  # invalid or expired, missing, application disabled, other origin
PICTURES = ("icon", "screenshot", "perks")


@dataclass(frozen=True, kw_only=True)
class Bungie(Source):
    NAME: ClassVar[str] = "bungie"
    GIVES: ClassVar[str] = (
        "Some 2,000 weapons of Destiny 2: icons (96x96), screenshots (1920x1080) or the icons of their perks, with "
        "name, type, flavour text, rarity and perks."
    )
    LICENCE: ClassVar[str] = (
        "Bungie's property. Its terms grant a personal, revocable licence for non-commercial use (asking for "
        "donations is commercial to them) and its API terms forbid commercial use: publish no set, and sell nothing "
        "that was made with it."
    )
    LICENCE_URL: ClassVar[str] = (
        "https://help.bungie.net/hc/en-us/articles/360049201911-Intellectual-Property-and-Trademarks"
    )
    KEY_VARIABLE: ClassVar[str | None] = "BUNGIE_API_KEY"
    KEY_FROM: ClassVar[str] = "free at https://www.bungie.net/en/Application"
    ANSWERS_PER_SECOND: ClassVar[float] = 2.0  # 25 are allowed; we ask for one document a run
    DOWNLOADS_PER_SECOND: ClassVar[float] = 8.0
    TEACHES: ClassVar[str] = """\
pictures:
  icon         96x96, the weapon on its rarity's colour. Reissues share icons; a shared one is kept once
  screenshot   1920x1080, the weapon on a dark ground
  perks        the perks' icons in place of the weapons', white on transparent, classes by the perks' types

A weapon's class is its type (Hand Cannon, Sword, …). The manifest is about 100 MB to fetch, once, and 600 MB of
temporary disk while it is read.

examples:
  export BUNGIE_API_KEY=…     (a free key: https://www.bungie.net/en/Application)
  python -m gan.data fetch bungie --out destiny --limit 100
  python -m gan.data fetch bungie --pictures screenshot --language de --out waffen
"""

    api_key: str = field(repr=False)
    pictures: tuple[str, ...] = ("icon",)
    language: str = "en"
    base_url: str = "https://www.bungie.net"

    def items(self, client: Client, announce: Announce) -> Iterator[Item | Missing]:
        address = f"{self.base_url}/Platform/Destiny2/Manifest/"
        envelope = client.answer(address, secret_headers={"X-API-Key": self.api_key}, judge=_judge_of(client, address))
        with reading("Bungie's manifest"):
            paths: dict[str, str] = dict(envelope["Response"]["mobileWorldContentPaths"])
        if self.language not in paths:
            raise UserError(f"--language {self.language!r} is not one of Destiny's: {', '.join(sorted(paths))}")
        with open_manifest(client.archive(urljoin(self.base_url, paths[self.language]))) as manifest:
            weapons = [one["hash"] for one in manifest.definitions(ITEMS) if _is_weapon(one)]
            if set(self.pictures) - {"perks"}:
                announce(len(weapons))
                for weapon_hash in weapons:
                    yield from _careful(weapon_hash, lambda weapon: [self._weapon(manifest, weapon)], manifest)
            if "perks" in self.pictures:
                seen: set[str] = set()
                for weapon_hash in weapons:
                    yield from _careful(weapon_hash, lambda weapon: self._perks(manifest, weapon, seen), manifest)

    def _weapon(self, manifest: Manifest, weapon: Definition) -> Item | Missing:
        key, display = str(weapon["hash"]), weapon["displayProperties"]
        paths = {"icon": display.get("icon"), "screenshot": weapon.get("screenshot")}
        pictures = tuple(
            RemotePicture(kind=kind, url=urljoin(self.base_url, str(paths[kind])))
            for kind in self.pictures
            if paths.get(kind)
        )
        if not pictures:
            return Missing(key=key, reason=f"{display['name']}: has no {' or '.join(self.pictures)}")
        perks = [perk for socket in _sockets(manifest, weapon) for perk in socket[:1]]
        return Item(
            key=key,
            name=str(display["name"]),
            class_name=str(weapon.get("itemTypeDisplayName") or ""),
            pictures=pictures,
            text=str(weapon.get("flavorText") or "").strip() or None,
            rarity=weapon.get("inventory", {}).get("tierTypeName") or None,
            details={
                "perks": [*map(_words, perks), *_sandbox_perks(manifest, weapon)],
                "damage": weapon.get("defaultDamageType"),
            },
        )

    def _perks(self, manifest: Manifest, weapon: Definition, seen: set[str]) -> Iterator[Item]:
        """Each perk that the weapon can have, where its icon was not seen before: versions of a perk share one."""
        for perk in (perk for socket in _sockets(manifest, weapon) for perk in socket):
            icon, words = str(perk["displayProperties"]["icon"]), _words(perk)
            if icon in seen:
                continue
            seen.add(icon)
            yield Item(
                key=str(perk["hash"]),
                name=words["name"],
                class_name=str(perk.get("itemTypeDisplayName") or "Perk"),
                pictures=(RemotePicture(kind="perk", url=urljoin(self.base_url, icon)),),
                text=words["text"] or None,
                rarity=perk.get("inventory", {}).get("tierTypeName") or None,
            )

    def identity(self) -> dict[str, Any]:
        return {"pictures": list(self.pictures), "language": self.language}

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--pictures", nargs="+", metavar="PICTURE", choices=PICTURES, default=["icon"], help="[icon]"
        )
        parser.add_argument("--language", default="en", help="of names and texts: en, de, fr, ja, … [en]")
        parser.add_argument(
            "--base-url", type=web_address, default=cls.base_url, help=f"the service or a mirror [{cls.base_url}]"
        )

    @classmethod
    def from_options(cls, options: argparse.Namespace, environment: Mapping[str, str]) -> Self:
        api_key = environment.get("BUNGIE_API_KEY", "").strip()
        if not api_key:
            raise UserError(f"BUNGIE_API_KEY is not set: set it to a key of yours ({cls.KEY_FROM})")
        if not re.fullmatch(r"[!-~]+", api_key):
            raise UserError(f"BUNGIE_API_KEY holds something that is no key: set it to one of yours ({cls.KEY_FROM})")
        return cls(
            api_key=api_key,
            pictures=tuple(dict.fromkeys(options.pictures)),
            language=options.language,
            base_url=options.base_url,
        )


def _judge_of(client: Client, address: str) -> Judge:
    def judge(status: int, document: Any) -> Throttled | None:
        if not isinstance(document, dict) or "ErrorCode" not in document or document["ErrorCode"] == SUCCESS:
            return None
        code, words = document["ErrorCode"], str(document.get("ErrorStatus") or "no status")
        seconds = document.get("ThrottleSeconds") or 0
        if seconds > 0 or "throttle" in words.casefold():  # in the names of all ten codes for it, 31 to 57 and 1672
            return Throttled(reason=f"{words} ({code})", seconds=float(seconds) if seconds > 0 else None)
        if code in WRONG_KEY:
            raise client.refuse_key(address, f"{words}, {code}")
        if code == SYSTEM_DISABLED:
            raise Unavailable("Bungie has switched its API off for maintenance", later=True)
        raise Unavailable(f"Bungie answers {words} ({code})", later=status >= 500)

    return judge


def _careful(
    weapon_hash: int, read: Callable[[Definition], Iterable[Item | Missing]], manifest: Manifest
) -> Iterator[Item | Missing]:
    """What `read` finds in one weapon; one that is unlike its documentation costs itself, not the run."""
    weapon = manifest.definition(ITEMS, weapon_hash)
    assert weapon is not None, "a hash of this very table"
    try:
        with reading(f"weapon {weapon_hash}"):
            yield from read(weapon)
    except Unavailable as error:
        yield Missing(key=str(weapon_hash), reason=str(error), later=error.later)


def _is_weapon(definition: Definition) -> bool:
    return definition.get("itemType") == WEAPON and _visible(definition)


def _visible(definition: Definition) -> bool:
    return not definition.get("redacted") and bool(definition.get("displayProperties", {}).get("name"))


def _words(perk: Definition) -> dict[str, str]:
    display = perk["displayProperties"]
    return {"name": str(display["name"]), "text": " ".join(str(display.get("description") or "").split())}


def _sockets(manifest: Manifest, weapon: Definition) -> Iterator[list[Definition]]:
    """For each socket of a weapon that holds a perk: the plugs which it can have, the one it comes with first."""
    sockets = weapon.get("sockets") or {}
    entries = sockets.get("socketEntries") or []
    for category in sockets.get("socketCategories") or []:
        if category.get("socketCategoryHash") in PERK_SOCKETS:
            for index in category.get("socketIndexes") or []:
                if 0 <= index < len(entries) and (plugs := list(_plugs(manifest, entries[index]))):
                    yield plugs


def _plugs(manifest: Manifest, entry: Mapping[str, Any]) -> Iterator[Definition]:
    hashes = [entry.get("singleInitialItemHash")]
    lists = [entry.get("reusablePlugItems"), entry.get("randomizedPlugItems")]  # the second: manifests before 2020
    for name in ("randomizedPlugSetHash", "reusablePlugSetHash"):
        if plug_set := manifest.definition(PLUG_SETS, entry.get(name) or 0):
            lists.append(plug_set.get("reusablePlugItems"))
    hashes += [plug.get("plugItemHash") for plugs in lists for plug in plugs or []]
    for plug_hash in dict.fromkeys(filter(None, hashes)):
        plug = manifest.definition(ITEMS, plug_hash)
        if plug is not None and _visible(plug) and plug["displayProperties"].get("icon") and not _is_tracker(plug):
            yield plug


def _is_tracker(plug: Definition) -> bool:
    """Kill counters, which sit among the perks."""
    return "tracker" in str((plug.get("plug") or {}).get("plugCategoryIdentifier") or "")


def _sandbox_perks(manifest: Manifest, weapon: Definition) -> Iterator[dict[str, str]]:
    """The perks that belong to the item itself rather than to a socket, where they are meant to be seen."""
    for entry in weapon.get("perks") or []:
        perk = manifest.definition(SANDBOX_PERKS, entry.get("perkHash") or 0)
        if perk is not None and perk.get("isDisplayable") and _visible(perk):
            yield _words(perk)
