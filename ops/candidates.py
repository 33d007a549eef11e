"""Candidates of searches as MLflow holds them: every kept checkpoint of every finished trial.

Of each only the record and the stored sample features are read; generators are fetched for the chosen ones, and for
those without features of the net that is asked for, which are drawn from anew (ops/pool.py). What lies on another
machine, and what was drawn, is kept below `<runs>/candidates/<run>/`, since it never changes: the next refresh reads
only what is new. The folder may be deleted at any time.
"""

import fnmatch
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from pathlib import Path, PurePosixPath
from typing import Any

import mlflow.artifacts
import numpy as np
from mlflow import MlflowClient
from numpy.typing import NDArray

from gan.checkpoint import FEATURES, GENERATOR, RECORD, CheckpointRecord, load_features, load_record
from gan.ensemble.ensemble import MANIFEST, read_manifest
from gan.errors import UserError
from gan.networks.registry import name_of
from ops.tracking_server import answering, local_folder
from search.records.tags import CHECKPOINTS, KIND

_CONNECTIONS = 8


class IncompleteError(UserError):
    """A checkpoint in MLflow that lacks a file."""


@dataclass(frozen=True, kw_only=True)
class Search:
    """A search in MLflow: its pictures' source (None where its run does not say) and its finished trials' runs."""

    name: str
    experiment_id: str
    data: str | None
    finished: tuple[Any, ...]
    num_unfinished: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Kept:
    """A checkpoint in MLflow. folder holds the record."""

    id: str
    search: str
    run_id: str
    artifact_path: str
    folder: Path
    record: CheckpointRecord


@dataclass(frozen=True, kw_only=True, eq=False)
class StoredCandidate(Kept):
    """One with features `[n, d]` of what it draws at that truncation: raw, float16, row i from seed i."""

    features: NDArray[np.float16]
    truncation: float = 1.0

    @classmethod
    def of(cls, kept: Kept, features: NDArray[np.float16], *, truncation: float = 1.0) -> "StoredCandidate":
        known = {field.name: getattr(kept, field.name) for field in fields(Kept)}
        known["id"] = id_at(kept, truncation)
        return cls(**known, features=features, truncation=truncation)


def id_at(kept: Kept, truncation: float) -> str:
    """A truncation other than 1 is told in the id: `dcgan-1a2b3c4d-000024000@0.8`."""
    return kept.id if truncation == 1.0 else f"{kept.id}@{truncation:g}"


