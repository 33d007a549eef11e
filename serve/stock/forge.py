"""One ensemble at work: a bounded stock of shuffled pictures made ahead, and single pictures on demand.

One thread owns the networks. It answers demands first (those of the same member and truncation together, as
one batch) and spends the rest of its time filling the stock with full batches of one member each. Each next
batch goes to the member that lags furthest behind its weight, so the shares are exact over time and not only
on average. Taking removes a random picture of the stock: neighbours in a stream of weapons come from
different batches.

Knows pictures and ids; knows nothing of HTTP, Ray, texts or where ensembles come from.
"""

import logging
import random
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from gan.pixels import UInt8Array
from serve.stock.choosing import Chooser
from serve.stock.demands import Demand, DemandQueue, Errand, StockEmpty, answers_of
from serve.stock.drawable import EnsembleLike, Made
from serve.stock.tally import Tally
from serve.stock.weapon_id import WeaponId

log = logging.getLogger("ganvil.serve")


class BrokenEnsemble(Exception):
    """An ensemble that loads but cannot draw: a fault of the ensemble, not of a request."""


@dataclass(frozen=True, kw_only=True)
class ForgeConfig:
    """`stock_bytes` bounds the pictures held: with 64 MiB, 16,384 of 32x32 RGBA or 1,024 of 128x128 RGBA.

    `num_stock` bounds their number as well: more than a few hundred only delays a new ensemble's warming.
    """

    batch_size: int = 32
    num_stock: int = 512
    stock_bytes: int = 64 * 2**20
    max_demands: int = 1024


