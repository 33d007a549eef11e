"""Truncation for networks without a space of styles: z is turned towards that of the most typical picture.

To scale z, as the truncation trick of a normal latent does in effect (Brock et al. 2019, section 3.1), leaves the shell
on which all z of training lay: a DCGAN draws pale remnants at half of it and nothing at 0 (experiments/truncation).
Turned along the arc that keeps a standard normal one (White 2016, arXiv 1609.04468, section 2.1) every z on the way is
like those of training, and at 0 stands one picture, as with the mean style of StyleGAN: the medoid of some drawn.
"""

import math
import weakref
from dataclasses import dataclass

import torch
from torch import Tensor

from gan.networks.interface import Generator, Latents, device_of

NUM_CANDIDATES = 64
_SEED = 0


def turned(a: Tensor, b: Tensor, share: float) -> Tensor:
    """From a to b by a quarter of a turn: standard normal all the way where a and b are, and independent."""
    if share in (0.0, 1.0):
        return b if share else a  # to the bit
    return a * math.cos(share * math.pi / 2) + b * math.sin(share * math.pi / 2)


def truncated_to_typical(generator: Generator, latents: Latents, truncation: float) -> Tensor:
    """z `[n, z_dim]`: below 1 turned towards its class's most typical one, above 1 scaled away from the origin.

    Only in eval mode below 1: what is typical is seen in pictures that do not depend on their batch.
    """
    if truncation >= 1.0:
        return latents.z * truncation
    assert not generator.training, "truncation is for drawing, not for training"
    known = _known(generator)
    classes = [None] * len(latents) if latents.labels is None else latents.labels.tolist()
    for label in set(classes) - known.keys():
        known[label] = most_typical(generator, label)
    return turned(torch.stack([known[label] for label in classes]), latents.z, truncation)


@torch.no_grad()
def most_typical(generator: Generator, label: int | None) -> Tensor:
    """z `[z_dim]` of the medoid of NUM_CANDIDATES pictures of the class: the one nearest to all others."""
    device = device_of(generator)
    z = torch.randn(NUM_CANDIDATES, generator.z_dim, generator=torch.Generator().manual_seed(_SEED)).to(device)
    labels = None if label is None else torch.full((NUM_CANDIDATES,), label, device=device)
    pictures = generator(Latents(z=z, labels=labels)).flatten(1).double()
    return z[torch.cdist(pictures, pictures).sum(dim=1).argmin()]


@dataclass(frozen=True)
class _Known:
    """What was found for one state of a generator's weights."""

    state: tuple[int, torch.device]
    by_label: dict[int | None, Tensor]


_FOUND: weakref.WeakKeyDictionary[Generator, _Known] = weakref.WeakKeyDictionary()


def _known(generator: Generator) -> dict[int | None, Tensor]:
    """Empty again once a weight was written to."""
    versions = sum(tensor._version for tensor in (*generator.parameters(), *generator.buffers()))
    state = versions, device_of(generator)
    found = _FOUND.get(generator)
    if found is None or found.state != state:
        found = _FOUND[generator] = _Known(state, {})
    return found.by_label
