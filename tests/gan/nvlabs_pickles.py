"""Pickles in the form of NVlabs' repositories, made without their code: modules with known weights."""

import math
import pickle
import sys
import types
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

WIDTHS = {4: 16, 8: 16, 16: 8}  # channel_base 128, channel_max 16
SIDES = sorted(WIDTHS)
FILTER = torch.outer(torch.tensor([1.0, 3.0, 3.0, 1.0]), torch.tensor([1.0, 3.0, 3.0, 1.0])) / 64.0


def reconstruct(meta: dict[str, Any]) -> Any:
    raise AssertionError("the source in the pickle was about to run")


class EasyDict(dict[str, Any]):
    """In the place of dnnlib.util.EasyDict."""


def named_as_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Modules of their names, so that the pickles here name what theirs name."""
    reconstruct.__module__, reconstruct.__qualname__ = "torch_utils.persistence", "_reconstruct_persistent_obj"
    EasyDict.__module__ = "dnnlib.util"
    contents = {
        "torch_utils": {},
        "torch_utils.persistence": {"_reconstruct_persistent_obj": reconstruct},
        "dnnlib": {},
        "dnnlib.util": {"EasyDict": EasyDict},
    }
    for name, content in contents.items():
        module = types.ModuleType(name)
        module.__dict__.update(content)
        monkeypatch.setitem(sys.modules, name, module)


class Module:
    """Pickles as an object of NVlabs' persistence: parts, tensors and settings by name."""

    def __init__(self, class_name: str, **attributes: Any) -> None:
        self.class_name = class_name
        self.parts = {name: value for name, value in attributes.items() if isinstance(value, Module)}
        self.tensors = {name: value for name, value in attributes.items() if isinstance(value, Tensor)}
        kept = self.parts.keys() | self.tensors.keys()
        self.settings = {name: value for name, value in attributes.items() if name not in kept}

    def __reduce__(self) -> Any:
        parameters = {name: value for name, value in self.tensors.items() if isinstance(value, torch.nn.Parameter)}
        buffers = {name: value for name, value in self.tensors.items() if name not in parameters}
        state = EasyDict(_modules=self.parts, _parameters=parameters, _buffers=buffers, training=False, **self.settings)
        state["_non_persistent_buffers_set"] = set()
        state["act_gain"] = np.float64(math.sqrt(2.0))
        state["_backward_hooks"] = OrderedDict()
        source = "raise SystemExit('the source in the pickle was run')"
        meta = {"type": "class", "version": 6, "module_src": source, "class_name": self.class_name, "state": state}
        return reconstruct, (meta,)

    def __getitem__(self, path: str) -> Any:
        """The tensor or part at a dotted path."""
        first, _, rest = path.partition(".")
        found = self.parts[first] if first in self.parts else self.tensors[first]
        return found[rest] if rest else found


def weight(*size: int) -> torch.nn.Parameter:
    return torch.nn.Parameter(torch.randn(*size))


def linear(num_in: int, num_out: int, *, activation: str = "linear", multiplier: float = 1.0) -> Module:
    gain = multiplier / math.sqrt(num_in)
    settings = {"activation": activation, "weight_gain": gain, "bias_gain": multiplier}
    return Module("FullyConnectedLayer", weight=weight(num_out, num_in), bias=weight(num_out), **settings)


def convolution(num_in: int, num_out: int, kernel: int, *, bias: bool = True, clamp: float | None = 256) -> Module:
    kept = {"bias": weight(num_out)} if bias else {}
    settings = {"activation": "lrelu" if bias else "linear", "conv_clamp": clamp if bias else None}
    return Module(
        "Conv2dLayer",
        weight=weight(num_out, num_in, kernel, kernel),
        resample_filter=FILTER.clone(),
        **kept,
        **settings,
    )


