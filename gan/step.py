"""One training step: both networks' gradients, their penalties, the moving average.

The discriminator judges each fake once. Its weights' gradient and the generator's both come from that judgement, taken
at the same point; StyleGAN2-ADA's own loop makes fakes and judges them twice. Nothing here waits for the device; sums
come back as tensors.
"""

import torch
from torch import Tensor, nn

from gan.augment import Augment
from gan.chance import Purpose, chance_at
from gan.ema import half_life_images, update_average
from gan.losses import LossInTwoParts, best_judged, top_k_share
from gan.networks.interface import Latents
from gan.parallel import ALONE, World
from gan.pixels import to_float
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
    sums = _Sums(len(reals))
    training.generator_optimiser.zero_grad(set_to_none=True)
    training.discriminator_optimiser.zero_grad(set_to_none=True)
    certainties = [
        _contend(training, some, their_labels, chance, sums)
        for some, their_labels in zip(reals, part_labels, strict=True)
    ]
    training.controller.update(world.join(torch.cat(certainties)))
    _regularise_generator(training, part_labels[0], len(reals[0]), chance, sums)
    _take_step(training, training.generator_optimiser, list(training.generator.parameters()), world)
    _take_step(training, training.discriminator_optimiser, training.discriminator_parameters, world)
    training.images_seen += batch_size
    training.num_steps += 1
    half_life = half_life_images(config.average.half_life_kimg, config.average.ramp_up, training.images_seen)
    update_average(training.average, training.generator, batch_size, half_life)
    return sums.values


def _contend(training: Training, reals: Tensor, labels: Tensor | None, chance: _Chance, sums: _Sums) -> Tensor:
    """One microbatch's gradients for both networks; how certain the discriminator was of each picture, for ADA."""
    config = training.config.loss
    latents = _latents(training, labels, len(reals), chance)
    with _autocast(training):
        made = training.generator(latents)
    # packed here: what the discriminator sees as one picture is what its gradient penalty is about
    shown = _packed(training, _augmented(training, made, chance))
    reals = _packed(training, _augmented(training, reals, chance))
    fakes = shown.detach().requires_grad_()
    fake_logits = _judged(training, fakes, labels)
    # one graph of the discriminator at a time, where the game allows it
    real_logits = None if isinstance(training.loss, LossInTwoParts) else _judged(training, reals, labels)
    losses = training.loss.generator(fake_logits, None if real_logits is None else real_logits.detach())
    loss = best_judged(losses, top_k_share(config.top_k, config.top_k_half_life_kimg, training.images_seen))
    (gradient,) = torch.autograd.grad(loss * sums.share, fakes, retain_graph=True)
    shown.backward(gradient)
    sums.add("loss_generator", loss)
    if isinstance(training.loss, LossInTwoParts):
        _learn(training, training.loss.of_fakes(fake_logits), sums)
        fake_logits = fake_logits.detach()
        real_logits = _judged(training, reals, labels)
        _learn(training, training.loss.of_reals(real_logits), sums)
    else:
        assert real_logits is not None
        _learn(training, training.loss.discriminator(real_logits, fake_logits), sums)
    _penalise(training, reals, fakes, labels, sums)
    certainty = training.loss.certainty(real_logits, fake_logits).detach()
    sums.add("sign_real", certainty.sign().mean())
    sums.add("logit_gap", real_logits.mean() - fake_logits.mean())
    return certainty


def _learn(training: Training, loss: Tensor, sums: _Sums) -> None:
    """A loss of the discriminator, or a part of it."""
    (loss * sums.share).backward(inputs=training.discriminator_parameters)
    sums.add("loss_discriminator", loss)


def _penalise(training: Training, reals: Tensor, fakes: Tensor, labels: Tensor | None, sums: _Sums) -> None:
    """R1 and R2, every so many steps, on the pictures as shown: no second derivative through the augmentation."""
    regulariser = training.config.regulariser
    assert regulariser.r1_gamma is not None
    if training.num_steps % regulariser.r1_interval != 0:
        return
    for name, gamma, shown in (("r1", regulariser.r1_gamma, reals), ("r2", regulariser.r2_gamma, fakes)):
        if gamma > 0.0:
            penalty = gradient_penalty(training.discriminator, shown.detach().requires_grad_(), labels)
            weighted = penalty * gamma * regulariser.r1_interval * sums.share
            weighted.backward(inputs=training.discriminator_parameters)
            sums.add(f"{name}_penalty", penalty)


def _regularise_generator(training: Training, labels: Tensor | None, num: int, chance: _Chance, sums: _Sums) -> None:
    """Path length, every so many steps, and orthogonality."""
    regulariser = training.config.regulariser
    if training.path_length_weight and training.num_steps % regulariser.path_length_interval == 0:
        _path_length(training, labels, max(1, num // 2), chance, sums)
    if regulariser.orthogonal_weight:
        (orthogonal_penalty(training.generator) * regulariser.orthogonal_weight).backward()


def _path_length(training: Training, labels: Tensor | None, num: int, chance: _Chance, sums: _Sums) -> None:
    """Path length regularisation on half a microbatch (StyleGAN2 appendix B), weighted for being lazy."""
    generator = training.style_generator
    assert generator is not None
    latents = _latents(training, None if labels is None else labels[:num], num, chance)
    shape = (num * chance.world.size, training.shape.channels, training.shape.height, training.shape.width)
    probe = chance.world.share(torch.randn(shape, generator=chance.latents, device=training.device))
    with _autocast(training):
        penalty, length = path_length_penalty(generator, latents, training.mean_path_length, probe)
    (penalty * training.path_length_weight * training.config.regulariser.path_length_interval).backward()
    chance.world.average([length])
    training.mean_path_length = training.mean_path_length.lerp(length, 1.0 - _PATH_LENGTH_DECAY)
    sums.values["path_length"] = length


def _take_step(
    training: Training, optimiser: torch.optim.Optimizer, parameters: list[nn.Parameter], world: World
) -> None:
    world.average([parameter.grad for parameter in parameters if parameter.grad is not None])
    clip = training.config.optimiser.gradient_clip
    if clip is not None:
        nn.utils.clip_grad_norm_(parameters, clip)
    optimiser.step()


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
    with _autocast(training):
        logits: Tensor = training.discriminator(images, labels)
        return logits


def _autocast(training: Training) -> torch.autocast:
    low = training.precision is not torch.float32
    return torch.autocast(training.device.type, dtype=torch.bfloat16, enabled=low)
