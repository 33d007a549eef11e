"""One training step: generator, discriminator, their penalties, the moving average.

The generator is run once: its pictures serve both its own step and, detached, the discriminator's, which still is
as it was (both gradients are taken at the same point). Nothing here waits for the device; sums come back as tensors.
"""

import torch
from torch import Tensor, nn

from gan.augment import Augment
from gan.chance import Purpose, chance_at
from gan.data.pixels import to_float
from gan.ema import half_life_images, update_average
from gan.losses import best_judged, top_k_share
from gan.networks.interface import Latents
from gan.parallel import ALONE, World
from gan.regularisers import gradient_penalty, orthogonal_penalty, path_length_penalty
from gan.sampling.latents import random_latents
from gan.training import Training

_PATH_LENGTH_DECAY = 0.99  # of the running mean a in StyleGAN2's equation 4 (appendix B: 0.01 a step)


class _Chance:
    """One step's randomness: latents on the device, augmentation on the CPU, which a GPU need not wait for."""

    def __init__(self, training: Training, world: World) -> None:
        seed, place = training.config.seed, training.images_seen
        self.world = world
        self.latents = chance_at(seed, Purpose.STEP, place, training.device)
        self.augment = chance_at(seed + world.rank, Purpose.AUGMENT, place, torch.device("cpu"))


class _Part:
    """What one microbatch brings: reals in [-1, 1] as they are, labels, and, once made, its fakes (detached)."""

    def __init__(self, reals: Tensor, labels: Tensor | None) -> None:
        self.reals = reals
        self.labels = labels
        self.fakes = reals


class _Sums:
    """What the tick will tell, as means over the parts, still on the device."""

    def __init__(self, num_parts: int) -> None:
        self.share = 1.0 / num_parts
        self.values: dict[str, Tensor] = {}

    def add(self, name: str, value: Tensor) -> None:
        value = value.detach() * self.share
        self.values[name] = self.values[name] + value if name in self.values else value


def step(training: Training, images: Tensor, labels: Tensor | None, world: World = ALONE) -> dict[str, Tensor]:
    """Train on this process's share of the batch, uint8 `[n, c, h, w]`, labels `[n]` or None; scalars for the tick."""
    config = training.config
    batch_size = training.batch_size
    micro = config.optimiser.microbatch or len(images)
    training.set_rates()
    chance = _Chance(training, world)
    reals = to_float(images).split(micro)
    part_labels = [None] * len(reals) if labels is None else labels.split(micro)
    parts = [_Part(real, label) for real, label in zip(reals, part_labels, strict=True)]
    sums = _Sums(len(parts))
    _generator_phase(training, parts, chance, sums)
    _discriminator_phase(training, parts, chance, sums)
    training.images_seen += batch_size
    training.num_steps += 1
    half_life = half_life_images(config.average.half_life_kimg, config.average.ramp_up, training.images_seen)
    update_average(training.average, training.generator, batch_size, half_life)
    return sums.values


def _generator_phase(training: Training, parts: list[_Part], chance: _Chance, sums: _Sums) -> None:
    """Step the generator; every part gets its fakes."""
    _train_only(training.discriminator_parameters, False)
    training.generator_optimiser.zero_grad(set_to_none=True)
    loss_config = training.config.loss
    top_k = top_k_share(loss_config.top_k, loss_config.top_k_half_life_kimg, training.images_seen)
    for part in parts:
        latents = _latents(training, part.labels, len(part.reals), chance)
        with _autocast(training):
            fakes = training.generator(latents)
            logits = _judged(training, _augmented(training, fakes, chance), part.labels)
            real_logits = None
            if training.loss.compares_with_reals:
                with torch.no_grad():
                    real_logits = _judged(training, _augmented(training, part.reals, chance), part.labels)
        loss = best_judged(training.loss.generator(logits, real_logits), top_k)
        (loss * sums.share).backward()
        part.fakes = fakes.detach()
        sums.add("loss_generator", loss)
    interval = training.config.regulariser.path_length_interval
    if training.path_length_weight and training.num_steps % interval == 0:
        _path_length(training, parts[0], chance, sums)
    if training.config.regulariser.orthogonal_weight:
        (orthogonal_penalty(training.generator) * training.config.regulariser.orthogonal_weight).backward()
    _train_only(training.discriminator_parameters, True)
    _take_step(training, training.generator_optimiser, list(training.generator.parameters()), chance.world)


