"""What a search is after: FID down and recall up together, or one of the two. Pure.

Whichever it is, a trial is judged at one tick, its healthy one of lowest FID (search/judging/collapse.py): recall alone
would choose ticks of noise, which it believes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal

from gan.errors import UserError
from search.judging.collapse import non_dominated
from search.judging.hopeless import Point
from search.names import FID, RECALL


@dataclass(frozen=True, kw_only=True)
class Objective:
    """One number. name: in reports and in the study's facts. metric: the beginning of its name in MLflow."""

    name: str
    metric: str
    word: str
    direction: Literal["minimize", "maximize"]

    def loss(self, value: float) -> float:
        """The number so that lower is better."""
        return value if self.direction == "minimize" else -value

    def value_at(self, point: Point) -> float:
        """Of a point of a trial's curve."""
        return point.fid if self.name == FID else point.recall


_FID = Objective(name=FID, metric="fid", word="FID", direction="minimize")
_RECALL = Objective(name=RECALL, metric="recall", word="recall", direction="maximize")


@dataclass(frozen=True, kw_only=True)
class Objectives:
    """The numbers that trials are compared by, one or two. Those of a trial are given as (FID, its tick's recall)."""

    parts: tuple[Objective, ...]

    @property
    def single(self) -> Objective | None:
        """The only one; None where there are two."""
        return self.parts[0] if len(self.parts) == 1 else None

    @property
    def directions(self) -> list[str]:
        """As Optuna names them."""
        return [part.direction for part in self.parts]

    def values(self, result: Mapping[str, Any]) -> list[float]:
        """What the study is told of a trial with this result."""
        return [float(result[part.name]) for part in self.parts]

    def values_of(self, fid: float, recall: float) -> list[float]:
        """The same, from the two numbers."""
        return self.values({FID: fid, RECALL: recall})

    def front(self, scores: Sequence[tuple[float, float]]) -> list[int]:
        """Indices of the trials that none is better than: the Pareto front by falling FID, or the one best trial.

        Where several are best in the only number, the other one decides, then who came first.
        """
        if self.single is None:
            return non_dominated(scores)
        other = _RECALL if self.single is _FID else _FID

        def losses(index: int) -> tuple[float, float]:
            at = dict(zip((FID, RECALL), scores[index], strict=True))
            assert self.single is not None
            return self.single.loss(at[self.single.name]), other.loss(at[other.name])

        return [min(range(len(scores)), key=losses)] if scores else []

    def __str__(self) -> str:
        return " and ".join(part.word for part in self.parts)


BOTH: Final = "both"
OBJECTIVES: Final[Mapping[str, Objectives]] = MappingProxyType(
    {
        BOTH: Objectives(parts=(_FID, _RECALL)),
        "fid": Objectives(parts=(_FID,)),
        "recall": Objectives(parts=(_RECALL,)),
    }
)


def objectives_named(name: str) -> Objectives:
    """UserError for an unknown name."""
    if name not in OBJECTIVES:
        raise UserError(f"unknown objective {name!r}: choose one of {', '.join(OBJECTIVES)}")
    return OBJECTIVES[name]
