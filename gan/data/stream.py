"""The order in which a training run sees its pictures."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gan.chance import Purpose, seed_at
from gan.data.dataset import PictureSet

_DEVICE_SHARE = 0.25  # of the free GPU memory that the whole set may take


class PictureStream:
    """Batches of reals by place: batch i of a seed is the same whenever it is asked for.

    Every picture comes once an epoch, in an order drawn for that epoch. With `class_balance` b a picture of a class of
    k comes in proportion to k^-b, so that at 1 all classes come equally often (Mahajan et al. 2018 use
    b = 1/2); fractions are settled anew each epoch. On a GPU the whole set lies there as uint8
    when it takes at most a quarter of the free memory; otherwise batches are gathered here and copied.
    """

    def __init__(
        self,
        pictures: PictureSet,
        *,
        seed: int,
        mirror: bool,
        conditional: bool,
        device: torch.device,
        class_balance: float = 0.0,
    ) -> None:
        self._seed = seed
        self._mirror = mirror
        self._device = device
        self._num = len(pictures)
        self._images = pictures.images
        self._on_device = torch.from_numpy(pictures.images.copy()).to(device) if _fits(pictures, device) else None
        self._labels = pictures.labels if conditional else None
        self._share = _shares(pictures.labels, class_balance)

    def batch(self, images_seen: int, size: int) -> tuple[Tensor, Tensor | None]:
        """Pictures number `images_seen` … `images_seen + size - 1` of the run: uint8 `[size, c, h, w]`, labels."""
        places = np.arange(images_seen, images_seen + size)
        index = np.empty(size, dtype=np.int64)
        flip = np.zeros(size, dtype=bool)
        for epoch in np.unique(places // self._num):
            here = places // self._num == epoch
            order = np.random.default_rng(seed_at(self._seed, Purpose.ORDER, int(epoch)))
            permutation, coins = order.permutation(self._num), order.random(self._num) < 0.5
            if self._share is not None:
                permutation = _systematic(self._share, order.random())[permutation]
            index[here] = permutation[places[here] % self._num]
            flip[here] = coins[places[here] % self._num]
        images = self._gather(index)
        if self._mirror:
            mask = torch.from_numpy(flip).to(self._device)[:, None, None, None]
            images = torch.where(mask, images.flip(3), images)
        labels = None if self._labels is None else torch.from_numpy(self._labels[index]).to(self._device)
        return images, labels

    def _gather(self, index: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Tensor:
        if self._on_device is not None:
            return self._on_device[torch.from_numpy(index).to(self._device)]
        return torch.from_numpy(self._images[index]).to(self._device)


def _shares(labels: NDArray[np.int64], class_balance: float) -> NDArray[np.float64] | None:
    """How often each picture comes in an epoch, in the mean; None: once."""
    if class_balance == 0.0:
        return None
    weight = np.bincount(labels)[labels].astype(np.float64) ** -class_balance
    share: NDArray[np.float64] = weight * (len(labels) / weight.sum())
    return share


def _systematic(share: NDArray[np.float64], offset: float) -> NDArray[np.int64]:
    """As many picks as pictures: each picture floor(share) or ceil(share) times (systematic sampling)."""
    ends = np.cumsum(share)
    picks = np.searchsorted(ends, np.arange(len(share)) + offset, side="right")
    return np.minimum(picks, len(share) - 1)


def _fits(pictures: PictureSet, device: torch.device) -> bool:
    if device.type != "cuda":
        return False  # it lies in the CPU's memory already
    free, _ = torch.cuda.mem_get_info(device)
    return pictures.images.nbytes < free * _DEVICE_SHARE
