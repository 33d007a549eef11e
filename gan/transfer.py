"""Beginning from another run's weights: what fits is taken over, and what does not is said.

Weights pair by their names and shapes. A generator's names count from its base map up, so a run at another size
shares the small maps; a discriminator's stages are paired from the logit down, for the same reason. Statistics
(batch norm, the mean style) come along, the optimisers' moments do not.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from gan.checkpoint import GENERATOR, TRAINING, load_record
from gan.config import picture_shape
from gan.errors import UserError
from gan.networks.interface import Discriminator
from gan.networks.registry import build_discriminator, name_of
from gan.training import Training


@dataclass(kw_only=True)
class Taken:
    """How much of a network came over, in numbers (weights), and which parts stayed fresh."""

    num_taken: int = 0
    num_all: int = 0
    fresh: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        share = f"{self.num_taken:,} of {self.num_all:,} weights taken over"
        if not self.fresh:
            return share
        shown = ", ".join(self.fresh[:4]) + (f" and {len(self.fresh) - 4} more" if len(self.fresh) > 4 else "")
        return f"{share}; fresh: {shown}"


def take_over(training: Training, folder: Path) -> dict[str, Taken]:
    """Fill a fresh run's networks from the checkpoint there; by network, what was taken.

    UserError where the folder is no checkpoint or holds another kind of network, or where nothing fits.
    """
    record = load_record(folder)
    ours, theirs = name_of(training.config.network), name_of(record.config.network)
    if ours != theirs:
        raise UserError(f"{str(folder)!r} holds a {theirs}, whose weights a {ours} cannot take: train a {theirs}")
    averaged = _load(folder / GENERATOR)
    taken = {"generator": _fill(training.generator, averaged)}
    training.average.load_state_dict(training.generator.state_dict())
    if (folder / TRAINING).exists():
        weights = {
            name.removeprefix("discriminator."): value
            for name, value in _load(folder / TRAINING).items()
            if name.startswith("discriminator.")
        }
        with torch.device("meta"):
            source = build_discriminator(record.config.network, picture_shape(record.config, len(record.class_names)))
        source.load_state_dict(weights, assign=True)
        taken["discriminator"] = _fill(training.discriminator, _by_stage_from_the_end(training.discriminator, source))
    if not any(part.num_taken for part in taken.values()):
        raise UserError(f"nothing in {str(folder)!r} fits this run's {ours}: its widths are others (see record.json)")
    return taken


@torch.no_grad()
def _fill(module: nn.Module, weights: Mapping[str, Tensor]) -> Taken:
    taken = Taken()
    for name, value in module.state_dict().items():
        taken.num_all += value.numel()
        found = weights.get(name)
        if found is not None and found.shape == value.shape:
            value.copy_(found)
            taken.num_taken += value.numel()
        else:
            taken.fresh.append(name)
    return taken


def _by_stage_from_the_end(ours: Discriminator, theirs: Discriminator) -> dict[str, Tensor]:
    """Their weights under our names: last stage to last stage, and so on; what is in no stage by its own name."""
    names = {id(tensor): name for name, tensor in ours.state_dict(keep_vars=True).items()}
    weights = dict(theirs.state_dict())
    in_stages: dict[str, Tensor] = {}
    for mine, other in zip(reversed(ours.stages()), reversed(theirs.stages()), strict=False):
        found = other.state_dict()
        for name, tensor in mine.state_dict(keep_vars=True).items():
            if name in found:
                in_stages[names[id(tensor)]] = found[name]
    staged = {names[id(t)] for stage in ours.stages() for t in stage.state_dict(keep_vars=True).values()}
    return {**{name: value for name, value in weights.items() if name not in staged}, **in_stages}


def _load(path: Path) -> dict[str, Tensor]:
    try:
        weights: dict[str, Tensor] = load_file(path)
        return weights
    except (OSError, SafetensorError) as error:
        raise UserError(f"{str(path)!r} cannot be read: {str(error).splitlines()[0]}") from None