class Forge:
    """Pictures of one ensemble. Thread-safe; `close` ends its thread."""

    def __init__(self, ensemble: EnsembleLike, config: ForgeConfig | None = None) -> None:
        if not ensemble.members:
            raise BrokenEnsemble("the ensemble has no members")
        self.ensemble = ensemble
        self.config = config or ForgeConfig()
        picture_bytes = ensemble.channels * ensemble.height * ensemble.width
        self.capacity = max(1, min(self.config.num_stock, self.config.stock_bytes // picture_bytes))
        self.ids = Chooser(ensemble)
        self.tally = Tally(len(ensemble.members))
        self._stock: list[Made] = []
        self._demands = DemandQueue(self.config.max_demands)
        self._changed = threading.Condition()
        self._stocking = True
        self._closed = False
        self._fault: Exception | None = None
        self._dice = random.Random(secrets.randbits(64))
        self._thread = threading.Thread(target=self._work, name=f"forge-{ensemble.version}", daemon=True)
        self._thread.start()

    @property
    def num_stock(self) -> int:
        return len(self._stock)

    @property
    def num_waiting(self) -> int:
        """Demands not yet begun."""
        return len(self._demands)

    @property
    def fault(self) -> Exception | None:
        """The last batch's failure; None once a batch succeeds again."""
        return self._fault

    def warm(self, timeout_seconds: float = 300.0) -> None:
        """Returns when every member has drawn a sound batch and the stock holds one; raises
        BrokenEnsemble.
        """
        until = time.monotonic() + timeout_seconds
        for member in range(len(self.ensemble.members)):
            ids = [self.ids.of_member(member) for _ in range(min(4, self.config.batch_size))]
            pictures = [made.picture for made in self.make_many(ids, timeout_seconds=until - time.monotonic())]
            if not any(picture.any() for picture in pictures):  # what NaN becomes at the door to uint8
                name = self.ensemble.members[member].id
                raise BrokenEnsemble(f"member {member} ({name}) draws only blank pictures")
        with self._changed:
            enough = min(self.capacity, self.config.batch_size)
            warm = self._changed.wait_for(
                lambda: len(self._stock) >= enough or self._fault is not None,
                timeout=until - time.monotonic(),
            )
        if self._fault is not None:
            raise BrokenEnsemble(f"the ensemble cannot draw: {self._fault}")
        if not warm:
            raise BrokenEnsemble(f"the ensemble drew no batch within {timeout_seconds:.0f} s")

    def take(self, timeout_seconds: float = 5.0) -> Made:
        """A random picture of the stock, which is then no longer in it; waits when dry, then raises
        StockEmpty.
        """
        with self._changed:
            if not self._stock:
                started = time.perf_counter()
                self.tally.num_misses += 1
                self._changed.wait_for(
                    lambda: self._stock or self._closed or not self._stocking, timeout=timeout_seconds
                )
                self.tally.seconds_missing += time.perf_counter() - started
            if not self._stock:
                self.tally.num_empty += 1
                raise StockEmpty(f"no picture in stock within {timeout_seconds:g} s")
            return self._take_locked()

    def take_now(self) -> Made | None:
        """As `take`, but None at once when the stock is dry; counts no miss."""
        with self._changed:
            return self._take_locked() if self._stock else None

    def make(self, weapon_id: WeaponId, timeout_seconds: float = 30.0) -> Made:
        """This very weapon; raises UnknownWeapon, StockEmpty when too much is asked at once."""
        return self.make_many([weapon_id], timeout_seconds=timeout_seconds)[0]

    def make_many(self, ids: Sequence[WeaponId], timeout_seconds: float = 30.0) -> list[Made]:
        """Those very weapons, in order, drawn in as few batches as their members allow."""
        for weapon_id in ids:
            self.ids.check(weapon_id)
        demands = [Demand(weapon_id) for weapon_id in ids]
        started = time.perf_counter()
        self._queue(demands)
        made = answers_of(demands, timeout_seconds)
        with self._changed:
            self.tally.num_demands += len(made)
            self.tally.seconds_demanding += len(made) * (time.perf_counter() - started)
        return made

    def ask(self, work: Callable[[EnsembleLike], UInt8Array], timeout_seconds: float = 30.0) -> UInt8Array:
        """Other pictures than weapons, drawn by `work` when its turn comes: the networks' thread alone may draw.

        Raises what `work` raises, or StockEmpty when too much is asked at once.
        """
        errand = Errand(work)
        self._queue([errand])
        (pictures,) = answers_of([errand], timeout_seconds)
        assert isinstance(pictures, np.ndarray)
        return pictures

    def retire(self) -> None:
        """Gives up the stock and makes no more ahead; demands are still answered."""
        with self._changed:
            self._stocking = False
            self._stock.clear()
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._demands.cancel_all()
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout=30.0)

    def _queue(self, demands: Sequence[Demand | Errand]) -> None:
        with self._changed:
            if self._closed:
                raise StockEmpty("the forge is closing")
            self._demands.add(demands)
            self._changed.notify_all()

    def _take_locked(self) -> Made:
        index = self._dice.randrange(len(self._stock))
        self._stock[index], self._stock[-1] = self._stock[-1], self._stock[index]
        made = self._stock.pop()
        self.tally.num_taken += 1
        if self._has_room():
            self._changed.notify_all()
        return made

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or len(self._demands) > 0 or self._has_room())
                if self._closed:
                    return
                demands = self._demands.next(self.config.batch_size)
            if isinstance(demands, Errand):
                demands.run(self.ensemble)
            elif demands:
                self._answer(demands)
            elif self._has_room():
                self._stock_up()

    def _has_room(self) -> bool:
        # A whole batch must fit (or the stock be empty, when it is smaller than a batch): batches stay full.
        room = self.capacity - len(self._stock)
        return self._stocking and (room >= self.config.batch_size or not self._stock)

    def _answer(self, demands: list[Demand]) -> None:
        try:
            for demand, made in zip(demands, self._draw([demand.weapon_id for demand in demands]), strict=True):
                demand.answer.set_result(made)
        except Exception as error:
            for demand in demands:
                if not demand.answer.done():
                    demand.answer.set_exception(BrokenEnsemble(f"{demand.weapon_id} cannot be drawn: {error}"))

    def _stock_up(self) -> None:
        weights = [member.weight for member in self.ensemble.members]
        member = self.tally.furthest_behind(weights, self.config.batch_size)
        ids = [self.ids.of_member(member) for _ in range(min(self.config.batch_size, self.capacity))]
        try:
            batch = self._accepted(member, self._draw(ids))
        except Exception as error:
            if self._fault is None:
                log.exception("forge %s: member %d cannot draw", self.ensemble.version, member)
            with self._changed:
                self._fault = error
                self._changed.notify_all()
                # A member that fails keeps failing: pause, or this loop would eat a core and the log.
                self._changed.wait_for(lambda: self._closed or len(self._demands) > 0, timeout=1.0)
            return
        with self._changed:
            self._fault = None
            self.tally.accepted[member] += len(batch)
            self.tally.refused[member] += len(ids) - len(batch)
            if self._stocking:
                self._stock.extend(batch)
            self._changed.notify_all()

    def _accepted(self, member: int, batch: list[Made]) -> list[Made]:
        """Those that the member's polish lets through; asked for by its id, any picture is drawn."""
        good = self.ensemble.accepts(member, np.stack([made.picture for made in batch]))
        return [made for made, accepted in zip(batch, good, strict=True) if accepted]

    def _draw(self, ids: Sequence[WeaponId]) -> list[Made]:
        started = time.perf_counter()
        labels = None if ids[0].label is None else [0 if each.label is None else each.label for each in ids]
        pictures = self.ensemble.draw(
            ids[0].member, [each.seed for each in ids], truncation=ids[0].truncation, labels=labels
        )
        expected = (len(ids), self.ensemble.channels, self.ensemble.height, self.ensemble.width)
        if pictures.shape != expected or pictures.dtype != np.uint8:
            raise BrokenEnsemble(f"drew {pictures.dtype} {pictures.shape} where uint8 {expected} was promised")
        self.tally.num_made += len(ids)
        self.tally.seconds_making += time.perf_counter() - started
        # Copies: a view would keep its whole batch alive, and the stock's memory bound would not hold.
        return [Made(weapon_id=each, picture=picture.copy()) for each, picture in zip(ids, pictures, strict=True)]
