"""Penalties: R1 and R2 on the discriminator, path length and orthogonality on the generator.

The first three are lazy (StyleGAN2, appendix B): computed every k-th step and weighted by k, with Adam's rate and betas
corrected for the extra steps (`lazy_adam`).
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gan.double_backward import SecondOrder
from gan.errors import UserError
from gan.networks.interface import Discriminator, Latents, StyleGenerator


@dataclass(frozen=True, kw_only=True)
class RegulariserConfig:
    """Penalties on the networks, R1 and R2 lazily (StyleGAN2, appendix B)."""

    r1_gamma: float | None = None  # None: r1_multiplier * 0.0002 * pixels / batch, filled in by `resolve`
    r1_multiplier: float = 1.0  # times StyleGAN2-ADA's heuristic; has no say where r1_gamma is given
    r2_gamma: float = 0.0  # the same on fakes (R3GAN)
    r1_interval: int = 16  # steps between two penalties
    path_length_interval: int = 4
    orthogonal_weight: float = 0.0  # BigGAN's 1e-4, on the generator

    def __post_init__(self) -> None:
        for name, weight in (
            ("r1_gamma", self.r1_gamma or 0.0),
            ("r1_multiplier", self.r1_multiplier),
            ("r2_gamma", self.r2_gamma),
            ("orthogonal_weight", self.orthogonal_weight),
        ):
            if not 0.0 <= weight < math.inf:
                raise UserError(f"{name} must be 0 or more, got {weight}")
        if min(self.r1_interval, self.path_length_interval) < 1:
            raise UserError("regulariser intervals must be 1 step or more")

    @property
    def penalises_gradients(self) -> bool:
        """Whether R1 or R2 is on."""
        return bool(self.r1_gamma) or self.r2_gamma > 0.0


def gradient_penalty(discriminator: Discriminator, images: Tensor, labels: Tensor | None) -> Tensor:
    """Half the mean squared norm of dD/dx, without gamma: R1 on reals, R2 on fakes (Mescheder et al. 2018, eq. 9).

    images `[n, c, h, w]` that require grad; the penalty is differentiable in the discriminator's weights.
    """
    with SecondOrder() as second_order:
        logits = discriminator(images, labels)
        with second_order.inputs_only():
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
    with SecondOrder() as second_order:
        images = generator.synthesis(styles, latents.noise)
        scaled = probe / math.sqrt(images.shape[2] * images.shape[3])
        with second_order.inputs_only():
            (gradient,) = torch.autograd.grad((images * scaled).sum(), styles, create_graph=True)
    lengths = gradient.square().sum(dim=2).mean(dim=1).sqrt()
    return (lengths - mean_length).square().mean(), lengths.mean().detach()


def lazy_adam(learning_rate: float, beta1: float, beta2: float, interval: int) -> tuple[float, tuple[float, float]]:
    """Rate and betas times/to the power of c = k / (k + 1), k the interval (StyleGAN2, appendix B); 0 is no lazy."""
    c = interval / (interval + 1.0) if interval > 1 else 1.0
    return learning_rate * c, (beta1**c, beta2**c)


def orthogonal_penalty(generator: nn.Module) -> Tensor:
    """The sum of |W^T W * (1 - I)|^2 over all weights (BigGAN, equation 3), without its weight beta.

    Each matrix or kernel is taken as `[outputs, rest]`: what is penalised is the likeness of two outputs' filters.
    Class embeddings stay out, as the paper's shared one does.
    """
    total: Tensor | None = None
    for module in generator.modules():
        if isinstance(module, nn.Embedding):
            continue
        for parameter in module.parameters(recurse=False):
            if parameter.dim() < 2 or not parameter.requires_grad:
                continue
            rows = parameter.flatten(1)
            products = rows @ rows.t()
            penalty = (products - torch.diag(products.diagonal())).square().sum()
            total = penalty if total is None else total + penalty
    assert total is not None, "a generator without weights"
    return total
