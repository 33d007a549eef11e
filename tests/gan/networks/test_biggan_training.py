"""Both BigGANs in the training loop: weights move, a cut run ends with the same bits, bf16, every penalty at once."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from gan.begin import begin
from gan.checkpoint import load_training, save_checkpoint
from gan.config import RunConfig
from gan.data.dataset import PictureSet
from gan.loop import train
from gan.recipes import tiny_biggan, tiny_biggan_deep
from gan.training import Training

CPU = torch.device("cpu")
Recipe = Callable[[], RunConfig]
BOTH = pytest.mark.parametrize("recipe", [tiny_biggan, tiny_biggan_deep])


def with_everything(config: RunConfig) -> RunConfig:
    """With classes, R1 at every second step, orthogonal regularisation."""
    return dataclasses.replace(
        config,
        data=dataclasses.replace(config.data, conditional=True),
        regulariser=dataclasses.replace(config.regulariser, r1_interval=2, orthogonal_weight=1e-4),
    )


def run(config: RunConfig, pictures: PictureSet) -> Training:
    training = begin(config, pictures, CPU)
    for _ in train(training, pictures):
        pass
    return training


@BOTH
def test_every_weight_moves(recipe: Recipe, few_pictures: PictureSet) -> None:
    before, after = begin(recipe(), few_pictures, CPU), run(recipe(), few_pictures)
    for module in ("generator", "discriminator", "average"):
        started = dict(getattr(before, module).named_parameters())
        assert not [n for n, p in getattr(after, module).named_parameters() if torch.equal(p, started[n])]


@BOTH
def test_a_run_cut_and_resumed_ends_with_the_same_bits(
    recipe: Recipe, few_pictures: PictureSet, tmp_path: Path
) -> None:
    config = with_everything(recipe())
    uncut = run(config, few_pictures)
    cut = begin(config, few_pictures, CPU)
    next(iter(train(cut, few_pictures)))
    save_checkpoint(tmp_path / "cut", cut, few_pictures)
    resumed = load_training(tmp_path / "cut", CPU)
    for _ in train(resumed, few_pictures):
        pass
    for name, value in uncut.state().items():
        assert torch.equal(value, resumed.state()[name]), name


@BOTH
def test_trains_in_bf16(recipe: Recipe, few_pictures: PictureSet) -> None:
    training = run(dataclasses.replace(with_everything(recipe()), precision="bf16"), few_pictures)
    assert all(torch.isfinite(value).all() for value in training.state().values())
    assert all(parameter.dtype is torch.float32 for parameter in training.generator.parameters())
