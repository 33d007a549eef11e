"""The run of the search itself, under which the trials' runs lie."""

import logging
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Param
from PIL import Image

from search.records.address import SearchAddress, dataset_input, source_tags
from search.records.courier import Courier
from search.records.outbox import Outbox
from search.records.runs import asking, demand_new_experiment, find_trial, runs_of
from search.records.tags import KIND, NOTE, PARENT, TRIAL_ID, VIEW
from search.records.tracking import artifact_location

_END_SECONDS = 120.0  # that a search waits at its end for MLflow; --resume writes the same again
_LONGEST_TAG = 5000  # MLflow's limit of a tag

log = logging.getLogger("ganvil.records")


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
        """Until MLflow has all, for `_END_SECONDS` at most."""
        if not self._courier.wait(_END_SECONDS):
            log.error("MLflow is away: %d records of the search itself wait; --resume writes them", len(self._courier))

    def _record(self, delivery: Callable[[], None]) -> None:
        self._courier.add(delivery)
        self._courier.wait_a_moment()


def _artifacts(tracking_uri: str, name: str) -> str | None:
    location = artifact_location(tracking_uri)
    return None if location is None else f"{location}/{name}"
