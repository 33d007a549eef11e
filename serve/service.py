"""What the routes stand on: weapons with their text, from forge, scribe, grammar and store.

Knows no HTTP and no Ray; a test or another front end may use it directly.
"""

import logging
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from serve.keeping.store import Store
from serve.pictures.likeness import Likeness
from serve.stock.demands import StockEmpty
from serve.stock.drawable import EnsembleLike, Made
from serve.stock.forge import Forge
from serve.stock.foundry import Foundry
from serve.stock.watch import EnsembleWatch
from serve.stock.weapon_id import WeaponId
from serve.texts.grammar import Grammar
from serve.texts.lore import Lore
from serve.texts.scribe import Scribe

log = logging.getLogger("ganvil.serve")


@dataclass(frozen=True, kw_only=True)
class Weapon:
    """A picture, its id and its text; `kept` says whether the store will answer the same text for ever."""

    made: Made
    lore: Lore
    kept: bool

    @property
    def weapon_id(self) -> WeaponId:
        return self.made.weapon_id


class Service:
    """`recent_bytes` bounds the pictures remembered after they were given out.

    A page asks for sixteen texts and then for their sixteen pictures: those need not be drawn again.
    """

    def __init__(
        self,
        *,
        foundry: Foundry,
        store: Store,
        scribe: Scribe | None = None,
        watch: EnsembleWatch | None = None,
        admin_token: str | None = None,
        recent_bytes: int = 16 * 2**20,
    ) -> None:
        self.foundry = foundry
        self.store = store
        self.scribe = scribe
        self.watch = watch
        self.admin_token = admin_token
        self._grammar = Grammar()
        self._likeness = Likeness()
        self._recent: OrderedDict[WeaponId, Made] = OrderedDict()
        self._recent_bytes = recent_bytes
        self._held_bytes = 0
        self._guard = threading.Lock()

    @property
    def forge(self) -> Forge:
        return self.foundry.forge

    @property
    def ensemble(self) -> EnsembleLike:
        return self.foundry.forge.ensemble

    def give(
        self,
        num: int = 1,
        *,
        truncation_percent: int = 100,
        type_name: str | None = None,
        seed: int | None = None,
    ) -> list[Weapon]:
        """New weapons: from the stock where nothing special is asked, made on demand otherwise.

        Raises UnknownWeapon for a type that no member knows, StockEmpty when too much is asked at once.
        """
        written: dict[WeaponId, Lore] = {}
        made: list[Made] = []
        if truncation_percent == 100 and type_name is None and seed is None:
            for _ in range(num):
                taken, lore = self._take()
                made.append(taken)
                if lore is not None:
                    written[taken.weapon_id] = lore
        else:
            forge = self.forge
            ids = [
                forge.ids.choose(seed=seed, truncation_percent=truncation_percent, type_name=type_name)
                for _ in range(num)
            ]
            made = forge.make_many(ids)
        return self._with_texts(made, written)

    def find(self, weapon_id: WeaponId) -> Weapon:
        """This very weapon again; raises UnknownWeapon, GoneVersion, StockEmpty."""
        return self._with_texts([self.picture(weapon_id)], {})[0]

    def picture(self, weapon_id: WeaponId) -> Made:
        """Only its picture: no text is written or kept for it."""
        with self._guard:
            made = self._recent.get(weapon_id)
        return made if made is not None else self.foundry.forge_of(weapon_id.version).make(weapon_id)

    def similar(self, weapon_id: WeaponId, num: int) -> list[Weapon]:
        """Others of its ensemble that look like it, the nearest first."""
        forge = self.foundry.forge_of(weapon_id.version)
        return self._with_texts(forge.make_many(self._likeness.nearest(forge, weapon_id, num)), {})

    def check(self, weapon_id: WeaponId) -> None:
        """Raises what `picture` would for an id that names nothing, without drawing."""
        self.foundry.forge_of(weapon_id.version).ids.check(weapon_id)

    def close(self) -> None:
        if self.watch is not None:
            self.watch.close()
        if self.scribe is not None:
            self.scribe.close()
        self.foundry.close()
        self.store.close()

    def _take(self) -> tuple[Made, Lore | None]:
        forge = self.forge
        if self.scribe is not None:
            ready = self.scribe.take_now(forge.ensemble.version)
            if ready is not None:
                return ready
        try:
            return forge.take(), None
        except StockEmpty:
            # A forge that was retired under our hands has a warm successor.
            if self.forge is forge:
                raise
            return self.forge.take(), None

    def _with_texts(self, made: Sequence[Made], written: dict[WeaponId, Lore]) -> list[Weapon]:
        known = self.store.get_many([str(each.weapon_id) for each in made if each.weapon_id not in written])
        new = {
            str(each.weapon_id): written.get(each.weapon_id) or self._write(each)
            for each in made
            if str(each.weapon_id) not in known
        }
        kept = self.store.keep(new) if new else {}
        self._remember(made)
        is_kept = self.store.fault is None
        texts = known | kept
        return [Weapon(made=each, lore=texts[str(each.weapon_id)], kept=is_kept) for each in made]

    def _write(self, made: Made) -> Lore:
        forge = self.foundry.forge_of(made.weapon_id.version)
        return self._grammar.write(made, forge.ids.type_of(made.weapon_id))

    def _remember(self, made: Sequence[Made]) -> None:
        with self._guard:
            for each in made:
                if each.weapon_id not in self._recent:
                    self._recent[each.weapon_id] = each
                    self._held_bytes += each.picture.nbytes
            while self._held_bytes > self._recent_bytes:
                _, dropped = self._recent.popitem(last=False)
                self._held_bytes -= dropped.picture.nbytes
