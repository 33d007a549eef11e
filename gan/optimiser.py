"""How both networks step: Adam, its rates over the run, and how many pictures a step sees."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from gan.errors import UserError

Decay = Literal["none", "linear", "cosine"]


@dataclass(frozen=True, kw_only=True)
class OptimiserConfig:
    """Adam for both networks (Kingma & Ba 2015)."""

    generator_lr: float = 2e-3
    discriminator_lr_ratio: float = 1.0  # the discriminator's rate over the generator's (TTUR, Heusel et al. 2017)
    beta1: float = 0.0
    beta2: float = 0.99
    batch_size: int = 32  # pictures a step, whatever fits into memory at once
    microbatch: int | None = None  # pictures at once; None: the whole batch
    largest_batch: int | None = None  # the batch doubles up to this every `batch_growth_kimg`; None: it stays
    batch_growth_kimg: float = 100.0
    warm_up_kimg: float = 0.0  # both rates rise from 0 over so many thousand images
    decay: Decay = "none"  # then fall to `decay_to` of themselves at the schedule's end
    decay_to: float = 0.1
    gradient_clip: float | None = None  # largest norm of all of a network's gradients together

    def __post_init__(self) -> None:
        self._check_batches()
        if not all(0.0 < rate < math.inf for rate in (self.generator_lr, self.discriminator_lr_ratio)):
            raise UserError(f"learning rates must be over 0, got {self.generator_lr} x {self.discriminator_lr_ratio}")
        if self.decay not in get_args(Decay):
            raise UserError(f"decay {self.decay!r} is unknown: choose one of {', '.join(get_args(Decay))}")
        if self.warm_up_kimg < 0.0 or not 0.0 <= self.decay_to <= 1.0:
            raise UserError(f"warm_up_kimg {self.warm_up_kimg} must be 0 or more, decay_to {self.decay_to} in 0 .. 1")
        if self.gradient_clip is not None and not self.gradient_clip > 0.0:
            raise UserError(f"gradient_clip {self.gradient_clip} must be over 0, or left out")

    def _check_batches(self) -> None:
        if self.batch_size < 2:
            raise UserError(f"batch size must be 2 or more, got {self.batch_size}")
        if self.microbatch is not None and (self.microbatch < 1 or self.batch_size % self.microbatch):
            raise UserError(f"microbatch {self.microbatch} must divide the batch size {self.batch_size}")
        if self.largest_batch is not None and self.largest_batch < self.batch_size:
            raise UserError(
                f"largest_batch {self.largest_batch} is under the batch size {self.batch_size} it grows from"
            )
        if not self.batch_growth_kimg > 0.0:
            raise UserError(f"batch_growth_kimg {self.batch_growth_kimg} must be over 0")


def batch_size_at(config: OptimiserConfig, images_seen: int) -> int:
    """Pictures of the step that begins there. Growing it acts as lowering the rate does (Smith et al. 2018)."""
    if config.largest_batch is None:
        return config.batch_size
    doublings = int(images_seen / (1000.0 * config.batch_growth_kimg))
    most = int(math.log2(config.largest_batch / config.batch_size))
    return config.batch_size << min(doublings, most)


def rate_share(config: OptimiserConfig, images_seen: int, total_images: float) -> float:
    """What both learning rates are multiplied by there: a linear warm-up times a decay over the rest of the run."""
    warm_up = config.warm_up_kimg * 1000.0
    if images_seen < warm_up:
        return (images_seen + config.batch_size) / (warm_up + config.batch_size)
    done = min(1.0, (images_seen - warm_up) / max(total_images - warm_up, 1.0))
    return config.decay_to + (1.0 - config.decay_to) * _LEFT[config.decay](done)


_LEFT: Mapping[Decay, Callable[[float], float]] = {
    "none": lambda done: 1.0,
    "linear": lambda done: 1.0 - done,
    "cosine": lambda done: (1.0 + math.cos(math.pi * done)) / 2.0,  # Loshchilov & Hutter 2017, equation 5
}
