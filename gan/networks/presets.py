"""Widths and depths by name: the papers' own, and small ones for small pictures and few of them.

`python -m gan.networks` prints this table with what each network weighs. How to train them is the recipes' part
(gan/recipes.py). Outputs stay ours (tanh) in every preset: what is the papers' are the layers.
"""

from dataclasses import dataclass, replace

from gan.errors import UserError
from gan.networks.biggan import BigGANConfig
from gan.networks.biggan_deep import BigGANDeepConfig
from gan.networks.cdcgan import CDCGANConfig
from gan.networks.dcgan import DCGANConfig
from gan.networks.interface import NetworkConfig
from gan.networks.r3gan import R3GANConfig
from gan.networks.stylegan2 import StyleGAN2Config
from gan.networks.swagan import SWAGANConfig


@dataclass(frozen=True)
class Preset:
    """Settings, and in a few words whose they are or what for."""

    config: NetworkConfig
    origin: str


_PUBLISHED_STYLEGAN2 = StyleGAN2Config(
    z_dim=512,
    w_dim=512,
    mapping_layers=8,
    channel_base=32768,
    channel_max=512,
    style_mixing_probability=0.9,
    path_length_weight=2.0,
    w_mean_decay=0.995,
)

PRESETS: dict[str, Preset] = {
    "biggan": Preset(BigGANConfig(), "for icons"),
    "biggan-128": Preset(
        BigGANConfig(width=96, max_width=1536, attention_side=64), "Brock et al. 2019, ch 96, 128 px (table 4)"
    ),
    "biggan-256": Preset(
        BigGANConfig(width=96, max_width=1536, attention_side=64), "Brock et al. 2019, ch 96, 256 px (table 5)"
    ),
    "biggan-deep": Preset(BigGANDeepConfig(), "for icons"),
    "biggan-deep-128": Preset(
        BigGANDeepConfig(width=128, max_width=2048, attention_side=64), "Brock et al. 2019, ch 128, 128 px"
    ),
    "cdcgan": Preset(CDCGANConfig(), "DCGAN with classes, for icons"),
    "cdcgan-small": Preset(CDCGANConfig(width=32, max_width=256, self_modulation=True), "for a CPU core"),
    "dcgan": Preset(DCGANConfig(), "as wide as the framework examples"),
    "dcgan-small": Preset(DCGANConfig(width=32, max_width=256, self_modulation=True), "for a CPU core"),
    "dcgan-paper": Preset(DCGANConfig(width=128, max_width=1024), "Radford et al. 2016, 64 px (figure 1)"),
    "r3gan": Preset(R3GANConfig(), "for icons"),
    "r3gan-small": Preset(R3GANConfig(channel_base=1024, channel_max=64, blocks=1), "for a CPU core"),
    "r3gan-ffhq": Preset(R3GANConfig(channel_base=24576, channel_max=768), "Huang et al. 2024, FFHQ, 64 and 256 px"),
    "r3gan-imagenet": Preset(
        R3GANConfig(channel_base=98304, channel_max=1536, group_width=32), "Huang et al. 2024, ImageNet, 32 and 64 px"
    ),
    "stylegan2": Preset(StyleGAN2Config(), "for icons"),
    "stylegan2-small": Preset(
        StyleGAN2Config(z_dim=64, w_dim=64, mapping_layers=2, channel_base=512, channel_max=64), "for a CPU core"
    ),
    "stylegan2-e": Preset(
        replace(_PUBLISHED_STYLEGAN2, channel_base=16384), "Karras et al. 2020, configuration E, 1024 px"
    ),
    "stylegan2-f": Preset(_PUBLISHED_STYLEGAN2, "Karras et al. 2020, configuration F, 1024 px"),
    "stylegan2-ada-256": Preset(
        replace(_PUBLISHED_STYLEGAN2, channel_base=16384, minibatch_group=8),
        "Karras et al. 2020 (ADA), 256 px",
    ),
    "stylegan2-ada-cifar": Preset(
        replace(
            _PUBLISHED_STYLEGAN2,
            mapping_layers=2,
            minibatch_group=32,
            discriminator="original",
            style_mixing_probability=0.0,
            path_length_weight=0.0,
        ),
        "Karras et al. 2020 (ADA), CIFAR-10, 32 px",
    ),
    "swagan": Preset(SWAGANConfig(), "for icons"),
    "swagan-small": Preset(
        SWAGANConfig(z_dim=64, w_dim=64, mapping_layers=2, channel_base=512, channel_max=64), "for a CPU core"
    ),
    "swagan-paper": Preset(
        SWAGANConfig(
            z_dim=512,
            w_dim=512,
            mapping_layers=8,
            channel_base=32768,
            channel_max=512,
            style_mixing_probability=0.9,
            path_length_weight=2.0,
            w_mean_decay=0.995,
        ),
        "Gal et al. 2021, 256 to 1024 px",
    ),
}


def preset_named(name: str) -> NetworkConfig:
    """That preset's settings; an unknown name is a UserError that lists the known."""
    if name not in PRESETS:
        raise UserError(f"unknown preset {name!r}: known are {', '.join(PRESETS)}")
    return PRESETS[name].config
