"""Stacked MNIST: three digits as the colours of one picture, a thousand modes; and who tells them apart.

Metz et al. 2017, arXiv:1611.02163, section 3.3.1, as Lin et al. 2018 (PacGAN, arXiv:1712.04086, section 4.1.2) use it:
each picture is three digits drawn at random, one a channel, 28 px; its mode is their three-figure number.
"""

import gzip
import io
import zipfile
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from gan.errors import UserError
from gan.pixels import UInt8Array

NUM_MODES, SIDE = 1000, 28
_BATCH = 128


def read_idx(file: Path) -> NDArray[np.uint8]:
    """An MNIST file as published: gzip, big-endian sizes, then bytes. `[n, 28, 28]` pictures or `[n]` labels."""
    try:
        data = gzip.decompress(file.read_bytes())
    except (OSError, EOFError) as error:
        raise UserError(f"{str(file)!r} cannot be read: {error}") from None
    sizes = tuple(int.from_bytes(data[at : at + 4], "big") for at in range(4, 4 + 4 * data[3], 4))
    return np.frombuffer(data, np.uint8, offset=4 + 4 * len(sizes)).reshape(sizes)


def digits(folder: Path, part: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Pictures and labels of `train` (60,000) or `t10k` (10,000)."""
    return read_idx(folder / f"{part}-images-idx3-ubyte.gz"), read_idx(folder / f"{part}-labels-idx1-ubyte.gz")


def stacked(folder: Path, count: int, seed: int) -> UInt8Array:
    """`[count, 3, 28, 28]`, drawn with replacement from the training digits."""
    images, _ = digits(folder, "train")
    return images[np.random.default_rng(seed).integers(0, len(images), (count, 3))]


def write_zip(file: Path, pictures: UInt8Array) -> None:
    """As RGB PNGs, for what reads picture sets."""
    with zipfile.ZipFile(file, "w") as archive:
        for number, picture in enumerate(pictures):
            stream = io.BytesIO()
            Image.fromarray(np.ascontiguousarray(picture.transpose(1, 2, 0))).save(stream, format="PNG")
            archive.writestr(f"{number:06d}.png", stream.getvalue())


class Classifier(nn.Module):
    """Two convolutions and two layers, as such protocols have it (LeCun et al. 1998): `[n, 1, 28, 28]` to `[n, 10]`."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.25),
            nn.Flatten(), nn.Linear(64 * 12 * 12, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 10),
        )  # fmt: skip

    def forward(self, images: Tensor) -> Tensor:
        scores: Tensor = self.layers(images)
        return scores

    @torch.inference_mode()
    def labels(self, images: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Digits of pictures `[n, 28, 28]`."""
        self.eval()
        found = [self(_inputs(images[at : at + 1000])).argmax(dim=1).numpy() for at in range(0, len(images), 1000)]
        return np.concatenate(found)

    def modes(self, pictures: UInt8Array) -> NDArray[np.int64]:
        """Of stacks `[n, 3, 28, 28]`: 0 to 999."""
        hundreds, tens, ones = (self.labels(pictures[:, channel]) for channel in range(3))
        return 100 * hundreds + 10 * tens + ones


def _inputs(images: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(images[:, None].astype(np.float32) / 255.0)


def trained_classifier(folder: Path, *, epochs: int = 4, seed: int = 0) -> tuple[Classifier, float]:
    """Trained on the 60,000 digits, and its accuracy on the 10,000. Some minutes of one core."""
    torch.manual_seed(seed)
    images, labels = digits(folder, "train")
    targets = torch.from_numpy(labels.astype(np.int64))
    classifier = Classifier()
    optimiser = torch.optim.Adam(classifier.parameters(), lr=1e-3)
    for epoch in range(epochs):
        classifier.train()
        order = torch.randperm(len(images))
        for at in tqdm(range(0, len(images), _BATCH), desc=f"classifier {epoch + 1}/{epochs}", disable=None):
            index = order[at : at + _BATCH]
            loss = functional.cross_entropy(classifier(_inputs(images[index.numpy()])), targets[index])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    tests, truth = digits(folder, "t10k")
    return classifier, float((classifier.labels(tests) == truth).mean())
