"""What this floor asks of an ensemble, and what it gets from one: pictures with their ids."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gan.pixels import UInt8Array
from gan.sampling.blend import Origin
from serve.stock.weapon_id import WeaponId


class MemberLike(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def weight(self) -> float: ...
    @property
    def truncation(self) -> float: ...
    @property
    def class_names(self) -> tuple[str, ...]: ...
    @property
    def class_counts(self) -> tuple[int, ...]: ...
    @property
    def network(self) -> str: ...
    @property
    def realism_floor(self) -> float | None: ...


class EnsembleLike(Protocol):
    """What the forge needs of `gan.ensemble.ensemble.Ensemble`, which is one."""

    @property
    def version(self) -> str: ...
    @property
    def fingerprint(self) -> str: ...
    @property
    def members(self) -> Sequence[MemberLike]: ...
    @property
    def height(self) -> int: ...
    @property
    def width(self) -> int: ...
    @property
    def channels(self) -> int: ...
    @property
    def report(self) -> dict[str, object]: ...
    def draw(
        self,
        member: int,
        seeds: Sequence[int],
        *,
        truncation: float = 1.0,
        labels: Sequence[int] | None = None,
    ) -> UInt8Array: ...
    def accepts(self, member: int, pictures: UInt8Array) -> NDArray[np.bool_]: ...
    def can_morph(self, member: int, a: Origin, b: Origin) -> bool: ...
    def morph(self, member: int, a: Origin, b: Origin, shares: Sequence[float]) -> UInt8Array: ...
    def num_styles(self, member: int) -> int: ...
    def mix_styles(self, member: int, coarse: Origin, fine: Origin, layer: int) -> UInt8Array: ...


@dataclass(frozen=True, kw_only=True)
class Made:
    """One picture, inside convention uint8 `[c, h, w]`, and the id that draws it again."""

    weapon_id: WeaponId
    picture: UInt8Array


def plain_type(name: str) -> str:
    """A type as people may write it, so that 'Long Blade' and 'long-blade' find the class 'long_blade'."""
    return name.strip().lower().replace("-", " ").replace("_", " ")


def label_of(member: MemberLike, type_name: str | None) -> int | None:
    if type_name is None:
        return None
    wanted = plain_type(type_name)
    return next((label for label, name in enumerate(member.class_names) if plain_type(name) == wanted), None)
