"""What the nets that were trained on photographs share: how pictures reach them, and that a batch changes nothing."""

from abc import ABC, abstractmethod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gan.features.batches import check_pictures, filled, full_batches
from gan.features.clean_resize import clean_resize
from gan.pixels import UInt8Array

BATCH_SIZE = 16


class PhotographNet(ABC):
    """A net for RGB of `side` x `side`, used raw. The subclass says how pixels become its features."""

    name: str
    num_features: int
    fingerprint: str
    side: int
    standardised = False

    def __init__(self, device: torch.device) -> None:
        self._device = device

    @abstractmethod
    def _features(self, resized: Tensor) -> Tensor:
        """float `[n, 3, side, side]` in 0..255 on the device -> `[n, num_features]`."""

    def __call__(self, images: UInt8Array) -> NDArray[np.float32]:
        """uint8 `[n, c, h, w]` -> float32 `[n, num_features]`, the same to the bit for any company in the batch."""
        check_pictures(images)
        features = np.empty((len(images), self.num_features), dtype=np.float32)
        start = 0
        for batch, num in full_batches(images, BATCH_SIZE):
            resized = torch.from_numpy(filled(clean_resize(batch[:num], self.side), BATCH_SIZE))
            features[start : start + num] = self._forward(resized)[:num].cpu().numpy()
            start += num
        return features

    @torch.inference_mode()
    def _forward(self, resized: Tensor) -> Tensor:
        # TensorFloat-32 keeps 10 bits: features of one picture would differ between GPU and CPU, and caches
        # with them.
        with torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
            return self._features(resized.to(self._device))
