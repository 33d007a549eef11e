"""Ensembles to serve: drawn ones that are quick and exact, and real ones with tiny, untrained networks."""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from fastapi.testclient import TestClient
from safetensors.torch import save_file

from gan.checkpoint import GENERATOR, RECORD, CheckpointRecord
from gan.config import DataConfig
from gan.ensemble.ensemble import Choice, load_ensemble, write_ensemble
from gan.networks.interface import PictureShape
from gan.networks.registry import build_generator
from gan.recipes import tiny_dcgan, tiny_stylegan2
from serve.keeping.store import Store
from serve.service import Service
from serve.stock.forge import ForgeConfig
from serve.stock.foundry import Foundry
from serve.web import site
from tests.serve.drawn_ensemble import CLASSES, DrawnEnsemble


@pytest.fixture
def drawn() -> DrawnEnsemble:
    return DrawnEnsemble()


@pytest.fixture(scope="session")
def make_ensemble_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Writes a real ensemble folder of two untrained members, one of them conditional; `seed` sets the weights."""

    def make(seed: int = 0) -> Path:
        place = tmp_path_factory.mktemp("ensemble")
        choices = []
        for recipe, names in ((tiny_dcgan, ()), (tiny_stylegan2, CLASSES)):
            config = recipe()
            data = DataConfig(height=16, width=16, channels=4, conditional=bool(names))
            config = dataclasses.replace(config, data=data)
            shape = PictureShape(channels=4, height=16, width=16, num_classes=len(names))
            with torch.random.fork_rng():
                torch.manual_seed(seed)
                generator = build_generator(config.network, shape)
            checkpoint = place / recipe.__name__
            checkpoint.mkdir()
            state = {name: value.contiguous().clone() for name, value in generator.state_dict().items()}
            save_file(state, checkpoint / GENERATOR)
            record = CheckpointRecord(
                config=config,
                images_seen=0,
                class_names=names,
                class_counts=(5, 3, 2) if names else (),
                data_fingerprint="none",
            )
            (checkpoint / RECORD).write_text(record.to_json())
            choices.append(Choice(id=recipe.__name__, checkpoint=checkpoint, weight=0.5))
        write_ensemble(place / "ensemble", choices, {"fid_embedded": 21.8})
        return place / "ensemble"

    return make


@pytest.fixture(scope="session")
def ensemble_folder(make_ensemble_folder: Callable[..., Path]) -> Path:
    return make_ensemble_folder()


@pytest.fixture(scope="module")
def service(ensemble_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    foundry = Foundry(load_ensemble(ensemble_folder, version="3"), config=ForgeConfig(batch_size=8, num_stock=64))
    service = Service(foundry=foundry, store=Store(f"sqlite:///{tmp_path_factory.mktemp('store')}/store.db"))
    yield service
    service.close()


@pytest.fixture(scope="module")
def client(service: Service) -> TestClient:
    return TestClient(site.create_web(service))
