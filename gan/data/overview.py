"""What a set of pictures is like, in numbers: what `python -m gan.data info` prints and gan/data/advice.py reads.

Pictures and files in, numbers out; nothing is printed, nothing advised.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gan.data.dataset import PictureSet
from gan.data.files import Files
from gan.data.fingerprint import picture_fingerprints
from gan.features.interface import FeatureNet
from gan.pixels import UInt8Array

SAME_COLOUR = 8  # of 255: channels this near each other are grey, pixels this near each other blank (as in JPEGs)
TRANSLUCENT_FROM = 0.02  # share of the drawn pixels that are neither clear nor solid
MOST_FOR_MIRROR = 600
FEWEST_FOR_MIRROR = 20
_CHUNK = 1024


@dataclass(frozen=True, kw_only=True)
class Mirror:
    """Whether pictures can be told from their mirror images.

    told_apart, 0.5..1: of a picture and its mirror image, how often a linear test, fitted on the other half of the
    set, finds the one that is in the set; 0.5 is guessing: the set looks the same in a mirror, and mirroring is safe.
    error: the standard error of that share. symmetric: the share of pictures that are their own mirror images.
    """

    told_apart: float
    error: float
    symmetric: float


@dataclass(frozen=True, kw_only=True)
class Near:
    """Copies that are not exact (gan/data/likeness).

    copies: pictures that a process made from another (shift, recolour, resize, JPEG, …); lookalikes: pairs that lie
    close, and may be two things.
    """

    copies: int
    lookalikes: int


@dataclass(frozen=True, kw_only=True)
class Overview:
    """All shares are of pictures, 0..1.

    copies: pictures that are the same as an earlier one, pixel by pixel; conflicts: groups of copies that lie in more
    than one class; near is None where it was not looked for. drawn_area: the mean share of the area that is not
    transparent. mirror is None under 20 different pictures. skipped: (name, reason).
    """

    source: str
    fingerprint: str
    num: int
    height: int
    width: int
    channels: int
    files: Files | None
    skipped: tuple[tuple[str, str], ...]
    classes: tuple[tuple[str, int], ...]
    copies: int
    conflicts: int
    near: Near | None
    blank: int
    transparent: float
    translucent: float
    drawn_area: float
    coloured: float
    mirror: Mirror | None

    @property
    def num_different(self) -> int:
        return self.num - self.copies

    @property
    def resolution(self) -> str:
        return str(self.height) if self.height == self.width else f"{self.height}x{self.width}"


def look_over(pictures: PictureSet, files: Files | None, net: FeatureNet, near: Near | None = None) -> Overview:
    """The numbers of a set.

    Cost: one pass over the pixels, and the features of up to 1,200 pictures for the mirror (3 s at 32 px, 20 s at
    128 px on one busy core).
    """
    fingerprints = picture_fingerprints(pictures.images)
    classes_of: dict[str, set[int]] = {}
    for fingerprint, label in zip(fingerprints, pictures.labels.tolist(), strict=True):
        classes_of.setdefault(fingerprint, set()).add(label)
    traits = _traits(pictures.images)
    counts = np.bincount(pictures.labels, minlength=len(pictures.class_names))
    return Overview(
        source=pictures.source,
        fingerprint=pictures.fingerprint,
        num=len(pictures),
        height=pictures.resolution.height,
        width=pictures.resolution.width,
        channels=pictures.channels,
        files=files,
        skipped=tuple((skipped.name, skipped.reason) for skipped in pictures.skipped),
        classes=tuple((name, int(count)) for name, count in zip(pictures.class_names, counts, strict=False)),
        copies=len(pictures) - len(classes_of),
        conflicts=sum(len(classes) > 1 for classes in classes_of.values()),
        near=near,
        blank=int(traits.blank.sum()),
        transparent=float(traits.transparent.mean()),
        translucent=float(traits.translucent.mean()),
        drawn_area=float(traits.drawn_area.mean()),
        coloured=float(traits.coloured.mean()),
        mirror=mirror_test(_some_different(pictures.images, fingerprints), net),
    )


@dataclass(frozen=True)
class _Traits:
    """One value a picture."""

    blank: NDArray[np.bool_]
    transparent: NDArray[np.bool_]
    translucent: NDArray[np.bool_]
    coloured: NDArray[np.bool_]
    drawn_area: NDArray[np.float64]


def _traits(images: UInt8Array) -> _Traits:
    chunks = [_traits_of(images[start : start + _CHUNK]) for start in range(0, len(images), _CHUNK)]
    return _Traits(
        *(
            np.concatenate([getattr(chunk, name) for chunk in chunks])
            for name in ("blank", "transparent", "translucent", "coloured", "drawn_area")
        )
    )


def _traits_of(images: UInt8Array) -> _Traits:
    num, channels = images.shape[:2]
    spread = images.max(axis=(2, 3)).astype(int) - images.min(axis=(2, 3))
    alpha = images[:, 3] if channels == 4 else np.full((num, 1, 1), 255, dtype=np.uint8)
    colour = images[:, :3].astype(np.int16)
    between = ((alpha > 0) & (alpha < 255)).mean(axis=(1, 2))
    return _Traits(
        blank=(spread <= SAME_COLOUR).all(axis=1),
        transparent=alpha.min(axis=(1, 2)) < 255,
        translucent=between > TRANSLUCENT_FROM * (alpha > 0).mean(axis=(1, 2)),
        coloured=((colour.max(axis=1) - colour.min(axis=1)) > SAME_COLOUR).any(axis=(1, 2)),
        drawn_area=alpha.mean(axis=(1, 2)) / 255.0,
    )


def _some_different(images: UInt8Array, fingerprints: Sequence[str]) -> UInt8Array:
    """Up to 600 pictures, no two the same, chosen and ordered by their content alone."""
    first = {fingerprint: index for index, fingerprint in reversed(list(enumerate(fingerprints)))}
    chosen = [first[fingerprint] for fingerprint in sorted(first)[:MOST_FOR_MIRROR]]
    return np.asarray(images[np.array(chosen, dtype=np.int64)])


def mirror_test(images: UInt8Array, net: FeatureNet) -> Mirror | None:
    """Tell different pictures from their mirror images by their features; None for fewer than 20.

    The test is Fisher's linear discriminant on the differences between the features of a picture and of its mirror
    image (ridge: their mean variance), fitted on one half and asked on the other, both ways. Measured, in
    100: armory 99, dcss-weapons-plus 98 and dcss-items 95 (they all point one way), dcss-monsters 75, gameicons 54.
    """
    if len(images) < FEWEST_FOR_MIRROR:
        return None
    mirrored = np.ascontiguousarray(images[..., ::-1])
    symmetric = float((images == mirrored).all(axis=(1, 2, 3)).mean())
    features, of_mirrored = net(images).astype(np.float64), net(mirrored).astype(np.float64)
    deviation = np.concatenate([features, of_mirrored]).std(axis=0)
    difference = (features - of_mirrored) / np.where(deviation > 1e-6, deviation, 1.0)
    even, odd = difference[::2], difference[1::2]
    share = (_told(even, odd) * len(odd) + _told(odd, even) * len(even)) / len(images)
    return Mirror(told_apart=max(0.5, share), error=math.sqrt(0.25 / len(images)), symmetric=symmetric)


def _told(fitted: NDArray[np.float64], asked: NDArray[np.float64]) -> float:
    """The share of `asked` on the side of the mean of `fitted`; a picture that is its own mirror image counts half."""
    covariance = fitted.T @ fitted / len(fitted)
    ridge = float(np.trace(covariance)) / len(covariance)
    if ridge == 0.0:
        return 0.5
    direction = np.linalg.solve(covariance + ridge * np.eye(len(covariance)), fitted.mean(axis=0))
    side = asked @ direction
    return float((side > 0).mean() + 0.5 * (side == 0).mean())


def count_near(images: UInt8Array, progress: Callable[[int, int], None] | None = None) -> Near:
    """Near copies among pictures, exact ones aside. Cost: 10 to 30 s for 1,000 pictures on one core."""
    from gan.data.likeness.descriptor import describe  # with its index library: only for those who ask
    from gan.data.likeness.find import find_duplicates

    distinct = {image.tobytes(): image for image in images}
    found = find_duplicates([describe(image) for image in distinct.values()], mirror=False, progress=progress)
    return Near(copies=len(found.dropped), lookalikes=len(found.likely))


def mean_pictures(pictures: PictureSet) -> UInt8Array:
    """The mean picture of the set and then of each class, `[1 + classes, c, h, w]`; a class of none is empty."""
    num_classes = max(1, len(pictures.class_names))
    totals = np.zeros((num_classes, *pictures.images.shape[1:]))
    for start in range(0, len(pictures), _CHUNK):
        labels = pictures.labels[start : start + _CHUNK]
        for label in np.unique(labels):
            totals[label] += pictures.images[start : start + _CHUNK][labels == label].sum(axis=0, dtype=np.float64)
    counts = np.bincount(pictures.labels, minlength=num_classes)[:, None, None, None]
    means = [totals.sum(axis=0, keepdims=True) / len(pictures)]
    if pictures.class_names:
        means.append(totals / np.maximum(counts, 1))
    rounded: UInt8Array = np.rint(np.concatenate(means)).astype(np.uint8)
    return rounded
