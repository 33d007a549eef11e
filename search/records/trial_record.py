"""The run of one trial. Training never dies of a record, nor waits long for one (search/README.md says what it holds).

What cannot be written now is kept, in order, and tried again (search/records/courier.py), at a trial's end for
`_END_SECONDS`; whatever a dead process took with it is written by its successor: numbers from the history in the
checkpoint, the candidate from the checkpoint itself. Metrics of a tick go last and in one piece: where they are, the
rest of that tick is too, and is not written again.
"""

import logging
import math
import tempfile
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Metric, Param
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from PIL import Image

from gan.checkpoint import FEATURES, GENERATOR, RECORD
from search.names import BEST
from search.records.address import SearchAddress, dataset_input
from search.records.courier import Courier
from search.records.outbox import Outbox, line_of
from search.records.runs import find_trial
from search.records.tags import CHECKPOINTS, COLLAPSED, KIND, PARENT, STEP_MARK, TRIAL_ID

_CANDIDATE_FILES = (GENERATOR, FEATURES, RECORD)
_END_SECONDS = 900.0  # that a trial waits at its end for MLflow to take what is left; then that is lost
_LONGEST_VALUE = 6000  # MLflow's limit of a parameter

log = logging.getLogger("ganvil.records")


class TrialRecord:
    """The run of one trial, found again by its trial id, so that a resumed trial goes on in it."""

    def __init__(
        self,
        address: SearchAddress,
        *,
        trial_id: str,
        run_name: str,
        tags: Mapping[str, str],
        params: Mapping[str, Any],
        courier: Courier | None = None,
    ) -> None:
        self.run_id = ""  # until MLflow has been reached
        self._address = address
        self._trial_id = trial_id
        self._run_name = run_name
        self._tags = {**address.source, KIND: "trial", TRIAL_ID: trial_id, PARENT: address.parent_run_id, **tags}
        self._params = dict(params)
        self._client = MlflowClient(tracking_uri=address.tracking_uri)
        self._steps: set[int] = set()
        self._pictured: set[int] = set()
        self._candidates: set[int] = set()
        self._artifact_uri = ""
        self._courier = Courier(Outbox()) if courier is None else courier
        self._courier.add(self._open)
        if address.dataset:
            self._courier.add(lambda: self._client.log_inputs(self.run_id, [dataset_input(address)]))
        self._courier.wait_a_moment()

    def tick(
        self, step: int, metrics: Mapping[str, float], *, grid: Image.Image | None, candidate: Path | None
    ) -> None:
        """Record a tick: grid and candidate's checkpoint first, metrics last; nothing that is there already."""
        if candidate is not None:
            files = {name: (candidate / name).read_bytes() for name in _CANDIDATE_FILES if (candidate / name).exists()}
            self._courier.add(lambda: self._log_candidate(step, files))
        if grid is not None:
            self._courier.add(lambda: self._log_grid(step, grid))
        self._courier.add(lambda: self._log_metrics(step, metrics))
        self._courier.wait_a_moment()

    def keep(self, steps: Collection[int]) -> None:
        """Delete the candidates of all other ticks. One that cannot be deleted now is tried again at the next call."""
        self._courier.add(lambda: self._forget_all_but(frozenset(steps)))
        self._courier.wait_a_moment()

    def note(self, tag: str, text: str) -> None:
        """A tag of the run: what happened on the way."""
        self._courier.add(lambda: self._client.set_tag(self.run_id, tag, text))
        self._courier.wait_a_moment()

    @property
    def num_waiting(self) -> int:
        """Records that MLflow has not got yet."""
        return len(self._courier)

    def end(self, *, collapsed: str | None) -> None:
        """Close the run as FINISHED, with the reason of a collapse as its tag."""
        if collapsed:
            self._courier.add(lambda: self._client.set_tag(self.run_id, COLLAPSED, collapsed))
        self._courier.add(lambda: self._client.set_terminated(self.run_id, status="FINISHED"))
        if not self._courier.wait(_END_SECONDS):
            log.error("MLflow did not come back: %d records of this trial are lost", len(self._courier))

    def _open(self) -> None:
        run = find_trial(self._client, self._address.experiment_id, self._trial_id)
        if run is None:
            run = self._client.create_run(self._address.experiment_id, tags=self._tags, run_name=self._run_name)
        else:
            if run.info.status != "RUNNING":
                self._client.update_run(run.info.run_id, status="RUNNING")
            self._steps = {metric.step for metric in self._client.get_metric_history(run.info.run_id, STEP_MARK)}
            pictures = [Path(file.path).name for file in self._client.list_artifacts(run.info.run_id, "images")]
            self._pictured = {int(name.split("+")[2]) for name in pictures if name.startswith("samples+step+")}
            stored = [Path(file.path).name for file in self._client.list_artifacts(run.info.run_id, CHECKPOINTS)]
            self._candidates = {int(name) for name in stored if name.isdecimal()}
        self._artifact_uri = run.info.artifact_uri
        self.run_id = run.info.run_id  # before the parameters: were they refused, the rest must still find its run
        known = run.data.params  # a parameter never changes; what a population changes is in its metrics
        params = [Param(name, str(value)[:_LONGEST_VALUE]) for name, value in self._params.items() if name not in known]
        self._client.log_batch(self.run_id, params=params)

    def _log_candidate(self, step: int, files: Mapping[str, bytes]) -> None:
        if step in self._steps:
            return
        with tempfile.TemporaryDirectory(prefix="ganvil-candidate-") as folder:
            for name, content in files.items():
                (Path(folder) / name).write_bytes(content)
            self._client.log_artifacts(self.run_id, folder, artifact_path=f"{CHECKPOINTS}/{step:09d}")
        self._candidates.add(step)

    def _forget_all_but(self, steps: Collection[int]) -> None:
        """A store that does not let go must not hold up what comes after: that is noted, and passed over."""
        if not self._candidates - set(steps):
            return
        store = get_artifact_repository(self._artifact_uri, tracking_uri=self._address.tracking_uri)
        for step in sorted(self._candidates - set(steps)):
            try:
                store.delete_artifacts(f"{CHECKPOINTS}/{step:09d}")
            except Exception as error:  # whatever a store may raise
                log.warning("the checkpoint of %d images could not be deleted: %s", step, line_of(error))
                return
            self._candidates.discard(step)

    def _log_grid(self, step: int, grid: Image.Image) -> None:
        if step in self._steps or step in self._pictured:
            return
        self._client.log_image(self.run_id, grid, key="samples", step=step)
        self._pictured.add(step)

    def _log_metrics(self, step: int, metrics: Mapping[str, float]) -> None:
        if step in self._steps:
            return
        now = int(time.time() * 1000)
        names = sorted(metrics, key=_place)
        finite = [Metric(name, metrics[name], now, step) for name in names if math.isfinite(metrics[name])]
        self._client.log_batch(self.run_id, metrics=finite)
        self._steps.add(step)


def _place(metric: str) -> int:
    """Scores first: MLflow's tables keep the order in which a run's metrics came, its comparison begins with one."""
    beginnings = (f"{BEST}fid_", f"{BEST}recall_", "fid_", "recall_", BEST)
    return next((place for place, text in enumerate(beginnings) if metric.startswith(text)), len(beginnings))
