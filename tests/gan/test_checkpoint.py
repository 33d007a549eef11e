import dataclasses
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from gan.begin import begin
from gan.checkpoint import (
    GENERATOR,
    RECORD,
    TRAINING,
    CheckpointRecord,
    load_features,
    load_generator,
    load_record,
    load_training,
    save_checkpoint,
)
from gan.config import RunConfig
from gan.data.dataset import PictureSet
from gan.errors import UserError
from gan.loop import train
from gan.recipes import tiny_dcgan, tiny_stylegan2
from gan.sampling.sample import sample
from gan.training import Training

CPU = torch.device("cpu")


def full_stylegan2() -> RunConfig:
    """Every part that carries state between steps: mixing, path length, ADA's accumulators, classes."""
    config = tiny_stylegan2()
    return dataclasses.replace(
        config,
        network=dataclasses.replace(config.network, style_mixing_probability=0.9, path_length_weight=2.0),
        data=dataclasses.replace(config.data, conditional=True, mirror=True),
    )


RECIPES: list[Callable[[], RunConfig]] = [tiny_dcgan, tiny_stylegan2, full_stylegan2]


def trained_to_first_tick(config: RunConfig, pictures: PictureSet) -> Training:
    training = begin(config, pictures, CPU)
    next(iter(train(training, pictures)))
    return training


def test_a_run_goes_on_with_other_settings(few_pictures: PictureSet, tmp_path: Path) -> None:
    """The same state at another rate; networks of other shapes are an error."""
    trained = trained_to_first_tick(tiny_dcgan(), few_pictures)
    save_checkpoint(tmp_path / "one", trained, few_pictures)
    optimiser = dataclasses.replace(trained.config.optimiser, generator_lr=3e-5, discriminator_lr_ratio=2.0)
    changed = dataclasses.replace(trained.config, optimiser=optimiser, seed=9)
    other = load_training(tmp_path / "one", CPU, changed)
    assert other.config == changed
    for name, value in trained.state().items():
        assert torch.equal(value, other.state()[name]), name
    other.set_rates()
    rates = [each.param_groups[0]["lr"] for each in (other.generator_optimiser, other.discriminator_optimiser)]
    assert rates[0] == 3e-5
    assert rates[1] / 6e-5 == pytest.approx(16 / 17, abs=0.1)  # R1 is lazy
    next(iter(train(other, few_pictures)))
    wider = dataclasses.replace(trained.config, network=trained.config.network.scaled(2.0))
    with pytest.raises(UserError):
        load_training(tmp_path / "one", CPU, wider)


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_run_cut_and_resumed_ends_with_the_same_bits(
    recipe: Callable[[], RunConfig], few_pictures: PictureSet, tmp_path: Path
) -> None:
    uncut = begin(recipe(), few_pictures, CPU)
    uncut_ticks = list(train(uncut, few_pictures))

    save_checkpoint(tmp_path / "cut", trained_to_first_tick(recipe(), few_pictures), few_pictures)
    resumed = load_training(tmp_path / "cut", CPU)
    assert resumed.images_seen == 32
    resumed_ticks = list(train(resumed, few_pictures))

    for name, value in uncut.state().items():
        assert torch.equal(value, resumed.state()[name]), name
    assert [t.loss_generator for t in resumed_ticks] == [t.loss_generator for t in uncut_ticks[1:]]


def test_the_generator_alone_gives_the_same_pictures(few_pictures: PictureSet, tmp_path: Path) -> None:
    training = trained_to_first_tick(full_stylegan2(), few_pictures)
    save_checkpoint(tmp_path / "c", training, few_pictures)
    (tmp_path / "c" / TRAINING).unlink()
    generator, record = load_generator(tmp_path / "c", CPU)
    counts = record.class_counts
    assert counts == (16, 16, 16)
    again = sample(generator, range(8), class_counts=counts)
    assert (again == sample(training.average, range(8), class_counts=counts)).all()


def test_the_record_says_what_it_is(few_pictures: PictureSet, tmp_path: Path) -> None:
    written = save_checkpoint(tmp_path / "c", trained_to_first_tick(tiny_dcgan(), few_pictures), few_pictures)
    read = load_record(tmp_path / "c")
    assert read == written
    assert read.config.regulariser.r1_gamma == pytest.approx(0.0002 * 256 / 8)
    assert (read.images_seen, read.data_fingerprint, read.class_names) == (32, "few", ())


