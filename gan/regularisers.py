"""Gradient penalties: R1 on the discriminator, path length on a style generator.

Both are lazy (StyleGAN2, appendix B): computed every k-th step and weighted by k, with Adam's rate and betas
corrected for the extra steps (`lazy_adam`).
"""

import math

import torch
from torch import Tensor

from gan.networks.interface import Discriminator, Latents, StyleGenerator


def r1_penalty(discriminator: Discriminator, images: Tensor, labels: Tensor | None) -> Tensor:
    """Half the mean squared norm of dD/dx on real pictures, without gamma (Mescheder et al. 2018, equation 9).

    images `[n, c, h, w]` that require grad; the penalty is differentiable in the discriminator's weights.
    """
    logits = discriminator(images, labels)
    (gradient,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    return gradient.square().sum(dim=(1, 2, 3)).mean() / 2.0


def default_r1_gamma(height: int, width: int, batch_size: int) -> float:
    """0.0002 * pixels / batch: the starting point of StyleGAN2-ADA's automatic configuration (arXiv 2006.06676)."""
    return 0.0002 * height * width / batch_size


def path_length_penalty(
    generator: StyleGenerator, latents: Latents, mean_length: Tensor, probe: Tensor
) -> tuple[Tensor, Tensor]:
    """(|J^T y| - a)^2 averaged (StyleGAN2 equation 4), and the batch's mean length to move `a` by.

    probe y `[n, c, h, w]` is standard normal; it is scaled by 1/sqrt(pixels) here, as in the paper's appendix B.
    """
    styles = generator.mapping(latents)
    images = generator.synthesis(styles, latents.noise)
    scaled = probe / math.sqrt(images.shape[2] * images.shape[3])
    (gradient,) = torch.autograd.grad((images * scaled).sum(), styles, create_graph=True)
    lengths = gradient.square().sum(dim=2).mean(dim=1).sqrt()
    return (lengths - mean_length).square().mean(), lengths.mean().detach()


def lazy_adam(learning_rate: float, beta1: float, beta2: float, interval: int) -> tuple[float, tuple[float, float]]:
    """Rate and betas times/to the power of c = k / (k + 1), k the interval (StyleGAN2, appendix B); 0 is no lazy."""
    c = interval / (interval + 1.0) if interval > 1 else 1.0
    return learning_rate * c, (beta1**c, beta2**c)
