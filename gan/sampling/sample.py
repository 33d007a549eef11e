"""Seeds in, pictures out."""

from collections.abc import Sequence

import numpy as np
import torch

from gan.networks.interface import Generator, device_of
from gan.pixels import UInt8Array, to_uint8
from gan.sampling.latents import seeded_latents


@torch.inference_mode()
def sample(
    generator: Generator,
    seeds: Sequence[int],
    *,
    truncation: float = 1.0,
    class_counts: Sequence[int] = (),
    labels: Sequence[int] | None = None,
    batch_size: int = 64,
) -> UInt8Array:
    """Pictures uint8 `[n, c, h, w]` in the inside convention, one a seed.

    A picture is the same whatever its neighbours, but for the last bit of float arithmetic: at most 1/255 a pixel.
    The generator's mode (training or evaluation) is put back as it was.
    """
    was_training = generator.training
    generator.eval()
    device = device_of(generator)
    batches: list[UInt8Array] = []
    for start in range(0, len(seeds), batch_size):
        part = slice(start, start + batch_size)
        latents = seeded_latents(
            generator,
            seeds[part],
            class_counts=class_counts,
            labels=None if labels is None else labels[part],
            device=device,
        )
        # TensorFloat-32 keeps 10 bits: a picture would depend on its device and its batch by more than 1/255
        with torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
            batches.append(to_uint8(generator(latents, truncation)).cpu().numpy())
    generator.train(was_training)
    shape = generator.shape
    return np.concatenate(batches) if batches else np.empty((0, shape.channels, shape.height, shape.width), np.uint8)
