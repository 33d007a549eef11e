"""The book of a population's exchanges, in the study: where the search goes on after its driver was killed.

One attribute an exchange, written at once, before anybody goes on: an exchange is done whole or not at all.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import optuna

from search.population.bandit import Interval
from search.population.rule import Member, TakeOver
from search.space.fields import Point

_NAME = "exchange."


@dataclass(frozen=True, kw_only=True)
class Inheritance:
    """What a member took over last: at which tick, from whom, that one's checkpoint then, and its settings since."""

    tick: int
    donor: int
    checkpoint: str
    point: Point


class ExchangeBook:
    """Reads and writes it."""

    def __init__(self, study: optuna.Study) -> None:
        self._study = study
        self._pages: dict[int, dict[str, Any]] = {
            int(name.removeprefix(_NAME)): page for name, page in study.user_attrs.items() if name.startswith(_NAME)
        }

    @property
    def last_tick(self) -> int:
        """Of the last exchange that was done; 0 before any."""
        return max(self._pages, default=0)

    def write(
        self, tick: int, members: Sequence[Member], done: Sequence[TakeOver], checkpoints: dict[int, str]
    ) -> None:
        """An exchange: everybody's place in it, and by donor the checkpoint that was taken over."""
        page = {
            "members": _plain(members),
            "take_overs": [{**one._asdict(), "checkpoint": checkpoints[one.donor]} for one in done],
        }
        self._study.set_user_attr(f"{_NAME}{tick:06d}", page)
        self._pages[tick] = page

    @property
    def num_done(self) -> int:
        """Exchanges so far."""
        return len(self._pages)

    def intervals(self, now: Sequence[Member]) -> list[Interval]:
        """What every member gained from one exchange to the next, or to now, where both losses are known."""
        found = []
        pages = [*(self._pages[tick] for tick in sorted(self._pages)), {"members": _plain(now)}]
        for time, (began, ended) in enumerate(itertools.pairwise(pages), start=1):
            losses = {one["number"]: one["loss"] for one in began["members"]}
            losses |= {one["receiver"]: losses[one["donor"]] for one in began["take_overs"]}
            for one in ended["members"]:
                before = losses.get(one["number"])
                if before is not None and one["loss"] is not None:
                    gain = before - one["loss"]
                    found.append(Interval(time=time, loss=before, point=dict(one["point"]), gain=gain))
        return found

    def inheritance(self, number: int, *, before: int | None = None) -> Inheritance | None:
        """The last one of that member, or the last before a tick; None where it had always been itself."""
        for tick in sorted((t for t in self._pages if before is None or t < before), reverse=True):
            for one in self._pages[tick]["take_overs"]:
                if one["receiver"] == number:
                    return Inheritance(
                        tick=tick, donor=one["donor"], checkpoint=one["checkpoint"], point=dict(one["point"])
                    )
        return None


def _plain(members: Sequence[Member]) -> list[dict[str, Any]]:
    """As JSON can hold them: a loss that is none is null."""
    return [{**vars(one), "loss": one.loss if math.isfinite(one.loss) else None} for one in members]
