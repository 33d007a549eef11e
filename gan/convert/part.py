"""A module of NVlabs' repositories as data: what a pickled torch.nn.Module keeps in its attributes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from gan.convert.inert import Persistent, StoredTensor
from gan.errors import UserError

_MOST_DEPTH = 6


@dataclass(frozen=True)
class Part:
    """A module of theirs and where it sits."""

    path: str
    record: Persistent

    @property
    def name(self) -> str:
        return self.path.rpartition(".")[2]

    def parts(self) -> dict[str, "Part"]:
        return {str(name): self._as_part(str(name), value) for name, value in self._slot("_modules").items() if value}

    def part(self, name: str) -> "Part":
        """The part of that name, at any depth ("b8.conv0")."""
        first, _, rest = name.partition(".")
        value = self._slot("_modules").get(first)
        if value is None:
            raise UserError(f"{self.path} has no part {first[:40]!r}: not a StyleGAN2 of NVlabs' repositories")
        found = self._as_part(first, value)
        return found.part(rest) if rest else found

    def walk(self, depth: int = 0) -> Iterator["Part"]:
        """This part and all within it."""
        if depth > _MOST_DEPTH:
            raise UserError(f"{self.path} is nested too deeply: not a StyleGAN2 of NVlabs' repositories")
        yield self
        for part in self.parts().values():
            yield from part.walk(depth + 1)

    def has(self, name: str) -> bool:
        """Whether it holds a part or a weight of that name."""
        return any(self._slot(slot).get(name) is not None for slot in ("_modules", "_parameters", "_buffers"))

    def tensor(self, name: str) -> Tensor:
        """A parameter or a buffer: layers held still by freeze-D keep their weights as buffers."""
        return self._stored(name).load()

    def shape(self, name: str) -> tuple[int, ...]:
        """Of a parameter or a buffer."""
        return self._stored(name).size

    def setting(self, name: str) -> Any:
        if name not in self.record.state:
            raise UserError(f"{self.path} has no setting {name!r}: not a StyleGAN2 of NVlabs' repositories")
        return self.record.state[name]

    def number(self, name: str) -> float:
        value = self.setting(name)
        if type(value) not in (int, float):
            raise UserError(f"{self.path}: {name} must be a number")
        return float(value)

    def count(self, name: str) -> int:
        value = self.setting(name)
        if type(value) is not int or not 0 <= value <= 65536:
            raise UserError(f"{self.path}: {name} must be a whole number up to 65536")
        return value

    def _stored(self, name: str) -> StoredTensor:
        for slot in ("_parameters", "_buffers"):
            value = self._slot(slot).get(name)
            if isinstance(value, StoredTensor):
                return value
        raise UserError(f"{self.path} has no {name}: not a StyleGAN2 of NVlabs' repositories")

    def _slot(self, name: str) -> dict[Any, Any]:
        found = self.record.state.get(name, {})
        return found if type(found) is dict else {}

    def _as_part(self, name: str, value: object) -> "Part":
        path = f"{self.path}.{name[:40]}"
        if not isinstance(value, Persistent):
            raise UserError(f"{path} is no module of NVlabs' repositories")
        return Part(path, value)