def mapping(num_in: int, width: int, layers: int, *, multiplier: float = 0.01, **more: Any) -> Module:
    parts: dict[str, Any] = {}
    for index in range(layers):
        parts[f"fc{index}"] = linear(num_in if index == 0 else width, width, activation="lrelu", multiplier=multiplier)
    return Module("MappingNetwork", num_layers=layers, w_dim=width, **parts, **more)


def generator(architecture: str = "skip", classes: int = 0, **mapping_changes: Any) -> Module:
    blocks = {}
    for side in SIDES:
        num_in, num_out = WIDTHS.get(side // 2, 0), WIDTHS[side]

        def styled(num: int, num_out: int = num_out, side: int = side) -> Module:
            kept = {"noise_strength": weight(1)[0].detach(), "noise_const": torch.randn(side, side)}
            return Module(
                "SynthesisLayer",
                weight=weight(num_out, num, 3, 3),
                bias=weight(num_out),
                affine=linear(7, num),
                resample_filter=FILTER.clone(),
                activation="lrelu",
                conv_clamp=256,
                **kept,
            )

        parts: dict[str, Any] = {"conv1": styled(num_out), "architecture": architecture}
        if num_in:
            parts["conv0"] = styled(num_in)
        else:
            parts["const"] = weight(num_out, 4, 4)
        if architecture == "skip" or side == SIDES[-1]:
            picture = {"weight": weight(3, num_out, 1, 1), "bias": weight(3), "affine": linear(7, num_out)}
            parts["torgb"] = Module("ToRGBLayer", conv_clamp=256, **picture)
        if architecture == "resnet" and num_in:
            parts["skip"] = convolution(num_in, num_out, 1, bias=False)
        blocks[f"b{side}"] = Module("SynthesisBlock", **parts)
    embed = {"embed": linear(classes, 5)} if classes else {}
    mapped: dict[str, Any] = {"z_dim": 5, "c_dim": classes, "w_avg_beta": 0.995, "w_avg": torch.randn(7), **embed}
    mapped |= mapping_changes
    return Module(
        "Generator",
        synthesis=Module("SynthesisNetwork", img_resolution=16, img_channels=3, **blocks),
        mapping=mapping(10 if classes else 5, 7, 2, **mapped),
    )


def discriminator(architecture: str = "resnet", classes: int = 0, clamp: float | None = 256) -> Module:
    blocks: dict[str, Any] = {}
    for side in SIDES[:0:-1]:
        num_in, num_out = WIDTHS[side], WIDTHS[side // 2]
        parts = {
            "conv0": convolution(num_in, num_in, 3, clamp=clamp),
            "conv1": convolution(num_in, num_out, 3, clamp=clamp),
        }
        if side == SIDES[-1] or architecture == "skip":
            parts["fromrgb"] = convolution(3, num_in, 1, clamp=clamp)
        if architecture == "resnet":
            parts["skip"] = convolution(num_in, num_out, 1, bias=False)
        blocks[f"b{side}"] = Module("DiscriminatorBlock", architecture=architecture, **parts)
    last = {"fromrgb": convolution(3, 16, 1, clamp=None)} if architecture == "skip" else {}
    blocks["b4"] = Module(
        "DiscriminatorEpilogue",
        architecture=architecture,
        cmap_dim=16 if classes else 0,
        mbstd=Module("MinibatchStdLayer", group_size=8, num_channels=1),
        conv=convolution(17, 16, 3, clamp=clamp),
        fc=linear(256, 16, activation="lrelu"),
        out=linear(16, 16 if classes else 1),
        **last,
    )
    if classes:
        blocks["mapping"] = mapping(16, 16, 8, embed=linear(classes, 16), w_avg_beta=None)
    return Module("Discriminator", img_resolution=16, img_channels=3, c_dim=classes, **blocks)


def saved(path: Path, *, protocol: int | None = None, **networks: Any) -> Path:
    root = {"training_set_kwargs": {"resolution": 16, "xflip": True}, "augment_pipe": None, **networks}
    path.write_bytes(pickle.dumps(root, protocol=protocol))
    return path
