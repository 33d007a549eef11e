"""`randconv`: features from a pyramid of random, fixed convolutions; no download, the same everywhere.

Four stages of 3x3 convolution, rectifier and 2x2 mean pooling; of the first 16 channels of each stage the
mean and standard deviation over each quarter of the picture: 4 stages x 16 channels x 2 x 4 = 512 features.
Random filters with a rectifier keep much of what trained ones see of texture, colour and layout (Saxe et al.
2011, "On random weights and unsupervised feature learning"; Jarrett et al. 2009), nothing of what things are
called.

Chosen by detection trials on DCSS monsters (23 classes, 350 samples against 600 reals, 32 px): wider hidden
stages than are read out halve the null's spread; filters of sum 0 leave no feature dead; a 1x1 grid, or
square roots or logarithms of the features, cost KID a third to a half of its sight for lost modes; |x| in
place of the rectifier sees blur better, and lost modes by KID half as well. The net as it stands, in standard
deviations of the null: 8 of 23 modes dropped FID +5.6, KID +5.8, coverage -2.4, recall -1.2; blur of sigma .5
density -5.6, recall -9.8; noise of .06 recall -3.0; 5 % of copies memorised +3.5.
"""

import hashlib
import math
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from gan.features.batches import check_pictures, full_batches
from gan.pixels import UInt8Array, over, to_float

WIDTHS: Final = (32, 64, 64, 64)
READ_CHANNELS: Final = 16
KERNEL_SIZE: Final = 3
GRID: Final = 2
SEED: Final = 0
SMALLEST_SIDE, LARGEST_SIDE, SIDE_STEP = 32, 64, 16
BATCH_SIZE = 64
# Part of the fingerprint: to be changed with whatever changes the features for the same weights.
PREPROCESSING = "black and white; longer side 32..64, sides of 16; area; replicate; mean and deviation 2x2; 1"


def working_size(height: int, width: int) -> tuple[int, int]:
    """The height and width at which pictures of that size are looked at.

    The longer side is kept if it is 32 to 64, brought to 64 if larger and to 32 if smaller; both sides go to
    the nearest multiple of 16 (at least 16), so that every stage divides into equal quarters. 32, 48, 64,
    64x48 and 48x64 are looked at as they are: pixel art is not smeared by a resize.
    """
    longer = max(height, width)
    scale = min(max(longer, SMALLEST_SIDE), LARGEST_SIDE) / longer
    return _to_step(height * scale), _to_step(width * scale)


def _to_step(side: float) -> int:
    return max(1, int(side / SIDE_STEP + 0.5)) * SIDE_STEP


def draw_weights() -> list[NDArray[np.float32]]:
    """The stages' filters `[out, in, 3, 3]`: uniform, each filter of sum 0, with He et al. 2015's variance 2 / fan-in.

    Sum 0, because a filter that mostly sees the picture's brightness is always on or, behind the rectifier,
    always dead. Made from the bit generator's raw output, which numpy promises to keep the same for ever (it
    does not promise that of its normal distribution), in whole numbers up to the last two operations, which
    IEEE 754 fixes.
    """
    bits = np.random.PCG64(SEED)
    weights, num_in = [], 6
    for num_out in WIDTHS:
        fan_in = num_in * KERNEL_SIZE**2
        draws = (bits.random_raw(num_out * fan_in) >> np.uint64(40)).astype(np.int64).reshape(num_out, fan_in)
        centred = draws * fan_in - draws.sum(axis=1, keepdims=True)
        bound = math.sqrt(6.0 / fan_in)  # of a uniform distribution with variance 2 / fan-in
        filters = (centred * (bound / (fan_in * 2.0**23))).astype(np.float32)
        weights.append(filters.reshape(num_out, num_in, KERNEL_SIZE, KERNEL_SIZE))
        num_in = num_out
    return weights


class RandomConvolutions:
    """The net. It looks at pictures over black and over white, six channels: alpha is seen as well as colour.

    Cost on one core: some 0.3 s per 1,000 pictures at 32 px, 2 s at 64 px and above.
    """

    name = "randconv"
    num_features = len(WIDTHS) * READ_CHANNELS * 2 * GRID**2
    standardised = True

    def __init__(self, device: torch.device) -> None:
        weights = draw_weights()
        digest = hashlib.sha256(PREPROCESSING.encode())
        for weight in weights:
            digest.update(weight.tobytes())
        self.fingerprint = digest.hexdigest()
        self._device = device
        self._weights = [torch.from_numpy(weight).to(device) for weight in weights]

    def __call__(self, images: UInt8Array) -> NDArray[np.float32]:
        """uint8 `[n, c, h, w]` -> float32 `[n, 512]`, the same to the bit for any company in the batch."""
        check_pictures(images)
        features = np.empty((len(images), self.num_features), dtype=np.float32)
        start = 0
        for batch, num in full_batches(images, BATCH_SIZE):
            features[start : start + num] = self._forward(torch.from_numpy(batch).to(self._device))[:num].cpu().numpy()
            start += num
        return features

    @torch.inference_mode()
    def _forward(self, images: Tensor) -> Tensor:
        # TensorFloat-32 keeps 10 bits: features of one picture would differ between GPU and CPU, and caches
        # with them.
        with torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
            x = _black_and_white(images)
            read: list[Tensor] = []
            for stage, weight in enumerate(self._weights):
                x = functional.avg_pool2d(x, 2) if stage else x
                x = functional.conv2d(functional.pad(x, (1, 1, 1, 1), mode="replicate"), weight).relu_()
                read += _statistics(x[:, :READ_CHANNELS])
            return torch.cat(read, dim=1)


def _black_and_white(images: Tensor) -> Tensor:
    """uint8 `[n, c, h, w]` -> float `[n, 6, h', w']` in [-1, 1], at the working size."""
    x = to_float(images)
    x = torch.cat([over(x, -1.0), over(x, 1.0)], dim=1)
    size = working_size(x.shape[2], x.shape[3])
    if size == (x.shape[2], x.shape[3]):
        return x
    return functional.interpolate(x, size=size, mode="area")


def _statistics(x: Tensor) -> list[Tensor]:
    """Mean and standard deviation over each cell of the grid, each `[n, channels * cells]`."""
    num, channels, height, width = x.shape
    cells = x.reshape(num, channels, GRID, height // GRID, GRID, width // GRID)
    deviation, mean = torch.std_mean(cells, dim=(3, 5), correction=0)
    return [mean.flatten(1), deviation.flatten(1)]
