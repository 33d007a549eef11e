"""One training step: a generator phase and a discriminator phase over one batch, in microbatches.

The fakes are made once: the generator learns from them, then the discriminator does, against the generator as it was
(both gradients are taken at the same point). Nothing here waits for the device; sums come back as tensors.
"""

import torch
from torch import Tensor

from gan.augment import Augment
from gan.chance import Purpose, chance_at
from gan.data.pixels import to_float
from gan.ema import half_life_images, update_average
from gan.losses import discriminator_loss, generator_loss
from gan.networks.interface import Latents
from gan.regularisers import path_length_penalty, r1_penalty
from gan.sampling.latents import random_latents
from gan.training import Training

_PATH_LENGTH_DECAY = 0.99  # of the running mean a in StyleGAN2's equation 4 (appendix B: 0.01 a step)


class _Chance:
    """One step's randomness: latents on the device, augmentation on the CPU, which a GPU need not wait for."""

    def __init__(self, training: Training) -> None:
        place = (training.config.seed, training.images_seen)
        self.latents = chance_at(place[0], Purpose.STEP, place[1], training.device)
        self.augment = chance_at(place[0], Purpose.AUGMENT, place[1], torch.device("cpu"))


def step(training: Training, images: Tensor, labels: Tensor | None) -> dict[str, Tensor]:
    """Train on uint8 `[batch, c, h, w]` and labels `[batch]` or None; scalars for the tick, still on the device."""
    config = training.config
    batch_size = config.optimiser.batch_size
    micro = config.optimiser.microbatch or batch_size
    chance = _Chance(training)
    real_parts = to_float(images).split(micro)
    label_parts = [None] * len(real_parts) if labels is None else list(labels.split(micro))

    sums = {"loss_generator": torch.zeros((), device=training.device)}
    fakes = _generator_phase(training, label_parts, micro, chance, sums)
    sums["loss_discriminator"] = torch.zeros((), device=training.device)
    sums["sign_real"] = torch.zeros((), device=training.device)
    sums["logit_gap"] = torch.zeros((), device=training.device)
    _discriminator_phase(training, list(real_parts), fakes, label_parts, chance, sums)

    training.images_seen += batch_size
    half_life = half_life_images(config.average.half_life_kimg, config.average.ramp_up, training.images_seen)
    update_average(training.average, training.generator, batch_size, half_life)
    return sums


def _generator_phase(
    training: Training,
    labels: list[Tensor | None],
    micro: int,
    chance: _Chance,
    sums: dict[str, Tensor],
) -> list[Tensor]:
    """Step the generator; the detached fakes `[micro, c, h, w]` of each microbatch."""
    share = 1.0 / len(labels)
    fakes: list[Tensor] = []
    training.discriminator.requires_grad_(False)
    training.generator_optimiser.zero_grad(set_to_none=True)
    for part in labels:
        latents = _latents(training, part, micro, chance)
        with _autocast(training):
            fake = training.generator(latents)
            logits = training.discriminator(_augmented(training, fake, chance), part)
        loss = generator_loss(logits)
        (loss * share).backward()
        fakes.append(fake.detach())
        sums["loss_generator"] += loss.detach() * share
    if training.path_length_weight and training.step_index % training.config.regulariser.path_length_interval == 0:
        _path_length(training, labels, micro, chance, sums)
    training.discriminator.requires_grad_(True)
    training.generator_optimiser.step()
    return fakes


def _path_length(
    training: Training,
    labels: list[Tensor | None],
    micro: int,
    chance: _Chance,
    sums: dict[str, Tensor],
) -> None:
    """Path length regularisation on half a microbatch (StyleGAN2 appendix B), weighted for being lazy."""
    generator = training.style_generator
    assert generator is not None
    num = max(1, micro // 2)
    part = labels[0]
    latents = _latents(training, None if part is None else part[:num], num, chance)
    shape = training.shape
    probe = torch.randn(
        num, shape.channels, shape.height, shape.width, generator=chance.latents, device=training.device
    )
    penalty, length = path_length_penalty(generator, latents, training.mean_path_length, probe)
    (penalty * training.path_length_weight * training.config.regulariser.path_length_interval).backward()
    training.mean_path_length = training.mean_path_length.lerp(length, 1.0 - _PATH_LENGTH_DECAY)
    sums["path_length"] = length


def _discriminator_phase(
    training: Training,
    reals: list[Tensor],
    fakes: list[Tensor],
    labels: list[Tensor | None],
    chance: _Chance,
    sums: dict[str, Tensor],
) -> None:
    """Step the discriminator on augmented reals and fakes, with R1 every so many steps."""
    regulariser = training.config.regulariser
    assert regulariser.r1_gamma is not None
    penalise = regulariser.r1_gamma > 0.0 and training.step_index % regulariser.r1_interval == 0
    share = 1.0 / len(reals)
    seen_logits: list[Tensor] = []
    training.discriminator_optimiser.zero_grad(set_to_none=True)
    for real, fake, part in zip(reals, fakes, labels, strict=True):
        shown_real = _augmented(training, real, chance)
        with _autocast(training):
            real_logits = training.discriminator(shown_real, part)
            fake_logits = training.discriminator(_augmented(training, fake, chance), part)
        loss = discriminator_loss(real_logits, fake_logits)
        (loss * share).backward()
        seen_logits.append(real_logits.detach())
        sums["loss_discriminator"] += loss.detach() * share
        sums["sign_real"] += real_logits.detach().sign().mean() * share
        sums["logit_gap"] += (real_logits.mean() - fake_logits.mean()).detach() * share
        if penalise:
            # On the pictures as the discriminator sees them: no second derivative through the augmentation.
            penalty = r1_penalty(training.discriminator, shown_real.detach().requires_grad_(), part)
            (penalty * regulariser.r1_gamma * regulariser.r1_interval * share).backward()
            sums["r1_penalty"] = sums.get("r1_penalty", torch.zeros_like(penalty)) + penalty.detach() * share
    training.controller.update(torch.cat(seen_logits))
    training.discriminator_optimiser.step()


def _latents(training: Training, labels: Tensor | None, num: int, chance: _Chance) -> Latents:
    return random_latents(
        training.generator,
        labels,
        num,
        style_mixing_probability=training.style_mixing_probability,
        chance=chance.latents,
    )


def _augmented(training: Training, images: Tensor, chance: _Chance) -> Tensor:
    augment: Augment = training.augment
    shown: Tensor = augment(images.float(), training.controller.p, chance.augment)
    return shown


def _autocast(training: Training) -> torch.autocast:
    low = training.precision is not torch.float32
    return torch.autocast(training.device.type, dtype=torch.bfloat16, enabled=low)
