"""The model registry: one version an ensemble; the alias `live` says which is served, `previous` what was before it."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow.artifacts
import numpy as np
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion, RegisteredModel
from mlflow.exceptions import MlflowException
from numpy.typing import NDArray
from PIL import Image
from safetensors.numpy import load_file, save_file

from gan.checkpoint import FEATURES
from gan.errors import UserError
from ops.tracking_server import answering
from search.records.tags import KIND

LIVE, PREVIOUS = "live", "previous"
FINGERPRINT, PICTURE, ROLLED_BACK = "ganvil.fingerprint", "ganvil.picture", "ganvil.rolled_back"
REFRESHED = "ganvil.refreshed"  # of the model: what the last refresh that came to its end had before it
ENSEMBLE, SELECTION = "ensemble", "selection"  # artifact folders of a refresh's run


@dataclass(frozen=True, kw_only=True)
class Aliases:
    """Which version each alias names, None where it names none."""

    live: str | None
    previous: str | None


class Registry:
    """One registered model."""

    def __init__(self, client: MlflowClient, tracking_uri: str, model: str) -> None:
        if re.fullmatch(r"[\w.-]+", model) is None:
            raise UserError(f"model name {model!r}: it may hold letters, digits, dots, dashes and underscores")
        self.model = model
        self._client = client
        self._uri = tracking_uri

    def aliases(self) -> Aliases:
        """Both None where there is no such model yet."""
        model = self._registered()
        named = dict(model.aliases) if model is not None else {}
        return Aliases(**{alias: str(named[alias]) if alias in named else None for alias in (LIVE, PREVIOUS)})

    def refreshed(self) -> str | None:
        """What `set_refreshed` left; None where there is no such model yet."""
        model = self._registered()
        return model.tags.get(REFRESHED) if model is not None else None

    def set_refreshed(self, mark: str) -> None:
        with answering(self._uri):
            self._client.set_registered_model_tag(self.model, REFRESHED, mark)

    def _registered(self) -> RegisteredModel | None:
        with answering(self._uri):
            try:
                return self._client.get_registered_model(self.model)
            except MlflowException as error:
                if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                    raise
                return None

    def point(self, aliases: Aliases) -> None:
        """Set `previous` first, so that a crash between the two never leaves it behind the times."""
        with answering(self._uri):
            for alias, version in ((PREVIOUS, aliases.previous), (LIVE, aliases.live)):
                if version is not None:
                    self._client.set_registered_model_alias(self.model, alias, version)
                else:
                    self._client.delete_registered_model_alias(self.model, alias)

    def version(self, number: str) -> ModelVersion:
        with answering(self._uri):
            return self._client.get_model_version(self.model, number)

    def with_fingerprint(self, fingerprint: str) -> ModelVersion | None:
        """The newest version of those members and weights."""
        query, token, found = f"name = '{self.model}'", None, []
        with answering(self._uri):
            while True:
                page = self._client.search_model_versions(query, max_results=200, page_token=token)
                found += [version for version in page if version.tags.get(FINGERPRINT) == fingerprint]
                token = page.token
                if not token:
                    return max(found, key=lambda version: int(version.version), default=None)

    def set_rolled_back(self, number: str, *, rolled_back: bool) -> None:
        """Whether the operator has taken it back: a refresh does not promote it again by itself."""
        with answering(self._uri):
            if rolled_back:
                self._client.set_model_version_tag(self.model, number, ROLLED_BACK, "true")
            elif ROLLED_BACK in self._client.get_model_version(self.model, number).tags:
                self._client.delete_model_version_tag(self.model, number, ROLLED_BACK)

    def register(
        self,
        folder: Path,
        *,
        experiment_id: str,
        fingerprint: str,
        picture: str,
        features: dict[str, NDArray[np.float16]],
        sheet: Image.Image,
        page: str,
        report: dict[str, Any],
        metrics: dict[str, float],
    ) -> str:
        """Log the ensemble folder with what it was chosen by, as a run of its own, and make it a version: its number.

        The version comes last: a refresh that is cut before leaves a run without one, which nothing serves.
        """
        with answering(self._uri), self._run(experiment_id) as run:
            run_id = run.info.run_id
            self._client.log_artifacts(run_id, str(folder), ENSEMBLE)
            self._client.log_image(run_id, sheet, artifact_file="samples.png")
            self._client.log_text(run_id, page, "report.html")
            chosen_by = folder.with_name(SELECTION)
            chosen_by.mkdir()
            save_file(features, chosen_by / FEATURES)
            (chosen_by / "report.json").write_text(json.dumps(report, indent=1, allow_nan=False))
            self._client.log_artifacts(run_id, str(chosen_by), SELECTION)
            for name, value in metrics.items():
                self._client.log_metric(run_id, name, value)
            try:
                self._client.create_registered_model(self.model)
            except MlflowException as error:
                if error.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise
            version = self._client.create_model_version(
                self.model,
                f"{run.info.artifact_uri}/{ENSEMBLE}",
                run_id,
                tags={FINGERPRINT: fingerprint, PICTURE: picture},
            )
            return str(version.version)

    @contextmanager
    def _run(self, experiment_id: str) -> Iterator[Any]:
        tags = {KIND: "refresh", "ganvil.model": self.model}
        run = self._client.create_run(experiment_id, tags=tags, run_name=f"refresh-{self.model}")
        try:
            yield run
        except BaseException:
            self._client.set_terminated(run.info.run_id, status="FAILED")
            raise
        self._client.set_terminated(run.info.run_id)

    def ensemble_folder(self, version: ModelVersion, into: Path) -> Path:
        """Its ensemble folder, downloaded."""
        with answering(self._uri):
            uri = self._client.get_model_version_download_uri(self.model, version.version)
            return Path(
                mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=str(into), tracking_uri=self._uri)
            )

    def stored_features(self, version: ModelVersion, net: str, into: Path) -> NDArray[np.float16] | None:
        """Raw features `[n, d]` of the sample by which the version was scored; None where that net has none."""
        if not version.run_id:
            return None
        with answering(self._uri):
            files = [file.path for file in self._client.list_artifacts(version.run_id, SELECTION)]
            path = f"{SELECTION}/{FEATURES}"
            if path not in files:
                return None
            file = mlflow.artifacts.download_artifacts(
                run_id=version.run_id, artifact_path=path, dst_path=str(into), tracking_uri=self._uri
            )
        features: NDArray[np.float16] | None = load_file(file).get(net)
        return features
