"""Folders, and a real MLflow registry on SQLite with its artifacts in a folder."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gan.errors import UserError
from serve.stock.ensemble_source import FolderSource, hide_password, open_source
from serve.stock.forge import ForgeConfig
from serve.stock.foundry import Foundry, GoneVersion
from serve.stock.watch import EnsembleWatch, RefusedEnsemble
from serve.stock.weapon_id import WeaponId

MakeFolder = Callable[..., Path]
SMALL = ForgeConfig(batch_size=4, num_stock=16)


class Registry:
    """What ops/refresh.py does: the ensemble's folder as an artifact, a version of the model, the alias."""

    def __init__(self, place: Path, empty_database: Path) -> None:
        from mlflow import MlflowClient

        place.mkdir(exist_ok=True)
        shutil.copyfile(empty_database, place / "mlflow.db")
        self.uri = f"sqlite:///{place}/mlflow.db"
        self.cache = place / "served"
        self.client = MlflowClient(tracking_uri=self.uri)
        self.experiment = self.client.create_experiment("test", artifact_location=(place / "artifacts").as_uri())
        self.client.create_registered_model("weapons")

    def register(self, folder: Path, *, live: bool = True) -> str:
        run = self.client.create_run(self.experiment)
        self.client.log_artifacts(run.info.run_id, str(folder), "ensemble")
        source = f"{run.info.artifact_uri}/ensemble"
        version = self.client.create_model_version("weapons", source, run.info.run_id).version
        if live:
            self.client.set_registered_model_alias("weapons", "live", version)
        return str(version)

    def artifacts(self, version: str) -> Path:
        uri = self.client.get_model_version_download_uri("weapons", version)
        return Path(uri.removeprefix("file://"))

    def source(self, model: str = "models:/weapons@live"):
        return open_source(model, tracking_uri=self.uri, cache=self.cache)


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow's tables, once for all tests: making them takes five seconds."""
    from mlflow import MlflowClient

    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    MlflowClient(tracking_uri=f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def registry(tmp_path: Path, empty_database: Path) -> Registry:
    return Registry(tmp_path, empty_database)


def test_a_folder(ensemble_folder: Path) -> None:
    source = open_source(str(ensemble_folder), tracking_uri="", cache=Path("unused"))
    assert isinstance(source, FolderSource)
    ensemble = source.load(source.current())
    assert source.current().startswith(ensemble.version)
    assert len(ensemble.version) == 8
    assert source.load_version(ensemble.version).fingerprint == ensemble.fingerprint
    with pytest.raises(UserError, match="another ensemble"):
        source.load_version("00000000")
    with pytest.raises(UserError, match="holds another ensemble"):
        source.load_version(ensemble.version[:1])


def test_a_folder_that_is_replaced_goes_live(make_ensemble_folder: MakeFolder, tmp_path: Path) -> None:
    place = tmp_path / "ensemble"
    shutil.copytree(make_ensemble_folder(1), place)
    source = FolderSource(place)
    foundry = Foundry(source.load(source.current()), config=SMALL, load_older=source.load_version)
    watch = EnsembleWatch(source, foundry, live=source.current(), poll_seconds=0.05)
    try:
        first = foundry.forge.ensemble.version
        shutil.rmtree(place)
        time.sleep(0.2)
        assert "does not exist" in str(watch.fault)
        shutil.copytree(make_ensemble_folder(2), tmp_path / "new")
        (tmp_path / "new").rename(place)
        until = time.monotonic() + 20.0
        while foundry.forge.ensemble.version == first:
            assert time.monotonic() < until
            time.sleep(0.02)
        assert foundry.versions() == [source.current()[:8], first]
        assert watch.fault is None
    finally:
        watch.close()
        foundry.close()


def test_the_registry_by_alias_and_by_version(
    registry: Registry, make_ensemble_folder: MakeFolder, ensemble_folder: Path
) -> None:
    registry.register(ensemble_folder)
    source = registry.source()
    assert source.current() == "1"
    assert source.load("1").version == "1"
    other = make_ensemble_folder(1)
    registry.register(other)
    assert source.current() == "2"
    assert registry.source("models:/weapons/1").current() == "1"
    assert source.load("2").fingerprint == FolderSource(other).current()
    # Loaded from the cache while the artifacts are away; without the cache, one line.
    shutil.rmtree(registry.artifacts("2"))
    assert source.load("2").version == "2"
    shutil.rmtree(registry.cache)
    with pytest.raises(UserError, match="models:/weapons/2 cannot be downloaded"):
        source.load("2")
    assert not any(registry.cache.rglob("*.json")), "half a download was left"


def test_a_registry_begun_anew_does_not_get_the_old_ones_folder(
    tmp_path: Path, make_ensemble_folder: MakeFolder, ensemble_folder: Path, empty_database: Path
) -> None:
    first, second = (Registry(tmp_path / name, empty_database) for name in ("a", "b"))
    second.cache = first.cache
    first.register(ensemble_folder)
    second.register(make_ensemble_folder(1))
    assert first.source().load("1").fingerprint != second.source().load("1").fingerprint


def test_a_moved_alias_swaps_and_a_broken_version_is_refused(
    registry: Registry, make_ensemble_folder: MakeFolder, ensemble_folder: Path, tmp_path: Path
) -> None:
    registry.register(ensemble_folder)
    source = registry.source()
    foundry = Foundry(source.load("1"), config=SMALL, load_older=source.load_version, num_older=1)
    watch = EnsembleWatch(source, foundry, live="1", poll_seconds=0)
    try:
        assert not watch.look()
        registry.register(make_ensemble_folder(1))
        assert watch.look()
        assert foundry.forge.ensemble.version == "2"
        broken = tmp_path / "broken"
        shutil.copytree(ensemble_folder, broken)
        next(broken.rglob("generator.safetensors")).unlink()
        registry.register(broken)
        with pytest.raises(RefusedEnsemble, match="3 is refused"):
            watch.look()
        assert foundry.versions() == ["2", "1"]
        registry.client.set_registered_model_alias("weapons", "live", "1")  # a rollback
        assert watch.look()
        assert foundry.versions() == ["1", "2"]
        assert foundry.forge_of("2").make(WeaponId.parse("2-0-abc")).weapon_id.version == "2"
        for gone in ("9", "00000000"):
            with pytest.raises(GoneVersion):
                foundry.forge_of(gone)
    finally:
        foundry.close()


@pytest.mark.parametrize(
    ("ensemble", "told"),
    [
        ("models:/weapons@live", "does not exist"),
        ("models:/nothing@live", "does not exist"),
        ("models:/weapons", "write models:/NAME@ALIAS"),
        ("models:weapons@live", "write models:/NAME@ALIAS"),
        ("/nowhere/at/all", "does not exist"),
    ],
)
def test_what_does_not_exist_is_one_line(registry: Registry, ensemble: str, told: str) -> None:
    with pytest.raises(UserError, match=told) as raised:
        registry.source(ensemble).current()
    assert "\n" not in str(raised.value)


def test_a_version_that_does_not_exist(registry: Registry) -> None:
    with pytest.raises(UserError, match="models:/weapons/7 does not exist"):
        registry.source("models:/weapons/7").load("7")


def test_a_server_that_does_not_answer_is_one_line_soon(tmp_path: Path) -> None:
    started = time.monotonic()
    source = open_source("models:/weapons@live", tracking_uri="http://me:secret@127.0.0.1:9", cache=tmp_path)
    with pytest.raises(UserError, match="does not answer") as raised:
        source.current()
    assert time.monotonic() - started < 20.0
    assert "secret" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_mistyped_database_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="names no database"):
        open_source("models:/weapons@live", tracking_uri=f"sqlite:///{tmp_path}/mlflov.db", cache=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_passwords_are_hidden() -> None:
    assert hide_password("postgresql://me:secret@host/db") == "postgresql://me:***@host/db"
    assert hide_password("http://host:5000/x@y") == "http://host:5000/x@y"
