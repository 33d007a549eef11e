"""A proposal's members, polished: of what each draws a share is kept, the pictures most like the reals."""

import dataclasses
import math
from collections import Counter

import numpy as np

from gan.ensemble.polish import Polish, first_kept, floor_for
from gan.ensemble.report import sample_of
from gan.errors import UserError
from gan.metrics.arrays import Features
from gan.metrics.memorisation import memorised
from ops.candidates import CandidateStore
from ops.drawn import drawn
from ops.pool import Say, most_copies
from ops.proposal import Proposal

_SPARE = 1.05  # drawn beyond what the share asks for, so that rounding leaves enough


def polished(proposal: Proposal, store: CandidateStore, share: float, say: Say) -> Proposal:
    """The same members and weights, each with the floor that this share of its pictures reaches, and scored so.

    What lies nearest to the reals may be copies of them: a member of which too many are is left as it was.
    Reals of the reference half are the measure, so only the held-out scores mean anything. Draws 1 / share times as
    many pictures of each member as candidates have. The choices it is held against stay as they are.
    """
    pool, chosen = proposal.pool, proposal.choices["ensemble"]
    polish, count = Polish.of(pool.reference), len(pool.stored[0].features)
    by_id = {candidate.id: candidate for candidate in pool.stored}
    wanted = [(by_id[member], by_id[member].truncation) for member in chosen.members]
    left_out: Counter[str] = Counter()
    many = math.ceil(count / share * _SPARE)
    found = drawn(store, wanted, net=pool.net.name, count=many, left_out=left_out, say=say)
    if left_out:
        raise UserError(f"members cannot be drawn from to polish them ({', '.join(left_out)}): leave --polish out")
    floors: dict[str, float] = {}
    features: dict[str, Features] = {}
    for member, candidate in zip(chosen.members, found, strict=True):
        realism = polish.realism(candidate.features)
        floor = floor_for(realism, share)
        kept = candidate.features[first_kept(realism, floor, count)]
        copies = memorised(pool.reference.standardise(kept), pool.reference.training)
        if copies > most_copies(pool.reference):
            say(f"  {member} is not polished: {copies:.0%} of what is most real copies training pictures")
            continue
        floors[member], features[member] = floor, kept
    sample = sample_of(chosen, {**pool.raw, **features})
    return dataclasses.replace(
        proposal,
        held_out={**proposal.held_out, "ensemble": pool.reference.score(sample, "held_out")},
        on_reference={**proposal.on_reference, "ensemble": pool.reference.score(sample, "reference")},
        features=sample.astype(np.float16),
        polish=polish,
        share_kept=share if floors else 1.0,
        floors=floors,
        polished=features,
    )