class CandidateStore:
    """Reads candidates of one tracking server."""

    def __init__(self, client: MlflowClient, tracking_uri: str, cache: Path) -> None:
        self._client = client
        self._uri = tracking_uri
        self._cache = cache

    def searches(self, names: Sequence[str]) -> tuple[Search, ...]:
        """Each once, by name or by pattern (`nightly-*`). UserError where there is none; it lists those that are."""
        with answering(self._uri):
            known = sorted(e.name for e in self._pages(self._client.search_experiments) if e.name != "Default")
        found: dict[str, None] = {}
        for name in names:
            matching = [name] if name in known else fnmatch.filter(known, name)
            if not matching:
                listed = f"it has {', '.join(known)}" if known else "it has none: run search/run.py first"
                raise UserError(f"MLflow has no search {name!r}: {listed}")
            found |= dict.fromkeys(matching)
        return tuple(self._search(name) for name in found)

    def _search(self, name: str) -> Search:
        with answering(self._uri):
            experiment = self._client.get_experiment_by_name(name)
            assert experiment is not None
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

    def candidates(self, search: Search, net: str) -> tuple[list[StoredCandidate], list[Kept], Counter[str]]:
        """Its checkpoints with features of that net, those without, and why others were left out, counted."""
        with answering(self._uri):
            places = [
                (run, file.path)
                for run in search.finished
                for file in self._client.list_artifacts(run.info.run_id, CHECKPOINTS)
                if file.is_dir and re.fullmatch(r"\d+", PurePosixPath(file.path).name)
            ]
            with ThreadPoolExecutor(_CONNECTIONS) as pool:
                folders = list(pool.map(lambda at: self._fetched(at[0], at[1], (RECORD,), (FEATURES,)), places))
        found: list[StoredCandidate] = []
        without: list[Kept] = []
        left_out: Counter[str] = Counter()
        for (run, path), folder in zip(places, folders, strict=True):
            if folder is None:
                left_out["incomplete"] += 1
                continue
            record = load_record(folder)
            kept = Kept(
                id=f"{name_of(record.config.network)}-{run.info.run_id[:8]}-{record.images_seen:09d}",
                search=search.name,
                run_id=run.info.run_id,
                artifact_path=path,
                folder=folder,
                record=record,
            )
            features = load_features(folder)
            if net in features:
                found.append(StoredCandidate.of(kept, features[net].astype(np.float16)))
            else:
                without.append(kept)
        return found, without, left_out

    def members(self, run_id: str, path: str) -> list[tuple[Kept, float]]:
        """The members of the ensemble in that folder of the run, each with its truncation; [] where none is."""
        with answering(self._uri):
            run = self._client.get_run(run_id)
            folder = self._fetched(run, path, (MANIFEST,))
            if folder is None:
                return []
            found = []
            for member in read_manifest(folder)["members"]:
                place = f"{path}/members/{member['id']}"
                record = self._fetched(run, place, (RECORD,))
                if record is not None:
                    kept = Kept(
                        id=str(member["id"]).partition("@")[0],
                        search="",
                        run_id=run_id,
                        artifact_path=place,
                        folder=record,
                        record=load_record(record),
                    )
                    found.append((kept, float(member["truncation"])))
        return found

    def drawn_file(self, kept: Kept, net: str, count: int, truncation: float) -> Path:
        """Where features that were drawn anew lie: beside what is fetched."""
        name = f"drawn-{net}-{count}-{truncation:g}.safetensors"
        return self._cache / kept.run_id / PurePosixPath(kept.artifact_path).name / name

    def fetch(self, candidate: Kept) -> Path:
        """A folder with its generator and record; `IncompleteError` where MLflow has not got them."""
        with answering(self._uri):
            run = self._client.get_run(candidate.run_id)
            folder = self._fetched(run, candidate.artifact_path, (RECORD, GENERATOR))
        if folder is None:
            raise IncompleteError(f"candidate {candidate.id} has no {GENERATOR} in MLflow run {candidate.run_id}")
        return folder

    def _runs(self, experiment_id: str, kind: str) -> list[Any]:
        wanted = f"tags.`{KIND}` = '{kind}'"
        return self._pages(lambda page_token: self._client.search_runs([experiment_id], wanted, page_token=page_token))

    @staticmethod
    def _pages(ask: Callable[..., Any]) -> list[Any]:
        """All that MLflow answers, page by page."""
        found: list[Any] = []
        token: str | None = None
        while True:
            page = ask(page_token=token)
            found += page
            token = page.token
            if not token:
                return found

    def _fetched(self, run: Any, path: str, names: Sequence[str], if_there: Sequence[str] = ()) -> Path | None:
        """The checkpoint's folder with those files in it, in place or downloaded; None where one of `names` is missing.

        Those of `if_there` come along where MLflow has them.
        """
        root = local_folder(run.info.artifact_uri)
        if root is not None:
            return root / path if all((root / path / name).is_file() for name in names) else None
        run_id = str(run.info.run_id)
        folder = self._cache / run_id / PurePosixPath(path).name
        missing = [name for name in (*names, *if_there) if not (folder / name).is_file()]
        if missing:
            there = {PurePosixPath(file.path).name for file in self._client.list_artifacts(run_id, path)}
            if not there.issuperset(set(missing) & set(names)):
                return None
            self._download(run_id, path, [name for name in missing if name in there], folder)
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
    usual = usual_count([len(each.features) for each in candidates])
    alike = [each for each in candidates if len(each.features) == usual]
    left_out[f"with another number of samples than {usual}"] += len(candidates) - len(alike)
    return alike


def usual_count(counts: Sequence[int]) -> int:
    """The most frequent; the largest of those."""
    times = Counter(counts)
    return max(times, key=lambda count: (times[count], count))


def picture_of(record: CheckpointRecord) -> str:
    """The pictures' format, as `32x32x4`: height, width, channels."""
    data = record.config.data
    return f"{data.height}x{data.width}x{data.channels}"
