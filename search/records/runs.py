"""All that speaks MLflow: one run a search, one run a trial under it (README, "What MLflow holds").

Training never dies of a record, nor waits long for one. What cannot be written now is kept, in order, and tried again
(search/records/courier.py), at a trial's end for `_END_SECONDS`; whatever a dead process took with it is written by its
successor: numbers from the history in the checkpoint, the candidate from the checkpoint itself.
Metrics of a tick go last and in one piece: where they are, the rest of that tick is too, and is not written again.
"""

import logging
import math
import tempfile
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, ViewType
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.tracking.context.registry import resolve_tags
from PIL import Image
from sqlalchemy.exc import SQLAlchemyError

from gan.checkpoint import FEATURES, GENERATOR, RECORD
from gan.errors import UserError
from gan.version import code_version
from search.names import BEST
from search.records.courier import Courier
from search.records.tracking import artifact_location, hide_password

KIND, TRIAL_ID, PARENT, COLLAPSED = "ganvil.kind", "ganvil.trial_id", "mlflow.parentRunId", "collapsed"
STOPPED, MICROBATCH, TAKEN_OVER = "stopped", "microbatch", "taken_over"
POINT, PLAN = "ganvil.point", "ganvil.plan"  # as JSON
CHECKPOINTS = "checkpoints"  # the candidates' folder
NOTE = "mlflow.note.content"  # a run's or an experiment's description, in Markdown
VIEW = "ganvil"  # of the trials, among the experiment's shared views
CODE = "code_version"
STEP_MARK = "images_per_second"  # logged at every tick, and always a number
_CANDIDATE_FILES = (GENERATOR, FEATURES, RECORD)
_ATTEMPTS = 3
_END_SECONDS = 900.0  # that a trial waits at its end for MLflow to take what is left; then that is lost
_SEARCH_END_SECONDS = 120.0  # that a search does; --resume writes the same again
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_VALUE = 6000  # MLflow's limit of a parameter
_LONGEST_TAG = 5000  # and of a tag
_PERMANENT = ("INVALID_PARAMETER_VALUE", "RESOURCE_ALREADY_EXISTS", "BAD_REQUEST", "ENDPOINT_NOT_FOUND")

log = logging.getLogger("ganvil.records")
logging.getLogger("mlflow").setLevel(logging.WARNING)
logging.getLogger("alembic").setLevel(logging.WARNING)


@dataclass(frozen=True, kw_only=True)
class SearchAddress:
    """Where a search's runs are: all that a trial needs to find its own.

    source: tags that say who began the search, with what command and which version of the code. A worker on another
    machine could not tell. dataset: MLflow's fields of what it trains on.
    """

    tracking_uri: str
    experiment_id: str
    parent_run_id: str
    source: Mapping[str, str] = field(default_factory=dict)
    dataset: Mapping[str, str] = field(default_factory=dict)


class Outbox:
    """Deliveries in order. One that fails keeps its place; one that can never succeed is dropped with a note."""

    def __init__(self, pause: Callable[[float], None] = time.sleep) -> None:
        self._waiting: deque[Callable[[], None]] = deque()
        self._pause = pause

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, delivery: Callable[[], None]) -> None:
        self._waiting.append(delivery)

    def deliver(self, attempts: int = _ATTEMPTS) -> bool:
        """Try to empty it; False, after a note, when something stays."""
        failures = 0
        while self._waiting:
            try:
                self._waiting[0]()
                self._waiting.popleft()
            except Exception as error:  # whatever a client, a server or a network may raise
                if isinstance(error, MlflowException) and error.error_code in _PERMANENT:
                    log.warning("a record was refused and is left out: %s", _line(error))
                    self._waiting.popleft()
                    continue
                failures += 1
                if failures >= attempts:
                    log.warning("%d records wait, MLflow could not be reached: %s", len(self), _line(error))
                    return False
                self._pause(_FIRST_PAUSE_SECONDS * 2 ** (failures - 1))
        return True


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
                log.warning("the checkpoint of %d images could not be deleted: %s", step, _line(error))
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


