"""Networks of rosinality's stylegan2-pytorch, from files made here in its form; and how widths become settings."""

import argparse
from pathlib import Path

import pytest
import torch
from torch import Tensor

from gan.checkpoint import TRAINING
from gan.convert.__main__ import main, read_networks
from gan.convert.imported import widths_to_settings
from gan.errors import UserError
from gan.networks.stylegan2 import StyleGAN2Discriminator, StyleGAN2Generator

WIDTHS = {4: 16, 8: 16, 16: 8}  # channel_base 128, channel_max 16
SIDES = sorted(WIDTHS)
FILTER = torch.outer(torch.tensor([1.0, 3.0, 3.0, 1.0]), torch.tensor([1.0, 3.0, 3.0, 1.0])) / 64.0


def same(ours: Tensor, theirs: Tensor) -> bool:
    return bool(torch.equal(ours, theirs))


def rosinality_generator() -> dict[str, Tensor]:
    state = {"input.input": torch.randn(1, 16, 4, 4)}
    for index in range(1, 4):
        state |= {f"style.{index}.weight": torch.randn(7, 7), f"style.{index}.bias": torch.randn(7)}

    def modulated(name: str, num_in: int, num_out: int, kernel: int) -> None:
        state[f"{name}.conv.weight"] = torch.randn(1, num_out, num_in, kernel, kernel)
        state[f"{name}.conv.modulation.weight"] = torch.randn(num_in, 7)
        state[f"{name}.conv.modulation.bias"] = torch.randn(num_in)

    def styled(name: str, num_in: int, num_out: int) -> None:
        modulated(name, num_in, num_out, 3)
        state[f"{name}.noise.weight"] = torch.randn(1)
        state[f"{name}.activate.bias"] = torch.randn(num_out)

    styled("conv1", 16, 16)
    modulated("to_rgb1", 16, 3, 1)
    state["to_rgb1.bias"] = torch.randn(1, 3, 1, 1)
    for level, side in enumerate(SIDES[1:]):
        styled(f"convs.{2 * level}", WIDTHS[side // 2], WIDTHS[side])
        styled(f"convs.{2 * level + 1}", WIDTHS[side], WIDTHS[side])
        state[f"convs.{2 * level}.conv.blur.kernel"] = FILTER * 4
        modulated(f"to_rgbs.{level}", WIDTHS[side], 3, 1)
        state[f"to_rgbs.{level}.bias"] = torch.randn(1, 3, 1, 1)
        state[f"to_rgbs.{level}.upsample.kernel"] = FILTER * 4
    for index in range(5):
        state[f"noises.noise_{index}"] = torch.randn(1, 1, 4, 4)
    return state


def rosinality_discriminator() -> dict[str, Tensor]:
    state = {"convs.0.0.weight": torch.randn(8, 3, 1, 1), "convs.0.1.bias": torch.randn(8)}
    for index, side in enumerate(SIDES[:0:-1]):
        name, num_in, num_out = f"convs.{index + 1}", WIDTHS[side], WIDTHS[side // 2]
        state[f"{name}.conv1.0.weight"] = torch.randn(num_in, num_in, 3, 3)
        state[f"{name}.conv1.1.bias"] = torch.randn(num_in)
        state[f"{name}.conv2.0.kernel"] = FILTER
        state[f"{name}.conv2.1.weight"] = torch.randn(num_out, num_in, 3, 3)
        state[f"{name}.conv2.2.bias"] = torch.randn(num_out)
        state[f"{name}.skip.0.kernel"] = FILTER
        state[f"{name}.skip.1.weight"] = torch.randn(num_out, num_in, 1, 1)
    state |= {"final_conv.0.weight": torch.randn(16, 17, 3, 3), "final_conv.1.bias": torch.randn(16)}
    state |= {"final_linear.0.weight": torch.randn(16, 256), "final_linear.0.bias": torch.randn(16)}
    return state | {"final_linear.1.weight": torch.randn(1, 16), "final_linear.1.bias": torch.randn(1)}


@pytest.mark.parametrize("as_zip", [True, False])
def test_rosinality_layer_by_layer(as_zip: bool, tmp_path: Path) -> None:
    theirs, judge, mean = rosinality_generator(), rosinality_discriminator(), torch.randn(7)
    rest = {"args": argparse.Namespace(size=16, path="lmdb"), "latent_avg": mean, "ada_aug_p": 0.0}
    source = tmp_path / "a.pt"
    torch.save(
        {"g_ema": theirs, "g": rosinality_generator(), "d": judge, **rest},
        source,
        _use_new_zipfile_serialization=as_zip,
    )
    imported = read_networks(source)
    ours, config = imported.average, imported.config
    assert (config.z_dim, config.w_dim, config.mapping_layers, config.clamp) == (7, 7, 3, None)
    assert (config.channel_base, config.channel_max) == (128, 16)
    assert imported.generator is not None
    assert same(ours["w_mean"], mean)
    assert same(imported.generator["w_mean"], mean)  # theirs truncates either generator towards it
    assert same(ours["mapping_network.layers.2.weight"], theirs["style.3.weight"])
    assert same(ours["convolutions.3.convolution.weight"], theirs["convs.2.conv.weight"][0])
    assert same(ours["convolutions.3.convolution.style.bias"], theirs["convs.2.conv.modulation.bias"])
    assert same(ours["convolutions.4.bias"], theirs["convs.3.activate.bias"])
    assert same(ours["convolutions.0.noise_strength"], theirs["conv1.noise.weight"][0])
    assert same(ours["to_pictures.0.bias"], theirs["to_rgb1.bias"].flatten())
    assert same(ours["to_pictures.2.convolution.weight"], theirs["to_rgbs.1.conv.weight"][0])
    StyleGAN2Generator(config, imported.shape).load_state_dict(ours)
    judged = imported.discriminator
    assert judged is not None
    assert same(judged["from_picture.bias"], judge["convs.0.1.bias"])
    assert same(judged["blocks.1.second.weight"], judge["convs.2.conv2.1.weight"])
    assert same(judged["blocks.0.skip.weight"], judge["convs.1.skip.1.weight"])
    assert same(judged["last.weight"], judge["final_conv.0.weight"])
    assert same(judged["logit.weight"], judge["final_linear.1.weight"])
    StyleGAN2Discriminator(config, imported.shape).load_state_dict(judged)


def test_rosinality_by_the_command_without_discriminator_and_mean(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save({"g_ema": rosinality_generator()}, tmp_path / "a.pt")
    assert main([str(tmp_path / "a.pt"), "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    assert "mean style: it was estimated" in printed
    assert "no discriminator" in printed
    assert not (tmp_path / "out" / TRAINING).exists()


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        ("to_rgbs.0.iwt.ll", torch.ones(2, 2), "SWAGAN"),
        ("attention.weight", torch.ones(2), "'attention.weight'"),
        ("convs.0.conv.blur.kernel", torch.ones(4, 4), "another filter"),
        ("convs.1.conv.weight", torch.ones(1, 16, 5, 3, 3), "does not fit"),
    ],
)
def test_rosinality_files_that_hold_more_are_refused(
    key: str, value: Tensor, named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save({"g_ema": {**rosinality_generator(), key: value}}, tmp_path / "a.pt")
    assert main([str(tmp_path / "a.pt"), "--out", str(tmp_path / "out")]) == 2
    assert named in capsys.readouterr().err


@pytest.mark.parametrize(
    ("widths", "settings"),
    [
        ({4: 512, 8: 512, 16: 512, 32: 512, 64: 256, 128: 128}, (16384, 512)),
        ({4: 250, 8: 125, 16: 62, 32: 31}, (1000, 250)),
        ({4: 16, 8: 16, 16: 16}, (256, 16)),
    ],
)
def test_widths_by_channel_base_and_max(widths: dict[int, int], settings: tuple[int, int]) -> None:
    assert widths_to_settings(widths) == settings


def test_widths_that_follow_no_rule() -> None:
    with pytest.raises(UserError, match="follow no channel_base"):
        widths_to_settings({4: 16, 8: 32, 16: 8})
