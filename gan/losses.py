"""Adversarial losses on logits: `[n]` in, a scalar out, lower is better for the network that takes the step."""

import torch.nn.functional as F
from torch import Tensor


def generator_loss(fake_logits: Tensor) -> Tensor:
    """Non-saturating loss, -log sigmoid(D(G(z))) (Goodfellow et al. 2014, section 3)."""
    return F.softplus(-fake_logits).mean()


def discriminator_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """-log sigmoid(D(x)) - log(1 - sigmoid(D(G(z)))) (Goodfellow et al. 2014, equation 1)."""
    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()
