"""Where a search's runs are, and what each of them says of its origin."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mlflow.entities import Dataset, DatasetInput, InputTag
from mlflow.tracking.context.registry import resolve_tags

from gan.version import code_version
from search.records.tags import CODE


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
