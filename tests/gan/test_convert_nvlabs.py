"""Networks of NVlabs' repositories, from files made here in their form: each weight lies where it belongs."""

import dataclasses
import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from gan.begin import begin
from gan.checkpoint import GENERATOR, TRAINING, load_generator, load_record, load_training
from gan.config import TransferConfig
from gan.convert.__main__ import main, read_networks
from gan.convert.imported import mean_style
from gan.data.dataset import PictureSet
from gan.networks.style import MappedGenerator
from gan.networks.stylegan2 import StyleGAN2Discriminator, StyleGAN2Generator
from gan.sampling.sample import sample
from tests.gan.nvlabs_pickles import Module, discriminator, generator, linear, named_as_theirs, saved

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def their_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    named_as_theirs(monkeypatch)


def same(ours: Tensor, theirs: Tensor) -> bool:
    return bool(torch.equal(ours, theirs.detach()))


@pytest.mark.parametrize("architecture", ["skip", "resnet", "orig"])
@pytest.mark.parametrize("classes", [0, 3])
def test_a_generator_of_nvlabs_layer_by_layer(architecture: str, classes: int, tmp_path: Path) -> None:
    theirs, older = generator(architecture, classes), generator(architecture, classes)
    imported = read_networks(saved(tmp_path / "a.pkl", G_ema=theirs, G=older))
    ours, config = imported.average, imported.config
    assert (config.z_dim, config.w_dim, config.mapping_layers, config.w_mean_decay) == (5, 7, 2, 0.995)
    assert (config.channel_base, config.channel_max, config.clamp) == (128, 16, 256.0)
    assert (config.output, config.border) == ("linear", "zero")
    assert config.generator == {"skip": "skip", "resnet": "residual", "orig": "original"}[architecture]
    assert (imported.shape.height, imported.shape.width, imported.shape.num_classes) == (16, 16, classes)
    assert imported.mirror
    pairs = {
        "w_mean": "mapping.w_avg",
        "mapping_network.layers.1.weight": "mapping.fc1.weight",
        "mapping_network.layers.1.bias": "mapping.fc1.bias",
        "convolutions.0.convolution.weight": "synthesis.b4.conv1.weight",
        "convolutions.1.convolution.weight": "synthesis.b8.conv0.weight",
        "convolutions.2.bias": "synthesis.b8.conv1.bias",
        "convolutions.3.convolution.style.weight": "synthesis.b16.conv0.affine.weight",
        "convolutions.4.convolution.style.bias": "synthesis.b16.conv1.affine.bias",
        "convolutions.4.noise_strength": "synthesis.b16.conv1.noise_strength",
        "to_pictures.2.convolution.weight": "synthesis.b16.torgb.weight",
        "to_pictures.2.bias": "synthesis.b16.torgb.bias",
        "to_pictures.2.convolution.style.weight": "synthesis.b16.torgb.affine.weight",
    }
    if architecture == "skip":
        pairs["to_pictures.0.bias"] = "synthesis.b4.torgb.bias"
    if architecture == "resnet":
        pairs["joins.1.skip.weight"] = "synthesis.b16.skip.weight"
    if classes:
        pairs["mapping_network.class_embedding.weight"] = "mapping.embed.weight"
    for mine, other in pairs.items():
        assert same(ours[mine], theirs[other]), (mine, other)
        assert imported.generator is not None
        assert same(imported.generator[mine], older[other]), (mine, other)
    assert same(ours["constant"][0], theirs["synthesis.b4.const"])
    StyleGAN2Generator(config, imported.shape).load_state_dict(ours)  # every weight, each in its shape


