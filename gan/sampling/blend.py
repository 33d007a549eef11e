"""Pictures between two pictures of one generator: on the way from one to the other, or with the styles of both.

On the way: where the generator has styles, they are interpolated linearly after its mapping (Karras et al. 2019,
section 4.1: that space is unwound, so straight lines stay among likely pictures), and each noise map is turned from
one to the other. Without styles z itself is turned, along the arc on which it stays standard normal (White 2016,
arXiv:1609.04468, section 2.1, for two independent draws). Both ends are exactly the two pictures.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from gan.errors import UserError
from gan.networks.interface import Generator, Latents, StyleGenerator, device_of
from gan.networks.typical import turned
from gan.pixels import UInt8Array, to_uint8
from gan.sampling.latents import seeded_latents


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What fixes a picture of a generator; label None without classes."""

    seed: int
    truncation: float = 1.0
    label: int | None = None


def can_morph(generator: Generator, a: Origin, b: Origin) -> bool:
    """Not between classes where they are not part of a style: half a class is none."""
    return isinstance(generator, StyleGenerator) or a.label == b.label


@torch.inference_mode()
def morph(generator: Generator, a: Origin, b: Origin, shares: Sequence[float]) -> UInt8Array:
    """Pictures uint8 `[n, c, h, w]`, one a share: 0 is a, 1 is b. ValueError where `can_morph` says no."""
    if not can_morph(generator, a, b):
        raise ValueError(f"classes {a.label} and {b.label}: this generator has nothing between two classes")
    first, last = _latents(generator, a), _latents(generator, b)
    pictures = []
    was_training = generator.training
    generator.eval()
    for share in shares:
        noise = tuple(turned(*maps, share) for maps in zip(first.noise, last.noise, strict=True))
        with torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
            if isinstance(generator, StyleGenerator):
                ends = generator.mapping(first, a.truncation), generator.mapping(last, b.truncation)
                drawn = generator.synthesis(torch.lerp(*ends, share), noise)
            else:
                between = Latents(z=turned(first.z, last.z, share), labels=first.labels, noise=noise)
                drawn = generator(between, a.truncation + share * (b.truncation - a.truncation))
        pictures.append(to_uint8(drawn).cpu().numpy())
    generator.train(was_training)
    return np.concatenate(pictures)


@torch.inference_mode()
def mix_styles(generator: Generator, coarse: Origin, fine: Origin, layer: int) -> UInt8Array:
    """One picture `[c, h, w]`: styles below that layer, and the noise, of `coarse`; from it on those of `fine`.

    Karras et al. 2019, section 3.1. UserError without styles, or for a layer that leaves one of the two out.
    """
    layers = generator.mixing_layers()
    if not isinstance(generator, StyleGenerator) or layers == 1:
        raise UserError("this generator has no styles to mix: only those of the StyleGAN family have")
    if not 0 < layer < layers:
        raise UserError(f"layer {layer}: styles can change from layer 1 to {layers - 1}")
    first, last = _latents(generator, coarse), _latents(generator, fine)
    was_training = generator.training
    generator.eval()
    styles = generator.mapping(first, coarse.truncation).clone()
    styles[:, layer:] = generator.mapping(last, fine.truncation)[:, layer:]
    with torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
        picture: UInt8Array = to_uint8(generator.synthesis(styles, first.noise)).cpu().numpy()[0]
    generator.train(was_training)
    return picture


def _latents(generator: Generator, origin: Origin) -> Latents:
    labels = None if origin.label is None else [origin.label]
    return seeded_latents(generator, [origin.seed], labels=labels, device=device_of(generator))
