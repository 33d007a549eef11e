"""What waits for the forge's thread: single pictures by id, batched with their like, and other drawing."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field
from typing import Any

from gan.pixels import UInt8Array
from serve.stock.drawable import EnsembleLike, Made
from serve.stock.weapon_id import WeaponId


class StockEmpty(Exception):
    """What was asked for was not ready for as long as the caller would wait."""


@dataclass
class Demand:
    """One picture by its id."""

    weapon_id: WeaponId
    answer: "Future[Made]" = field(default_factory=Future)

    def fits(self, other: "Demand") -> bool:
        """Whether one batch can hold both."""
        a, b = self.weapon_id, other.weapon_id
        return (a.member, a.truncation_percent) == (b.member, b.truncation_percent)


@dataclass
class Errand:
    """Any other drawing: a morph, a mix."""

    work: Callable[[EnsembleLike], UInt8Array]
    answer: "Future[UInt8Array]" = field(default_factory=Future)

    def run(self, ensemble: EnsembleLike) -> None:
        try:
            self.answer.set_result(self.work(ensemble))
        except Exception as error:
            self.answer.set_exception(error)


class DemandQueue:
    """A bounded queue, the oldest first. Not thread-safe: its forge holds the lock."""

    def __init__(self, max_demands: int) -> None:
        self._max_demands = max_demands
        self._waiting: deque[Demand | Errand] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, demands: Sequence[Demand | Errand]) -> None:
        """Raises StockEmpty, and takes none, where too many wait already."""
        if len(self._waiting) + len(demands) > self._max_demands:
            raise StockEmpty(f"more than {self._max_demands} pictures are already being waited for")
        self._waiting.extend(demands)

    def next(self, batch_size: int) -> list[Demand] | Errand:
        """The oldest: an errand by itself, else with those that one batch can hold too. [] where nobody waits any more
        for what it was.
        """
        if not self._waiting:
            return []
        first = self._waiting[0]
        if isinstance(first, Errand):
            self._waiting.popleft()
            return first if first.answer.set_running_or_notify_cancel() else []
        together: list[Demand] = []
        others: deque[Demand | Errand] = deque()
        for each in self._waiting:
            if isinstance(each, Demand) and len(together) < batch_size and each.fits(first):
                together.append(each)
            else:
                others.append(each)
        self._waiting = others
        return [demand for demand in together if demand.answer.set_running_or_notify_cancel()]

    def cancel_all(self) -> None:
        """To be called without the lock: who waited may ask again at once."""
        waiting = list(self._waiting)
        self._waiting.clear()
        for each in waiting:
            each.answer.cancel()


def answers_of(demands: Sequence[Demand] | Sequence[Errand], timeout_seconds: float) -> list[Any]:
    """Their results, in order; whoever is not waited for any more is not drawn. Raises StockEmpty, or what the
    drawing raised.
    """
    until = time.monotonic() + timeout_seconds
    try:
        return [demand.answer.result(timeout=max(0.0, until - time.monotonic())) for demand in demands]
    except TimeoutError as error:
        raise StockEmpty(f"the picture was not ready within {timeout_seconds:g} s") from error
    except CancelledError as error:
        raise StockEmpty("the forge is closing") from error
    finally:
        for demand in demands:
            demand.answer.cancel()
