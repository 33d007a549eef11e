"""What can be done with weapons beyond looking at them: how daring one could be, and what lies between two.

A morph between two of one member goes through what the member draws between them (gan/sampling/blend.py). Two of
different members, or of classes that have nothing between them, share no such way: there each goes to the typical
picture of its own generator, which is creativity 0, and the two typical ones are faded into each other.
"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from gan.errors import UserError
from gan.pixels import UInt8Array
from gan.sampling.blend import Origin
from serve.stock.choosing import UnknownWeapon
from serve.stock.drawable import EnsembleLike
from serve.stock.forge import Forge
from serve.stock.foundry import Foundry
from serve.stock.weapon_id import WeaponId

CREATIVITIES = (0, 25, 50, 75, 100, 125, 150)  # in hundredths, as ids have them
NUM_SHOWN = 24  # pictures that show a member
FADE = 0.2  # of a morph through the typical pictures: the part that is between those two


def creativity_row(foundry: Foundry, weapon_id: WeaponId) -> list[UInt8Array]:
    """The same weapon at each of `CREATIVITIES`."""
    ids = [dataclasses.replace(weapon_id, truncation_percent=percent) for percent in CREATIVITIES]
    return [made.picture for made in foundry.forge_of(weapon_id.version).make_many(ids)]


def member_ids(foundry: Foundry, version: str | None, member: int) -> list[WeaponId]:
    """Of the same `NUM_SHOWN` pictures each time, its classes by turns; raises UnknownWeapon, GoneVersion."""
    forge = foundry.forge if version is None else foundry.forge_of(version)
    members = forge.ensemble.members
    if member >= len(members):
        raise UnknownWeapon(f"ensemble {forge.ensemble.version} has {len(members)} members, not a member {member}")
    num_classes = len(members[member].class_names)
    return [
        WeaponId(
            version=forge.ensemble.version, member=member, seed=seed, label=seed % num_classes if num_classes else None
        )
        for seed in range(NUM_SHOWN)
    ]


def morph_frames(foundry: Foundry, a: WeaponId, b: WeaponId, num_frames: int) -> list[UInt8Array]:
    """From a to b, slowly at either end; UserError where the two are of different sizes."""
    shares = [0.5 - 0.5 * math.cos(math.pi * index / (num_frames - 1)) for index in range(num_frames)]
    first, last = foundry.forge_of(a.version), foundry.forge_of(b.version)
    first.ids.check(a)
    last.ids.check(b)
    if first is last and a.member == b.member and first.ensemble.can_morph(a.member, _origin(a), _origin(b)):

        def way(ensemble: EnsembleLike) -> UInt8Array:
            return ensemble.morph(a.member, _origin(a), _origin(b), shares)

        return list(first.ask(way))
    if _size(first) != _size(last):
        raise UserError(f"{a} is {_size(first)} and {b} is {_size(last)}: a picture cannot become one of another size")
    return _through_the_typical((first, a), (last, b), shares)


def mixed(foundry: Foundry, coarse: WeaponId, fine: WeaponId, layer: int | None) -> UInt8Array:
    """Build and shape of one, colours and detail of the other. layer None: the middle one.

    UserError where they are not of one member, or it has no styles.
    """
    forge = foundry.forge_of(coarse.version)
    forge.ids.check(coarse)
    foundry.forge_of(fine.version).ids.check(fine)
    if (coarse.version, coarse.member) != (fine.version, fine.member):
        raise UserError(
            f"{coarse} and {fine} were drawn by different members, which have no styles in common: mix two of one"
            " member (GET /weapon says which drew it), or morph these"
        )

    def draw(ensemble: EnsembleLike) -> UInt8Array:
        at = layer if layer is not None else max(1, ensemble.num_styles(coarse.member) // 2)
        return ensemble.mix_styles(coarse.member, _origin(coarse), _origin(fine), at)

    return forge.ask(draw)


def _through_the_typical(
    a: tuple[Forge, WeaponId], b: tuple[Forge, WeaponId], shares: Sequence[float]
) -> list[UInt8Array]:
    """a ever more typical, faded into the typical picture of b's member, then ever more b."""
    side = (1.0 - FADE) / 2

    def pictures(end: tuple[Forge, WeaponId], parts: Sequence[float]) -> list[UInt8Array]:
        """At each of these shares of the end's own creativity."""
        forge, weapon_id = end
        ids = [
            dataclasses.replace(weapon_id, truncation_percent=round(part * weapon_id.truncation_percent))
            for part in parts
        ]
        return [made.picture for made in forge.make_many(ids)]

    before = pictures(a, [1.0 - share / side for share in shares if share <= side])
    after = pictures(b, [(share - 1.0 + side) / side for share in shares if share >= 1.0 - side])
    typical, other = pictures(a, [0.0])[0], pictures(b, [0.0])[0]
    faded = [_between(typical, other, (share - side) / FADE) for share in shares if side < share < 1.0 - side]
    return [*before, *faded, *after]


def _between(a: UInt8Array, b: UInt8Array, share: float) -> UInt8Array:
    """Colours are premultiplied here, so this is right where the pictures are transparent too."""
    return np.rint(a * (1.0 - share) + b * share).astype(np.uint8)


def _origin(weapon_id: WeaponId) -> Origin:
    return Origin(seed=weapon_id.seed, truncation=weapon_id.truncation, label=weapon_id.label)


def _size(forge: Forge) -> str:
    ensemble = forge.ensemble
    return f"{ensemble.width}x{ensemble.height}x{ensemble.channels}"
