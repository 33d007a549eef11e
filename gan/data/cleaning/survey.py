"""The one pass that decodes: every file to what is kept of it in memory, and its pixels to a spool on disk.

Per picture a descriptor (some 1 to 2 kB for a sprite of 32 x 32, at most 7 kB) and a few numbers are held. Large
pictures are reduced at once, so that threads share the memory.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from gan.data.cleaning.contents import Contents, contents
from gan.data.cleaning.oddities import oddity
from gan.data.decode import LARGE_PIXELS, decoding
from gan.data.likeness.descriptor import Descriptor, describe
from gan.data.members import Member, Skipped
from gan.data.resize import Style, judge
from gan.data.spool import Spool
from gan.data.threads import threaded, with_progress
from gan.pixels import UInt8Array

NUM_JUDGED = 64  # pictures that decide whether a set is pixel art


@dataclass(frozen=True, slots=True)
class Seen:
    """What is kept of a picture. reduced: its pixels in the spool are fewer than those of its file."""

    name: str
    descriptor: Descriptor
    contents: Contents
    oddity: str | None
    reduced: bool

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the file's picture."""
        return self.descriptor.height, self.descriptor.width


@dataclass(frozen=True)
class Survey:
    """seen: what could be read, in the order of the source and of the spool. style: of a sample spread over it."""

    seen: tuple[Seen, ...]
    unreadable: tuple[Skipped, ...]
    style: Style


@dataclass(frozen=True)
class _Decoded:
    seen: Seen
    image: Image.Image
    style: Style | None


def survey(members: Sequence[Member], spool: Spool | None) -> Survey:
    """Read and decode every member, once. Without a spool the pixels are let go."""
    judged = {len(members) * number // NUM_JUDGED for number in range(NUM_JUDGED)}
    jobs = [(member, place in judged) for place, member in enumerate(members)]
    seen: list[Seen] = []
    unreadable: list[Skipped] = []
    styles: list[Style] = []
    for result in with_progress(threaded(_look, jobs), total=len(jobs), what="reading"):
        if isinstance(result, Skipped):
            unreadable.append(result)
            continue
        seen.append(result.seen)
        if result.style is not None:
            styles.append(result.style)
        if spool is not None:
            spool.append(result.image)
    style = Style(
        num_looked_at=sum(one.num_looked_at for one in styles), num_pixel_art=sum(one.num_pixel_art for one in styles)
    )
    return Survey(tuple(seen), tuple(unreadable), style)


def _look(job: tuple[Member, bool]) -> _Decoded | Skipped:
    member, is_judged = job
    try:
        data = member.read()
    except OSError as error:
        return Skipped(member.name, error.strerror or str(error))
    with decoding(member.name, data) as image:
        if isinstance(image, Skipped):
            return image
        small = _reduced(image)
        straight: UInt8Array = np.asarray(small.convert("RGBA")).transpose(2, 0, 1)
        descriptor = describe(straight, straight=True)
        if small is not image:
            descriptor = replace(descriptor, height=image.height, width=image.width)
        seen = Seen(member.name, descriptor, contents(straight), oddity(member.name, data), small is not image)
        return _Decoded(seen, small, judge([small]) if is_judged else None)


def _reduced(image: Image.Image) -> Image.Image:
    """Box-averaged by a whole number to at most LARGE_PIXELS."""
    factor = 1
    while (image.width // factor) * (image.height // factor) > LARGE_PIXELS:
        factor += 1
    return image if factor == 1 else image.reduce(factor)
