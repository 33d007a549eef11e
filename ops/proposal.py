"""From a pool of candidates to a proposed ensemble: chosen on the reference half, scored on the held-out half."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gan.ensemble.ensemble import Choice, write_ensemble
from gan.ensemble.library import Library
from gan.ensemble.polish import Polish
from gan.ensemble.report import sample_of, score_choices
from gan.ensemble.selection import Selection, all_at_random, best_single, select, top_by_fid
from gan.metrics.arrays import Features
from gan.metrics.evaluate import Scores
from gan.version import code_version
from ops.candidates import CandidateStore
from ops.pool import Pool

CHOICES = ("ensemble", "best_single", "random", "top_k")


@dataclass(frozen=True, kw_only=True, eq=False)
class Proposal:
    """An ensemble with what speaks for it. held_out and reference: the scores of `CHOICES` on either half.

    features `[n, d]`: raw, of the sample by which the ensemble was scored. Where the members are polished
    (ops/polishing.py): by what, which share of their pictures is kept, each one's floor, and the kept ones' features.
    """

    pool: Pool
    choices: dict[str, Selection]
    held_out: dict[str, Scores]
    on_reference: dict[str, Scores]
    features: NDArray[np.float16]
    polish: Polish | None = None
    share_kept: float = 1.0
    floors: Mapping[str, float] = field(default_factory=dict)
    polished: Mapping[str, Features] = field(default_factory=dict)

    @property
    def raw(self) -> dict[str, Features]:
        """Features of every candidate; a polished member's as the ensemble gives its pictures out."""
        return {**self.pool.raw, **self.polished}

    def write(self, folder: Path, store: CandidateStore) -> None:
        """Fetch the chosen generators and write the ensemble folder with its report."""
        by_id = {candidate.id: candidate for candidate in self.pool.stored}
        chosen = self.choices["ensemble"]
        write_ensemble(
            folder,
            [
                Choice(
                    id=member,
                    checkpoint=store.fetch(by_id[member]),
                    weight=weight,
                    truncation=by_id[member].truncation,
                    realism_floor=self.floors.get(member),
                )
                for member, weight in zip(chosen.members, chosen.weights, strict=True)
            ],
            self.report(),
            polish=self.polish if self.floors else None,
        )

    def report(self) -> dict[str, Any]:
        """What goes into ensemble.json: the scores of all choices, and how it came about."""
        pool = self.pool
        return {
            **{f"scores_{name}": self.held_out[name].to_plain() for name in CHOICES},
            **{f"scores_{name}_reference": self.on_reference[name].to_plain() for name in CHOICES},
            "searches": [search.name for search in pool.searches],
            "data": pool.pictures.source,
            "data_fingerprint": pool.pictures.fingerprint,
            "num_candidates": sum(each.truncation == 1.0 for each in pool.stored),
            "num_at_other_truncations": sum(each.truncation != 1.0 for each in pool.stored),
            "share_kept": self.share_kept,
            "vetoed": [dataclasses.asdict(each) for each in pool.vetoed],
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


def propose(pool: Pool, *, size: int) -> Proposal:
    """At most `size` members, and the simple choices that it is held against. UserError for a size below 1."""
    library = Library(pool.allowed, pool.reference.reference.features)
    return _scored(
        pool,
        {
            "ensemble": select(library, size=size),
            "best_single": best_single(library),
            "random": all_at_random(library),
            "top_k": top_by_fid(library, size=size),
        },
    )


def propose_again(wider: Pool, before: Proposal, *, size: int) -> Proposal:
    """From a pool with more candidates: another ensemble if it should be better; the simple choices stay."""
    chosen = select(Library(wider.allowed, wider.reference.reference.features), size=size)
    kept = before.choices["ensemble"]
    better = chosen.trace[-1].expected.objective < kept.trace[-1].expected.objective
    return _scored(wider, {**before.choices, "ensemble": chosen if better else kept})


def _scored(pool: Pool, choices: dict[str, Selection]) -> Proposal:
    return Proposal(
        pool=pool,
        choices=choices,
        held_out=score_choices(choices, pool.raw, pool.reference, "held_out"),
        on_reference=score_choices(choices, pool.raw, pool.reference, "reference"),
        features=sample_of(choices["ensemble"], pool.raw).astype(np.float16),
    )
