"""A finished search in a real MLflow: tiny networks, trained for a moment, scored and recorded by the real code."""

import dataclasses
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from mlflow import MlflowClient
from PIL import Image

from gan.begin import begin
from gan.checkpoint import save_checkpoint
from gan.config import flatten
from gan.data.dataset import load_pictures
from gan.features.registry import load_feature_net
from gan.loop import train
from gan.metrics.evaluate import Reference
from gan.recipes import recipe_named
from gan.sampling.sample import sample
from search.records.search_record import SearchRecord
from search.records.trial_record import TrialRecord

NUM_SAMPLES = 64


def make_pictures(folder: Path, *, size: int = 16, seed: int = 0) -> Path:
    """96 discs of random place, width and colour."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    rows, columns = np.mgrid[:size, :size]
    for index in range(96):
        row, column = rng.uniform(0.3, 0.7, 2) * size
        inside = np.hypot(rows - row, columns - column) < rng.uniform(0.15, 0.35) * size
        picture = np.where(inside[..., None], rng.integers(40, 256, 3), rng.integers(0, 40, 3)).astype(np.uint8)
        Image.fromarray(picture).save(folder / f"{index:03d}.png")
    return folder


def record_search(uri: str, name: str, data: Path, work: Path, *, seeds: tuple[int, ...] = (0, 1)) -> None:
    """One finished trial a seed, two candidates each, by search/records/trial_record.py."""
    pictures = load_pictures(str(data))
    net = load_feature_net("randconv", torch.device("cpu"))
    reference = Reference.build(pictures.images, net)
    search = SearchRecord.open(uri, name, resume=False, tags={"data": str(data)}, params={})
    for seed in seeds:
        config = dataclasses.replace(recipe_named("tiny-dcgan" if seed % 2 else "tiny-stylegan2"), seed=seed)
        training = begin(config, pictures, torch.device("cpu"))
        trial = TrialRecord(
            search.address,
            trial_id=f"{name}_{seed}",
            run_name=f"{name}_{seed}",
            tags={"network": "any", "data": str(data), "data_fingerprint": pictures.fingerprint},
            params=flatten(training.config),
        )
        for tick in train(training, pictures):
            raw = net(sample(training.average, range(NUM_SAMPLES)))
            scores = (reference.score(raw, "reference"), reference.score(raw, "held_out"))
            folder = work / f"{name}-{seed}-{tick.images_seen}"
            save_checkpoint(folder, training, pictures, scores=scores, features={"randconv": raw})
            trial.tick(tick.images_seen, tick.as_metrics(), grid=None, candidate=folder)
        trial.end(collapsed=None)
    search.end("FINISHED")


@dataclass(frozen=True, kw_only=True)
class Site:
    """A tracking server with a search, where its pictures and its runs are, and a folder for the test."""

    uri: str
    data: Path
    runs: Path
    folder: Path

    @property
    def client(self) -> MlflowClient:
        return MlflowClient(tracking_uri=self.uri)

    def aliases(self, model: str = "weapons") -> dict[str, str]:
        return {alias: str(version) for alias, version in self.client.get_registered_model(model).aliases.items()}

    def num_versions(self, model: str = "weapons") -> int:
        return len(self.client.search_model_versions(f"name = '{model}'"))


@pytest.fixture(scope="session")
def finished_search(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with pictures/, runs/ and a copy of runs/ as it was after the search: making it takes seconds."""
    root = tmp_path_factory.mktemp("search")
    (root / "runs").mkdir()
    data = make_pictures(root / "pictures")
    record_search(f"sqlite:///{root / 'runs' / 'mlflow.db'}", "first", data, root / "work")
    shutil.copytree(root / "runs", root / "copy")
    return root


@pytest.fixture
def site(finished_search: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """The search as it was at its end, whatever the test before has done to it."""
    runs, copy = finished_search / "runs", finished_search / "copy"
    for name in ("mlartifacts", "candidates", "cache"):
        shutil.rmtree(runs / name, ignore_errors=True)
    shutil.copytree(copy / "mlartifacts", runs / "mlartifacts")
    with closing(sqlite3.connect(copy / "mlflow.db")) as before, closing(sqlite3.connect(runs / "mlflow.db")) as now:
        before.backup(now)  # in place: MLflow keeps the file open
    uri = f"sqlite:///{runs / 'mlflow.db'}"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GANVIL_TRACKING_URI", uri)
    monkeypatch.delenv("GANVIL_ADMIN_TOKEN", raising=False)
    return Site(uri=uri, data=finished_search / "pictures", runs=runs, folder=tmp_path)


@dataclass
class Service:
    """Stands for serve/: answers POST /ensemble/refresh and GET /ensemble as it does."""

    site: Site
    obeys: bool = True
    token: str | None = None
    version: str = "none"
    url: str = ""
    refreshes: list[str] = field(default_factory=list)


@pytest.fixture
def service(site: Site) -> Iterator[Service]:
    state = Service(site=site)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/ensemble/refresh"
            state.refreshes.append(self.headers.get("Authorization", ""))
            if state.token is not None and state.refreshes[-1] != f"Bearer {state.token}":
                return self._answer(401, '{"detail": "this needs the token"}')
            if not state.obeys:
                return self._answer(502, '{"detail": "ensemble 7 is refused: member is broken"}')
            state.version = site.aliases().get("live", "none")
            return self._answer(200, f'{{"version": "{state.version}", "changed": true}}')

        def do_GET(self) -> None:
            self._answer(200, f'{{"version": "{state.version}"}}')

        def _answer(self, status: int, body: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield state
    server.shutdown()
    server.server_close()
