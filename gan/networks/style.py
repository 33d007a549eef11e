"""What the style-based networks share: z to w, its running mean, truncation and style mixing.

Mapping network: Karras et al. 2019 (StyleGAN, arXiv 1812.04948), section 2; truncation: its section 3.2 and appendix
B; mixing: section 3.1. Classes as in StyleGAN2-ADA (arXiv 2006.06676): an embedding beside z.
"""

import itertools
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan.errors import UserError
from gan.networks.interface import Latents, NetworkConfig, PictureShape, StyleGenerator, check_labels
from gan.networks.layers import EqualisedLinear, leaky, pixel_norm


@dataclass(frozen=True, kw_only=True)
class StyleConfig(NetworkConfig):
    """Settings of every style-based network."""

    z_dim: int = 128
    w_dim: int = 128
    mapping_layers: int = 4
    style_mixing_probability: float = 0.0  # the paper's 0.9 is for large sets; ADA's low-resolution runs use none
    path_length_weight: float = 0.0  # the paper's 2 smooths the latent space at about a third more time a step
    w_mean_decay: float = 0.998

    def __post_init__(self) -> None:
        if min(self.z_dim, self.w_dim, self.mapping_layers) < 1:
            raise UserError(f"z_dim, w_dim and mapping_layers must be 1 or more, got {self}")
        if not 0.0 <= self.style_mixing_probability <= 1.0:
            raise UserError(f"style_mixing_probability must lie in 0..1, got {self.style_mixing_probability}")
        if self.path_length_weight < 0.0:
            raise UserError(f"path_length_weight must be 0 or more, got {self.path_length_weight}")


class MappingNetwork(nn.Module):
    """z (and the class) to w: normalise, then equalised linear layers that learn at 0.01 of the rate."""

    def __init__(self, config: StyleConfig, num_classes: int) -> None:
        super().__init__()
        self.class_embedding = EqualisedLinear(num_classes, config.z_dim) if num_classes else None
        self.num_classes = num_classes
        widths = [config.z_dim * (2 if num_classes else 1)] + [config.w_dim] * config.mapping_layers
        self.layers = nn.ModuleList(
            EqualisedLinear(num_in, num_out, learning_rate_multiplier=0.01)
            for num_in, num_out in itertools.pairwise(widths)
        )

    def forward(self, z: Tensor, labels: Tensor | None) -> Tensor:
        x = pixel_norm(z)
        if self.class_embedding is not None and labels is not None:
            one_hot = F.one_hot(labels, self.num_classes).to(x.dtype)
            x = torch.cat([x, pixel_norm(self.class_embedding(one_hot))], dim=1)
        for layer in self.layers:
            x = leaky(layer(x))
        return x


class MappedGenerator(StyleGenerator):
    """A style generator whose styles come from a `MappingNetwork`; its synthesis is for the subclass to write."""

    w_mean: Tensor

    def __init__(self, config: StyleConfig, shape: PictureShape) -> None:
        super().__init__()
        self.shape = shape
        self.z_dim = config.z_dim
        self.w_mean_decay = config.w_mean_decay
        self.mapping_network = MappingNetwork(config, shape.num_classes)
        self.register_buffer("w_mean", torch.zeros(config.w_dim))

    def mapping(self, latents: Latents, truncation: float = 1.0) -> Tensor:
        """Styles `[n, layers, w_dim]`; in training the running mean of w, the centre of truncation, follows."""
        check_labels(latents.labels, self.shape)
        with torch.autocast(latents.z.device.type, enabled=False):  # w steers every layer: float32, as in the paper
            w = self.mapping_network(latents.z, latents.labels)
        if self.training:
            with torch.no_grad():
                self.w_mean.lerp_(w.mean(dim=0).to(self.w_mean.dtype), 1.0 - self.w_mean_decay)
        styles = w[:, None].expand(-1, self.mixing_layers(), -1)
        if latents.mixed_z is not None and latents.crossover is not None:
            with torch.autocast(latents.z.device.type, enabled=False):
                mixed = self.mapping_network(latents.mixed_z, latents.labels)[:, None]
            layer = torch.arange(self.mixing_layers(), device=w.device)
            styles = torch.where((layer[None] >= latents.crossover[:, None])[:, :, None], mixed, styles)
        return styles if truncation == 1.0 else self.w_mean.lerp(styles, truncation)
