"""`inception`: clean-fid's Inception net (Parmar et al. 2022, arXiv:2104.11222), as FID is usually reported.

The network is NVIDIA's TorchScript export of the 2015 TensorFlow weights, which clean-fid downloads. Pictures
are brought to 299x299 by clean-fid's own resizer (Pillow's bicubic on floats, low-passed when reducing, no
rounding in between), whatever their aspect. RGBA is flattened on mid-grey 128 first, grey is repeated to RGB:
a net trained on photographs knows no alpha. Features are the 2,048 of the last pooling, used raw.
"""

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gan.data.pixels import UInt8Array
from gan.errors import UserError
from gan.metrics.batches import check_pictures, full_batches

ENVIRONMENT_VARIABLE = "GANVIL_INCEPTION"
FILE_NAME = "inception-2015-12-05.pt"  # the name under which clean-fid keeps it
CLEANFID_CACHE = Path("./" if os.name == "nt" else "/tmp")  # as in cleanfid.features.feature_extractor
SIDE = 299
BATCH_SIZE = 16
PREPROCESSING = "RGBA on 128; clean-fid clean resize 299; (x - 128) / 128; 1"


def load_inception(device: torch.device) -> "Inception":
    """From the file that GANVIL_INCEPTION names, else clean-fid's cache, else its download (91 MB) into it.

    Raises UserError, with the way out, where the file is missing or no such network, or cannot be downloaded.
    """
    given = os.environ.get(ENVIRONMENT_VARIABLE)
    if given:
        if not Path(given).is_file():
            raise UserError(
                f"{ENVIRONMENT_VARIABLE}={given!r} is not a file: set it to clean-fid's {FILE_NAME},"
                " or choose --features randconv"
            )
        return Inception(Path(given), device)
    cached = CLEANFID_CACHE / FILE_NAME
    if not cached.is_file():
        _download(cached)
    return Inception(cached, device)


def _download(target: Path) -> None:
    """clean-fid's download, into a folder of its own, then renamed: a broken one never becomes the cache."""
    from cleanfid.downloads_helper import check_download_inception, inception_url

    with tempfile.TemporaryDirectory(dir=target.parent, prefix="ganvil-inception-") as folder:
        try:
            check_download_inception(folder)
        except OSError as error:
            raise UserError(
                f"the Inception network is not in {target} and cannot be downloaded from {inception_url}"
                f" ({error}): set {ENVIRONMENT_VARIABLE} to a copy of {FILE_NAME}, or choose --features randconv"
            ) from None
        Path(folder, FILE_NAME).replace(target)


class Inception:
    """The net. Cost on one core: some 0.2 s a picture; on a GPU the resize is the slower part."""

    name = "inception"
    num_features = 2048
    standardised = False

    def __init__(self, file: Path, device: torch.device) -> None:
        """Raises UserError where the file is not a TorchScript network with Inception's `layers`."""
        try:
            network = torch.jit.load(str(file), map_location=device).eval()
            self._layers: Any = network.layers
        except (RuntimeError, ValueError, AttributeError, OSError):
            raise UserError(
                f"{str(file)!r} is not clean-fid's TorchScript Inception: delete it to download it anew, set"
                f" {ENVIRONMENT_VARIABLE} to a good {FILE_NAME}, or choose --features randconv"
            ) from None
        self.fingerprint = hashlib.sha256(PREPROCESSING.encode() + file.read_bytes()).hexdigest()
        self._device = device

    def __call__(self, images: UInt8Array) -> NDArray[np.float32]:
        """uint8 `[n, c, h, w]` -> float32 `[n, 2048]`, the same to the bit for any company in the batch."""
        check_pictures(images)
        features = np.empty((len(images), self.num_features), dtype=np.float32)
        start = 0
        for batch, num in full_batches(images, BATCH_SIZE):
            resized = clean_resize(batch[:num])
            filled = np.concatenate([resized, np.zeros((BATCH_SIZE - num, *resized.shape[1:]), dtype=np.float32)])
            features[start : start + num] = self._forward(torch.from_numpy(filled))[:num].cpu().numpy()
            start += num
        return features

    @torch.inference_mode()
    def _forward(self, resized: Tensor) -> Tensor:
        # TensorFloat-32 keeps 10 bits: features of one picture would differ between GPU and CPU, and caches
        # with them.
        with torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
            features: Tensor = self._layers.forward((resized.to(self._device) - 128) / 128)
        return features.reshape(len(resized), self.num_features)


def clean_resize(images: UInt8Array) -> NDArray[np.float32]:
    """uint8 `[n, c, h, w]` -> float `[n, 3, 299, 299]` in 0..255 by clean-fid's `clean` resizer."""
    from cleanfid.resize import build_resizer

    resize = build_resizer("clean")
    resized = [resize(image.transpose(1, 2, 0)).transpose(2, 0, 1) for image in flatten_on_grey(images)]
    return np.ascontiguousarray(np.stack(resized), dtype=np.float32)


def flatten_on_grey(images: UInt8Array) -> UInt8Array:
    """Inside pictures as uint8 RGB `[n, 3, h, w]`, over grey 128 where transparent, rounded to nearest."""
    channels = images.shape[1]
    if channels == 3:
        return images
    if channels == 1:
        return np.repeat(images, 3, axis=1)
    transparency = 255 - images[:, 3:].astype(np.uint32)
    flattened: UInt8Array = np.clip(images[:, :3] + (transparency * 128 + 127) // 255, 0, 255).astype(np.uint8)
    return flattened
