"""Sources in, a set out: every picture decoded once, brought to the set's size, written with its card.

Memory holds a few pictures at a time; decoded ones wait on disk, beside the target (gan/data/spool.py).
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from gan.data.archive import encode_png, write_set
from gan.data.card import DatasetCard, SourceCard
from gan.data.dataset import PictureSet, allocate
from gan.data.fingerprint import fingerprint_of
from gan.data.labels import Labels, assign
from gan.data.members import Label, Skipped
from gan.data.readers.incoming import Candidate, Incoming, decoded
from gan.data.resize import Filter, Fit, Method, Style, judge, on_canvas, one_size, resize
from gan.data.resolution import Resolution
from gan.data.spool import Spool
from gan.data.threads import threaded, with_progress
from gan.errors import UserError
from gan.pixels import MODE_OF_CHANNELS, UInt8Array, from_pil
from gan.version import code_version
from gan.whole_file import refuse_to_overwrite

NUM_SAMPLED = 64  # pictures of a source that decide how all of them are resized
MOST_PIXELS_SAMPLED = 16_000_000

Colour = tuple[int, int, int]


@dataclass(frozen=True, kw_only=True)
class Intake:
    """How a set is made.

    resolution None: the pictures' own size, which must then be one (fit `pad`: the least that holds all). method
    `auto`: pixel-art for a source that is pixel art, else lanczos. background: alpha is flattened on it, and what is
    padded has its colour; None: alpha is kept, and what is added is transparent (black where no picture of the set has
    alpha).
    """

    out: Path
    name: str
    resolution: Resolution | None = None
    fit: Fit = "letterbox"
    method: Method | Literal["auto"] = "auto"
    background: Colour | None = None
    licence: str | None = None
    replace: bool = False


class Gathered:
    """Sources that were read, before the set is written: every picture decoded, and on disk until then.

    size: the set's. names: of all sources together. labels: what the sources themselves say.
    """

    def __init__(self, taken: "Sequence[_Taken]", spool: Spool, intake: Intake) -> None:
        self._taken, self._spool, self._intake = taken, spool, intake
        self._source = " + ".join(one.card.source for one in taken)
        self.skipped = tuple(skipped for one in taken for skipped in one.skipped)
        if not len(spool):
            first = f"; the first is {self.skipped[0].name!r} ({self.skipped[0].reason})" if self.skipped else ""
            raise UserError(f"no picture for {intake.name!r}: none of {len(self.skipped)} files can be used{first}")
        self.size = intake.resolution or one_size(self._source, spool.sizes, intake.fit)
        self.names = tuple(name for one in taken for name in one.names)
        self.labels = _number(taken)
        self._channels = _channels(spool, intake)
        mode = MODE_OF_CHANNELS[self._channels]
        self._finish = partial(_finish, mode=mode, size=self.size, background=intake.background)

    def pictures(self) -> PictureSet:
        """The set as it will be, for whoever looks at it before it is written: all of it in memory, or mapped."""
        images = allocate((len(self._spool), self._channels, self.size.height, self.size.width))
        for index, image in enumerate(map(self._finish, self._spool)):
            images[index] = from_pil(image, self._channels)
        return PictureSet(
            source=self._source,
            images=images,
            labels=self.labels.labels,
            class_names=self.labels.class_names,
            names=self.names,
            skipped=self.skipped,
            fingerprint=fingerprint_of(images.shape, images, self.labels.labels),
        )

    def write(self, labels: Labels | None = None) -> DatasetCard:
        """`intake.out`, whole or not at all, with these labels instead of the sources' own where they are given."""
        labels = self.labels if labels is None else labels
        intake, spool, taken = self._intake, self._spool, self._taken
        card = DatasetCard(
            name=intake.name,
            num_pictures=len(spool),
            height=self.size.height,
            width=self.size.width,
            channels=self._channels,
            classes=dict(zip(labels.class_names, map(int, labels.counts()), strict=True)) if labels.class_names else {},
            licence=intake.licence or _licence(taken),
            fit=intake.fit,
            background=None if intake.background is None else "#{:02x}{:02x}{:02x}".format(*intake.background),
            sources=tuple(one.card for one in taken),
            skipped=self.skipped,
            fingerprint=_fingerprint(map(self._finish, spool), labels, self._channels, self.size),
            ganvil_version=code_version(),
        )
        pngs = threaded(lambda image: encode_png(self._finish(image)), spool)
        write_set(
            intake.out,
            with_progress(pngs, total=len(spool), what="writing"),
            labels=labels.labels,
            origins=[(one.card.source, name) for one in taken for name in one.names],
            card=card,
            replace=intake.replace,
        )
        return card


@contextmanager
def gathered(sources: Iterable[AbstractContextManager[Incoming]], intake: Intake) -> Iterator[Gathered]:
    """Read the sources one after the other, decoding every picture once; what they hold, until the end of the `with`.

    Raises UserError: not one picture that can be read, several sizes without a resolution, a file in the way.
    """
    refuse_to_overwrite(intake.out, replace=intake.replace)
    with Spool(intake.out.parent) as spool:
        taken = [_take(source, spool, intake) for source in sources]
        yield Gathered(taken, spool, intake)


def make_set(sources: Iterable[AbstractContextManager[Incoming]], intake: Intake) -> DatasetCard:
    """`gathered`, written."""
    with gathered(sources, intake) as found:
        return found.write()


@dataclass(frozen=True)
class _Taken:
    """A source that was read: its pictures are in the spool."""

    card: SourceCard
    names: Sequence[str]
    labels: Sequence[Label]
    class_names: Sequence[str]
    skipped: Sequence[Skipped]


