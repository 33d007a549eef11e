import gzip
from pathlib import Path

import numpy as np
import pytest

from experiments.stacked_mnist.stacks import Classifier, read_idx, stacked, write_zip
from gan.data.dataset import load_pictures
from gan.data.resolution import Resolution
from gan.errors import UserError


def write_idx(file: Path, values: np.ndarray) -> None:
    sizes = b"".join(size.to_bytes(4, "big") for size in values.shape)
    file.write_bytes(gzip.compress(bytes([0, 0, 8, values.ndim]) + sizes + values.tobytes()))


@pytest.fixture
def mnist(tmp_path: Path) -> Path:
    """Four digits: picture d is all of brightness 10 d."""
    labels = np.arange(4, dtype=np.uint8)
    write_idx(tmp_path / "train-images-idx3-ubyte.gz", np.repeat(labels * 10, 28 * 28).reshape(4, 28, 28))
    write_idx(tmp_path / "train-labels-idx1-ubyte.gz", labels)
    return tmp_path


def test_idx_files_are_read_as_published(mnist: Path) -> None:
    assert read_idx(mnist / "train-labels-idx1-ubyte.gz").tolist() == [0, 1, 2, 3]
    assert read_idx(mnist / "train-images-idx3-ubyte.gz")[:, 5, 5].tolist() == [0, 10, 20, 30]
    (mnist / "train-labels-idx1-ubyte.gz").write_bytes(b"not gzip")
    with pytest.raises(UserError, match="cannot be read"):
        read_idx(mnist / "train-labels-idx1-ubyte.gz")


def test_stacks_are_three_digits_drawn_at_random(mnist: Path, tmp_path: Path) -> None:
    pictures = stacked(mnist, 600, seed=0)
    assert pictures.shape == (600, 3, 28, 28)
    assert len(np.unique(pictures[:, :, 0, 0], axis=0)) == 4**3
    assert np.array_equal(stacked(mnist, 600, seed=0), pictures)
    write_zip(tmp_path / "stacks.zip", pictures[:8])
    read = load_pictures(str(tmp_path / "stacks.zip"), Resolution(height=28, width=28), channels=3)
    assert np.array_equal(read.images, pictures[:8])


def test_modes_are_the_three_figures() -> None:
    class Brightness(Classifier):
        def labels(self, images: np.ndarray) -> np.ndarray:
            return images[:, 0, 0].astype(np.int64)

    pictures = np.zeros((2, 3, 28, 28), dtype=np.uint8)
    pictures[:, :, 0, 0] = [[1, 2, 3], [9, 0, 7]]
    assert Brightness().modes(pictures).tolist() == [123, 907]
