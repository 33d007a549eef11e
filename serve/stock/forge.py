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
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gan.errors import UserError
from gan.pixels import UInt8Array
from serve.stock.drawable import EnsembleLike, Made, label_of
from serve.stock.weapon_id import SEED_END, WeaponId

log = logging.getLogger("ganvil.serve")


class BrokenEnsemble(Exception):
    """An ensemble that loads but cannot draw: a fault of the ensemble, not of a request."""


class UnknownWeapon(UserError):
    """A well-formed id that names a member or class which this ensemble does not have."""


class StockEmpty(Exception):
    """The stock ran dry and stayed so for as long as the caller would wait."""


@dataclass(frozen=True, kw_only=True)
class ForgeConfig:
    """`stock_bytes` bounds the pictures held: with 64 MiB, 16,384 of 32x32 RGBA or 1,024 of 128x128 RGBA.

    `num_stock` bounds their number as well: more than a few hundred only delays a new ensemble's warming.
    """

    batch_size: int = 32
    num_stock: int = 512
    stock_bytes: int = 64 * 2**20
    max_demands: int = 1024


@dataclass
class _Demand:
    weapon_id: WeaponId
    answer: "Future[Made]" = field(default_factory=Future)


@dataclass
class _Errand:
    work: Callable[[EnsembleLike], UInt8Array]
    answer: "Future[UInt8Array]" = field(default_factory=Future)


