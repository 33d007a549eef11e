"""Whole runs by name, as functions that set a few fields. `tiny_…` are for tests: they learn nothing.

Each says where its numbers come from. A search starts from these and moves what its space names.
"""

import dataclasses
from collections.abc import Callable

from gan.augment import AugmentConfig
from gan.config import AverageConfig, OptimiserConfig, RunConfig, ScheduleConfig
from gan.errors import UserError
from gan.networks.dcgan import DCGANConfig
from gan.networks.stylegan2 import StyleGAN2Config


def dcgan() -> RunConfig:
    """DCGAN with R1 and ADA against collapse on few pictures.

    The paper's Adam is 2e-4 with beta1 0.5 (section 4). On the armory at 32 px, 4e-4 for the generator, 2e-4 for the
    discriminator and batches of 16 came to FID 113 in 32 s of one core, the paper's 2e-4 and batches of 32 to 156 in
    53 s (experiments/first_settings).
    """
    return RunConfig(
        network=DCGANConfig(),
        optimiser=OptimiserConfig(generator_lr=4e-4, discriminator_lr_ratio=0.5, beta1=0.5, beta2=0.999, batch_size=16),
        augment=AugmentConfig(speed_kimg=200.0),
    )


def dcgan_small() -> RunConfig:
    """`dcgan` at half the width: on one CPU core some 800 pictures of 32 px a second, weapons in two minutes."""
    config = dcgan()
    return dataclasses.replace(config, network=DCGANConfig(width=32, max_width=256))


def stylegan2() -> RunConfig:
    """StyleGAN2-ADA made small for icons: its rate 2.5e-3, betas 0 and 0.99 (its low-resolution runs), few channels.

    Batches of 16 rather than 32: twice the steps for the same pictures, where there are few.
    """
    return RunConfig(
        network=StyleGAN2Config(),
        optimiser=OptimiserConfig(generator_lr=2.5e-3, beta1=0.0, beta2=0.99, batch_size=16),
        augment=AugmentConfig(speed_kimg=200.0),
    )


def stylegan2_small() -> RunConfig:
    """`stylegan2` for a CPU core: some 300 pictures of 32 px a second."""
    network = StyleGAN2Config(z_dim=64, w_dim=64, mapping_layers=2, channel_base=512, channel_max=64)
    return dataclasses.replace(stylegan2(), network=network)


def stylegan2_f() -> RunConfig:
    """Configuration F of the StyleGAN2 paper, table 1, for a GPU: mixing 0.9, path length 2, rate 2e-3."""
    return RunConfig(
        network=StyleGAN2Config(
            z_dim=512,
            w_dim=512,
            mapping_layers=8,
            channel_base=32768,
            channel_max=512,
            style_mixing_probability=0.9,
            path_length_weight=2.0,
            w_mean_decay=0.995,
        ),
        optimiser=OptimiserConfig(generator_lr=2e-3, batch_size=32),
        schedule=ScheduleConfig(total_kimg=5000.0, tick_kimg=100.0),
    )


def tiny_dcgan() -> RunConfig:
    return _tiny(RunConfig(network=DCGANConfig(z_dim=8, width=4, max_width=8), optimiser=_TINY_OPTIMISER))


def tiny_stylegan2() -> RunConfig:
    network = StyleGAN2Config(z_dim=8, w_dim=8, mapping_layers=2, channel_base=64, channel_max=8)
    return _tiny(RunConfig(network=network, optimiser=_TINY_OPTIMISER))


_TINY_OPTIMISER = OptimiserConfig(generator_lr=1e-3, batch_size=8)


def _tiny(config: RunConfig) -> RunConfig:
    return dataclasses.replace(
        config,
        augment=AugmentConfig(initial_p=0.3),
        average=AverageConfig(half_life_kimg=0.05),
        schedule=ScheduleConfig(total_kimg=0.064, tick_kimg=0.032),
    )


RECIPES: dict[str, Callable[[], RunConfig]] = {
    "dcgan": dcgan,
    "dcgan-small": dcgan_small,
    "stylegan2": stylegan2,
    "stylegan2-small": stylegan2_small,
    "stylegan2-f": stylegan2_f,
    "tiny-dcgan": tiny_dcgan,
    "tiny-stylegan2": tiny_stylegan2,
}


def recipe_named(name: str) -> RunConfig:
    """That recipe's run; an unknown name is a UserError that lists the known."""
    if name not in RECIPES:
        raise UserError(f"unknown recipe {name!r}: known are {', '.join(RECIPES)}")
    return RECIPES[name]()