@pytest.mark.parametrize("architecture", ["skip", "resnet", "orig"])
@pytest.mark.parametrize("classes", [0, 3])
def test_a_discriminator_of_nvlabs_layer_by_layer(architecture: str, classes: int, tmp_path: Path) -> None:
    theirs = discriminator(architecture, classes)
    imported = read_networks(saved(tmp_path / "a.pkl", G_ema=generator(classes=classes), D=theirs))
    ours, config = imported.discriminator, imported.config
    assert ours is not None
    assert config.minibatch_group == 8
    assert config.discriminator == {"skip": "skip", "resnet": "residual", "orig": "original"}[architecture]
    pairs = {
        "from_picture.weight": "b16.fromrgb.weight",
        "blocks.0.first.weight": "b16.conv0.weight",
        "blocks.0.second.bias": "b16.conv1.bias",
        "blocks.1.second.weight": "b8.conv1.weight",
        "last.weight": "b4.conv.weight",
        "hidden.weight": "b4.fc.weight",
        "logit.bias": "b4.out.bias",
    }
    if architecture == "skip":
        pairs["from_smaller.0.convolution.weight"] = "b8.fromrgb.weight"
        pairs["from_smaller.1.convolution.bias"] = "b4.fromrgb.bias"
    if architecture == "resnet":
        pairs["blocks.1.skip.weight"] = "b8.skip.weight"
    if classes:
        assert (config.class_dim, config.class_layers) == (16, 8)
        pairs["class_mapping.weight"] = "mapping.embed.weight"
        pairs["class_layers.7.bias"] = "mapping.fc7.bias"
    for mine, other in pairs.items():
        assert same(ours[mine], theirs[other]), (mine, other)
    StyleGAN2Discriminator(config, imported.shape).load_state_dict(ours)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_protocol_that_python_3_writes(protocol: int, tmp_path: Path) -> None:
    theirs = generator()
    imported = read_networks(saved(tmp_path / "a.pkl", protocol=protocol, G_ema=theirs, D=discriminator()))
    assert same(imported.average["convolutions.2.bias"], theirs["synthesis.b8.conv1.bias"])
    assert imported.discriminator is not None


def test_layers_that_learn_at_another_rate_compute_the_same(tmp_path: Path) -> None:
    theirs = generator()
    layers = [linear(5, 7, activation="lrelu", multiplier=0.1), linear(7, 7, activation="lrelu", multiplier=1.0)]
    for index, layer in enumerate(layers):
        theirs["mapping"].parts[f"fc{index}"] = layer
    imported = read_networks(saved(tmp_path / "a.pkl", G_ema=theirs))
    ours = StyleGAN2Generator(imported.config, imported.shape)
    ours.load_state_dict(imported.average)
    x = torch.randn(4, 5)
    for layer, (multiplier, num_in) in zip(ours.mapping_network.layers, ((0.1, 5), (1.0, 7)), strict=True):
        other = layers[0] if num_in == 5 else layers[1]
        expected = x @ (other["weight"].t() * multiplier / math.sqrt(num_in)) + other["bias"] * multiplier
        torch.testing.assert_close(layer(x), expected)
        x = expected


def test_layers_held_still_keep_their_weights_as_buffers(tmp_path: Path) -> None:
    theirs = discriminator()
    frozen = theirs["b16.conv0"]
    frozen.tensors["weight"] = frozen.tensors["weight"].detach()
    imported = read_networks(saved(tmp_path / "a.pkl", G_ema=generator(), D=theirs))
    assert imported.discriminator is not None
    assert same(imported.discriminator["blocks.0.first.weight"], frozen["weight"])


def test_a_layer_without_noise_gets_strength_0(tmp_path: Path) -> None:
    theirs = generator()
    del theirs["synthesis.b8.conv0"].tensors["noise_strength"]
    ours = read_networks(saved(tmp_path / "a.pkl", G_ema=theirs)).average
    assert ours["convolutions.1.noise_strength"] == 0.0
    assert ours["convolutions.2.noise_strength"] != 0.0


