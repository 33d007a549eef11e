"""Ensembles of real, untrained networks: they are as fast as trained ones, and nobody has to wait for them."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import save_file

from gan.checkpoint import GENERATOR, RECORD, CheckpointRecord
from gan.config import DataConfig
from gan.ensemble.ensemble import Choice, write_ensemble
from gan.networks.interface import PictureShape
from gan.networks.registry import build_generator
from gan.recipes import RECIPES


def write_untrained(folder: Path, *, recipes: Sequence[str], size: int, seed: int) -> Path:
    """An ensemble folder of one member a recipe, with equal weights; the seed sets the networks' weights."""
    choices = []
    for recipe in recipes:
        config = dataclasses.replace(
            RECIPES[recipe](), data=DataConfig(height=size, width=size, channels=4, conditional=False)
        )
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            generator = build_generator(config.network, PictureShape(channels=4, height=size, width=size))
        checkpoint = folder / f"{recipe}-{seed}"
        checkpoint.mkdir(parents=True)
        save_file({name: value.contiguous().clone() for name, value in generator.state_dict().items()},
                  checkpoint / GENERATOR)  # fmt: skip
        record = CheckpointRecord(
            config=config, images_seen=0, class_names=(), class_counts=(), data_fingerprint="none"
        )
        (checkpoint / RECORD).write_text(record.to_json())
        choices.append(Choice(id=checkpoint.name, checkpoint=checkpoint, weight=1 / len(recipes)))
    write_ensemble(folder / "ensemble", choices, {})
    return folder / "ensemble"
