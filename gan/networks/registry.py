"""The networks by name: one line each."""

from dataclasses import dataclass

from gan.errors import UserError
from gan.networks.biggan import BigGANConfig, BigGANDiscriminator, BigGANGenerator
from gan.networks.biggan_deep import BigGANDeepConfig, BigGANDeepDiscriminator, BigGANDeepGenerator
from gan.networks.cdcgan import CDCGANConfig, CDCGANDiscriminator, CDCGANGenerator
from gan.networks.dcgan import DCGANConfig, DCGANDiscriminator, DCGANGenerator
from gan.networks.interface import Discriminator, Generator, NetworkConfig, PictureShape
from gan.networks.r3gan import R3GANConfig, R3GANDiscriminator, R3GANGenerator
from gan.networks.stylegan2 import StyleGAN2Config, StyleGAN2Discriminator, StyleGAN2Generator
from gan.networks.swagan import SWAGANConfig, SWAGANDiscriminator, SWAGANGenerator


@dataclass(frozen=True)
class Network:
    """The three classes of one paper."""

    config: type[NetworkConfig]
    generator: type[Generator]
    discriminator: type[Discriminator]


NETWORKS: dict[str, Network] = {
    "biggan": Network(BigGANConfig, BigGANGenerator, BigGANDiscriminator),
    "biggan-deep": Network(BigGANDeepConfig, BigGANDeepGenerator, BigGANDeepDiscriminator),
    "cdcgan": Network(CDCGANConfig, CDCGANGenerator, CDCGANDiscriminator),
    "dcgan": Network(DCGANConfig, DCGANGenerator, DCGANDiscriminator),
    "r3gan": Network(R3GANConfig, R3GANGenerator, R3GANDiscriminator),
    "stylegan2": Network(StyleGAN2Config, StyleGAN2Generator, StyleGAN2Discriminator),
    "swagan": Network(SWAGANConfig, SWAGANGenerator, SWAGANDiscriminator),
}


def network_named(name: str) -> Network:
    """The network of that name; an unknown one is a UserError that lists the known."""
    if name not in NETWORKS:
        raise UserError(f"unknown network {name!r}: known are {', '.join(sorted(NETWORKS))}")
    return NETWORKS[name]


def name_of(config: NetworkConfig) -> str:
    """The name under which a network's settings are registered."""
    return next(name for name, network in NETWORKS.items() if network.config is type(config))


def build_generator(config: NetworkConfig, shape: PictureShape) -> Generator:
    """A fresh generator of the settings' own kind."""
    return NETWORKS[name_of(config)].generator(config, shape)


def build_discriminator(config: NetworkConfig, shape: PictureShape) -> Discriminator:
    """A fresh discriminator of the settings' own kind."""
    return NETWORKS[name_of(config)].discriminator(config, shape)
