"""The book of a population's exchanges, in the study: where the search goes on after its driver was killed.

One attribute an exchange, written at once, before anybody goes on: an exchange is done whole or not at all.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import optuna

from search.fields import Point
from search.population import Member, TakeOver

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
            "members": [{**vars(m), "loss": m.loss if math.isfinite(m.loss) else None} for m in members],
            "take_overs": [{**one._asdict(), "checkpoint": checkpoints[one.donor]} for one in done],
        }
        self._study.set_user_attr(f"{_NAME}{tick:06d}", page)
        self._pages[tick] = page

    def inheritance(self, number: int, *, before: int | None = None) -> Inheritance | None:
        """The last one of that member, or the last before a tick; None where it had always been itself."""
        for tick in sorted((t for t in self._pages if before is None or t < before), reverse=True):
            for one in self._pages[tick]["take_overs"]:
                if one["receiver"] == number:
                    return Inheritance(
                        tick=tick, donor=one["donor"], checkpoint=one["checkpoint"], point=dict(one["point"])
                    )
        return None
