"""The averaged generator: what is sampled, scored and served."""

from dataclasses import dataclass

import torch
from torch import nn

from gan.networks.interface import Generator


@dataclass(frozen=True, kw_only=True)
class AverageConfig:
    """The exponential moving average of the generator."""

    half_life_kimg: float = 10.0
    ramp_up: float = 0.05  # half-life at most this share of the images seen


def half_life_images(half_life_kimg: float, ramp_up: float, images_seen: int) -> float:
    """Half-life in images: at most that share `ramp_up` of what has been seen, so early averages stay fresh.

    StyleGAN2-ADA's schedule (arXiv 2006.06676); ramp_up 0 means no ramp.
    """
    half_life = half_life_kimg * 1000.0
    return min(half_life, images_seen * ramp_up) if ramp_up > 0.0 else half_life


@torch.no_grad()
def update_average(average: Generator, current: nn.Module, batch_size: int, half_life: float) -> None:
    """average = lerp(current, average, 0.5^(batch / half-life)); a half-life of 0 copies.

    Running statistics (batch norm, the mean style) are averaged as well: they must belong to the averaged weights.
    """
    decay = 0.5 ** (batch_size / half_life) if half_life > 0.0 else 0.0
    averaged = [*average.parameters(), *(b for b in average.buffers() if b.is_floating_point())]
    now = [*current.parameters(), *(b for b in current.buffers() if b.is_floating_point())]
    torch._foreach_lerp_(averaged, now, 1.0 - decay)
    for counted, counter in zip(average.buffers(), current.buffers(), strict=True):
        if not counted.is_floating_point():
            counted.copy_(counter)