class SearchRecord:
    """The run of the search itself, under which the trials' runs lie."""

    def __init__(self, client: MlflowClient, address: SearchAddress) -> None:
        self._client = client
        self._courier = Courier(Outbox())
        self.address = address

    @classmethod
    def open(
        cls,
        tracking_uri: str,
        name: str,
        *,
        resume: bool,
        tags: Mapping[str, str],
        params: Mapping[str, Any],
        dataset: Mapping[str, str] | None = None,
        description: str = "",
        view: str = "",
    ) -> "SearchRecord":
        """Make the experiment and the run, or find them. UserError: nothing answers; it is there and resume is not.

        dataset: name, digest, source and source_type, as MLflow has them. description: of the experiment.
        view: how MLflow's pages show the trials (search/results/descriptions.py).
        """
        client = MlflowClient(tracking_uri=tracking_uri)
        source = source_tags()
        with asking(tracking_uri):
            demand_new_experiment(client, name, resume=resume)
            experiment = client.get_experiment_by_name(name)
            if experiment is None:
                location, told = _artifacts(tracking_uri, name), {NOTE: description} if description else {}
                experiment_id = client.create_experiment(name, artifact_location=location, tags=told)
            else:
                experiment_id = experiment.experiment_id
            found = client.search_runs([experiment_id], filter_string=f"tags.`{KIND}` = 'search'", max_results=1)
            if found:
                run_id = found[0].info.run_id
                client.update_run(run_id, status="RUNNING")
            else:
                run = client.create_run(experiment_id, tags={**source, KIND: "search", **tags}, run_name=name)
                run_id = run.info.run_id
            client.log_batch(run_id, params=[Param(key, str(value)) for key, value in params.items()])
        address = SearchAddress(
            tracking_uri=tracking_uri,
            experiment_id=experiment_id,
            parent_run_id=run_id,
            source=source,
            dataset=dataset or {},
        )
        record = cls(client, address)
        if view:
            record._record(lambda: client.set_experiment_tag(experiment_id, f"mlflow.sharedViewState.{VIEW}", view))
        if dataset:
            record._record(lambda: client.log_inputs(run_id, [dataset_input(address)]))
        return record

    def describe(self, text: str) -> None:
        """The search's run in words."""
        self._record(lambda: self._client.set_tag(self.address.parent_run_id, NOTE, text))

    def trial_pages(self) -> dict[str, str]:
        """Trial id to its run's page, as a link from another page of MLflow; {} where MLflow does not answer."""
        pages: dict[str, str] = {}

        def delivery() -> None:
            for run in self.trial_runs():
                page = f"#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}"
                pages[run.data.tags[TRIAL_ID]] = f"{page}?workflowType=machine_learning"  # else language models'

        self._record(delivery)
        return pages

    def log_picture(self, image: Image.Image, name: str) -> None:
        """An artifact of the search's run."""
        self._record(lambda: self._client.log_image(self.address.parent_run_id, image, artifact_file=name))

    def log_files(self, *files: Path) -> None:
        """Artifacts of the search's run."""

        def log_file(name: str, content: bytes) -> None:
            with tempfile.TemporaryDirectory(prefix="ganvil-report-") as folder:
                (Path(folder) / name).write_bytes(content)
                self._client.log_artifact(self.address.parent_run_id, str(Path(folder) / name))

        for file in files:
            self._record(partial(log_file, file.name, file.read_bytes()))

    def close_trial(self, trial_id: str, run_name: str, *, status: str, tag: str, reason: str) -> None:
        """Close the run of a trial that could not do so itself, the reason in that tag; make it where there is none.

        One that died is FAILED, with tag `error`; one that was stopped is FINISHED, with tag `stopped`.
        """

        def delivery() -> None:
            run = find_trial(self._client, self.address.experiment_id, trial_id)
            if run is None:
                tags = {KIND: "trial", TRIAL_ID: trial_id, PARENT: self.address.parent_run_id}
                run = self._client.create_run(self.address.experiment_id, tags=tags, run_name=run_name)
            self._client.set_tag(run.info.run_id, tag, reason[-_LONGEST_TAG:])
            self._client.set_terminated(run.info.run_id, status=status)

        self._record(delivery)

    def settle(self, ended: Mapping[str, str], others: str | None = None) -> None:
        """Close runs that a trial could not close itself, because MLflow was away then: trial id to final status.

        others: the status of those that are still RUNNING and not among the ended, for a search that was stopped.
        """

        def delivery() -> None:
            for run in self.trial_runs():
                status = ended.get(run.data.tags[TRIAL_ID], others)
                if status is not None and run.info.status == "RUNNING":
                    self._client.set_terminated(run.info.run_id, status=status)

        self._record(delivery)

    def trial_runs(self) -> list[Any]:
        """All trials' runs of the search."""
        return runs_of(self._client, self.address.experiment_id, "trial")

    def end(self, status: str) -> None:
        """Close the search's own run: FINISHED, or KILLED where it was stopped and can be resumed."""
        self._record(lambda: self._client.set_terminated(self.address.parent_run_id, status=status))

    def wait(self) -> None:
        """Until MLflow has all, for `_SEARCH_END_SECONDS` at most."""
        if not self._courier.wait(_SEARCH_END_SECONDS):
            log.error("MLflow is away: %d records of the search itself wait; --resume writes them", len(self._courier))

    def _record(self, delivery: Callable[[], None]) -> None:
        self._courier.add(delivery)
        self._courier.wait_a_moment()


