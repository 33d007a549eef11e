"""The shapes of the service's JSON answers."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from serve.service import Service, Weapon
from serve.stock.weapon_id import MAX_TRUNCATION_PERCENT, SEED_END
from serve.texts.lore import Perk, Rarity
from serve.web.examples import ENSEMBLE, HEALTH, WEAPON
from serve.web.parameters import ID_PATTERN, VERSION_PATTERN

Path = Annotated[str, Field(json_schema_extra={"format": "uri-reference"})]
Version = Annotated[str, Field(description="the ensemble's version", pattern=VERSION_PATTERN)]


class Links(BaseModel):
    self: Path = Field(description="the same again, as JSON")
    picture: Path
    card: Path
    page: Path = Field(description="to look at in a browser")


class WeaponAnswer(BaseModel):
    """A weapon: what it looks like is behind its links, all else is here."""

    model_config = ConfigDict(json_schema_extra={"examples": [WEAPON]})

    id: str = Field(
        description="fixes ensemble version, member, seed, truncation and class: the same again, always",
        pattern=ID_PATTERN,
    )
    name: str = Field(min_length=1)
    type: str = Field(min_length=1, description="its class as a title, or what the text's author saw in it")
    rarity: Rarity
    flavour: str = Field(min_length=1)
    perks: list[Perk] = Field(min_length=1)
    member: str = Field(description="the ensemble's member that drew the picture")
    seed: int = Field(ge=0, lt=SEED_END)
    truncation: float = Field(ge=0, le=MAX_TRUNCATION_PERCENT / 100, description="below 1 more typical, above 1 wilder")
    styles: int = Field(ge=1, description="layers of its member that take a style of their own; 1: none to mix")
    text_source: str = Field(description="'grammar', or 'gpt:' and the model's name", pattern="^(grammar|gpt:.+)$")
    ensemble: Version
    links: Links


class MemberAnswer(BaseModel):
    index: int = Field(ge=0, description="as weapons' ids name it")
    id: str
    network: str
    weight: float = Field(ge=0, description="its share of the weapons")
    truncation: float = Field(ge=0, description="of its pictures at creativity 1")
    types: list[str] = Field(description="classes that it was trained on; empty without classes")
    realism_floor: float | None = Field(description="what its pictures must reach to be given out; null: all are")
    accepted: float = Field(ge=0, le=1, description="the share of what it drew for the stock that reached the floor")


class EnsembleAnswer(BaseModel):
    """The ensemble that is live, and what is known of how good it is."""

    model_config = ConfigDict(json_schema_extra={"examples": [ENSEMBLE]})

    version: Version
    fingerprint: str = Field(description="of its content")
    height: int = Field(ge=1, description="of a picture, in pixels")
    width: int = Field(ge=1)
    channels: int = Field(ge=1, le=4, description="3: colours; 4: transparency too")
    types: list[str] = Field(description="what ?type= may be; empty where no member was trained with classes")
    members: list[MemberAnswer] = Field(min_length=1)
    report: dict[str, object] = Field(description="the selection's scores on held-out pictures")
    loaded_versions: list[str] = Field(min_length=1, description="whose weapons are at hand, the live one first")


class RefreshAnswer(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [{"version": "4", "changed": True}]})

    version: Version = Field(description="the one that is live now")
    changed: bool = Field(description="whether it was another one before")


class HealthAnswer(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [HEALTH]})

    status: Literal["ok", "degraded", "failing"] = Field(
        description="degraded: pictures are served, something else is wrong; failing: none can be"
    )
    ensemble: Version
    stock: int = Field(ge=0, description="pictures that lie ready")
    store: Literal["ok", "down"] = Field(description="down: texts are not kept")
    texts: str = Field(description="who writes: grammar, or the model and how many texts lie ready")
    faults: list[str] = Field(description="what is wrong, a sentence each")


def weapon_answer(weapon: Weapon, service: Service, root: str) -> WeaponAnswer:
    """`root` is the path that the service is mounted at, '' at the top."""
    weapon_id, lore = weapon.weapon_id, weapon.lore
    ensemble = service.foundry.forge_of(weapon_id.version).ensemble
    at = f"{root}/weapon/{weapon_id}"
    return WeaponAnswer(
        id=str(weapon_id),
        name=lore.name,
        type=lore.type,
        rarity=lore.rarity,
        flavour=lore.flavour,
        perks=list(lore.perks),
        member=ensemble.members[weapon_id.member].id,
        seed=weapon_id.seed,
        truncation=weapon_id.truncation,
        styles=ensemble.num_styles(weapon_id.member),
        text_source=lore.source,
        ensemble=weapon_id.version,
        links=Links(self=at, picture=f"{at}.png", card=f"{at}/card.png", page=f"{root}/weapons/{weapon_id}"),
    )


def ensemble_answer(service: Service) -> EnsembleAnswer:
    forge = service.forge
    ensemble = forge.ensemble
    return EnsembleAnswer(
        version=ensemble.version,
        fingerprint=ensemble.fingerprint,
        height=ensemble.height,
        width=ensemble.width,
        channels=ensemble.channels,
        types=forge.ids.type_names(),
        members=[
            MemberAnswer(
                index=index,
                id=member.id,
                network=member.network,
                weight=member.weight,
                truncation=member.truncation,
                types=list(member.class_names),
                realism_floor=member.realism_floor,
                accepted=round(forge.tally.share_accepted(index), 3),
            )
            for index, member in enumerate(ensemble.members)
        ],
        report=ensemble.report,
        loaded_versions=service.foundry.versions(),
    )


def health_answer(service: Service) -> HealthAnswer:
    forge, scribe = service.forge, service.scribe
    faults = []
    if forge.fault is not None:
        faults.append(f"the forge cannot draw: {forge.fault}")
    if service.store.fault is not None:
        faults.append(f"the store does not answer ({service.store.fault}): texts are not kept")
    if scribe is not None and scribe.last_failure is not None:
        faults.append(f"the model writes no texts, the grammar does: {scribe.last_failure}")
    if service.watch is not None and service.watch.fault is not None:
        faults.append(service.watch.fault)
    dead = forge.fault is not None and forge.num_stock == 0
    return HealthAnswer(
        status="failing" if dead else "degraded" if faults else "ok",
        ensemble=forge.ensemble.version,
        stock=forge.num_stock,
        store="ok" if service.store.fault is None else "down",
        texts="grammar" if scribe is None else f"gpt, {scribe.num_ahead} ahead",
        faults=faults,
    )
