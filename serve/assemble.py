"""A whole service from its settings: source, foundry, store, scribe, watch. Knows no HTTP and no Ray."""

import os
from pathlib import Path

import torch

from gan.device import choose_device
from serve.keeping.database import open_engine
from serve.keeping.store import Store
from serve.service import Service
from serve.settings import ServiceSettings
from serve.stock.ensemble_source import open_source
from serve.stock.forge import ForgeConfig
from serve.stock.foundry import Foundry
from serve.stock.watch import EnsembleSource, EnsembleWatch
from serve.texts.gpt import GptAuthor, GptConfig, gpt_is_configured
from serve.texts.known_texts import KnownTexts
from serve.texts.scribe import Scribe
from serve.web.gate import GateConfig


def source_of(settings: ServiceSettings, device: torch.device | None = None) -> EnsembleSource:
    return open_source(
        settings.ensemble, tracking_uri=settings.tracking_uri, cache=Path(settings.runs) / "served", device=device
    )


def known_texts(settings: ServiceSettings) -> KnownTexts:
    return KnownTexts.read(Path(settings.lore)) if settings.lore else KnownTexts()


def gate_of(settings: ServiceSettings) -> GateConfig:
    """UserError for what is no rate, or for a gate without a key."""
    keys = frozenset(filter(None, (key.strip() for key in os.environ.get("GANVIL_API_KEYS", "").split(","))))
    return GateConfig(
        keys=keys, anonymous=settings.anonymous, rate=settings.rate_limit, key_rate=settings.key_rate_limit
    )


def check(settings: ServiceSettings) -> str:
    """The mark of the ensemble that would be served; raises UserError for what cannot work, before anything
    starts.
    """
    open_engine(settings.store).dispose()
    known_texts(settings)
    gate_of(settings)
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
        read_price, written_price = (float(price) for price in (settings.gpt_prices or "0/0").split("/"))
        gpt = GptConfig(
            model=settings.gpt_model,
            calls_per_hour=settings.gpt_calls_per_hour,
            dollars_per_day=settings.gpt_dollars_per_day,
            read_price=read_price,
            written_price=written_price,
            moderation=settings.moderation,
        )
        scribe = Scribe(GptAuthor(gpt, known_texts(settings)), foundry)
    return Service(
        foundry=foundry,
        store=Store(settings.store),
        scribe=scribe,
        watch=EnsembleWatch(source, foundry, live=live, poll_seconds=settings.poll_seconds),
        admin_token=os.environ.get("GANVIL_ADMIN_TOKEN") or None,
    )
