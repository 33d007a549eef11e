"""The candidates of searches, with the reals to judge them by: what a choice is made from."""

import dataclasses
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gan.data.dataset import PictureSet, load_pictures
from gan.data.resolution import Resolution
from gan.device import choose_device
from gan.ensemble.library import Candidate
from gan.ensemble.selection import MEMORISED_OVER_FRESH, Vetoed, veto
from gan.errors import UserError
from gan.features.interface import FeatureNet
from gan.features.registry import load_feature_net
from gan.metrics.arrays import Features
from gan.metrics.evaluate import Reference
from gan.metrics.memorisation import memorised
from ops.candidates import CandidateStore, Kept, Search, StoredCandidate, comparable, id_at, picture_of, usual_count
from ops.drawn import drawn

Say = Callable[[str], None]
DRAWN = 1000  # pictures of each candidate, where none has stored features that say how many


@dataclass(frozen=True, kw_only=True, eq=False)
class Pool:
    """stored: every candidate as MLflow holds it. allowed: those that may be chosen, standardised on the reals."""

    searches: tuple[Search, ...]
    pictures: PictureSet
    net: FeatureNet
    reference: Reference
    stored: tuple[StoredCandidate, ...]
    allowed: tuple[Candidate, ...]
    vetoed: tuple[Vetoed, ...]

    @property
    def picture(self) -> str:
        return picture_of(self.stored[0].record)

    @property
    def raw(self) -> dict[str, Features]:
        """Every candidate's features as its net gave them, by id."""
        return {candidate.id: candidate.features for candidate in self.stored}


def gather(
    store: CandidateStore, searches: Sequence[Search], *, features: str, data: str | None, cache: Path, say: Say
) -> Pool:
    """Read the candidates of these searches. UserError: nothing to choose from, or other pictures."""
    net = load_feature_net(features, choose_device())
    candidates = _read(store, searches, net.name, say)
    pictures = _pictures(candidates[0], data or next((s.data for s in searches if s.data), None))
    reference = Reference.build(pictures.images, net, cache_dir=cache / "reference")
    if min(len(reference.reference), len(reference.held_out), len(candidates[0].features)) < 50:
        say("warning: fewer than 50 held-out reals or samples: these scores decide nothing")
    allowed, vetoed = _judged(candidates, reference)
    for reason, count in Counter(each.reason for each in vetoed).items():
        say(f"  {count} vetoed: {reason}")
    if not allowed:
        raise UserError(
            f"all {len(candidates)} candidates are vetoed, e.g. {vetoed[0].id} {vetoed[0].reason} ({vetoed[0].detail});"
            " search with more augmentation or more pictures"
        )
    return Pool(
        searches=tuple(searches),
        pictures=pictures,
        net=net,
        reference=reference,
        stored=tuple(candidates),
        allowed=tuple(allowed),
        vetoed=vetoed,
    )


def with_truncations(
    pool: Pool, store: CandidateStore, members: Sequence[str], truncations: Sequence[float], say: Say
) -> Pool:
    """The pool, and these members of it at each of the truncations too: candidates of their own."""
    return with_drawn(pool, store, [(each, t) for each in pool.stored if each.id in members for t in truncations], say)


def with_drawn(pool: Pool, store: CandidateStore, wanted: Sequence[tuple[Kept, float]], say: Say) -> Pool:
    """The pool, and these checkpoints at these truncations too, as far as it has not got them."""
    there = {each.id for each in pool.stored}
    missing = {name: at for at in wanted if (name := id_at(*at)) not in there}
    left_out: Counter[str] = Counter()
    count = len(pool.stored[0].features)
    more = drawn(store, list(missing.values()), net=pool.net.name, count=count, left_out=left_out, say=say)
    _say_left_out(left_out, say)
    allowed, vetoed = _judged(more, pool.reference)
    return dataclasses.replace(
        pool,
        stored=(*pool.stored, *more),
        allowed=(*pool.allowed, *allowed),
        vetoed=(*pool.vetoed, *vetoed),
    )


def _read(store: CandidateStore, searches: Sequence[Search], net: str, say: Say) -> list[StoredCandidate]:
    candidates: list[StoredCandidate] = []
    bare: list[Kept] = []
    left_out: Counter[str] = Counter()
    for search in searches:
        found, without, not_taken = store.candidates(search, net)
        candidates += found
        bare += without
        left_out += not_taken
        unfinished = f", {search.num_unfinished} trials not finished" if search.num_unfinished else ""
        num_found = len(found) + len(without)
        say(f"search {search.name}: {num_found} candidates of {len(search.finished)} finished trials{unfinished}")
    if bare:
        count = usual_count([len(each.features) for each in candidates] or [DRAWN])
        candidates += drawn(store, [(each, 1.0) for each in bare], net=net, count=count, left_out=left_out, say=say)
    if candidates:
        candidates = comparable(candidates, left_out)
    _say_left_out(left_out, say)
    if not candidates:
        why = (
            "; ".join(f"{count} {reason}" for reason, count in left_out.items())
            or "no finished trial kept a healthy one"
        )
        names = ", ".join(search.name for search in searches)
        raise UserError(f"no candidates in {names} ({why}): let the search finish, or search with more --kimg")
    return candidates


def _say_left_out(left_out: Counter[str], say: Say) -> None:
    for reason, count in (+left_out).items():
        say(f"  {count} left out: {reason}")


def _pictures(candidate: StoredCandidate, source: str | None) -> PictureSet:
    """The pictures on which the candidates were trained, as they were shown to them."""
    data = candidate.record.config.data
    size = Resolution(height=data.height, width=data.width)
    pictures = load_pictures(source or data.source, size, channels=data.channels, fit=data.fit)
    if pictures.fingerprint != candidate.record.data_fingerprint:
        raise UserError(
            f"data {source or data.source!r} is not what the search saw (fingerprint {pictures.fingerprint}, then"
            f" {candidate.record.data_fingerprint}): bring it back, give it by --data, or search again"
        )
    return pictures


def _judged(candidates: Sequence[StoredCandidate], reference: Reference) -> tuple[list[Candidate], tuple[Vetoed, ...]]:
    """Those that may be chosen, and those that copy or are not finite."""
    return veto([_standardised(each, reference) for each in candidates], memorised_ceiling=most_copies(reference))


def most_copies(reference: Reference) -> float:
    """The highest share of copies that a candidate may have."""
    return reference.training.memorised_if_fresh + MEMORISED_OVER_FRESH


def _standardised(candidate: StoredCandidate, reference: Reference) -> Candidate:
    """For the selection; the memorised share from the record, where the search measured it on these samples."""
    features = reference.standardise(candidate.features)
    measured = [
        score.memorised
        for score in candidate.record.scores
        if score.features == reference.features and score.num_samples == len(features) and candidate.truncation == 1.0
    ]
    if measured:
        share = measured[0]
    else:
        share = memorised(features, reference.training) if np.isfinite(features).all() else float("nan")
    return Candidate(id=candidate.id, features=features, memorised=share)
