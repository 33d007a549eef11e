"""Decoded pictures, kept on disk until the whole set is known.

Which channels a set needs, its one size and its fingerprint are known only after its last picture. The file has no
name: it is gone with the process, however that ends.
"""

import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from PIL import Image

from gan.data.decode import channels_needed


@dataclass(frozen=True)
class _Place:
    start: int
    mode: str
    size: tuple[int, int]


class Spool:
    """Pictures (L, RGB or RGBA, each of its own size) in the order in which they were appended; a context manager.

    channels: the fewest that hold all of them, 1, 3 or 4. sizes: how many of each (height, width). Takes
    width x height x channels bytes a picture in the folder.
    """

    def __init__(self, folder: Path) -> None:
        self._file = tempfile.TemporaryFile(prefix=".ganvil-spool-", dir=folder)  # noqa: SIM115  # closed by __exit__
        self._places: list[_Place] = []
        self._end = 0
        self.channels = 1
        self.sizes: Counter[tuple[int, int]] = Counter()

    def __enter__(self) -> "Spool":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def __len__(self) -> int:
        return len(self._places)

    def append(self, image: Image.Image) -> None:
        self._places.append(_Place(self._end, image.mode, image.size))
        self._end += self._file.write(image.tobytes())
        self.channels = max(self.channels, channels_needed(image))
        self.sizes[image.height, image.width] += 1

    def __iter__(self) -> Iterator[Image.Image]:
        for place in self._places:
            self._file.seek(place.start)
            num_bytes = place.size[0] * place.size[1] * len(place.mode)  # L, RGB, RGBA: a byte a letter
            yield Image.frombytes(place.mode, place.size, self._file.read(num_bytes))
