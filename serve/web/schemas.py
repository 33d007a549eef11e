"""The shapes of the service's JSON answers."""

from pydantic import BaseModel, ConfigDict, Field

from serve.service import Service, Weapon
from serve.texts.lore import Perk, Rarity


class Links(BaseModel):
    self: str
    picture: str
    card: str
    page: str


class WeaponAnswer(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "3-2-k9x2m4-c4",
                    "name": "Viperkiss, Gleam of Doubt",
                    "type": "Long Blade",
                    "rarity": "legendary",
                    "flavour": "Drawn at the Orchard of Knives, and not yet sheathed.",
                    "perks": [{"name": "Opening Gambit", "text": "The first strike of a fight cannot be parried."}],
                    "member": "dcgan-7f3a-220k",
                    "seed": 665618564,
                    "truncation": 1.0,
                    "styles": 1,
                    "text_source": "grammar",
                    "ensemble": "3",
                    "links": {
                        "self": "/weapon/3-2-k9x2m4-c4",
                        "picture": "/weapon/3-2-k9x2m4-c4.png",
                        "card": "/weapon/3-2-k9x2m4-c4/card.png",
                        "page": "/weapons/3-2-k9x2m4-c4",
                    },
                }
            ]
        }
    )

    id: str = Field(description="fixes ensemble version, member, seed, truncation and class: the same again, always")
    name: str
    type: str
    rarity: Rarity
    flavour: str
    perks: list[Perk]
    member: str = Field(description="the ensemble's member that drew the picture")
    seed: int
    truncation: float = Field(description="below 1 nearer to the typical, above 1 wilder")
    styles: int = Field(description="layers of its member that take a style of their own; 1: none to mix")
    text_source: str = Field(description="'grammar', or 'gpt:' and the model's name")
    ensemble: str = Field(description="the ensemble's version")
    links: Links


class MemberAnswer(BaseModel):
    index: int
    id: str
    network: str
    weight: float = Field(description="its share of the weapons")
    truncation: float
    types: list[str] = Field(description="classes that it was trained on; empty without classes")
    realism_floor: float | None = Field(description="what its pictures must reach to be given out; null: all are")
    accepted: float = Field(description="the share of what it drew for the stock that reached the floor")


class EnsembleAnswer(BaseModel):
    version: str
    fingerprint: str
    height: int
    width: int
    channels: int
    types: list[str]
    members: list[MemberAnswer]
    report: dict[str, object] = Field(description="the selection's scores on held-out pictures")
    loaded_versions: list[str] = Field(description="versions whose weapons are at hand, the live one first")


class RefreshAnswer(BaseModel):
    version: str = Field(description="the version that is live now")
    changed: bool


class HealthAnswer(BaseModel):
    status: str = Field(description="ok; degraded (pictures are served, something else is wrong); failing")
    ensemble: str
    stock: int
    store: str
    texts: str = Field(description="who writes: grammar, or the model and how many texts lie ready")
    faults: list[str]


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
