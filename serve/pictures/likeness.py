"""Weapons that look like one: of some that the ensemble draws, those nearest to it.

Near in the features of the net by which pictures are measured without a download (gan/features/random_convolutions.py),
each in units of its spread among those drawn. Which are drawn follows from the weapon's id, so the same are found
again.
"""

import hashlib
import threading

import numpy as np
import torch

from gan.features.interface import FeatureNet
from gan.features.registry import load_feature_net
from serve.stock.forge import Forge
from serve.stock.weapon_id import SEED_END, WeaponId

NUM_DRAWN = 128  # of which the nearest are shown: one batch a member or two


class Likeness:
    """Thread-safe. The net is made at the first question."""

    def __init__(self) -> None:
        self._net: FeatureNet | None = None
        self._guard = threading.Lock()

    def nearest(self, forge: Forge, weapon_id: WeaponId, num: int) -> list[WeaponId]:
        """So many others of its ensemble, the nearest first; raises UnknownWeapon, StockEmpty."""
        assert num <= NUM_DRAWN
        forge.ids.check(weapon_id)
        others = [forge.ids.choose(seed=_seed(weapon_id, index)) for index in range(NUM_DRAWN)]
        drawn = forge.make_many([weapon_id, *others])
        rows = self._loaded()(np.stack([made.picture for made in drawn]))
        spread = rows[1:].std(axis=0)
        apart = np.square((rows[1:] - rows[0]) / np.where(spread > 0, spread, 1.0)).sum(axis=1)
        return [others[index] for index in np.argsort(apart, kind="stable")[:num].tolist()]

    def _loaded(self) -> FeatureNet:
        with self._guard:
            if self._net is None:
                self._net = load_feature_net("randconv", torch.device("cpu"))
            return self._net


def _seed(weapon_id: WeaponId, index: int) -> int:
    digest = hashlib.sha256(f"{weapon_id}/{index}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % SEED_END