@dataclass(frozen=True)
class _Ready:
    """A picture at most as large as the set's, with its size (height, width) before."""

    candidate: Candidate
    image: Image.Image
    before: tuple[int, int]
    used: Filter


def _take(source: AbstractContextManager[Incoming], spool: Spool, intake: Intake) -> _Taken:
    names: list[str] = []
    labels: list[Label] = []
    skipped: list[Skipped] = []
    sizes: Counter[str] = Counter()
    filters: Counter[str] = Counter()
    with source as incoming:
        candidates, style, method = incoming.candidates, Style(num_looked_at=0, num_pixel_art=0), intake.method
        if method == "auto":
            if intake.resolution is not None:
                sample, candidates = _sample(candidates)
                style = judge(sample)
                del sample
            method = "pixel-art" if style.is_pixel_art else "lanczos"
        results = threaded(partial(_prepare, intake=intake, method=method), candidates)
        for result in with_progress(results, total=incoming.num, what="reading"):
            if isinstance(result, Skipped):
                skipped.append(result)
                continue
            spool.append(result.image)
            names.append(result.candidate.name)
            labels.append(result.candidate.label)
            sizes["{}x{}".format(*result.before)] += 1
            filters[result.used] += 1
        card = SourceCard(
            source=incoming.source,
            kind=incoming.kind,
            licence=incoming.licence,
            num_pictures=len(names),
            sizes=dict(sizes.most_common()),
            method=method if intake.resolution is not None else "none",
            filters=dict(filters.most_common()),
            num_looked_at=style.num_looked_at,
            num_pixel_art=style.num_pixel_art,
        )
        return _Taken(card, names, labels, incoming.class_names, skipped)


def _sample(
    candidates: Iterable[Candidate | Skipped],
) -> tuple[list[Image.Image], Iterable[Candidate | Skipped]]:
    """Pictures spread over a list, or the first of a stream; and all candidates, the sample's decoded already."""
    seen: list[Image.Image] = []

    def look(candidate: Candidate | Skipped) -> Candidate | Skipped:
        if isinstance(candidate, Skipped) or sum(image.width * image.height for image in seen) >= MOST_PIXELS_SAMPLED:
            return candidate
        with candidate.open() as image:
            if isinstance(image, Skipped):
                return image
            seen.append(image)
            return decoded(candidate.name, candidate.label, image)

    if isinstance(candidates, Sequence):
        places = {len(candidates) * number // NUM_SAMPLED for number in range(NUM_SAMPLED)} if candidates else set()
        looked_at = {place: look(candidates[place]) for place in sorted(places)}
        return seen, [looked_at.get(place, candidate) for place, candidate in enumerate(candidates)]
    stream: Iterator[Candidate | Skipped] = iter(candidates)
    first: list[Candidate | Skipped] = []
    while len(seen) < NUM_SAMPLED and sum(image.width * image.height for image in seen) < MOST_PIXELS_SAMPLED:
        candidate = next(stream, None)
        if candidate is None:
            break
        first.append(look(candidate))
    return seen, chain(first, stream)


def _prepare(candidate: Candidate | Skipped, *, intake: Intake, method: Method) -> _Ready | Skipped:
    if isinstance(candidate, Skipped):
        return candidate
    with candidate.open() as image:
        if isinstance(image, Skipped):
            return image
        before = (image.height, image.width)
        used: Filter = "none"
        if intake.resolution is not None:
            image, used = resize(image, intake.resolution, intake.fit, method)
        if intake.background is not None:
            image = _flatten(image, intake.background)
            image = image if intake.resolution is None else on_canvas(image, intake.resolution, intake.background)
        return _Ready(candidate, image, before, used)


def _flatten(image: Image.Image, background: Colour) -> Image.Image:
    canvas = Image.new("RGBA", image.size, (*background, 255))
    return Image.alpha_composite(canvas, image.convert("RGBA")).convert("RGB")


def _channels(spool: Spool, intake: Intake) -> int:
    """Of the set. Where the size is known only now, the background is still to come, and may bring the first colour."""
    if intake.background is None or intake.resolution is not None or len(spool.sizes) < 2:
        return spool.channels
    return max(spool.channels, 1 if len(set(intake.background)) == 1 else 3)


def _finish(image: Image.Image, *, mode: str, size: Resolution, background: Colour | None) -> Image.Image:
    """In the set's mode first: with alpha, what the canvas adds is transparent."""
    if background is None:
        return on_canvas(image.convert(mode), size)
    return on_canvas(image.convert(mode), size, background[0] if mode == "L" else background)


def _fingerprint(images: Iterator[Image.Image], labels: Labels, channels: int, size: Resolution) -> str:
    shape = (len(labels.labels), channels, size.height, size.width)
    inside: Iterator[UInt8Array] = (from_pil(image, channels) for image in images)
    return fingerprint_of(shape, inside, labels.labels.astype(np.int64))


def _number(taken: Sequence[_Taken]) -> Labels:
    """All sources' labels together. Of several sources classes of the same name are one; numbers get names first."""
    found = [label for one in taken for label in one.labels]
    class_names: Sequence[str] = taken[0].class_names
    if len(taken) > 1:
        found = [_named(label, one.class_names) for one in taken for label in one.labels]
        class_names = ()
    places = [str(place) for place in range(len(found))]
    return assign(
        places, {place: label for place, label in zip(places, found, strict=True) if label is not None}, class_names
    )


def _named(label: Label, class_names: Sequence[str]) -> str | None:
    if label is None or isinstance(label, str):
        return label
    return class_names[label] if 0 <= label < len(class_names) else f"class {label}"


def _licence(taken: Sequence[_Taken]) -> str | None:
    return "; ".join(dict.fromkeys(one.card.licence for one in taken if one.card.licence)) or None
