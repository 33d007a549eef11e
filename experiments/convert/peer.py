"""Runs a peer's own code in a process of its own: builds its networks, saves them as it does, notes what they make.

Called by compare.py. Knows nothing of Ganvil, and must not: its folder of code is first on the path, and its modules
have names like `training` and `model`.
"""

import argparse
import json
import pickle
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.utils.cpp_extension
from packaging.version import parse

NUM = 8
TRUNCATION = 0.7
Arrays = dict[str, Any]


def perturb(module: torch.nn.Module, chance: torch.Generator) -> None:
    """Move what starts at 0 or 1 away from there, so that nothing agrees by being absent."""
    with torch.no_grad():
        for name, value in [*module.named_parameters(), *module.named_buffers()]:
            if name.endswith(("bias", "noise_strength", "noise.weight", "w_avg")):
                slow = ".fc" in name or name.startswith("style.") or ".mapping." in name
                value.add_(torch.randn(value.shape, generator=chance) * (20.0 if slow and "bias" in name else 0.3))


def nvlabs(case: dict[str, Any], target: Path) -> Arrays:
    """stylegan2-ada-pytorch, or the StyleGAN2 networks of stylegan3."""
    # stylegan3 compares versions by a part of setuptools that its newer releases have no more
    sys.modules["pkg_resources"] = types.ModuleType("pkg_resources")
    sys.modules["pkg_resources"].parse_version = parse  # type: ignore[attr-defined]
    import dnnlib  # type: ignore[import-not-found]

    try:
        from training import networks  # type: ignore[import-not-found]
    except ImportError:
        from training import networks_stylegan2 as networks

    size, classes = case["size"], case["classes"]
    common = {"channel_base": case["channel_base"], "channel_max": 512, "num_fp16_res": 4, "conv_clamp": case["clamp"]}
    architecture = {"architecture": case["generator"]} if case["generator"] != "skip" else {}
    in_synthesis = {**common, **architecture}
    in_synthesis = in_synthesis if "stylegan3" in sys.path[0] else {"synthesis_kwargs": dnnlib.EasyDict(in_synthesis)}
    kwargs = {"z_dim": 512, "w_dim": 512, "c_dim": classes, "img_resolution": size, "img_channels": 3}
    made = {
        name: networks.Generator(**kwargs, mapping_kwargs=dnnlib.EasyDict(num_layers=case["layers"]), **in_synthesis)
        for name in ("G", "G_ema")
    }
    made["D"] = networks.Discriminator(
        c_dim=classes,
        img_resolution=size,
        img_channels=3,
        architecture=case["discriminator"],
        epilogue_kwargs=dnnlib.EasyDict(mbstd_group_size=case["group"]),
        **common,
    )
    chance = torch.Generator().manual_seed(1)
    for module in made.values():
        perturb(module, chance)
        module.eval().requires_grad_(False)
    with target.open("wb") as file:
        pickle.dump({"training_set_kwargs": {"xflip": True}, **made, "augment_pipe": None}, file)
    z = torch.randn(NUM, 512, generator=chance)
    labels = torch.arange(NUM) % max(classes, 1)
    c = torch.nn.functional.one_hot(labels, classes).float() if classes else torch.zeros(NUM, 0)
    result: Arrays = {"z": z, "labels": labels}
    for name in ("G", "G_ema"):
        network = made[name]
        draw: Arrays = {"noise_mode": "const", "force_fp32": True}
        result[name] = network(z, c, **draw)
        result[f"{name} truncated"] = network(z, c, truncation_psi=TRUNCATION, **draw)
        layers = [m for m in network.synthesis.modules() if hasattr(m, "noise_const")]
        result |= {f"{name} noise {index}": layer.noise_const for index, layer in enumerate(layers)}
    result["D"] = made["D"](result["G_ema"], c, force_fp32=True).flatten()
    return result


def rosinality(case: dict[str, Any], target: Path) -> Arrays:
    """stylegan2-pytorch; its extensions are not compiled: on a CPU its own plain operators run."""
    torch.utils.cpp_extension.load = lambda *_, **__: None
    from model import Discriminator, Generator  # type: ignore[import-not-found]

    size = case["size"]
    multiplier = case["channel_base"] // 16384
    made = {
        "g": Generator(size, 512, 8, channel_multiplier=multiplier),
        "g_ema": Generator(size, 512, 8, channel_multiplier=multiplier),
        "d": Discriminator(size, channel_multiplier=multiplier),
    }
    chance = torch.Generator().manual_seed(1)
    for module in made.values():
        perturb(module, chance)
        module.eval().requires_grad_(False)
    mean = torch.randn(512, generator=chance)
    states: Arrays = {name: module.state_dict() for name, module in made.items()}
    settings = argparse.Namespace(size=size, latent=512, n_mlp=8, arch="stylegan2")
    optimiser = torch.optim.Adam(made["d"].parameters())
    everything = {**states, "d_optim": optimiser.state_dict(), "args": settings, "ada_aug_p": 0.0, "latent_avg": mean}
    torch.save(everything, target, _use_new_zipfile_serialization=case["zip"])
    z = torch.randn(NUM, 512, generator=chance)
    result: Arrays = {"z": z, "labels": torch.zeros(NUM, dtype=torch.long)}
    for ours, theirs in (("G", "g"), ("G_ema", "g_ema")):
        generator = made[theirs]
        draw: Arrays = {"randomize_noise": False}
        result[ours] = generator([z], **draw)[0]
        result[f"{ours} truncated"] = generator([z], truncation=TRUNCATION, truncation_latent=mean, **draw)[0]
        for index in range(generator.num_layers):
            result[f"{ours} noise {index}"] = getattr(generator.noises, f"noise_{index}")[0, 0]
    result["D"] = made["d"](result["G_ema"]).flatten()
    return result


def main() -> None:
    source, kind, case, target = sys.argv[1:]
    sys.path.insert(0, source)
    torch.manual_seed(0)
    with torch.no_grad():
        arrays = {"nvlabs": nvlabs, "rosinality": rosinality}[kind](json.loads(case), Path(target))
    np.savez(f"{target}.npz", **{name: value.detach().numpy() for name, value in arrays.items()})


if __name__ == "__main__":
    main()
