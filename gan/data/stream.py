"""The order in which a training run sees its pictures."""

import numpy as np
import torch
from torch import Tensor

from gan.chance import Purpose, seed_at
from gan.data.dataset import PictureSet

_DEVICE_SHARE = 0.25  # of the free GPU memory that the whole set may take


class PictureStream:
    """Batches of reals by place: batch i of a seed is the same whenever it is asked for.

    Every picture comes once an epoch, in an order drawn for that epoch. The set lies on the device as uint8 when it
    takes at most a quarter of the free memory there; otherwise batches are copied.
    """

    def __init__(self, pictures: PictureSet, *, seed: int, mirror: bool, conditional: bool, device: torch.device) -> None:
        self._seed = seed
        self._mirror = mirror
        self._device = device
        self._num = len(pictures)
        images = torch.from_numpy(pictures.images)
        self._images = images.to(device) if _fits(pictures.images.nbytes, device) else images
        self._labels = torch.from_numpy(pictures.labels) if conditional else None

    def batch(self, images_seen: int, size: int) -> tuple[Tensor, Tensor | None]:
        """Pictures number `images_seen` … `images_seen + size - 1` of the run: uint8 `[size, c, h, w]`, labels."""
        places = np.arange(images_seen, images_seen + size)
        index = np.empty(size, dtype=np.int64)
        flip = np.zeros(size, dtype=bool)
        for epoch in np.unique(places // self._num):
            here = places // self._num == epoch
            order = np.random.default_rng(seed_at(self._seed, Purpose.ORDER, int(epoch)))
            permutation, coins = order.permutation(self._num), order.random(self._num) < 0.5
            index[here] = permutation[places[here] % self._num]
            flip[here] = coins[places[here] % self._num]
        chosen = torch.from_numpy(index)
        images = self._images[chosen.to(self._images.device)].to(self._device)
        if self._mirror:
            mask = torch.from_numpy(flip).to(self._device)[:, None, None, None]
            images = torch.where(mask, images.flip(3), images)
        labels = None if self._labels is None else self._labels[chosen].to(self._device)
        return images, labels


def _fits(num_bytes: int, device: torch.device) -> bool:
    if device.type != "cuda":
        return True  # the CPU's memory already holds it; MPS shares it
    free, _ = torch.cuda.mem_get_info(device)
    return num_bytes < free * _DEVICE_SHARE
