"""Beginning from a checkpoint: of the same shape all is taken, of another what fits."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from gan.begin import begin
from gan.checkpoint import TRAINING, save_checkpoint
from gan.config import RunConfig, with_values
from gan.data.dataset import PictureSet
from gan.errors import UserError
from gan.loop import train
from gan.recipes import tiny_dcgan, tiny_stylegan2
from gan.training import Training

CPU = torch.device("cpu")


def trained(config: RunConfig, pictures: PictureSet, folder: Path) -> Training:
    training = begin(config, pictures, CPU)
    for _ in train(training, pictures):
        pass
    save_checkpoint(folder, training, pictures)
    return training


def starting_from(config: RunConfig, folder: Path) -> RunConfig:
    return with_values(config, {"transfer.start_from": str(folder), "seed": "7"})


def doubled(pictures: PictureSet) -> PictureSet:
    return dataclasses.replace(pictures, images=np.repeat(np.repeat(pictures.images, 2, axis=2), 2, axis=3))


@pytest.mark.parametrize("recipe", [tiny_dcgan, tiny_stylegan2])
def test_the_same_shape_comes_over_whole(recipe, few_pictures: PictureSet, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    source = trained(recipe(), few_pictures, tmp_path / "source")
    training = begin(starting_from(recipe(), tmp_path / "source"), few_pictures, CPU)
    for name, value in source.average.state_dict().items():
        assert torch.equal(value, training.generator.state_dict()[name]), name
        assert torch.equal(value, training.average.state_dict()[name]), name
    for name, value in source.discriminator.state_dict().items():
        assert torch.equal(value, training.discriminator.state_dict()[name]), name
    assert all("fresh" not in said for said in training.taken_over.values())
    assert training.images_seen == 0
    for tick in train(training, few_pictures):
        assert tick.finite


def test_another_size_shares_the_small_maps(few_pictures: PictureSet, tmp_path: Path) -> None:
    source = trained(tiny_stylegan2(), few_pictures, tmp_path / "source")
    training = begin(starting_from(tiny_stylegan2(), tmp_path / "source"), doubled(few_pictures), CPU)
    ours, theirs = training.generator.state_dict(), source.average.state_dict()
    assert torch.equal(ours["convolutions.0.convolution.weight"], theirs["convolutions.0.convolution.weight"])
    ours, theirs = training.discriminator.state_dict(), source.discriminator.state_dict()
    assert torch.equal(ours["last.weight"], theirs["last.weight"])
    # 16 px has blocks 0 and 1, 32 px has 0, 1, 2: the smaller maps' are the last ones
    assert torch.equal(ours["blocks.2.first.weight"], theirs["blocks.1.first.weight"])
    assert "fresh" in training.taken_over["generator"]


def test_classes_that_the_source_lacks_stay_fresh(few_pictures: PictureSet, tmp_path: Path) -> None:
    trained(tiny_stylegan2(), few_pictures, tmp_path / "source")
    config = with_values(starting_from(tiny_stylegan2(), tmp_path / "source"), {"data.conditional": "true"})
    training = begin(config, few_pictures, CPU)
    assert "mapping_network.class_embedding" in training.taken_over["generator"]


def test_an_ensemble_member_gives_its_generator_alone(few_pictures: PictureSet, tmp_path: Path) -> None:
    trained(tiny_dcgan(), few_pictures, tmp_path / "source")
    (tmp_path / "source" / TRAINING).unlink()
    training = begin(starting_from(tiny_dcgan(), tmp_path / "source"), few_pictures, CPU)
    assert list(training.taken_over) == ["generator"]


def test_what_cannot_be_taken_is_said(few_pictures: PictureSet, tmp_path: Path) -> None:
    trained(tiny_dcgan(), few_pictures, tmp_path / "source")
    with pytest.raises(UserError, match="holds a dcgan, whose weights a stylegan2 cannot take"):
        begin(starting_from(tiny_stylegan2(), tmp_path / "source"), few_pictures, CPU)
    with pytest.raises(UserError, match="is not a checkpoint"):
        begin(starting_from(tiny_dcgan(), tmp_path / "nothing"), few_pictures, CPU)


def test_too_many_frozen_stages_are_refused(few_pictures: PictureSet) -> None:
    with pytest.raises(UserError, match="freeze_discriminator 99: this discriminator has"):
        begin(with_values(tiny_stylegan2(), {"transfer.freeze_discriminator": "99"}), few_pictures, CPU)
