"""Every switch against collapse changes the run that it is set in, and a run with it resumes to the bit."""

from pathlib import Path

import numpy as np
import pytest
import torch

from gan.begin import begin
from gan.checkpoint import load_training, save_checkpoint
from gan.config import RunConfig, with_values
from gan.data.dataset import PictureSet
from gan.loop import train
from gan.recipes import tiny_stylegan2
from gan.training import Training

CPU = torch.device("cpu")
SWITCHES: list[dict[str, str]] = [
    {"loss.kind": "hinge"},
    {"loss.kind": "relativistic", "regulariser.r2_gamma": "1.0"},
    {"loss.packing": "2"},
    {"loss.top_k": "0.5", "loss.top_k_half_life_kimg": "0.01"},
    {"regulariser.r1_gamma": "0"},
    {"regulariser.r1_interval": "2"},
    {"regulariser.r2_gamma": "1.0"},
    {"regulariser.orthogonal_weight": "0.0001"},
    {"optimiser.discriminator_lr_ratio": "2.0"},
    {"optimiser.largest_batch": "16", "optimiser.batch_growth_kimg": "0.016"},
    {"optimiser.warm_up_kimg": "0.03"},
    {"optimiser.decay": "cosine"},
    {"optimiser.decay": "linear"},
    {"optimiser.gradient_clip": "0.1"},
    {"transfer.freeze_discriminator": "1"},
    {"data.class_balance": "1.0"},
    {"data.mirror": "true"},
    {"average.half_life_kimg": "0.001"},
    {"average.ramp_up": "0"},
    {"augment.policy": "diffaugment"},
    {"augment.policy": "none"},
    {"augment.alpha_aware": "false", "augment.policy": "fixed", "augment.fixed_p": "0.9"},
    {"network.style_mixing_probability": "0.9"},
    {"network.path_length_weight": "2.0"},
    {"network.minibatch_group": "1"},
]


def uneven(pictures: PictureSet) -> PictureSet:
    """The same pictures, off centre (something to mirror), two of them a class of their own (something to balance)."""
    labels = pictures.labels.copy()
    labels[:] = 0
    labels[:2] = 1
    labels[2:4] = 2
    return PictureSet(**{**vars(pictures), "labels": labels, "images": np.roll(pictures.images, 3, axis=3)})


def run_to_end(config: RunConfig, pictures: PictureSet) -> Training:
    training = begin(config, pictures, CPU)
    for tick in train(training, pictures):
        assert tick.finite
        assert tick.num_returns == 0
    return training


@pytest.fixture(scope="module")
def plain(few_pictures: PictureSet) -> Training:
    return run_to_end(tiny_stylegan2(), uneven(few_pictures))


@pytest.mark.parametrize("values", SWITCHES, ids=lambda values: ",".join(f"{k}={v}" for k, v in values.items()))
def test_a_switch_changes_the_run_and_resumes_to_the_bit(
    values: dict[str, str], plain: Training, few_pictures: PictureSet, tmp_path: Path
) -> None:
    pictures = uneven(few_pictures)
    config = with_values(tiny_stylegan2(), values)
    whole = run_to_end(config, pictures)
    ours, theirs = whole.average.state_dict(), plain.average.state_dict()
    assert any(not torch.equal(value, theirs[name]) for name, value in ours.items()), "the switch does nothing"

    cut = begin(config, pictures, CPU)
    for _ in train(cut, pictures):
        save_checkpoint(tmp_path / "cut", cut, pictures)
        break
    resumed = load_training(tmp_path / "cut", CPU)
    for _ in train(resumed, pictures):
        pass
    for name, value in whole.state().items():
        assert torch.equal(value, resumed.state()[name]), name


def test_frozen_stages_stay_still(few_pictures: PictureSet) -> None:
    config = with_values(tiny_stylegan2(), {"transfer.freeze_discriminator": "2"})
    before, after = begin(config, few_pictures, CPU), run_to_end(config, few_pictures)
    pairs = list(zip(before.discriminator.stages(), after.discriminator.stages(), strict=True))
    for number, (old, new) in enumerate(pairs):
        still = [torch.equal(a, b) for a, b in zip(old.parameters(), new.parameters(), strict=True)]
        assert all(still) if number < 2 else not any(still)


def test_the_batch_grows_in_the_run(few_pictures: PictureSet) -> None:
    config = with_values(tiny_stylegan2(), {"optimiser.largest_batch": "16", "optimiser.batch_growth_kimg": "0.016"})
    training = run_to_end(config, few_pictures)
    assert training.images_seen == 64
    assert training.num_steps == 2 + 3  # 8, 8, then 16, 16, 16
