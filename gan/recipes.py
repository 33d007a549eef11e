"""Whole runs by name, as functions that set a few fields. `tiny_…` are for tests: they learn nothing.

Each says where its numbers come from. A search starts from these and moves what its space names.
"""

import dataclasses
from collections.abc import Callable

from gan.augment import AugmentConfig
from gan.config import AverageConfig, OptimiserConfig, RunConfig, ScheduleConfig
from gan.errors import UserError
from gan.losses import LossConfig
from gan.networks.biggan import BigGANConfig
from gan.networks.biggan_deep import BigGANDeepConfig
from gan.networks.cdcgan import CDCGANConfig
from gan.networks.dcgan import DCGANConfig
from gan.networks.presets import preset_named
from gan.networks.r3gan import R3GANConfig
from gan.networks.stylegan2 import StyleGAN2Config
from gan.networks.swagan import SWAGANConfig
from gan.regularisers import RegulariserConfig


def dcgan() -> RunConfig:
    """DCGAN with R1 and ADA against collapse on few pictures.

    The paper's Adam is 2e-4 with beta1 0.5 (section 4). On the armory at 32 px, 4e-4 for the generator, 2e-4 for the
    discriminator and batches of 16 came to FID 113 in 32 s of one core, the paper's 2e-4 and batches of 32 to 156 in
    53 s (experiments/first_settings). Self-modulation costs a thirtieth more time and brought better pictures
    (experiments/networks). R1 a hundred times StyleGAN2-ADA's heuristic: on 214 icons, three seeds, held-out FID 122
    (3) against 135 (2), recall .61 against .53 (experiments/ablation).
    """
    return RunConfig(
        network=DCGANConfig(self_modulation=True),
        regulariser=RegulariserConfig(r1_multiplier=100.0),
        optimiser=OptimiserConfig(generator_lr=4e-4, discriminator_lr_ratio=0.5, beta1=0.5, beta2=0.999, batch_size=16),
        augment=AugmentConfig(speed_kimg=200.0),
    )


def dcgan_small() -> RunConfig:
    """`dcgan` at half the width: on one CPU core some 800 pictures of 32 px a second, weapons in two minutes."""
    return dataclasses.replace(dcgan(), network=preset_named("dcgan-small"))


def cdcgan() -> RunConfig:
    """`dcgan` with classes in the norms (give --conditional), z there too."""
    return dataclasses.replace(dcgan(), network=CDCGANConfig(self_modulation=True))


def cdcgan_small() -> RunConfig:
    """`cdcgan` at half the width: the best FID of all small recipes on dcss-weapons-plus (experiments/networks)."""
    return dataclasses.replace(dcgan(), network=CDCGANConfig(width=32, max_width=256, self_modulation=True))


def stylegan2() -> RunConfig:
    """StyleGAN2-ADA made small for icons: its rate 2.5e-3, betas 0 and 0.99 (its low-resolution runs), few channels.

    Batches of 16 rather than 32: twice the steps for the same pictures, where there are few. R1 a hundred times its
    heuristic for large sets: on 214 icons, three seeds, held-out FID 129 (12) against 155 (17), recall .37 against .29,
    precision .83 against .75 (experiments/ablation).
    """
    return RunConfig(
        network=StyleGAN2Config(),
        regulariser=RegulariserConfig(r1_multiplier=100.0),
        optimiser=OptimiserConfig(generator_lr=2.5e-3, beta1=0.0, beta2=0.99, batch_size=16),
        augment=AugmentConfig(speed_kimg=200.0),
    )


def stylegan2_small() -> RunConfig:
    """`stylegan2` for a CPU core: some 300 pictures of 32 px a second."""
    return dataclasses.replace(stylegan2(), network=preset_named("stylegan2-small"))