class Forge:
    """Pictures of one ensemble. Thread-safe; `close` ends its thread."""

    def __init__(self, ensemble: EnsembleLike, config: ForgeConfig | None = None) -> None:
        if not ensemble.members:
            raise BrokenEnsemble("the ensemble has no members")
        self.ensemble = ensemble
        self.config = config or ForgeConfig()
        picture_bytes = ensemble.channels * ensemble.height * ensemble.width
        self.capacity = max(1, min(self.config.num_stock, self.config.stock_bytes // picture_bytes))
        self.num_made = 0
        self.num_misses = 0
        self.seconds_making = 0.0
        self._stock: list[Made] = []
        self._demands: deque[_Demand | _Errand] = deque()
        self._changed = threading.Condition()
        self._stocking = True
        self._closed = False
        self._fault: Exception | None = None
        self._dice = random.Random(secrets.randbits(64))
        self._num_by_member = [0] * len(ensemble.members)
        self._num_refused = [0] * len(ensemble.members)
        self._thread = threading.Thread(target=self._work, name=f"forge-{ensemble.version}", daemon=True)
        self._thread.start()

    @property
    def num_stock(self) -> int:
        return len(self._stock)

    @property
    def num_refused(self) -> int:
        """Pictures drawn for the stock that their member's polish did not let through."""
        return sum(self._num_refused)

    def share_accepted(self, member: int) -> float:
        """Of what the member drew for the stock so far; 1 before its first."""
        accepted, refused = self._num_by_member[member], self._num_refused[member]
        return accepted / (accepted + refused) if accepted + refused else 1.0

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
            ids = [self._new_id(member) for _ in range(min(4, self.config.batch_size))]
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
                self.num_misses += 1
                self._changed.wait_for(
                    lambda: self._stock or self._closed or not self._stocking, timeout=timeout_seconds
                )
            if not self._stock:
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
            self.check(weapon_id)
        demands = [_Demand(weapon_id) for weapon_id in ids]
        self._queue(demands)
        return _answers(demands, timeout_seconds)

    def ask(self, work: Callable[[EnsembleLike], UInt8Array], timeout_seconds: float = 30.0) -> UInt8Array:
        """Other pictures than weapons, drawn by `work` when its turn comes: the networks' thread alone may draw.

        Raises what `work` raises, or StockEmpty when too much is asked at once.
        """
        errand = _Errand(work)
        self._queue([errand])
        (pictures,) = _answers([errand], timeout_seconds)
        assert isinstance(pictures, np.ndarray)
        return pictures

    def _queue(self, demands: Sequence[_Demand | _Errand]) -> None:
        with self._changed:
            if self._closed:
                raise StockEmpty("the forge is closing")
            if len(self._demands) + len(demands) > self.config.max_demands:
                raise StockEmpty(f"more than {self.config.max_demands} pictures are already being waited for")
            self._demands.extend(demands)
            self._changed.notify_all()

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
            for index, member in enumerate(self.ensemble.members)
            if type_name is None or label_of(member, type_name) is not None
        ]
        if not candidates:
            raise UnknownWeapon(f"no member of this ensemble knows the type {type_name!r}; {self._known_types()}")
        index, member, label = dice.choices(candidates, [max(entry[1].weight, 1e-9) for entry in candidates])[0]
        if label is None and member.class_names:
            label = dice.choices(range(len(member.class_names)), member.class_counts)[0]
        return WeaponId(
            version=self.ensemble.version,
            member=index,
            seed=dice.randrange(SEED_END) if seed is None else seed,
            truncation_percent=truncation_percent,
            label=label,
        )

    def type_of(self, weapon_id: WeaponId) -> str | None:
        """The class name that the id asks for; None for an unconditional member."""
        if weapon_id.label is None:
            return None
        return self.ensemble.members[weapon_id.member].class_names[weapon_id.label]

    def type_names(self) -> list[str]:
        return sorted({name for member in self.ensemble.members for name in member.class_names})

    def retire(self) -> None:
        """Gives up the stock and makes no more ahead; demands are still answered."""
        with self._changed:
            self._stocking = False
            self._stock.clear()
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            waiting = list(self._demands)
            self._demands.clear()
            self._changed.notify_all()
        for demand in waiting:
            demand.answer.cancel()
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout=30.0)

    def check(self, weapon_id: WeaponId) -> None:
        assert weapon_id.version == self.ensemble.version, (weapon_id, self.ensemble.version)
        num_members = len(self.ensemble.members)
        if weapon_id.member >= num_members:
            raise UnknownWeapon(
                f"ensemble {self.ensemble.version} has {num_members} members, not a member {weapon_id.member}"
            )
        names = self.ensemble.members[weapon_id.member].class_names
        if (weapon_id.label is None) == bool(names) or (weapon_id.label is not None and weapon_id.label >= len(names)):
            asked = "no class" if weapon_id.label is None else f"class {weapon_id.label}"
            raise UnknownWeapon(f"{weapon_id} names {asked}, but member {weapon_id.member} has {len(names)} classes")

    def _known_types(self) -> str:
        names = self.type_names()
        return f"known are {', '.join(names)}" if names else "its members were trained without classes"

    def _take_locked(self) -> Made:
        index = self._dice.randrange(len(self._stock))
        self._stock[index], self._stock[-1] = self._stock[-1], self._stock[index]
        made = self._stock.pop()
        self._changed.notify_all()
        return made

    def _new_id(self, member: int) -> WeaponId:
        chosen = self.ensemble.members[member]
        names = chosen.class_names
        return WeaponId(
            version=self.ensemble.version,
            member=member,
            seed=self._dice.randrange(SEED_END),
            label=self._dice.choices(range(len(names)), chosen.class_counts)[0] if names else None,
        )

    def _next_member(self) -> int:
        """The member furthest behind its share of the pictures made so far."""
        weights = [member.weight for member in self.ensemble.members]
        total, made = sum(weights), sum(self._num_by_member)
        num_next = made + self.config.batch_size
        behind = [weight / total * num_next - num for weight, num in zip(weights, self._num_by_member, strict=True)]
        return behind.index(max(behind))

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._demands or self._has_room())
                if self._closed:
                    return
                demands = self._batch_of_demands()
            if isinstance(demands, _Errand):
                self._run(demands)
            elif demands:
                self._answer(demands)
            elif self._has_room():
                self._stock_up()

    def _has_room(self) -> bool:
        # A whole batch must fit (or the stock be empty, when it is smaller than a batch): batches stay full.
        room = self.capacity - len(self._stock)
        return self._stocking and (room >= self.config.batch_size or not self._stock)

    def _batch_of_demands(self) -> "list[_Demand] | _Errand":
        """The oldest, an errand by itself, else with those that can be drawn in one batch with it; [] for none."""
        if not self._demands:
            return []
        first = self._demands[0]
        if isinstance(first, _Errand):
            self._demands.popleft()
            return first if first.answer.set_running_or_notify_cancel() else []
        together: list[_Demand] = []
        others: deque[_Demand | _Errand] = deque()
        for demand in self._demands:
            if isinstance(demand, _Demand) and len(together) < self.config.batch_size and _alike(demand, first):
                together.append(demand)
            else:
                others.append(demand)
        self._demands = others
        return [demand for demand in together if demand.answer.set_running_or_notify_cancel()]

    def _run(self, errand: _Errand) -> None:
        try:
            errand.answer.set_result(errand.work(self.ensemble))
        except Exception as error:
            errand.answer.set_exception(error)

    def _answer(self, demands: list[_Demand]) -> None:
        try:
            for demand, made in zip(demands, self._draw([demand.weapon_id for demand in demands]), strict=True):
                demand.answer.set_result(made)
        except Exception as error:
            for demand in demands:
                if not demand.answer.done():
                    demand.answer.set_exception(BrokenEnsemble(f"{demand.weapon_id} cannot be drawn: {error}"))

    def _stock_up(self) -> None:
        member = self._next_member()
        ids = [self._new_id(member) for _ in range(min(self.config.batch_size, self.capacity))]
        try:
            batch = self._accepted(member, self._draw(ids))
        except Exception as error:
            if self._fault is None:
                log.exception("forge %s: member %d cannot draw", self.ensemble.version, member)
            with self._changed:
                self._fault = error
                self._changed.notify_all()
                # A member that fails keeps failing: pause, or this loop would eat a core and the log.
                self._changed.wait_for(lambda: self._closed or self._demands, timeout=1.0)
            return
        with self._changed:
            self._fault = None
            self._num_by_member[member] += len(batch)
            self._num_refused[member] += len(ids) - len(batch)
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
        self.num_made += len(ids)
        self.seconds_making += time.perf_counter() - started
        # Copies: a view would keep its whole batch alive, and the stock's memory bound would not hold.
        return [Made(weapon_id=each, picture=picture.copy()) for each, picture in zip(ids, pictures, strict=True)]


def _alike(demand: _Demand, other: _Demand) -> bool:
    """Whether one batch can hold both."""
    a, b = demand.weapon_id, other.weapon_id
    return (a.member, a.truncation_percent) == (b.member, b.truncation_percent)


def _answers(demands: "Sequence[_Demand] | Sequence[_Errand]", timeout_seconds: float) -> list[Any]:
    """Their results, in order; whoever is not waited for any more is not drawn."""
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
