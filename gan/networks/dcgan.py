"""DCGAN: Radford, Metz & Chintala 2016, "Unsupervised Representation Learning with Deep Convolutional GANs".

Departures, each for a reason: any base x 2^k size, not only 64x64; 4x4 kernels instead of 5x5 (no checkerboard at
stride 2, as in the framework examples of this net); tanh stays, but the discriminator ends in a logit (the loss
holds the sigmoid); classes, if any, enter the generator beside z (Mirza & Osindero 2014) and the discriminator by
projection (Miyato & Koyama 2018, equation 3); batch norm in the discriminator can be left out, because R1 then
measures each picture's own gradient; minibatch standard deviation (ProGAN, section 3) can be added.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan.errors import UserError
from gan.networks.interface import (
    Discriminator,
    Generator,
    Latents,
    NetworkConfig,
    PictureShape,
    check_labels,
)
from gan.networks.layers import LEAKY_SLOPE, MinibatchStandardDeviation


@dataclass(frozen=True, kw_only=True)
class DCGANConfig(NetworkConfig):
    """Widths and switches. The paper at 64 px: z_dim 100, width 128, max_width 1024, both batch norms."""

    z_dim: int = 100
    width: int = 64  # channels of the largest map; doubles towards the base
    max_width: int = 512
    discriminator_batch_norm: bool = True
    minibatch_deviation: bool = False

    def __post_init__(self) -> None:
        if min(self.z_dim, self.width, self.max_width) < 1:
            raise UserError(f"dcgan widths must be 1 or more, got {self}")

    def scaled(self, width: float) -> Self:
        return replace(self, width=max(1, round(self.width * width)), max_width=max(1, round(self.max_width * width)))

    def channels(self, doublings_from_top: int) -> int:
        """Channels of the map that lies that many doublings under the full size (1 = half the size)."""
        return min(self.width << (doublings_from_top - 1), self.max_width)


def _initialise(module: nn.Module) -> None:
    """All weights ~ N(0, 0.02), batch norm scales ~ N(1, 0.02) (section 4 of the paper)."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


class DCGANGenerator(Generator):
    """Project z to the base map, then fractionally strided convolutions with batch norm and ReLU, tanh last."""

    def __init__(self, config: DCGANConfig, shape: PictureShape) -> None:
        super().__init__()
        self.shape = shape
        self.z_dim = config.z_dim
        base_channels = config.channels(shape.num_doublings)
        height, width = shape.base
        self.class_embedding = nn.Embedding(shape.num_classes, config.z_dim) if shape.num_classes else None
        num_in = config.z_dim * (2 if shape.num_classes else 1)
        self.project = nn.Linear(num_in, base_channels * height * width, bias=False)
        self.norm = nn.BatchNorm2d(base_channels)
        layers: list[nn.Module] = []
        for doublings_from_top in range(shape.num_doublings, 1, -1):
            num_out = config.channels(doublings_from_top - 1)
            layers += [
                nn.ConvTranspose2d(config.channels(doublings_from_top), num_out, 4, 2, 1, bias=False),
                nn.BatchNorm2d(num_out),
                nn.ReLU(),
            ]
        layers += [nn.ConvTranspose2d(config.channels(1), shape.channels, 4, 2, 1), nn.Tanh()]
        self.layers = nn.Sequential(*layers)
        self.apply(_initialise)

    def forward(self, latents: Latents, truncation: float = 1.0) -> Tensor:
        """Truncation scales z towards the origin."""
        check_labels(latents.labels, self.shape)
        x = latents.z * truncation
        if self.class_embedding is not None:
            x = torch.cat([x, self.class_embedding(latents.labels)], dim=1)
        x = self.project(x).unflatten(1, (-1, *self.shape.base))
        x = F.relu(self.norm(x)).contiguous(memory_format=torch.channels_last)
        images: Tensor = self.layers(x)
        return images


class DCGANDiscriminator(Discriminator):
    """Strided convolutions with leaky ReLU, no batch norm on the first (section 3 of the paper)."""

    def __init__(self, config: DCGANConfig, shape: PictureShape) -> None:
        super().__init__()
        self.shape = shape
        layers: list[nn.Module] = [
            nn.Conv2d(shape.judged_channels, config.channels(1), 4, 2, 1),
            nn.LeakyReLU(LEAKY_SLOPE),
        ]
        for doublings_from_top in range(2, shape.num_doublings + 1):
            num_out = config.channels(doublings_from_top)
            norm = config.discriminator_batch_norm
            layers += [
                nn.Conv2d(config.channels(doublings_from_top - 1), num_out, 4, 2, 1, bias=not norm),
                nn.BatchNorm2d(num_out) if norm else nn.Identity(),
                nn.LeakyReLU(LEAKY_SLOPE),
            ]
        if config.minibatch_deviation:
            layers.append(MinibatchStandardDeviation())
        self.layers = nn.Sequential(*layers)
        height, width = shape.base
        num_features = (config.channels(shape.num_doublings) + int(config.minibatch_deviation)) * height * width
        self.logit = nn.Linear(num_features, 1)
        self.class_projection = nn.Embedding(shape.num_classes, num_features) if shape.num_classes else None
        self.apply(_initialise)
        if self.class_projection is not None:
            nn.init.normal_(self.class_projection.weight, 0.0, 0.02)

    def forward(self, images: Tensor, labels: Tensor | None) -> Tensor:
        check_labels(labels, self.shape)
        features = self.layers(images.contiguous(memory_format=torch.channels_last)).flatten(1)
        logits: Tensor = self.logit(features).squeeze(1)
        if self.class_projection is not None:
            logits = logits + (self.class_projection(labels) * features).sum(dim=1)
        return logits.float()

    def stages(self) -> Sequence[nn.Module]:
        return [*self.layers, self.logit]
