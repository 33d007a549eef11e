"""Numbers of a fixed set of pictures, kept on disk and shared between processes.

A file is written under a temporary name and renamed, so a reader finds a whole one or none; two processes
that miss at once both compute, and write the same. Plain arrays in an npz, never pickle.
"""

import contextlib
import tempfile
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[np.floating[Any]]]


def load_arrays(file: Path, shapes: Mapping[str, tuple[int, ...]]) -> Arrays | None:
    """The arrays of those names; None where the file is absent, broken, or holds other shapes or NaN."""
    try:
        with np.load(file, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in shapes}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        return None
    fits = all(arrays[name].shape == shape and np.isfinite(arrays[name]).all() for name, shape in shapes.items())
    return arrays if fits else None


def save_arrays(file: Path, arrays: Arrays) -> None:
    """Replace the file in one step. A folder that cannot be written is passed over: caches only save time."""
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=file.parent, prefix=".partial-") as folder:
            partial = Path(folder, file.name)
            with partial.open("wb") as stream:
                np.savez(stream, allow_pickle=False, **arrays)
            partial.replace(file)
