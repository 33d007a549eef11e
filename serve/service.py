"""What the routes stand on: weapons with their text, from forge, scribe, grammar and store.

Knows no HTTP and no Ray; a test or another front end may use it directly.
"""

import logging
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from serve.keeping.store import Store
from serve.keeping.write_behind import WriteBehind
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

    A page asks for sixteen texts and then for their sixteen pictures: those need not be drawn again. What ends with
    `_now` waits for nothing, neither drawing nor store, and may say None.
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
        self._behind = WriteBehind(store)
        self._recent: OrderedDict[WeaponId, Weapon] = OrderedDict()
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
        if truncation_percent == 100 and type_name is None and seed is None:
            return [self._take() for _ in range(num)]
        forge = self.forge
        ids = [
            forge.ids.choose(seed=seed, truncation_percent=truncation_percent, type_name=type_name) for _ in range(num)
        ]
        return self._with_texts(forge.make_many(ids))

    def give_now(self) -> Weapon | None:
        """One of the stock with a text of the grammar; None where it is dry, or where a model's text lies ready."""
        if self.scribe is not None and self.scribe.num_ahead:
            return None
        made = self.forge.take_now()
        return None if made is None else self._fresh(made)

    def find(self, weapon_id: WeaponId) -> Weapon:
        """This very weapon again; raises UnknownWeapon, GoneVersion, StockEmpty."""
        return self.find_now(weapon_id) or self._with_texts([self.picture(weapon_id)])[0]

    def find_now(self, weapon_id: WeaponId) -> Weapon | None:
        """The weapon if it was given out lately, its text is kept and its ensemble is at hand."""
        with self._guard:
            weapon = self._recent.get(weapon_id)
        at_hand = weapon is not None and weapon.kept and self.foundry.has(weapon_id.version)
        return weapon if at_hand else None

    def picture(self, weapon_id: WeaponId) -> Made:
        """Only its picture: no text is written or kept for it."""
        with self._guard:
            weapon = self._recent.get(weapon_id)
        return weapon.made if weapon is not None else self.foundry.forge_of(weapon_id.version).make(weapon_id)

    def similar(self, weapon_id: WeaponId, num: int) -> list[Weapon]:
        """Others of its ensemble that look like it, the nearest first."""
        forge = self.foundry.forge_of(weapon_id.version)
        return self._with_texts(forge.make_many(self._likeness.nearest(forge, weapon_id, num)))

    def check(self, weapon_id: WeaponId) -> None:
        """Raises what `picture` would for an id that names nothing, without drawing."""
        self.foundry.forge_of(weapon_id.version).ids.check(weapon_id)

    def close(self) -> None:
        if self.watch is not None:
            self.watch.close()
        if self.scribe is not None:
            self.scribe.close()
        self.foundry.close()
        self._behind.close()
        self.store.close()

    def _take(self) -> Weapon:
        forge = self.forge
        if self.scribe is not None:
            ready = self.scribe.take_now(forge.ensemble.version)
            if ready is not None:
                return self._written(*ready)
        try:
            return self._fresh(forge.take())
        except StockEmpty:
            # A forge that was retired under our hands has a warm successor.
            if self.forge is forge:
                raise
            return self._fresh(self.forge.take())

    def _fresh(self, made: Made) -> Weapon:
        """Out of the stock: one in 2^31 seeds of its member, so nobody looks whether it was given out before."""
        lore = self._write(made)
        self._behind.put(str(made.weapon_id), lore)
        return self._remembered(made, lore)

    def _written(self, made: Made, lore: Lore) -> Weapon:
        """With a model's text, which nothing could write again: it is kept before it is given out."""
        name = str(made.weapon_id)
        return self._remembered(made, self.store.keep({name: lore})[name])

    def _with_texts(self, made: Sequence[Made]) -> list[Weapon]:
        """Asked for by their ids: each with the text that is kept for it, or a new one."""
        names = [str(each.weapon_id) for each in made]
        known = self._behind.get_many(names)
        known |= self.store.get_many([name for name in names if name not in known])
        new = {name: self._write(each) for name, each in zip(names, made, strict=True) if name not in known}
        texts = known | (self.store.keep(new) if new else {})
        return [self._remembered(each, texts[name]) for name, each in zip(names, made, strict=True)]

    def _write(self, made: Made) -> Lore:
        forge = self.foundry.forge_of(made.weapon_id.version)
        return self._grammar.write(made, forge.ids.type_of(made.weapon_id))

    def _remembered(self, made: Made, lore: Lore) -> Weapon:
        weapon = Weapon(made=made, lore=lore, kept=self.store.fault is None)
        with self._guard:
            if made.weapon_id not in self._recent:
                self._held_bytes += made.picture.nbytes
            self._recent[made.weapon_id] = weapon
            while self._held_bytes > self._recent_bytes:
                _, dropped = self._recent.popitem(last=False)
                self._held_bytes -= dropped.made.picture.nbytes
        return weapon