def stylegan2_f() -> RunConfig:
    """Configuration F of the StyleGAN2 paper, table 1, for a GPU: mixing 0.9, path length 2, rate 2e-3."""
    return RunConfig(
        network=preset_named("stylegan2-f"),
        optimiser=OptimiserConfig(generator_lr=2e-3, batch_size=32),
        schedule=ScheduleConfig(total_kimg=5000.0, tick_kimg=100.0),
    )


def biggan() -> RunConfig:
    """BigGAN for icons on a GPU: some 2 million parameters in each network at 32 px.

    Orthogonal regularisation is the paper's. The rates lie between the author's for CIFAR (2e-4 for both, batches of
    50) and for ImageNet (1e-4 and 4e-4, batches of 2048); not yet measured here.
    """
    return RunConfig(
        network=BigGANConfig(width=64, max_width=512, attention_side=32),
        loss=LossConfig(kind="hinge"),
        regulariser=RegulariserConfig(orthogonal_weight=1e-4),
        optimiser=OptimiserConfig(generator_lr=2e-4, discriminator_lr_ratio=2.0, beta1=0.0, beta2=0.999, batch_size=64),
        augment=AugmentConfig(speed_kimg=200.0),
    )


def biggan_small() -> RunConfig:
    """`biggan` for a CPU core: some 190 pictures of 32 px a second.

    Held-out FID 126, recall .35 on dcss-weapons-plus after 64,000 images, 351 s of one core (experiments/networks).
    The rates were chosen in trial runs, and the paper's orthogonal regularisation left out: it cost a third more time
    for little (experiments/LOG.md). With few pictures a class, classes make each class a few pictures.
    """
    return RunConfig(
        network=BigGANConfig(width=24, max_width=192, class_dim=64),
        loss=LossConfig(kind="hinge"),
        optimiser=OptimiserConfig(generator_lr=4e-4, discriminator_lr_ratio=2.0, beta1=0.0, beta2=0.999, batch_size=16),
        augment=AugmentConfig(speed_kimg=200.0),
    )


def biggan_deep() -> RunConfig:
    """BigGAN-deep for a GPU, at the rates of `biggan`; not yet measured here."""
    return dataclasses.replace(biggan(), network=BigGANDeepConfig(width=64, max_width=512, attention_side=32))


def biggan_deep_small() -> RunConfig:
    """BigGAN-deep for a CPU core: some 120 pictures of 32 px a second.

    Held-out FID 135, recall .37 on dcss-weapons-plus after 64,000 images, 577 s of one core (experiments/networks). In
    trial runs 4e-4 and 8e-4, as for `biggan_small`, learned more slowly.
    """
    return RunConfig(
        network=BigGANDeepConfig(width=32, max_width=256, class_dim=64),
        loss=LossConfig(kind="hinge"),
        optimiser=OptimiserConfig(generator_lr=8e-4, beta1=0.0, beta2=0.999, batch_size=16),
        augment=AugmentConfig(speed_kimg=200.0),
    )


def tiny_biggan() -> RunConfig:
    network = BigGANConfig(width=4, max_width=8, z_chunk_dim=4, class_dim=4, attention_side=8)
    return _tiny(RunConfig(network=network, loss=LossConfig(kind="hinge"), optimiser=_TINY_OPTIMISER))


def tiny_biggan_deep() -> RunConfig:
    network = BigGANDeepConfig(width=8, max_width=16, z_dim=8, class_dim=4, attention_side=8)
    return _tiny(RunConfig(network=network, loss=LossConfig(kind="hinge"), optimiser=_TINY_OPTIMISER))


def swagan() -> RunConfig:
    """SWAGAN at the widths and rates of `stylegan2`."""
    return dataclasses.replace(stylegan2(), network=SWAGANConfig())


def swagan_small() -> RunConfig:
    """`swagan` for a CPU core: `stylegan2_small`'s FID in three quarters of its time (experiments/networks)."""
    network = SWAGANConfig(z_dim=64, w_dim=64, mapping_layers=2, channel_base=512, channel_max=64)
    return dataclasses.replace(swagan(), network=network)


