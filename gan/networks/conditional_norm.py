"""Batch norm whose gain and bias come from a vector: de Vries et al. 2017, as in BigGAN (arXiv 1809.11096, appendix B).

The vector is the class embedding that all layers share, and latents beside it (BigGAN's skip-z). Without classes the
latents alone condition the norm, which is self-modulation (Chen et al. 2019, arXiv 1810.01365).
"""

import torch
from torch import Tensor, nn

from gan.networks.spectral import SpectralLinear


class ConditionalBatchNorm2d(nn.Module):
    """Normalise `[n, c, h, w]` over the batch, then scale by 1 + gain and shift by bias, each linear in the condition.

    In eval mode the running statistics stand in for the batch's.
    """

    def __init__(self, num_channels: int, condition_dim: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(num_channels, affine=False)
        self.gain = SpectralLinear(condition_dim, num_channels, bias=False)
        self.bias = SpectralLinear(condition_dim, num_channels, bias=False)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """x `[n, c, h, w]`, condition `[n, condition_dim]`."""
        gain, bias = (1.0 + self.gain(condition)).to(x.dtype), self.bias(condition).to(x.dtype)
        return torch.addcmul(bias[:, :, None, None], self.norm(x), gain[:, :, None, None])
