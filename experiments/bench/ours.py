"""Ganvil as a contender: its own loop, tick by tick."""

from pathlib import Path

import torch
from torch import Tensor

from experiments.bench.contender import Contender, Sampling, Workload, wait
from gan.augment import AugmentConfig
from gan.begin import begin
from gan.config import DataConfig, OptimiserConfig, RegulariserConfig, RunConfig, ScheduleConfig
from gan.data.dataset import PictureSet, load_pictures
from gan.data.resolution import Resolution
from gan.errors import UserError
from gan.loop import train
from gan.networks.dcgan import DCGANConfig
from gan.networks.interface import Generator, Latents, NetworkConfig
from gan.networks.registry import network_named
from gan.networks.style import StyleConfig
from gan.sampling.latents import seeded_latents


def load_rgb(workload: Workload) -> PictureSet:
    """The workload's pictures in RGB: every contender trains on these."""
    return load_pictures(workload.data, Resolution(height=workload.size, width=workload.size), channels=3)


def run_config(workload: Workload) -> RunConfig:
    """The workload in our settings."""
    optimiser = OptimiserConfig(generator_lr=2.5e-3, batch_size=workload.batch)
    regulariser = RegulariserConfig(
        r1_gamma=workload.r1_gamma,
        r1_interval=workload.r1_interval,
        path_length_interval=workload.path_length_interval,
    )
    if workload.network == "dcgan":
        optimiser = OptimiserConfig(generator_lr=2e-4, beta1=0.5, beta2=0.999, batch_size=workload.batch)
        regulariser = RegulariserConfig(r1_gamma=0.0)  # the example has none
    augment = AugmentConfig(policy="none")
    if workload.augment_p > 0.0:
        augment = AugmentConfig(policy="fixed", fixed_p=workload.augment_p)
    tick_kimg = workload.images_a_turn / 1000.0
    return RunConfig(
        network=_network(workload),
        data=DataConfig(source=workload.data, height=workload.size, width=workload.size, channels=3),
        optimiser=optimiser,
        regulariser=regulariser,
        augment=augment,
        schedule=ScheduleConfig(total_kimg=1000.0 * tick_kimg, tick_kimg=tick_kimg),
        precision="bf16" if workload.precision == "bf16" else "float32",
    )


def _network(workload: Workload) -> NetworkConfig:
    kind = network_named(workload.network).config
    if kind is DCGANConfig:
        return DCGANConfig(z_dim=100, width=workload.channel_base, max_width=workload.channel_max)
    if not issubclass(kind, StyleConfig):
        raise UserError(f"network {workload.network!r} has no peer here: choose dcgan, stylegan2 or swagan")
    return kind(
        z_dim=workload.w_dim,
        w_dim=workload.w_dim,
        mapping_layers=workload.mapping_layers,
        style_mixing_probability=workload.style_mixing,
        path_length_weight=workload.path_length_weight,
        **{"channel_base": workload.channel_base, "channel_max": workload.channel_max},
    )


class Ours(Contender):
    """This repository."""

    def __init__(self, workload: Workload, source: Path | None) -> None:
        self.device = workload.device
        pictures = load_rgb(workload)
        self.training = begin(run_config(workload), pictures, torch.device(workload.device))
        self.ticks = train(self.training, pictures)

    def train(self) -> None:
        next(self.ticks)
        wait(self.device)

    def generator(self, num: int) -> Sampling:
        average = self.training.average.eval()
        return _OursSampling(average, seeded_latents(average, range(num), device=torch.device(self.device)))


class _OursSampling(Sampling):
    def __init__(self, generator: Generator, latents: Latents) -> None:
        self.generator, self.latents = generator, latents

    @torch.inference_mode()
    def __call__(self) -> Tensor:
        images: Tensor = self.generator(self.latents)
        return images
