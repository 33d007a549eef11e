from pathlib import Path

import numpy as np
import pytest
import torch

from gan.data.dataset import PictureSet


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real, licensed picture sets that lie beside the checkout on some machines."""
    path = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not path.is_dir():
        pytest.skip(f"no real pictures at {path}")
    return path


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """Tests measure no speed; one thread keeps them from fighting over small tensors."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def few_pictures() -> PictureSet:
    """48 RGBA pictures of 16 x 16 in 3 classes: discs, bars and rings of some colour. Enough to train on."""
    chance = np.random.default_rng(0)
    rows, columns = np.mgrid[:16, :16] - 7.5
    radius = np.hypot(rows, columns)
    masks = (radius < 5, abs(rows) < 2.5, abs(radius - 5) < 1.5)
    labels = np.arange(48) % 3
    images = np.zeros((48, 4, 16, 16), dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[:3, masks[label]] = chance.integers(0, 256, (3, 1))
        image[3, masks[label]] = 255
    return PictureSet(
        source="few",
        images=images,
        labels=labels.astype(np.int64),
        class_names=("disc", "bar", "ring"),
        names=tuple(str(index) for index in range(48)),
        skipped=(),
        fingerprint="few",
    )
