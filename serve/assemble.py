"""A whole service from its settings: source, foundry, store, scribe, watch. Knows no HTTP and no Ray."""

import os
from pathlib import Path

import torch

from gan.device import choose_device
from serve.ensemble_source import open_source
from serve.forge import ForgeConfig
from serve.foundry import Foundry
from serve.gpt import GptAuthor, GptConfig, gpt_is_configured
from serve.scribe import Scribe
from serve.service import Service
from serve.settings import ServiceSettings
from serve.store import Store, open_engine
from serve.watch import EnsembleSource, EnsembleWatch


def source_of(settings: ServiceSettings, device: torch.device | None = None) -> EnsembleSource:
    return open_source(
        settings.ensemble, tracking_uri=settings.tracking_uri, cache=Path(settings.runs) / "served", device=device
    )


def check(settings: ServiceSettings) -> str:
    """The mark of the ensemble that would be served; raises UserError for what cannot work, before anything
    starts.
    """
    open_engine(settings.store).dispose()
    return source_of(settings).current()


def assemble(settings: ServiceSettings) -> Service:
    """Loads and warms the ensemble, which may take a minute; raises UserError, BrokenEnsemble."""
    # A replica that was given a GPU computes there; Ray shows it no other.
    source = source_of(settings, choose_device("cuda" if settings.gpus_per_replica > 0 else "cpu"))
    live = source.current()
    config = ForgeConfig(
        batch_size=settings.batch_size,
        num_stock=settings.num_stock,
        stock_bytes=settings.stock_mib * 2**20,
    )
    foundry = Foundry(source.load(live), config=config, load_older=source.load_version)
    scribe = None
    if gpt_is_configured() and settings.gpt_calls_per_hour > 0:
        gpt = GptConfig(model=settings.gpt_model, calls_per_hour=settings.gpt_calls_per_hour)
        scribe = Scribe(GptAuthor(gpt), foundry)
    return Service(
        foundry=foundry,
        store=Store(settings.store),
        scribe=scribe,
        watch=EnsembleWatch(source, foundry, live=live, poll_seconds=settings.poll_seconds),
        admin_token=os.environ.get("GANVIL_ADMIN_TOKEN") or None,
    )