def test_features_are_kept_in_half_precision(few_pictures: PictureSet, tmp_path: Path) -> None:
    features = np.random.default_rng(0).normal(size=(5, 7)).astype(np.float32)
    training = begin(tiny_dcgan(), few_pictures, CPU)
    save_checkpoint(tmp_path / "c", training, few_pictures, features={"randconv": features})
    np.testing.assert_allclose(load_features(tmp_path / "c")["randconv"], features, rtol=1e-3)
    save_checkpoint(tmp_path / "plain", training, few_pictures)
    assert load_features(tmp_path / "plain") == {}


def test_saving_again_replaces_and_leaves_nothing_beside(few_pictures: PictureSet, tmp_path: Path) -> None:
    training = begin(tiny_dcgan(), few_pictures, CPU)
    save_checkpoint(tmp_path / "c", training, few_pictures)
    training.images_seen = 8
    save_checkpoint(tmp_path / "c", training, few_pictures)
    assert load_record(tmp_path / "c").images_seen == 8
    assert [path.name for path in tmp_path.iterdir()] == ["c"]


def test_nothing_in_a_checkpoint_is_pickle(few_pictures: PictureSet, tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "c", begin(tiny_dcgan(), few_pictures, CPU), few_pictures)
    assert {path.suffix for path in (tmp_path / "c").iterdir()} == {".safetensors", ".json"}


def spoil_nothing(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


def spoil_record(folder: Path) -> None:
    (folder / RECORD).write_text("{")


def spoil_format(folder: Path) -> None:
    (folder / RECORD).write_text((folder / RECORD).read_text().replace('"format": 1', '"format": 99'))


def spoil_weights(folder: Path) -> None:
    (folder / GENERATOR).write_bytes((folder / GENERATOR).read_bytes()[:100])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (spoil_nothing, "is not a checkpoint"),
        (spoil_record, "is damaged"),
        (spoil_format, "format 99 is not 1"),
        (spoil_weights, "cannot be read"),
    ],
)
def test_a_damaged_checkpoint_is_one_clear_line(
    spoil: Callable[[Path], None], message: str, few_pictures: PictureSet, tmp_path: Path
) -> None:
    save_checkpoint(tmp_path / "c", begin(tiny_dcgan(), few_pictures, CPU), few_pictures)
    spoil(tmp_path / "c")
    with pytest.raises(UserError, match=message) as caught:
        load_generator(tmp_path / "c", CPU)
    assert "\n" not in str(caught.value)


def test_json_survives(few_pictures: PictureSet, tmp_path: Path) -> None:
    record = save_checkpoint(tmp_path / "c", begin(full_stylegan2(), few_pictures, CPU), few_pictures)
    assert CheckpointRecord.from_json(record.to_json()) == record


_SAVE_FOR_EVER = """
import sys
from pathlib import Path
import torch
from gan.checkpoint import save_checkpoint
from gan.data.dataset import load_pictures
from gan.data.resolution import Resolution
from gan.recipes import stylegan2
from gan.begin import begin
pictures = load_pictures("armory", Resolution(height=16, width=16))
training = begin(stylegan2(), pictures, torch.device("cpu"))
number = 0
while True:
    training.images_seen = number = number + 1
    save_checkpoint(Path(sys.argv[1]) / f"{number:06d}", training, pictures)
    print(number, flush=True)
"""


@pytest.mark.slow
def test_kill_at_any_moment_leaves_whole_checkpoints_only(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    for after_seconds in (0.05, 0.11, 0.17):
        process = subprocess.Popen(
            [sys.executable, "-c", _SAVE_FOR_EVER, str(tmp_path)], env=environment, stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        assert process.stdout.readline(), "it saved at least one"
        time.sleep(after_seconds)
        process.send_signal(signal.SIGKILL)
        process.wait()
    named = [path for path in tmp_path.iterdir() if not path.name.startswith(".")]
    assert named
    for folder in named:
        load_training(folder, CPU)
