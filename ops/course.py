"""One refresh: choose, compare with what is live, and promote what is better.

Pure of flags and locks (ops/refresh.py); what each step does is in the file that bears its name.
"""

import functools
import hashlib
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mlflow.entities.model_registry import ModelVersion

from gan.ensemble.ensemble import load_ensemble, read_manifest
from gan.errors import UserError
from gan.version import code_version
from gan.whole_file import refuse_to_overwrite, write_whole
from ops.candidates import CandidateStore, Search
from ops.choice_table import print_choices
from ops.contest import contest
from ops.incumbents import incumbents
from ops.picture_sheet import draw_sheet
from ops.polishing import polished
from ops.pool import Say, gather, with_drawn
from ops.promotion import promote
from ops.proposal import Proposal, propose, propose_again
from ops.registry import FINGERPRINT, ROLLED_BACK, Registry
from ops.report_page import report_page

FEWEST_KEPT = 0.1  # ten pictures drawn for one
WIDEST = 2.0  # beyond it latents are all but all outside what training has seen


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What was asked for, as the flags of ops/refresh.py name it. UserError for values out of bounds."""

    search: Sequence[str]
    size: int
    truncations: Sequence[float]
    polish: float
    features: str
    data: str | None
    serve: str | None
    report: Path | None
    dry_run: bool
    force: bool

    def __post_init__(self) -> None:
        if self.size < 1:
            raise UserError(f"--size {self.size}: an ensemble needs 1 member or more")
        if not all(0.0 < truncation <= WIDEST for truncation in self.truncations):
            raise UserError(f"--truncations {self.truncations}: each must be over 0 and at most {WIDEST:g}")
        if not FEWEST_KEPT <= self.polish <= 1.0:
            raise UserError(f"--polish {self.polish}: the share that is kept, from {FEWEST_KEPT:g} to 1 (all)")
        if self.report:
            refuse_to_overwrite(self.report, replace=True)

    @property
    def all_the_way(self) -> bool:
        """Whether there is something to see or to do even where nothing is new."""
        return self.force or self.dry_run or self.report is not None

    def mark(self, searches: Sequence[Search], live: str | None) -> str:
        """Of all that a refresh goes by: where it is the same, so would be the outcome."""
        trials = sorted(str(run.info.run_id) for search in searches for run in search.finished)
        settings = [self.size, list(self.truncations), self.polish, self.features, self.data]
        return hashlib.sha256(json.dumps([trials, settings, live, code_version()]).encode()).hexdigest()[:16]


def refresh(wishes: Wishes, store: CandidateStore, registry: Registry, *, cache: Path, say: Say) -> None:
    """UserError where there is nothing to choose from; ServiceError where the service does not take the version."""
    live = registry.aliases().live
    searches = store.searches(wishes.search)
    if live and not wishes.all_the_way and registry.refreshed() == wishes.mark(searches, live):
        say(f"nothing new since the last refresh: version {live} of {registry.model} stays live")
        return
    before = registry.version(live) if live else None
    decide(wishes, proposal(wishes, searches, store, before, cache=cache, say=say), before, store, registry, say=say)
    if not wishes.dry_run:
        registry.set_refreshed(wishes.mark(searches, registry.aliases().live))


def proposal(
    wishes: Wishes,
    searches: Sequence[Search],
    store: CandidateStore,
    live: ModelVersion | None,
    *,
    cache: Path,
    say: Say,
) -> Proposal:
    """Chosen from the candidates; then again, beside them the chosen at other truncations and the live members.

    Polished at last, where that is asked for.
    """
    pool = gather(store, searches, features=wishes.features, data=wishes.data, cache=cache, say=say)
    say(f"choosing from {len(pool.allowed)} candidates on {len(pool.reference.reference)} reference reals")
    found = propose(pool, size=wishes.size)
    chosen = [each for each in pool.stored if each.id in found.choices["ensemble"].members]
    truncations = sorted({truncation for truncation in wishes.truncations if truncation != 1.0})
    beside = [(each, truncation) for each in chosen for truncation in truncations]
    wider = with_drawn(pool, store, [*beside, *(incumbents(store, live, pool) if live else ())], say)
    if len(wider.stored) > len(pool.stored):
        found = propose_again(wider, found, size=wishes.size)
    return polished(found, store, wishes.polish, say) if wishes.polish < 1.0 else found


def decide(
    wishes: Wishes,
    proposal: Proposal,
    live: ModelVersion | None,
    store: CandidateStore,
    registry: Registry,
    *,
    say: Say,
) -> None:
    """Promote the proposal, or say why not."""
    pool, model = proposal.pool, registry.model
    print_choices(proposal)
    with tempfile.TemporaryDirectory(prefix="ganvil-refresh-") as scratch:
        folder = Path(scratch) / "ensemble"
        proposal.write(folder, store)
        fingerprint = str(read_manifest(folder)["fingerprint"])
        ensemble = load_ensemble(folder)  # refuses broken members before anyone is told of them
        page = functools.cache(lambda: report_page(proposal, ensemble, store))
        if wishes.report:
            write_whole(wishes.report, page().encode())
            say(f"the report is in {wishes.report}")
        if live is not None and live.tags.get(FINGERPRINT) == fingerprint:
            say(f"nothing new: version {live.version} of {model}, which is live, has these very members")
            return
        known = registry.with_fingerprint(fingerprint)
        if known is not None and ROLLED_BACK in known.tags and not wishes.force:
            say(f"not promoted: version {known.version} has these very members and was rolled back (--force overrides)")
            return
        if live is not None and not wishes.force:
            result = contest(registry, live, proposal)
            say(f"against version {live.version}, which is live: {result}")
            if not result.won:
                say(f"nothing better: version {live.version} of {model} stays live")
                return
        if wishes.dry_run:
            say(f"dry run: ensemble {fingerprint} would be promoted; nothing was changed")
            return
        if known is not None:
            version = str(known.version)
        else:
            version = registry.register(
                folder,
                experiment_id=pool.searches[0].experiment_id,
                fingerprint=fingerprint,
                picture=pool.picture,
                features={pool.net.name: proposal.features},
                sheet=draw_sheet(ensemble, pool.pictures.images),
                page=page(),
                report=proposal.report(),
                metrics=proposal.metrics(),
            )
            say(f"registered version {version} of {model}")
        promote(registry, version, wishes.serve, say)
        registry.set_rolled_back(version, rolled_back=False)
        say(f"promoted: version {version} of {model} is live")
