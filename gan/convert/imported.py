"""What a foreign file holds in our terms, and how it becomes a checkpoint folder."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from gan.begin import begin
from gan.checkpoint import CheckpointRecord, save_checkpoint
from gan.config import DataConfig
from gan.data.dataset import PictureSet
from gan.errors import UserError
from gan.networks.interface import PictureShape
from gan.networks.style import MappedGenerator
from gan.networks.stylegan2 import StyleGAN2Config
from gan.recipes import recipe_named

Weights = dict[str, Tensor]
_NUM_FOR_MEAN = 10_000  # latents over which the mean style is taken where the file has none, as in the StyleGAN paper
_FILTER = torch.outer(torch.tensor([1.0, 3.0, 3.0, 1.0]), torch.tensor([1.0, 3.0, 3.0, 1.0])) / 64.0


@dataclass(frozen=True, kw_only=True)
class Imported:
    """A StyleGAN2 by the names of gan/networks/stylegan2.py.

    `average` is the averaged generator, `generator` the one that was trained, where the file has it. Both may lack
    `w_mean`, which is then estimated. `remarks` is what a user should know, a line each.
    """

    config: StyleGAN2Config
    shape: PictureShape
    average: Weights
    generator: Weights | None
    discriminator: Weights | None
    mirror: bool = False
    remarks: tuple[str, ...] = ()


def save_imported(
    imported: Imported, folder: Path, *, source: str, fingerprint: str, class_names: Sequence[str] = ()
) -> CheckpointRecord:
    """Write a checkpoint folder that has seen 0 images; training.safetensors only where there is a discriminator.

    Class names default to class0, class1, …; how often each came in the data is not known, so they count alike.
    UserError where the folder exists or the weights do not fit the settings.
    """
    if folder.exists():
        raise UserError(f"{str(folder)!r} exists: name a new folder")
    shape = imported.shape
    names = tuple(class_names) or tuple(f"class{index}" for index in range(shape.num_classes))
    if len(names) != shape.num_classes or len(set(names)) != len(names):
        raise UserError(f"{len(names)} class names {' '.join(names)}: the networks have {shape.num_classes}, each once")
    pictures = PictureSet(
        source=source,
        images=np.empty((0, shape.channels, shape.height, shape.width), np.uint8),
        labels=np.arange(shape.num_classes, dtype=np.int64),
        class_names=names,
        names=(),
        skipped=(),
        fingerprint=fingerprint,
    )
    data = DataConfig(conditional=shape.num_classes > 0, mirror=imported.mirror)
    config = dataclasses.replace(recipe_named("stylegan2"), network=imported.config, data=data)
    training = begin(config, pictures, torch.device("cpu"))
    assert isinstance(training.average, MappedGenerator)
    assert isinstance(training.generator, MappedGenerator)
    _fill_generator(training.average, imported.average, "averaged generator")
    _fill_generator(training.generator, imported.generator or imported.average, "generator")
    if imported.discriminator is not None:
        _fill(training.discriminator, imported.discriminator, "discriminator")
    return save_checkpoint(folder, training, pictures, resumable=imported.discriminator is not None)


def _fill_generator(generator: MappedGenerator, weights: Weights, what: str) -> None:
    if "w_mean" in weights:
        _fill(generator, weights, what)
        return
    _fill(generator, {**weights, "w_mean": torch.zeros_like(generator.w_mean)}, what)
    generator.w_mean.copy_(mean_style(generator))


def _fill(module: nn.Module, weights: Mapping[str, Tensor], what: str) -> None:
    expected = {name: tuple(value.shape) for name, value in module.state_dict().items()}
    found = {name: tuple(value.shape) for name, value in weights.items()}
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            raise UserError(
                f"the {what} does not fit its own settings: {name} is {found.get(name, 'missing')},"
                f" expected {expected.get(name, 'none')}"
            )
    module.load_state_dict(dict(weights))


@torch.no_grad()
def mean_style(generator: MappedGenerator) -> Tensor:
    """The mean of w `[w_dim]` over 10,000 latents of a fixed seed, classes in turn."""
    chance = torch.Generator().manual_seed(0)
    z = torch.randn(_NUM_FOR_MEAN, generator.z_dim, generator=chance)
    classes = generator.shape.num_classes
    labels = torch.arange(_NUM_FOR_MEAN) % classes if classes else None
    mean: Tensor = generator.mapping_network(z, labels).mean(dim=0)
    return mean


def widths_to_settings(widths: Mapping[int, int]) -> tuple[int, int]:
    """channel_base and channel_max that give these channels by map side; UserError where none do."""
    most = max(widths.values())
    lowest = max(side * num for side, num in widths.items())
    capped = [side for side, num in widths.items() if num < most]
    highest = min(((widths[side] + 1) * side - 1 for side in capped), default=lowest)
    config = StyleGAN2Config(channel_base=lowest, channel_max=most)
    if lowest > highest or any(config.channels((side, side)) != num for side, num in widths.items()):
        shown = ", ".join(f"{num} at {side}" for side, num in sorted(widths.items()))
        raise UserError(f"channels {shown} follow no channel_base and channel_max (8 channels or more): not supported")
    return lowest, most


def check_filter(values: Tensor, where: str) -> None:
    """UserError unless the resampling filter is the paper's [1, 3, 3, 1], at whatever gain."""
    if values.shape != (4, 4) or not torch.allclose(values / values.sum(), _FILTER, atol=1e-6):
        raise UserError(f"{where} resamples with another filter than [1, 3, 3, 1]: not supported")


def one_value(values: Iterable[object], what: str) -> object:
    """The value that all share; UserError where they differ."""
    found = list(values)
    if any(value != found[0] for value in found):
        raise UserError(f"{what} differs from layer to layer: not supported")
    return found[0]
