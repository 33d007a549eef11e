"""Where ensembles come from: a folder on this machine, or an alias in MLflow's registry.

`runs/served/<model>/<version>-<mark>` holds what was downloaded from the registry. The mark is of the
registry and of the version's source, so that a registry begun anew never finds the old one's folders. A
download is complete or not there: it is written beside its place and renamed.
"""

import hashlib
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

import torch

from gan.ensemble.ensemble import MANIFEST, Ensemble, load_ensemble, read_manifest
from gan.errors import UserError
from serve.stock.watch import EnsembleSource

MODEL_URI = re.compile(r"models:/(?P<name>[^/@]+)(?:@(?P<alias>[^/@]+)|/(?P<version>[0-9]+))")


def open_source(ensemble: str, *, tracking_uri: str, cache: Path, device: torch.device | None = None) -> EnsembleSource:
    """The source for `models:/weapons@live`, `models:/weapons/3` or a folder; raises UserError for
    neither.
    """
    if not ensemble.startswith("models:"):
        return FolderSource(Path(ensemble), device=device)
    found = MODEL_URI.fullmatch(ensemble)
    if found is None:
        raise UserError(f"ensemble {ensemble!r} is no model: write models:/NAME@ALIAS or models:/NAME/VERSION")
    return RegistrySource(
        found["name"],
        alias=found["alias"],
        version=found["version"],
        tracking_uri=tracking_uri,
        cache=cache,
        device=device,
    )


class FolderSource:
    """An ensemble folder; a folder whose content is replaced is noticed."""

    def __init__(self, folder: Path, *, device: torch.device | None = None) -> None:
        self._folder = folder
        self._device = device

    def current(self) -> str:
        return str(read_manifest(self._folder)["fingerprint"])

    def load(self, mark: str) -> Ensemble:
        return load_ensemble(self._folder, device=self._device)

    def load_version(self, version: str) -> Ensemble:
        """The folder holds one version only; raises UserError for any other."""
        if version != self.current()[:8]:
            raise UserError(f"the folder {str(self._folder)!r} holds another ensemble")
        return self.load(version)


class RegistrySource:
    """A registered model of MLflow, by alias (which may move) or by version (which may not)."""

    def __init__(
        self,
        name: str,
        *,
        alias: str | None,
        version: str | None,
        tracking_uri: str,
        cache: Path,
        device: torch.device | None = None,
    ) -> None:
        # MLflow's own default is to retry for minutes: a server that is away must be one line, soon.
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
        self._name = name
        self._alias = alias
        self._version = version
        self._tracking_uri = tracking_uri
        self._cache = cache
        self._device = device
        _demand_existing_sqlite(tracking_uri)

    def current(self) -> str:
        if self._version is not None:
            return self._version
        found = self._ask(
            lambda client: client.get_model_version_by_alias(self._name, self._alias),
            f"models:/{self._name}@{self._alias}",
        )
        return str(found.version)

    def load(self, mark: str) -> Ensemble:
        folder = self._folder_of(mark)
        try:
            return load_ensemble(folder, version=mark, device=self._device)
        except Exception:
            shutil.rmtree(folder, ignore_errors=True)  # the next try downloads it anew
            raise

    def load_version(self, version: str) -> Ensemble:
        if not version.isdecimal() or len(version) == 8:  # a local folder's version is 8 hex digits
            raise UserError(f"{version} is no version of the model {self._name}")
        return self.load(version)

    def _folder_of(self, version: str) -> Path:
        """The local folder of that version, downloaded if it is not there yet; raises UserError."""
        what = f"models:/{self._name}/{version}"
        source = str(self._ask(lambda client: client.get_model_version_download_uri(self._name, version), what))
        mark = hashlib.sha256(f"{self._tracking_uri}\n{source}".encode()).hexdigest()[:8]
        place = self._cache / re.sub(r"[^\w.-]", "_", self._name) / f"{version}-{mark}"
        if (place / MANIFEST).exists():
            return place
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{place.name}-", dir=place.parent) as partial:
            folder = Path(self._download(source, partial, what))
            read_manifest(folder)
            if not place.exists():
                # Moved, unless MLflow gave us the artifact store's own folder, which is not ours to move.
                own = folder.resolve().is_relative_to(Path(partial).resolve())
                ready = folder if own else Path(shutil.copytree(folder, Path(partial) / "copy"))
                ready.rename(place)
        return place

    def _download(self, source: str, into: str, what: str) -> str:
        import mlflow.artifacts

        try:
            found: str = mlflow.artifacts.download_artifacts(
                artifact_uri=source, dst_path=into, tracking_uri=self._tracking_uri
            )
        except Exception as error:
            raise UserError(
                f"{what} cannot be downloaded from {hide_password(source)}: {_first_line(error)}"
            ) from error
        return found

    def _ask(self, question: Any, what: str) -> Any:
        """The registry's answer, or one line about why there is none."""
        # Imported here: it takes seconds, and a service on a local folder never needs it.
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException

        where = hide_password(self._tracking_uri)
        try:
            return question(MlflowClient(tracking_uri=self._tracking_uri))
        except MlflowException as error:
            if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                raise UserError(
                    f"{what} does not exist in {where}: run a search and ops/refresh.py, or name a folder"
                ) from error
            raise UserError(f"{where} does not answer about {what}: {_first_line(error)}") from error
        except Exception as error:
            raise UserError(f"{where} does not answer about {what}: {_first_line(error)}") from error


def hide_password(uri: str) -> str:
    return re.sub(r"(://[^:/@]*):[^@/]*@", r"\1:***@", uri)


def _first_line(error: Exception) -> str:
    return hide_password((str(error).strip().splitlines() or [type(error).__name__])[0][:200])


def _demand_existing_sqlite(tracking_uri: str) -> None:
    """MLflow would make an empty database of a mistyped path; a service only reads, so that is the user's
    error.
    """
    if tracking_uri.startswith("sqlite:///") and not Path(tracking_uri.removeprefix("sqlite:///")).exists():
        raise UserError(f"tracking URI {tracking_uri!r} names no database: run a search first, or give --tracking-uri")
