"""An ensemble without networks, quick and exact, for what does not depend on how pictures come about."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gan.errors import UserError
from gan.pixels import UInt8Array
from gan.sampling.blend import Origin

CLASSES = ("axe", "long_blade", "staff")


@dataclass(frozen=True, kw_only=True)
class DrawnMember:
    id: str
    weight: float
    truncation: float = 1.0
    class_names: tuple[str, ...] = ()
    class_counts: tuple[int, ...] = ()
    network: str = "drawn"
    realism_floor: float | None = None


@dataclass(kw_only=True)
class DrawnEnsemble:
    """Pictures that tell who drew them: red is the member, green the label, blue the truncation, the rest the seed."""

    version: str = "3"
    fingerprint: str = "0123456789abcdef"
    members: tuple[DrawnMember, ...] = (
        DrawnMember(id="plain", weight=0.5),
        DrawnMember(id="classy", weight=0.3, class_names=CLASSES, class_counts=(1, 2, 1)),
        DrawnMember(id="small", weight=0.2),
    )
    height: int = 16
    width: int = 12
    channels: int = 4
    report: dict[str, object] = field(default_factory=lambda: {"recall": 0.5})
    batches: list[tuple[int, int]] = field(default_factory=list)
    broken: Callable[[int], bool] = lambda member: False
    polished: tuple[int, ...] = ()  # members of which only pictures with a low second pixel are given out

    def draw(
        self, member: int, seeds: Sequence[int], *, truncation: float = 1.0, labels: Sequence[int] | None = None
    ) -> UInt8Array:
        if self.broken(member):
            raise RuntimeError("a weight is missing")
        self.batches.append((member, len(seeds)))
        assert (labels is not None) == bool(self.members[member].class_names)
        pictures = np.zeros((len(seeds), self.channels, self.height, self.width), np.uint8)
        for index, seed in enumerate(seeds):
            pictures[index] = np.random.default_rng(seed).integers(0, 200, pictures.shape[1:])
            pictures[index, 3] = 255
            pictures[index, :3, 0, 0] = (member, 99 if labels is None else labels[index], round(truncation * 100))
        return pictures

    def accepts(self, member: int, pictures: UInt8Array) -> NDArray[np.bool_]:
        return (pictures[:, 0, 0, 1] < 50) | (member not in self.polished)

    def can_morph(self, member: int, a: Origin, b: Origin) -> bool:
        return True

    def morph(self, member: int, a: Origin, b: Origin, shares: Sequence[float]) -> UInt8Array:
        return self.draw(member, [a.seed] * len(shares), labels=None if a.label is None else [a.label] * len(shares))

    def num_styles(self, member: int) -> int:
        return 1

    def mix_styles(self, member: int, coarse: Origin, fine: Origin, layer: int) -> UInt8Array:
        raise UserError("a drawn member has no styles")