def _path_length(training: Training, part: _Part, chance: _Chance, sums: _Sums) -> None:
    """Path length regularisation on half a microbatch (StyleGAN2 appendix B), weighted for being lazy."""
    generator = training.style_generator
    assert generator is not None
    num = max(1, len(part.reals) // 2)
    latents = _latents(training, None if part.labels is None else part.labels[:num], num, chance)
    shape = (num * chance.world.size, training.shape.channels, training.shape.height, training.shape.width)
    probe = chance.world.share(torch.randn(shape, generator=chance.latents, device=training.device))
    penalty, length = path_length_penalty(generator, latents, training.mean_path_length, probe)
    (penalty * training.path_length_weight * training.config.regulariser.path_length_interval).backward()
    chance.world.average([length])
    training.mean_path_length = training.mean_path_length.lerp(length, 1.0 - _PATH_LENGTH_DECAY)
    sums.values["path_length"] = length


def _discriminator_phase(training: Training, parts: list[_Part], chance: _Chance, sums: _Sums) -> None:
    """Step the discriminator on augmented reals and fakes, with R1 and R2 every so many steps."""
    regulariser = training.config.regulariser
    assert regulariser.r1_gamma is not None
    penalise = regulariser.penalises_gradients and training.num_steps % regulariser.r1_interval == 0
    certainties: list[Tensor] = []
    training.discriminator_optimiser.zero_grad(set_to_none=True)
    for part in parts:
        # packed here: what the discriminator sees as one picture is what its gradient penalty is about
        reals = _packed(training, _augmented(training, part.reals, chance))
        fakes = _packed(training, _augmented(training, part.fakes, chance))
        with _autocast(training):
            real_logits = training.discriminator(reals, part.labels)
            fake_logits = training.discriminator(fakes, part.labels)
        loss = training.loss.discriminator(real_logits, fake_logits)
        (loss * sums.share).backward()
        certainty = training.loss.certainty(real_logits, fake_logits).detach()
        certainties.append(certainty)
        sums.add("loss_discriminator", loss)
        sums.add("sign_real", certainty.sign().mean())
        sums.add("logit_gap", real_logits.mean() - fake_logits.mean())
        if penalise:
            for name, gamma, shown in (("r1", regulariser.r1_gamma, reals), ("r2", regulariser.r2_gamma, fakes)):
                if gamma > 0.0:
                    _penalise(training, name, gamma, shown, part.labels, sums)
    training.controller.update(chance.world.join(torch.cat(certainties)))
    _take_step(training, training.discriminator_optimiser, training.discriminator_parameters, chance.world)


def _penalise(training: Training, name: str, gamma: float, shown: Tensor, labels: Tensor | None, sums: _Sums) -> None:
    """On the pictures as the discriminator sees them: no second derivative through the augmentation."""
    penalty = gradient_penalty(training.discriminator, shown.detach().requires_grad_(), labels)
    (penalty * gamma * training.config.regulariser.r1_interval * sums.share).backward()
    sums.add(f"{name}_penalty", penalty)


def _take_step(
    training: Training, optimiser: torch.optim.Optimizer, parameters: list[nn.Parameter], world: World
) -> None:
    world.average([parameter.grad for parameter in parameters if parameter.grad is not None])
    clip = training.config.optimiser.gradient_clip
    if clip is not None:
        nn.utils.clip_grad_norm_(parameters, clip)
    optimiser.step()


def _train_only(parameters: list[nn.Parameter], wanted: bool) -> None:
    for parameter in parameters:
        parameter.requires_grad_(wanted)


def _latents(training: Training, labels: Tensor | None, num: int, chance: _Chance) -> Latents:
    """This process's share of the latents that all processes draw alike."""
    world = chance.world
    whole = random_latents(
        training.generator,
        None,
        num * world.size,
        style_mixing_probability=training.style_mixing_probability,
        chance=chance.latents,
    )
    return Latents(
        z=world.share(whole.z),
        labels=labels,
        noise=tuple(world.share(noise) for noise in whole.noise),
        mixed_z=None if whole.mixed_z is None else world.share(whole.mixed_z),
        crossover=None if whole.crossover is None else world.share(whole.crossover),
    )


def _augmented(training: Training, images: Tensor, chance: _Chance) -> Tensor:
    augment: Augment = training.augment
    shown: Tensor = augment(images.float(), training.controller.p, chance.augment)
    return shown


def _packed(training: Training, images: Tensor) -> Tensor:
    """`[n, c, h, w]` to `[n / m, m c, h, w]` where m pictures are judged together (PacGAN, Lin et al. 2018)."""
    packing = training.shape.packing
    return images if packing == 1 else images.reshape(-1, packing * images.shape[1], *images.shape[2:])


def _judged(training: Training, images: Tensor, labels: Tensor | None) -> Tensor:
    logits: Tensor = training.discriminator(_packed(training, images), labels)
    return logits


def _autocast(training: Training) -> torch.autocast:
    low = training.precision is not torch.float32
    return torch.autocast(training.device.type, dtype=torch.bfloat16, enabled=low)