def _place(metric: str) -> int:
    """Scores first: MLflow's tables keep the order in which a run's metrics came, its comparison begins with one."""
    beginnings = (f"{BEST}fid_", f"{BEST}recall_", "fid_", "recall_", BEST)
    return next((place for place, text in enumerate(beginnings) if metric.startswith(text)), len(beginnings))


def source_tags() -> dict[str, str]:
    """Who, with what command, and which version of the code: MLflow's own tags, and ours."""
    try:
        tags = dict(resolve_tags())
    except (OSError, KeyError):  # a container's user without a name
        tags = {}
    return {**tags, CODE: code_version()}


def dataset_input(address: SearchAddress) -> DatasetInput:
    """The search's pictures, for MLflow's column of datasets."""
    return DatasetInput(Dataset(**address.dataset), [InputTag("mlflow.data.context", "training")])


def runs_of(client: MlflowClient, experiment_id: str, kind: str) -> list[Any]:
    """All runs of an experiment that are a `trial`, or the `search` itself."""
    query = f"tags.`{KIND}` = '{kind}'"
    runs: list[Any] = []
    token: str | None = None
    while True:
        page = client.search_runs([experiment_id], filter_string=query, page_token=token)
        runs += page
        token = page.token
        if not token:
            return runs


def demand_new_experiment(client: MlflowClient, name: str, *, resume: bool) -> None:
    """UserError where a search of that name is recorded already and is not to be resumed, or was deleted."""
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        return
    if experiment.lifecycle_stage != "active":
        raise UserError(f"MLflow experiment {name!r} was deleted: restore it there, or take another --name")
    query = f"tags.`{KIND}` = 'search'"
    if not resume and client.search_runs([experiment.experiment_id], filter_string=query, max_results=1):
        raise UserError(f"MLflow holds a search {name!r} already: give --resume to go on, or another --name")


def demand_mlflow(tracking_uri: str, name: str, *, resume: bool) -> None:
    """Ask MLflow now, before anything is begun: UserError where it does not answer, or knows the name."""
    with asking(tracking_uri):
        demand_new_experiment(MlflowClient(tracking_uri=tracking_uri), name, resume=resume)


def find_trial(client: MlflowClient, experiment_id: str, trial_id: str) -> Any | None:
    """The run of the trial with that id, None without one."""
    query = f"tags.`{TRIAL_ID}` = '{trial_id}'"
    found = client.search_runs([experiment_id], filter_string=query, run_view_type=ViewType.ALL, max_results=1)
    return found[0] if found else None


@contextmanager
def asking(tracking_uri: str) -> Iterator[None]:
    """MLflow's and the network's errors as one line for the user."""
    try:
        yield
    except (MlflowException, SQLAlchemyError, ImportError, OSError) as error:  # ImportError: a database's driver
        raise UserError(
            f"tracking URI {hide_password(tracking_uri)!r} does not answer as MLflow: {hide_password(_line(error))}"
        ) from None


def _artifacts(tracking_uri: str, name: str) -> str | None:
    location = artifact_location(tracking_uri)
    return None if location is None else f"{location}/{name}"


def _line(error: BaseException) -> str:
    lines = str(error).splitlines()
    return (lines[0] if lines else type(error).__name__)[:200]
