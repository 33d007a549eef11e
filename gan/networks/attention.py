"""Self-attention on maps: Zhang et al. 2019, "Self-Attention GANs" (arXiv 1805.08318), section 3.

As BigGAN uses it: keys and values are max-pooled 2x2, which quarters the attention map; queries and keys have an eighth
of the channels, values a half.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan.networks.spectral import SpectralConv2d


class SelfAttention(nn.Module):
    """x + gain * attention(x), `[n, c, h, w]` in and out; the gain starts at 0, so the block starts as the identity.

    Plain softmax over plain products, unscaled as in the paper: the fused attention kernels have no second derivative,
    which R1 needs. The attention map is `[n, hw, hw/4]`: at 64x64, 16 MB a picture in float32.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        narrow, half = max(1, channels // 8), max(1, channels // 2)
        self.query = SpectralConv2d(channels, narrow, 1, bias=False)
        self.key = SpectralConv2d(channels, narrow, 1, bias=False)
        self.value = SpectralConv2d(channels, half, 1, bias=False)
        self.out = SpectralConv2d(half, channels, 1, bias=False)
        self.gain = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        queries = self.query(x).flatten(2).transpose(1, 2)
        keys = F.max_pool2d(self.key(x), 2).flatten(2)
        values = F.max_pool2d(self.value(x), 2).flatten(2)
        attention = (queries @ keys).softmax(dim=2)
        seen: Tensor = self.out((values @ attention.transpose(1, 2)).unflatten(2, x.shape[2:]))
        return x + self.gain.to(x.dtype) * seen
