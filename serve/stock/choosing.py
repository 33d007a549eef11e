"""Which weapon to draw next, and whether an id names one: by the members' weights and classes, without drawing."""

import random
import secrets

from gan.errors import UserError
from serve.stock.drawable import EnsembleLike, label_of
from serve.stock.weapon_id import SEED_END, WeaponId


class UnknownWeapon(UserError):
    """A well-formed id that names a member or class which this ensemble does not have."""


class Chooser:
    """Ids of one ensemble's weapons."""

    def __init__(self, ensemble: EnsembleLike) -> None:
        self._ensemble = ensemble
        self._dice = random.Random(secrets.randbits(64))

    def choose(
        self, *, seed: int | None = None, truncation_percent: int = 100, type_name: str | None = None
    ) -> WeaponId:
        """An id by weight among the members that know the type; the same seed chooses the same in this
        ensemble.

        Raises UnknownWeapon when no member knows the type.
        """
        dice = self._dice if seed is None else random.Random(seed)
        candidates = [
            (index, member, label_of(member, type_name))
            for index, member in enumerate(self._ensemble.members)
            if type_name is None or label_of(member, type_name) is not None
        ]
        if not candidates:
            raise UnknownWeapon(f"no member of this ensemble knows the type {type_name!r}; {self._known_types()}")
        index, member, label = dice.choices(candidates, [max(entry[1].weight, 1e-9) for entry in candidates])[0]
        if label is None and member.class_names:
            label = dice.choices(range(len(member.class_names)), member.class_counts)[0]
        return WeaponId(
            version=self._ensemble.version,
            member=index,
            seed=dice.randrange(SEED_END) if seed is None else seed,
            truncation_percent=truncation_percent,
            label=label,
        )

    def of_member(self, member: int) -> WeaponId:
        """A new weapon of that member, its class as often as in the pictures."""
        chosen = self._ensemble.members[member]
        names = chosen.class_names
        return WeaponId(
            version=self._ensemble.version,
            member=member,
            seed=self._dice.randrange(SEED_END),
            label=self._dice.choices(range(len(names)), chosen.class_counts)[0] if names else None,
        )

    def check(self, weapon_id: WeaponId) -> None:
        """Raises UnknownWeapon where the id, of this version, names no weapon."""
        version, members = self._ensemble.version, self._ensemble.members
        assert weapon_id.version == version, (weapon_id, version)
        if weapon_id.member >= len(members):
            raise UnknownWeapon(f"ensemble {version} has {len(members)} members, not a member {weapon_id.member}")
        names = members[weapon_id.member].class_names
        if (weapon_id.label is None) == bool(names) or (weapon_id.label is not None and weapon_id.label >= len(names)):
            asked = "no class" if weapon_id.label is None else f"class {weapon_id.label}"
            raise UnknownWeapon(f"{weapon_id} names {asked}, but member {weapon_id.member} has {len(names)} classes")

    def type_of(self, weapon_id: WeaponId) -> str | None:
        """The class name that the id asks for; None for an unconditional member."""
        if weapon_id.label is None:
            return None
        return self._ensemble.members[weapon_id.member].class_names[weapon_id.label]

    def type_names(self) -> list[str]:
        return sorted({name for member in self._ensemble.members for name in member.class_names})

    def _known_types(self) -> str:
        names = self.type_names()
        return f"known are {', '.join(names)}" if names else "its members were trained without classes"
