"""The training loop: a generator of ticks. Its caller (gan/train.py, a Tune trial) reports, saves and stops.

It knows a run's settings and its pictures. It must not know scores, records, files or who is calling.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

from gan.allocator import keep_freed_pages
from gan.data.dataset import PictureSet
from gan.data.stream import PictureStream
from gan.guard import Guard, is_finite
from gan.parallel import ALONE, World
from gan.step import step
from gan.training import Training


@dataclass(frozen=True, kw_only=True)
class Tick:
    """What happened since the last tick, as means over its steps.

    losses in nats; sign_real is ADA's r_t, in [-1, 1], near 1 when the discriminator overfits; logit_gap is
    E[D(real)] - E[D(fake)]; ada_p the augmentation's strength now; images_per_second without the caller's own time.
    num_returns says how often the run has gone back to an earlier tick; finite is False only at the end of a run that
    could not be saved so.
    """

    images_seen: int
    loss_generator: float
    loss_discriminator: float
    sign_real: float
    logit_gap: float
    r1_penalty: float
    ada_p: float
    images_per_second: float
    num_returns: int
    finite: bool
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
            "num_returns": float(self.num_returns),
        }


def train(training: Training, pictures: PictureSet, world: World = ALONE) -> Iterator[Tick]:
    """Go on from where `training` is to the end of its schedule, yielding every `tick_kimg` and at the end.

    Between two ticks the caller may read and save `training`. Ticks lie at fixed numbers of images, so a resumed run
    ticks where an uncut one would. A tick whose numbers are not finite is not yielded: the run goes back to the last
    good one (gan/guard.py); when that has been done too often, it is yielded, and the run ends there.
    """
    keep_freed_pages()
    config = training.config
    stream = PictureStream(
        pictures,
        seed=config.seed,
        mirror=config.data.mirror,
        conditional=config.data.conditional,
        class_balance=config.data.class_balance,
        device=training.device,
    )
    total = config.schedule.total_kimg * 1000.0
    training.generator.train()
    training.discriminator.train()
    guard = Guard(training)
    while training.images_seen < total:
        start, started = training.images_seen, time.perf_counter()
        means = _train_to_next_tick(training, stream, total, world)
        finite = is_finite(training, means.values())
        if not finite and guard.go_back(training):
            continue
        yield Tick(
            images_seen=training.images_seen,
            loss_generator=means["loss_generator"],
            loss_discriminator=means["loss_discriminator"],
            sign_real=means["sign_real"],
            logit_gap=means["logit_gap"],
            r1_penalty=means.get("r1_penalty", 0.0),
            ada_p=training.controller.p,
            images_per_second=(training.images_seen - start) / (time.perf_counter() - started),
            num_returns=training.num_returns,
            finite=finite,
            finished=training.images_seen >= total,
        )
        if not finite:
            return
        guard.remember(training)


def _train_to_next_tick(training: Training, stream: PictureStream, total: float, world: World) -> dict[str, float]:
    """The means of what the steps told, over all processes, whose networks' statistics are averaged too."""
    tick_images = training.config.schedule.tick_kimg * 1000.0
    next_tick = min(total, (training.images_seen // tick_images + 1) * tick_images)
    sums: dict[str, Tensor] = {}
    counts: dict[str, int] = {}
    while training.images_seen < next_tick:
        images, labels = stream.batch(training.images_seen, training.batch_size)
        labels = None if labels is None else world.share(labels)
        for name, value in step(training, world.share(images), labels, world).items():
            sums[name] = sums[name] + value if name in sums else value
            counts[name] = counts.get(name, 0) + 1
    world.average([*sums.values(), *training.statistics()])
    return {name: float(value) / counts[name] for name, value in sums.items()}  # waits for the device
