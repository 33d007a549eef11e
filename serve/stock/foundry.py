"""The forge that is live, the few before it, and the change from one to the next without a gap.

A new ensemble gets a forge of its own, which is warmed while the old one still answers, and is then put in
its place by one assignment. The old forge gives up its stock and keeps answering for its ids. Knows nothing
of HTTP.
"""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable

from gan.errors import UserError
from serve.stock.drawable import EnsembleLike
from serve.stock.forge import Forge, ForgeConfig

log = logging.getLogger("ganvil.serve")


class GoneVersion(UserError):
    """The id's ensemble version is neither loaded nor to be had any more."""


def _no_older(version: str) -> EnsembleLike:
    raise GoneVersion(f"ensemble version {version} is not loaded here")


class Foundry:
    """`load_older` fetches an ensemble by version for a permalink from before the last few changes.

    It raises UserError where that version no longer exists. At most `num_older` forges are kept beside the
    live one.
    """

    def __init__(
        self,
        ensemble: EnsembleLike,
        *,
        config: ForgeConfig | None = None,
        load_older: Callable[[str], EnsembleLike] = _no_older,
        num_older: int = 3,
    ) -> None:
        self._config = config or ForgeConfig()
        self._load_older = load_older
        self._num_older = num_older
        self._older: OrderedDict[str, Forge] = OrderedDict()
        self._guard = threading.Lock()
        self._loading = threading.Lock()
        self._changing = threading.Lock()
        self._forge = self._warmed(ensemble)

    @property
    def forge(self) -> Forge:
        return self._forge

    def versions(self) -> list[str]:
        """The loaded versions, the live one first."""
        with self._guard:
            return [self._forge.ensemble.version, *reversed(self._older)]

    def has(self, version: str) -> bool:
        """Whether its weapons can be drawn without loading anything."""
        return self._loaded(version) is not None

    def swap(self, ensemble: EnsembleLike) -> bool:
        """Puts the ensemble in place once it is warm; False if it is live already; raises BrokenEnsemble."""
        with self._changing:
            old = self._forge
            if (ensemble.version, ensemble.fingerprint) == (old.ensemble.version, old.ensemble.fingerprint):
                return False
            forge = self._warmed(ensemble)
            with self._guard:
                self._forge = forge
                stale = self._older.pop(ensemble.version, None)
            old.retire()
            if old.ensemble.version != ensemble.version:
                self._keep(old)
            elif stale is None:
                stale = old
            if stale is not None:
                stale.close()
            log.info("ensemble %s is live, after %s", ensemble.version, old.ensemble.version)
            return True

    def forge_of(self, version: str) -> Forge:
        """The forge that draws this version's weapons; loads an older one if it must; raises GoneVersion."""
        loaded = self._loaded(version)
        if loaded is not None:
            return loaded
        with self._loading:  # one load at a time: a page of permalinks asks for the same version many times
            loaded = self._loaded(version)
            if loaded is not None:
                return loaded
            try:
                ensemble = self._load_older(version)
            except GoneVersion:
                raise
            except UserError as error:
                raise GoneVersion(f"ensemble version {version} is no longer to be had: {error}") from error
            forge = Forge(ensemble, self._config)
            forge.retire()
            self._keep(forge)
            return forge

    def close(self) -> None:
        with self._guard:
            forges = [self._forge, *self._older.values()]
            self._older.clear()
        for forge in forges:
            forge.close()

    def _warmed(self, ensemble: EnsembleLike) -> Forge:
        forge = Forge(ensemble, self._config)
        try:
            forge.warm()
        except BaseException:
            forge.close()
            raise
        return forge

    def _loaded(self, version: str) -> Forge | None:
        with self._guard:
            if self._forge.ensemble.version == version:
                return self._forge
            if version in self._older:
                self._older.move_to_end(version)
                return self._older[version]
            return None

    def _keep(self, forge: Forge) -> None:
        dropped: list[Forge] = []
        with self._guard:
            self._older[forge.ensemble.version] = forge
            while len(self._older) > self._num_older:
                dropped.append(self._older.popitem(last=False)[1])
        for each in dropped:
            each.close()
