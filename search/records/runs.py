"""Searches and trials, found again in MLflow."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import ViewType
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from gan.errors import UserError
from search.records.outbox import line_of
from search.records.tags import KIND, TRIAL_ID
from search.records.tracking import hide_password


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
            f"tracking URI {hide_password(tracking_uri)!r} does not answer as MLflow: {hide_password(line_of(error))}"
        ) from None
