"""From candidates in MLflow to a proposed ensemble: chosen on the reference half, scored on the held-out half."""

import dataclasses
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gan.data.dataset import PictureSet, load_pictures
from gan.data.resolution import Resolution
from gan.device import choose_device
from gan.ensemble.ensemble import Choice, write_ensemble
from gan.ensemble.library import Candidate, Library
from gan.ensemble.report import sample_of, score_choices
from gan.ensemble.selection import (
    MEMORISED_OVER_FRESH,
    Selection,
    Vetoed,
    all_at_random,
    best_single,
    select,
    top_by_fid,
    veto,
)
from gan.errors import UserError
from gan.features.interface import FeatureNet
from gan.features.registry import load_feature_net
from gan.metrics.evaluate import Reference, Scores
from gan.metrics.memorisation import memorised
from gan.version import code_version
from ops.candidates import CandidateStore, Search, StoredCandidate, comparable, picture_of

Say = Callable[[str], None]
CHOICES = ("ensemble", "best_single", "random", "top_k")


@dataclass(frozen=True, kw_only=True, eq=False)
class Proposal:
    """An ensemble with what speaks for it. held_out and reference: the scores of `CHOICES` on either half.

    features `[n, d]`: raw, of the sample by which the ensemble was scored.
    """

    searches: tuple[Search, ...]
    pictures: PictureSet
    net: FeatureNet
    reference: Reference
    candidates: tuple[StoredCandidate, ...]
    vetoed: tuple[Vetoed, ...]
    choices: dict[str, Selection]
    held_out: dict[str, Scores]
    on_reference: dict[str, Scores]
    features: NDArray[np.float16]

    @property
    def picture(self) -> str:
        return picture_of(self.candidates[0].record)

    def write(self, folder: Path, store: CandidateStore) -> None:
        """Fetch the chosen generators and write the ensemble folder with its report."""
        by_id = {candidate.id: candidate for candidate in self.candidates}
        chosen = self.choices["ensemble"]
        write_ensemble(
            folder,
            [
                Choice(id=member, checkpoint=store.fetch(by_id[member]), weight=weight)
                for member, weight in zip(chosen.members, chosen.weights, strict=True)
            ],
            self.report(),
        )

    def report(self) -> dict[str, Any]:
        """What goes into ensemble.json: the scores of all choices, and how it came about."""
        return {
            **{f"scores_{name}": self.held_out[name].to_plain() for name in CHOICES},
            **{f"scores_{name}_reference": self.on_reference[name].to_plain() for name in CHOICES},
            "searches": [search.name for search in self.searches],
            "data": self.pictures.source,
            "data_fingerprint": self.pictures.fingerprint,
            "num_candidates": len(self.candidates),
            "vetoed": [dataclasses.asdict(each) for each in self.vetoed],
            "best_single": self.choices["best_single"].members[0],
            "top_k": list(self.choices["top_k"].members),
            "trace": [dataclasses.asdict(step) for step in self.choices["ensemble"].trace],
            "code_version": code_version(),
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
        }

    def metrics(self) -> dict[str, float]:
        """For MLflow: the ensemble's held-out scores by their usual names, the others with their choice's."""
        found = dict(self.held_out["ensemble"].as_metrics())
        for name in CHOICES[1:]:
            found |= self.held_out[name].as_metrics(f"_{name}")
        return found


def propose(
    store: CandidateStore,
    names: Sequence[str],
    *,
    size: int,
    features: str,
    data: str | None,
    cache: Path,
    say: Say,
) -> Proposal:
    """Read the candidates of the named searches and choose. UserError: nothing to choose from, or other pictures."""
    net = load_feature_net(features, choose_device())
    searches = tuple(store.search(name) for name in dict.fromkeys(names))
    candidates = _read(store, searches, net.name, say)
    pictures = _pictures(candidates[0], data or next((s.data for s in searches if s.data), None))
    reference = Reference.build(pictures.images, net, cache_dir=cache / "reference")
    if min(len(reference.reference), len(reference.held_out), len(candidates[0].features)) < 50:
        say("warning: fewer than 50 held-out reals or samples: these scores decide nothing")
    ceiling = reference.training.memorised_if_fresh + MEMORISED_OVER_FRESH
    allowed, vetoed = veto([_standardised(each, reference) for each in candidates], memorised_ceiling=ceiling)
    for reason, count in Counter(each.reason for each in vetoed).items():
        say(f"  {count} vetoed: {reason}")
    if not allowed:
        raise UserError(
            f"all {len(candidates)} candidates are vetoed, e.g. {vetoed[0].id} {vetoed[0].reason} ({vetoed[0].detail});"
            " search with more augmentation or more pictures"
        )
    say(f"choosing from {len(allowed)} candidates on {len(reference.reference)} reference reals")
    library = Library(allowed, reference.reference.features)
    choices = {
        "ensemble": select(library, size=size),
        "best_single": best_single(library),
        "random": all_at_random(library),
        "top_k": top_by_fid(library, size=size),
    }
    raw = {candidate.id: candidate.features for candidate in candidates}
    return Proposal(
        searches=searches,
        pictures=pictures,
        net=net,
        reference=reference,
        candidates=tuple(candidates),
        vetoed=vetoed,
        choices=choices,
        held_out=score_choices(choices, raw, reference, "held_out"),
        on_reference=score_choices(choices, raw, reference, "reference"),
        features=sample_of(choices["ensemble"], raw).astype(np.float16),
    )


def _read(store: CandidateStore, searches: Sequence[Search], net: str, say: Say) -> list[StoredCandidate]:
    candidates: list[StoredCandidate] = []
    left_out: Counter[str] = Counter()
    for search in searches:
        found, not_taken = store.candidates(search, net)
        candidates += found
        left_out += not_taken
        unfinished = f", {search.num_unfinished} trials not finished" if search.num_unfinished else ""
        say(f"search {search.name}: {len(found)} candidates of {len(search.finished)} finished trials{unfinished}")
    if candidates:
        candidates = comparable(candidates, left_out)
    for reason, count in (+left_out).items():
        say(f"  {count} left out: {reason}")
    if not candidates:
        why = (
            "; ".join(f"{count} {reason}" for reason, count in left_out.items())
            or "no finished trial kept a healthy one"
        )
        names = ", ".join(search.name for search in searches)
        raise UserError(f"no candidates in {names} ({why}): let the search finish, or search with more --kimg")
    return candidates


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


def _standardised(candidate: StoredCandidate, reference: Reference) -> Candidate:
    """For the selection; the memorised share from the record, where the search measured it on these samples."""
    features = reference.standardise(candidate.features)
    measured = [
        score.memorised
        for score in candidate.record.scores
        if score.features == reference.features and score.num_samples == len(features)
    ]
    if measured:
        share = measured[0]
    else:
        share = memorised(features, reference.training) if np.isfinite(features).all() else float("nan")
    return Candidate(id=candidate.id, features=features, memorised=share)