def test_the_command_makes_a_checkpoint_that_draws_and_trains(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = saved(tmp_path / "a.pkl", G_ema=generator(classes=3), G=generator(classes=3), D=discriminator(classes=3))
    out = tmp_path / "out"
    assert main([str(source), "--out", str(out), "--classes", "axe", "bow", "sword"]) == 0
    assert "16x16, 3 channels, 3 classes" in capsys.readouterr().out
    record = load_record(out)
    assert record.class_names == ("axe", "bow", "sword")
    assert record.images_seen == 0
    assert record.data_fingerprint.startswith("imported-")
    average, _ = load_generator(out, CPU)
    assert sample(average, [1, 2], class_counts=record.class_counts).shape == (2, 3, 16, 16)
    training = load_training(out, CPU)
    imported = read_networks(source)
    assert imported.generator is not None
    assert imported.discriminator is not None
    for module, weights in (
        (training.average, imported.average),
        (training.generator, imported.generator),
        (training.discriminator, imported.discriminator),
    ):
        for name, value in module.state_dict().items():
            assert same(value, weights[name]), name


def test_a_run_begins_from_an_imported_checkpoint(tmp_path: Path) -> None:
    source = saved(tmp_path / "a.pkl", G_ema=generator(), D=discriminator())
    assert main([str(source), "--out", str(tmp_path / "out")]) == 0
    config = load_record(tmp_path / "out").config
    images = np.zeros((4, 3, 16, 16), np.uint8)
    pictures = PictureSet(
        source="here",
        images=images,
        labels=np.zeros(4, np.int64),
        class_names=(),
        names=tuple("abcd"),
        skipped=(),
        fingerprint="",
    )
    transfer = TransferConfig(start_from=str(tmp_path / "out"))
    training = begin(dataclasses.replace(config, transfer=transfer), pictures, CPU)
    imported = read_networks(source)
    assert same(training.generator.state_dict()["constant"], imported.average["constant"])
    assert imported.discriminator is not None
    assert same(training.discriminator.state_dict()["hidden.weight"], imported.discriminator["hidden.weight"])
    assert set(training.taken_over) == {"generator", "discriminator"}
    assert not any("fresh" in words for words in training.taken_over.values()), training.taken_over


def test_a_file_without_a_discriminator_makes_a_checkpoint_that_draws_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main([str(saved(tmp_path / "a.pkl", G_ema=generator())), "--out", str(out)]) == 0
    assert "no discriminator" in capsys.readouterr().out
    assert (out / GENERATOR).exists()
    assert not (out / TRAINING).exists()


def test_a_discriminator_of_other_widths_is_left_out_and_said(tmp_path: Path) -> None:
    theirs = discriminator(clamp=None)
    imported = read_networks(saved(tmp_path / "a.pkl", G_ema=generator(), D=theirs))
    assert imported.discriminator is None
    assert "left out" in imported.remarks[0]


def test_a_mean_style_that_is_missing_is_estimated(tmp_path: Path) -> None:
    theirs = generator(w_avg_beta=None)
    del theirs["mapping"].tensors["w_avg"]
    source = saved(tmp_path / "a.pkl", G_ema=theirs)
    assert "estimated" in read_networks(source).remarks[-1]
    assert main([str(source), "--out", str(tmp_path / "out")]) == 0
    average, _ = load_generator(tmp_path / "out", CPU)
    assert isinstance(average, MappedGenerator)
    torch.testing.assert_close(average.w_mean, mean_style(average))
    assert average.w_mean.abs().max() > 0


def changed(part: str, **settings: Any) -> Module:
    theirs = generator()
    theirs[part].settings.update(settings)
    return theirs


def with_tensor(part: str, name: str, value: Tensor) -> Module:
    theirs = generator()
    theirs[part].tensors[name] = value
    return theirs


def alias_free() -> Module:
    theirs = generator()
    theirs["synthesis"].parts["input"] = Module("SynthesisInput")
    return theirs


def rewired() -> Module:
    theirs = generator()
    for block in theirs["synthesis"].parts.values():
        block.settings["architecture"] = "new"
    return theirs


NOT_SUPPORTED = {
    "alias-free StyleGAN3": alias_free,
    "activation 'relu'": lambda: changed("mapping.fc0", activation="relu"),
    "another filter": lambda: with_tensor("synthesis.b8.conv0", "resample_filter", torch.ones(4, 4) / 16),
    "conv_clamp differs": lambda: changed("synthesis.b8.conv0", conv_clamp=1),
    "architecture 'new'": rewired,
    "12 pixels": lambda: changed("synthesis", img_resolution=12),
    "whole number": lambda: changed("synthesis", img_resolution=10**9),
    "does not fit its own settings: mapping_network.layers.1.weight": lambda: with_tensor(
        "mapping.fc1", "weight", torch.randn(7, 9)
    ),
    "channels": lambda: with_tensor("synthesis.b8.conv1", "weight", torch.randn(11, 11, 3, 3)),
}


@pytest.mark.parametrize("named", NOT_SUPPORTED)
def test_what_has_no_equal_here_is_named(named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = saved(tmp_path / "a.pkl", G_ema=NOT_SUPPORTED[named]())
    assert main([str(source), "--out", str(tmp_path / "out")]) == 2
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1
    assert named in printed
    assert not (tmp_path / "out").exists()


def test_a_folder_that_exists_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine").write_text("kept")
    assert main([str(saved(tmp_path / "a.pkl", G_ema=generator())), "--out", str(out)]) == 2
    assert "exists" in capsys.readouterr().err
    assert (out / "mine").read_text() == "kept"


def test_class_names_must_be_as_many_as_classes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = saved(tmp_path / "a.pkl", G_ema=generator(classes=3))
    assert main([str(source), "--out", str(tmp_path / "out"), "--classes", "axe"]) == 2
    assert "the networks have 3" in capsys.readouterr().err


def test_a_file_of_neither_kind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "a.pkl"
    source.write_bytes(pickle.dumps({"model": {}}))
    assert main([str(source), "--out", str(tmp_path / "out")]) == 2
    assert "neither" in capsys.readouterr().err
    assert main([str(tmp_path / "none.pkl"), "--out", str(tmp_path / "out")]) == 2
    assert "none.pkl" in capsys.readouterr().err
