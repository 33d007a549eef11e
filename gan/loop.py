"""The training loop: a generator of ticks. Its caller (gan/train.py, a Tune trial) reports, saves and stops.

It knows a run's settings and its pictures. It must not know scores, records, files or who is calling.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from gan.allocator import keep_freed_pages
from gan.config import RunConfig, picture_shape, resolve
from gan.data.dataset import PictureSet
from gan.data.stream import PictureStream
from gan.step import step
from gan.training import Training


@dataclass(frozen=True, kw_only=True)
class Tick:
    """What happened since the last tick, as means over its steps.

    losses in nats; sign_real is ADA's r_t, in [-1, 1], near 1 when the discriminator overfits; logit_gap is
    E[D(real)] - E[D(fake)]; ada_p the augmentation's strength now; images_per_second without the caller's own time.
    A loss that is not finite stays so: the caller decides.
    """

    images_seen: int
    loss_generator: float
    loss_discriminator: float
    sign_real: float
    logit_gap: float
    r1_penalty: float
    ada_p: float
    images_per_second: float
    finished: bool

    def as_metrics(self) -> dict[str, float]:
        """By the names that the records use."""
        return {
            "loss_generator": self.loss_generator,
            "loss_discriminator": self.loss_discriminator,
            "sign_real": self.sign_real,
            "logit_gap": self.logit_gap,
            "r1_penalty": self.r1_penalty,
            "ada_p": self.ada_p,
            "images_per_second": self.images_per_second,
        }


def begin(config: RunConfig, pictures: PictureSet, device: torch.device) -> Training:
    """A fresh run on these pictures, its settings resolved."""
    resolved = resolve(config, pictures)
    return Training(resolved, picture_shape(resolved, len(pictures.class_names)), device)


def train(training: Training, pictures: PictureSet) -> Iterator[Tick]:
    """Go on from where `training` is to the end of its schedule, yielding every `tick_kimg` and at the end.

    Between two ticks the caller may read and save `training`. Ticks lie at fixed numbers of images, so a resumed run
    ticks where an uncut one would.
    """
    keep_freed_pages()
    config = training.config
    batch_size = config.optimiser.batch_size
    stream = PictureStream(
        pictures,
        seed=config.seed,
        mirror=config.data.mirror,
        conditional=config.data.conditional,
        device=training.device,
    )
    total = config.schedule.total_kimg * 1000.0
    tick_images = config.schedule.tick_kimg * 1000.0
    training.generator.train()
    training.discriminator.train()
    while training.images_seen < total:
        start, started = training.images_seen, time.perf_counter()
        next_tick = min(total, (start // tick_images + 1) * tick_images)
        sums: dict[str, torch.Tensor] = {}
        counts: dict[str, int] = {}
        while training.images_seen < next_tick:
            images, labels = stream.batch(training.images_seen, batch_size)
            for name, value in step(training, images, labels).items():
                sums[name] = sums[name] + value if name in sums else value
                counts[name] = counts.get(name, 0) + 1
        means = {name: float(value) / counts[name] for name, value in sums.items()}  # waits for the device
        yield Tick(
            images_seen=training.images_seen,
            loss_generator=means["loss_generator"],
            loss_discriminator=means["loss_discriminator"],
            sign_real=means["sign_real"],
            logit_gap=means["logit_gap"],
            r1_penalty=means.get("r1_penalty", 0.0),
            ada_p=training.controller.p,
            images_per_second=(training.images_seen - start) / (time.perf_counter() - started),
            finished=training.images_seen >= total,
        )
