"""Conditional DCGAN: DCGAN whose two networks are told the class (Mirza & Osindero 2014, arXiv 1411.1784).

As the widespread examples of it have it, the class becomes a vector for the generator, and for the discriminator a map
of its own, stacked on the picture's channels.

How the vector joins z decides whether the classes collapse. Beside z (`concatenate`, the paper's) it drowned z: batch
norm sees the sum of what the two bring, so z may fade as long as the class varies within the batch, and with a vector
of z's own length it does; each class became one picture, whatever the discriminator. Begun at a tenth of that length it
leaves z its place. `multiply` (class times z) cannot lose z. `norm`, the default, lets z alone pass the convolutions,
where batch norm keeps it at unit variance, and the class set the norms' gains and biases (de Vries et al. 2017, arXiv
1707.00683). dcss-weapons-plus, 32 px, held-out FID and recall, one seed: 64,000 images in experiments/networks, and the
first line's in a trial run of 24,000 (experiments/LOG.md):

    concatenate, vector as long as z     322  .00
    norm                                 130  .38
    norm, with z there too               123  .43   (self_modulation)

Without classes it is the DCGAN of gan/networks/dcgan.py.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn

from gan.errors import UserError
from gan.networks.dcgan import DCGANConfig, DCGANDiscriminator, UpwardGenerator
from gan.networks.interface import Discriminator, Latents, PictureShape, check_labels
from gan.networks.typical import truncated_to_typical

JoinKind = Literal["norm", "concatenate", "multiply"]


@dataclass(frozen=True, kw_only=True)
class CDCGANConfig(DCGANConfig):
    """DCGAN's settings, and how the class joins z."""

    join: JoinKind = "norm"  # multiply: the class vector is as long as z, whatever class_dim says

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.join not in _JOINS:
            raise UserError(f"join {self.join!r} is unknown: choose one of {', '.join(_JOINS)}")


class Join(nn.Module, ABC):
    """z `[n, z_dim]` and labels `[n]` to a vector for the convolutions `[n, num_out]` and one for the norms."""

    num_out: int
    condition_dim: int

    @abstractmethod
    def forward(self, z: Tensor, labels: Tensor | None) -> tuple[Tensor, Tensor]: ...


class NoClass(Join):
    """Nothing to join."""

    def __init__(self, config: CDCGANConfig) -> None:
        super().__init__()
        self.num_out, self.condition_dim = config.z_dim, 0

    def forward(self, z: Tensor, labels: Tensor | None) -> tuple[Tensor, Tensor]:
        return z, z[:, :0]


class Norm(Join):
    """The class for the norms alone."""

    def __init__(self, config: CDCGANConfig, num_classes: int) -> None:
        super().__init__()
        self.num_out, self.condition_dim = config.z_dim, config.class_dim
        self.class_embedding = nn.Embedding(num_classes, config.class_dim)

    def forward(self, z: Tensor, labels: Tensor | None) -> tuple[Tensor, Tensor]:
        return z, self.class_embedding(labels)


class Concatenate(Join):
    """The class beside z, small at first, so that z is heard."""

    def __init__(self, config: CDCGANConfig, num_classes: int) -> None:
        super().__init__()
        self.num_out, self.condition_dim = config.z_dim + config.class_dim, 0
        self.class_embedding = nn.Embedding(num_classes, config.class_dim)
        nn.init.normal_(self.class_embedding.weight, 0.0, 0.1)

    def forward(self, z: Tensor, labels: Tensor | None) -> tuple[Tensor, Tensor]:
        return torch.cat([z, self.class_embedding(labels)], dim=1), z[:, :0]


class Multiply(Join):
    """z times the class, element by element."""

    def __init__(self, config: CDCGANConfig, num_classes: int) -> None:
        super().__init__()
        self.num_out, self.condition_dim = config.z_dim, 0
        self.class_embedding = nn.Embedding(num_classes, config.z_dim)
        nn.init.normal_(self.class_embedding.weight, 1.0, 0.5)

    def forward(self, z: Tensor, labels: Tensor | None) -> tuple[Tensor, Tensor]:
        return z * self.class_embedding(labels), z[:, :0]


_JOINS: dict[JoinKind, type[Norm] | type[Concatenate] | type[Multiply]] = {
    "norm": Norm,
    "concatenate": Concatenate,
    "multiply": Multiply,
}


class CDCGANGenerator(UpwardGenerator):
    """Join z and the class, then DCGAN's way up to the picture."""

    def __init__(self, config: CDCGANConfig, shape: PictureShape) -> None:
        modulating_z = config.z_dim if config.self_modulation else 0
        join: Join = _JOINS[config.join](config, shape.num_classes) if shape.num_classes else NoClass(config)
        super().__init__(config, shape, num_in=join.num_out, condition_dim=modulating_z + join.condition_dim)
        self.modulating_z = modulating_z
        self.join = join

    def forward(self, latents: Latents, truncation: float = 1.0) -> Tensor:
        """Truncation turns z towards the most typical one (gan/networks/typical.py)."""
        check_labels(latents.labels, self.shape)
        z = truncated_to_typical(self, latents, truncation)
        joined, condition = self.join(z, latents.labels)
        return self.upward(joined, torch.cat([z[:, : self.modulating_z], condition], dim=1))


class CDCGANDiscriminator(Discriminator):
    """DCGAN's discriminator, of either kind, on the picture and the map of its class."""

    def __init__(self, config: CDCGANConfig, shape: PictureShape) -> None:
        super().__init__()
        self.shape = shape
        self.class_map = nn.Embedding(shape.num_classes, shape.height * shape.width) if shape.num_classes else None
        # with the map there is one channel more, which only packing can say: so many grey pictures judged together
        with_map = replace(shape, channels=1, num_classes=0, packing=shape.judged_channels + 1)
        self.judge = DCGANDiscriminator(config, shape if self.class_map is None else with_map)

    def forward(self, images: Tensor, labels: Tensor | None) -> Tensor:
        check_labels(labels, self.shape)
        if self.class_map is not None:
            one_map = self.class_map(labels).unflatten(1, (1, self.shape.height, self.shape.width))
            images = torch.cat([images, one_map.to(images.dtype)], dim=1)
        logits: Tensor = self.judge(images, None)
        return logits

    def stages(self) -> Sequence[nn.Module]:
        first, *others = self.judge.stages()
        return [first if self.class_map is None else nn.ModuleList([self.class_map, first]), *others]
