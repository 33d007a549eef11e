"""Candidates of searches as MLflow holds them: every kept checkpoint of every finished trial.

Of each only the record and the stored sample features are read; generators are fetched for the chosen ones alone.
What lies on another machine is kept below `<runs>/candidates/<run>/`, since it never changes: the next refresh reads
only what is new. The folder may be deleted at any time.
"""

import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import mlflow.artifacts
import numpy as np
from mlflow import MlflowClient
from numpy.typing import NDArray

from gan.checkpoint import FEATURES, GENERATOR, RECORD, CheckpointRecord, load_features, load_record
from gan.errors import UserError
from gan.networks.registry import name_of
from ops.tracking_server import answering, local_folder
from search.records.tags import CHECKPOINTS, KIND

_CONNECTIONS = 8


@dataclass(frozen=True, kw_only=True)
class Search:
    """A search in MLflow: its pictures' source (None where its run does not say) and its finished trials' runs."""

    name: str
    experiment_id: str
    data: str | None
    finished: tuple[Any, ...]
    num_unfinished: int


@dataclass(frozen=True, kw_only=True, eq=False)
class StoredCandidate:
    """A checkpoint in MLflow. features `[n, d]`: raw, float16 as stored, row i from seed i. folder holds the record."""

    id: str
    search: str
    run_id: str
    artifact_path: str
    folder: Path
    record: CheckpointRecord
    features: NDArray[np.float16]


class CandidateStore:
    """Reads candidates of one tracking server."""

    def __init__(self, client: MlflowClient, tracking_uri: str, cache: Path) -> None:
        self._client = client
        self._uri = tracking_uri
        self._cache = cache

    def search(self, name: str) -> Search:
        """The search of that name. UserError where MLflow has none; it lists those that it has."""
        with answering(self._uri):
            experiment = self._client.get_experiment_by_name(name)
            if experiment is None:
                known = [found.name for found in self._client.search_experiments() if found.name != "Default"]
                listed = f"it has {', '.join(sorted(known))}" if known else "it has none: run search/run.py first"
                raise UserError(f"MLflow has no search {name!r}: {listed}")
            parents = self._runs(experiment.experiment_id, "search")
            trials = self._runs(experiment.experiment_id, "trial")
        finished = tuple(sorted((t for t in trials if t.info.status == "FINISHED"), key=lambda t: str(t.info.run_id)))
        return Search(
            name=name,
            experiment_id=experiment.experiment_id,
            data=next((parent.data.tags["data"] for parent in parents if "data" in parent.data.tags), None),
            finished=finished,
            num_unfinished=len(trials) - len(finished),
        )

    def candidates(self, search: Search, net: str) -> tuple[list[StoredCandidate], Counter[str]]:
        """Those of its checkpoints that have features of that net, and why the others were left out, counted."""
        with answering(self._uri):
            places = [
                (run, file.path)
                for run in search.finished
                for file in self._client.list_artifacts(run.info.run_id, CHECKPOINTS)
                if file.is_dir and re.fullmatch(r"\d+", PurePosixPath(file.path).name)
            ]
            with ThreadPoolExecutor(_CONNECTIONS) as pool:
                folders = list(pool.map(lambda place: self._fetched(place[0], place[1], (RECORD, FEATURES)), places))
        found: list[StoredCandidate] = []
        left_out: Counter[str] = Counter()
        for (run, path), folder in zip(places, folders, strict=True):
            if folder is None:
                left_out["incomplete, or without stored sample features"] += 1
                continue
            record, features = load_record(folder), load_features(folder)
            if net not in features:
                left_out[f"with features of {', '.join(sorted(features)) or 'no net'}, not of {net}"] += 1
                continue
            kind = name_of(record.config.network)
            found.append(
                StoredCandidate(
                    id=f"{kind}-{run.info.run_id[:8]}-{record.images_seen:09d}",
                    search=search.name,
                    run_id=run.info.run_id,
                    artifact_path=path,
                    folder=folder,
                    record=record,
                    features=features[net].astype(np.float16),
                )
            )
        return found, left_out

    def fetch(self, candidate: StoredCandidate) -> Path:
        """A folder with its generator and record."""
        with answering(self._uri):
            run = self._client.get_run(candidate.run_id)
            folder = self._fetched(run, candidate.artifact_path, (RECORD, FEATURES, GENERATOR))
        if folder is None:
            raise UserError(f"candidate {candidate.id} has no {GENERATOR} in MLflow run {candidate.run_id}")
        return folder

    def _runs(self, experiment_id: str, kind: str) -> list[Any]:
        runs: list[Any] = []
        token: str | None = None
        while True:
            page = self._client.search_runs([experiment_id], f"tags.`{KIND}` = '{kind}'", page_token=token)
            runs += page
            token = page.token
            if not token:
                return runs

    def _fetched(self, run: Any, path: str, names: Sequence[str]) -> Path | None:
        """The checkpoint's folder with those files in it: in place, or downloaded; None where one is missing."""
        root = local_folder(run.info.artifact_uri)
        if root is not None:
            return root / path if all((root / path / name).is_file() for name in names) else None
        run_id = str(run.info.run_id)
        folder = self._cache / run_id / PurePosixPath(path).name
        missing = [name for name in names if not (folder / name).is_file()]
        if missing:
            there = {PurePosixPath(file.path).name for file in self._client.list_artifacts(run_id, path)}
            if not there.issuperset(missing):
                return None
            self._download(run_id, path, missing, folder)
        return folder

    def _download(self, run_id: str, path: str, names: Iterable[str], folder: Path) -> None:
        """Each file beside its place first, then renamed: what is there is whole."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            with tempfile.TemporaryDirectory(prefix=".partial-", dir=folder) as partial:
                file = mlflow.artifacts.download_artifacts(
                    run_id=run_id, artifact_path=f"{path}/{name}", dst_path=partial, tracking_uri=self._uri
                )
                shutil.move(file, folder / name)


def comparable(candidates: Sequence[StoredCandidate], left_out: Counter[str]) -> list[StoredCandidate]:
    """Those with the usual number of samples; the others are counted in `left_out`.

    UserError where the candidates were trained on different pictures or make pictures of different sizes.
    """
    kinds = Counter((picture_of(each.record), each.record.data_fingerprint, each.search) for each in candidates)
    if len({kind[:2] for kind in kinds}) > 1:
        listed = ", ".join(f"{search}: {picture} of data {data}" for picture, data, search in sorted(kinds))
        raise UserError(f"one ensemble needs one picture size and one data set; the searches have {listed}")
    counts = Counter(len(each.features) for each in candidates)
    usual = max(counts, key=lambda count: (counts[count], count))
    left_out[f"with another number of samples than {usual}"] += len(candidates) - counts[usual]
    return [each for each in candidates if len(each.features) == usual]


def picture_of(record: CheckpointRecord) -> str:
    """The pictures' format, as `32x32x4`: height, width, channels."""
    data = record.config.data
    return f"{data.height}x{data.width}x{data.channels}"
