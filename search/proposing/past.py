"""What earlier searches found, read from MLflow, for `--learn-from`."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mlflow import MlflowClient

from gan.errors import UserError
from search.names import BEST, BEST_TICK, RETURNED
from search.plan import Plan
from search.records.runs import asking, runs_of
from search.records.tags import COLLAPSED, KIND, PLAN, POINT, STOPPED
from search.space.fields import Point


@dataclass(frozen=True, kw_only=True)
class PastTrial:
    """One that came to its end: its settings, and its best tick's FID and recall of the reference half."""

    run_id: str
    point: Point
    fid: float
    recall: float
    copies_over: float


@dataclass(frozen=True, kw_only=True)
class PastSearch:
    """A search as it was planned, and what it found."""

    plan: Plan
    trials: Sequence[PastTrial]


def past_search(tracking_uri: str, name: str) -> PastSearch:
    """UserError where MLflow knows no such search, or one of another version only."""
    client = MlflowClient(tracking_uri=tracking_uri)
    with asking(tracking_uri):
        experiment = client.get_experiment_by_name(name)
        parents = [] if experiment is None else runs_of(client, experiment.experiment_id, "search")
        if experiment is None or not parents:
            raise UserError(f"--learn-from {name!r}: MLflow holds no search of that name")
        plan = _plan(parents[0].data.tags.get(PLAN, "{}"), name)
        runs = runs_of(client, experiment.experiment_id, "trial")
    found = [_trial(run, plan.features) for run in runs]
    return PastSearch(plan=plan, trials=[trial for trial in found if trial is not None])


def _plan(text: str, name: str) -> Plan:
    try:
        return Plan.from_json(text.encode())
    except UserError:
        raise UserError(f"--learn-from {name!r}: that search was recorded by another version of Ganvil") from None


def _trial(run: Any, features: str) -> PastTrial | None:
    """None for one that failed, collapsed, was stopped, or has not ended."""
    tags, metrics = run.data.tags, run.data.metrics
    fid, recall = (metrics.get(f"{BEST}{name}_{features}_reference", math.nan) for name in ("fid", "recall"))
    cut = COLLAPSED in tags or STOPPED in tags or RETURNED in tags or run.info.status != "FINISHED"
    if cut or POINT not in tags or not (math.isfinite(fid) and math.isfinite(recall)):
        return None
    assert tags[KIND] == "trial"
    return PastTrial(
        run_id=run.info.run_id,
        point=json.loads(tags[POINT]),
        fid=fid,
        recall=recall,
        copies_over=metrics.get(f"{BEST_TICK}copies_over", metrics.get(f"{BEST}copies_over", 0.0)),  # its name before
    )
