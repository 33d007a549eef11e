"""The challenger against the live ensemble, on the same held-out reals with equally many pictures."""

import tempfile
from pathlib import Path

import numpy as np
from mlflow.entities.model_registry import ModelVersion

from gan.ensemble.ensemble import load_ensemble
from gan.ensemble.mixture import mixture_rows
from gan.ensemble.report import Challenge, challenge
from gan.errors import UserError
from gan.metrics.arrays import Features
from ops.proposal import Proposal
from ops.registry import PICTURE, Registry


def contest(registry: Registry, live: ModelVersion, proposal: Proposal) -> Challenge:
    """Score both. UserError where the live ensemble makes pictures of another format: they cannot be compared."""
    picture = live.tags.get(PICTURE, proposal.pool.picture)
    if picture != proposal.pool.picture:
        raise UserError(
            f"the live version {live.version} makes {picture} pictures, these searches {proposal.pool.picture}: they"
            " cannot be compared; take another --model, or promote regardless with --force"
        )
    return challenge(proposal.features, _live_features(registry, live, proposal), proposal.pool.reference)


def _live_features(registry: Registry, live: ModelVersion, proposal: Proposal) -> Features:
    """As stored with the version; drawn anew from its members where they are of another net, or fewer."""
    count = len(proposal.features)
    with tempfile.TemporaryDirectory(prefix="ganvil-live-") as folder:
        stored = registry.stored_features(live, proposal.pool.net.name, Path(folder))
        if stored is not None and len(stored) >= count:
            return stored
        ensemble = load_ensemble(registry.ensemble_folder(live, Path(folder)))
        rows = mixture_rows([member.weight for member in ensemble.members], count)
        drawn = [
            ensemble.draw_accepted(index, part.stop - part.start, seeds=range(part.start, part.stop))
            for index, part in enumerate(rows)
        ]
        return proposal.pool.net(np.concatenate(drawn))
