"""The live ensemble's members, so that they can be chosen again: their search may not be among tonight's."""

from mlflow.entities.model_registry import ModelVersion

from ops.candidates import CandidateStore, Kept, picture_of
from ops.pool import Pool
from ops.registry import ENSEMBLE


def incumbents(store: CandidateStore, live: ModelVersion, pool: Pool) -> list[tuple[Kept, float]]:
    """Each with the truncation at which it is served; only those that were trained on the pool's pictures."""
    if not live.run_id:
        return []  # registered by other means: there is no saying where its members came from
    data = pool.stored[0].record.data_fingerprint
    return [
        (kept, truncation)
        for kept, truncation in store.members(live.run_id, ENSEMBLE)
        if picture_of(kept.record) == pool.picture and kept.record.data_fingerprint == data
    ]
