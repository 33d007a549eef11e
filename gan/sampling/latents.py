"""Latents for a training step, and latents that a picture's own seed fixes."""

from collections.abc import Sequence

import torch
from torch import Tensor

from gan.networks.interface import Generator, Latents


def random_latents(
    generator: Generator,
    labels: Tensor | None,
    num: int,
    *,
    style_mixing_probability: float,
    chance: torch.Generator,
) -> Latents:
    """n latents on the chance's device, some with a second style from a random layer on."""
    device = chance.device
    noise = tuple(
        torch.randn(num, 1, height, width, generator=chance, device=device) for height, width in generator.noise_shapes
    )
    z = torch.randn(num, generator.z_dim, generator=chance, device=device)
    layers = generator.mixing_layers()
    if style_mixing_probability == 0.0 or layers == 1:
        return Latents(z=z, labels=labels, noise=noise)
    mixed_z = torch.randn(num, generator.z_dim, generator=chance, device=device)
    crossover = torch.randint(1, layers, (num,), generator=chance, device=device)
    unmixed = torch.rand(num, generator=chance, device=device) >= style_mixing_probability
    return Latents(z=z, labels=labels, noise=noise, mixed_z=mixed_z, crossover=crossover.masked_fill(unmixed, layers))


def seeded_latents(
    generator: Generator,
    seeds: Sequence[int],
    *,
    class_counts: Sequence[int] = (),
    labels: Sequence[int] | None = None,
    device: torch.device,
) -> Latents:
    """One latent a seed, drawn on the CPU, so that a seed means the same picture on every device and in any batch.

    Labels not given are drawn from the seed too, in proportion to `class_counts`.
    """
    zs, drawn_labels = [], []
    maps: list[list[Tensor]] = [[] for _ in generator.noise_shapes]
    for seed in seeds:
        chance = torch.Generator().manual_seed(seed)
        zs.append(torch.randn(generator.z_dim, generator=chance))
        for collected, (height, width) in zip(maps, generator.noise_shapes, strict=True):
            collected.append(torch.randn(1, height, width, generator=chance))
        if generator.shape.num_classes and labels is None:
            weights = torch.tensor(class_counts, dtype=torch.float64)
            drawn_labels.append(int(torch.multinomial(weights, 1, generator=chance)))
    chosen = list(labels) if labels is not None else drawn_labels
    return Latents(
        z=torch.stack(zs).to(device),
        labels=torch.tensor(chosen, device=device) if generator.shape.num_classes else None,
        noise=tuple(torch.stack(collected).to(device) for collected in maps),
    )