def r3gan() -> RunConfig:
    """R3GAN for icons: relativistic pairing with R1 and R2 is all that holds it (arXiv 2501.05441, section 2).

    The paper's rate is 2e-4 at 768 channels; narrower networks, whose weights start larger, take faster ones. Looked
    at only briefly at this width: dcss-weapons-plus, 5,600 images, FID 301 and coverage .39, 33 s of a CPU core for
    1,000 images.
    """
    return RunConfig(
        network=R3GANConfig(),
        loss=LossConfig(kind="relativistic"),
        optimiser=OptimiserConfig(generator_lr=5e-4, beta1=0.0, beta2=0.99, batch_size=16),
        regulariser=RegulariserConfig(r1_gamma=1.0, r2_gamma=1.0, r1_interval=4),
        augment=AugmentConfig(speed_kimg=200.0),
    )


def r3gan_small() -> RunConfig:
    """`r3gan` for a CPU core: half the channels, one block a stage; some 120 pictures of 32 px a second.

    Held-out FID 146, recall .17 on dcss-weapons-plus after 64,000 images, 575 s of one core, its pictures the sharpest
    of all (experiments/networks). In trial runs of 11,000 images gamma 1 stood before .1 and 10, ADA before a fixed
    p, and rate 1e-3 before 3e-4 (too slow) and 3e-3 (came apart).
    """
    config = r3gan()
    optimiser = dataclasses.replace(config.optimiser, generator_lr=1e-3)
    return dataclasses.replace(config, network=preset_named("r3gan-small"), optimiser=optimiser)


def tiny_dcgan() -> RunConfig:
    return _tiny(RunConfig(network=DCGANConfig(z_dim=8, width=4, max_width=8), optimiser=_TINY_OPTIMISER))


def tiny_cdcgan() -> RunConfig:
    return _tiny(RunConfig(network=CDCGANConfig(z_dim=8, width=4, max_width=8, class_dim=4), optimiser=_TINY_OPTIMISER))


def tiny_stylegan2() -> RunConfig:
    network = StyleGAN2Config(z_dim=8, w_dim=8, mapping_layers=2, channel_base=64, channel_max=8)
    return _tiny(RunConfig(network=network, optimiser=_TINY_OPTIMISER))


def tiny_r3gan() -> RunConfig:
    network = R3GANConfig(z_dim=8, channel_base=64, channel_max=8, group_width=4, blocks=1)
    return _tiny(dataclasses.replace(r3gan(), network=network, optimiser=_TINY_OPTIMISER))


def tiny_swagan() -> RunConfig:
    network = SWAGANConfig(z_dim=8, w_dim=8, mapping_layers=2, channel_base=64, channel_max=8)
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
    "cdcgan": cdcgan,
    "cdcgan-small": cdcgan_small,
    "tiny-cdcgan": tiny_cdcgan,
    "stylegan2": stylegan2,
    "stylegan2-small": stylegan2_small,
    "stylegan2-f": stylegan2_f,
    "biggan": biggan,
    "biggan-small": biggan_small,
    "biggan-deep": biggan_deep,
    "biggan-deep-small": biggan_deep_small,
    "tiny-biggan": tiny_biggan,
    "tiny-biggan-deep": tiny_biggan_deep,
    "r3gan": r3gan,
    "r3gan-small": r3gan_small,
    "tiny-r3gan": tiny_r3gan,
    "swagan": swagan,
    "swagan-small": swagan_small,
    "tiny-dcgan": tiny_dcgan,
    "tiny-stylegan2": tiny_stylegan2,
    "tiny-swagan": tiny_swagan,
}


def recipe_named(name: str) -> RunConfig:
    """That recipe's run; an unknown name is a UserError that lists the known."""
    if name not in RECIPES:
        raise UserError(f"unknown recipe {name!r}: known are {', '.join(RECIPES)}")
    return RECIPES[name]()
