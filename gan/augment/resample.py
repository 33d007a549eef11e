"""Reading pictures at other places: whole pixels exactly, and between pixels with or without anti-aliasing.

Maps are inverse, `[n, 3, 3]`, in pixels from the centre (gan/augment/geometry.py). Everything here is linear
in the images and made of `grid_sample` and matrix products, so it differentiates as often as asked. One pair
is avoided: zero padding with `align_corners=True`, which on CUDA would go to cuDNN, whose sampler has no
second derivative.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import lru_cache
from math import pi, sin, sqrt
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Border:
    """What lies beyond the edge of a picture."""

    outside: float | None
    """A constant, or None for the picture's reflection about its outermost pixels (the paper's padding)."""

    @property
    def padding_mode(self) -> str:
        return "reflection" if self.outside is None else "zeros"


REFLECTED = Border(outside=None)
GREY = Border(outside=0.0)
TRANSPARENT = Border(outside=-1.0)


class Filter(NamedTuple):
    """A low-pass filter for going up twofold along one axis."""

    taps: tuple[float, ...]
    """One a fine sample; they sum to 2, so that upsampling keeps the mean."""
    delay: float
    """Where the filter puts a pixel's weight, in fine samples from its first tap."""


def symlet() -> Filter:
    """Daubechies' least asymmetric wavelet with six vanishing moments, the paper's SYM6.

    From its spectral factorisation ("Ten Lectures on Wavelets", 1992, chapter 8). It is orthonormal to its
    own even shifts: up by it and down by its mirror is the identity. Its delay is the group delay at
    frequency 0, 5.10: with the middle of the taps, 5.5, every rotation would turn about a point a fifth of a
    pixel off the centre.
    """
    orthonormal = (
        0.0154041093270448,
        0.0034907120842221,
        -0.1179901111485198,
        -0.0483117425856978,
        0.4910559419279739,
        0.7876411410286507,
        0.3379294217281655,
        -0.0726375227863764,
        -0.0210602925123708,
        0.0447249017707814,
        0.0017677118642540,
        -0.0078007083250324,
    )
    taps = tuple(tap * sqrt(2.0) for tap in orthonormal)
    return Filter(taps, sum(tap * at for at, tap in enumerate(taps)) / sum(taps))


def lanczos() -> Filter:
    """Lanczos' windowed sinc of three lobes: keeps the pixels, and puts one new sample between each two."""

    def half(at: int) -> float:
        distance = at / 2.0
        return 3.0 * sin(pi * distance) * sin(pi * distance / 3.0) / (pi * distance) ** 2

    between = [half(at) for at in (1, 3, 5)]
    near, far, farthest = (weight / (2.0 * sum(between)) for weight in between)
    return Filter((farthest, 0.0, far, 0.0, near, 1.0, near, 0.0, far, 0.0, farthest), 5.0)


SYM6 = symlet()
LANCZOS = lanczos()


class Lattice(NamedTuple):
    """Samples along one axis: pixels from the centre = `grid_sample`'s coordinate * scale + offset."""

    scale: float
    offset: float


def lattice_map(x: Lattice, y: Lattice) -> Tensor:
    """`[3, 3]`: `grid_sample`'s coordinates to pixels from the centre."""
    return torch.tensor([[x.scale, 0.0, x.offset], [0.0, y.scale, y.offset], [0.0, 0.0, 1.0]])


def sampling_grid(
    images: Tensor, inverse: Tensor, source: Tensor, target: Tensor, shape: tuple[int, int], aligned: bool
) -> Tensor:
    """`[n, h, w, 2]` for `grid_sample` of these images, between two lattices given by their `lattice_map`."""
    # The small matrices are multiplied where they were drawn (as a rule the CPU) and sent to the images once.
    theta = source.inverse().to(inverse.device) @ inverse @ target.to(inverse.device)
    return functional.affine_grid(theta[:, :2].to(images), [len(inverse), 1, *shape], align_corners=aligned)


def pixel_lattice(size: int, aligned: bool) -> Lattice:
    """The pixels themselves."""
    return Lattice((size - 1) / 2.0 if aligned else size / 2.0, 0.0)


def pixel_grid(images: Tensor, inverse: Tensor, border: Border) -> Tensor:
    """The grid for reading pixels at pixels; aligned corners exactly where the border reflects."""
    height, width = images.shape[2:]
    aligned = border.outside is None
    lattice = lattice_map(pixel_lattice(width, aligned), pixel_lattice(height, aligned))
    return sampling_grid(images, inverse, lattice, lattice, (height, width), aligned)


def move_pixels(images: Tensor, inverse: Tensor, border: Border) -> Tensor:
    """Flips, quarter turns and whole-pixel shifts: every value comes over bit for bit."""
    grid = pixel_grid(images, inverse, border)
    moved = functional.grid_sample(
        images, grid, mode="nearest", padding_mode=border.padding_mode, align_corners=border.outside is None
    )
    if border.outside is None:
        return moved
    inside = (grid.abs() < 1.0).all(dim=3).unsqueeze(1)
    return torch.where(inside, moved, border.outside)


class Resampler(ABC):
    """Reads pictures between their pixels: `[n, c, h, w]` and inverse maps `[n, 3, 3]` to `[n, c, h, w]`."""

    def __call__(self, images: Tensor, inverse: Tensor, border: Border) -> Tensor:
        if border.outside is None:
            return self.sample(images, inverse, border)
        return self.sample(images - border.outside, inverse, border) + border.outside

    @abstractmethod
    def sample(self, images: Tensor, inverse: Tensor, border: Border) -> Tensor:
        """The same, for pictures in which the constant outside, if there is one, is zero."""


class Interpolated(Resampler):
    """Up twofold by Lanczos, then one bilinear read a pixel: sharp, fast; nothing filters what shrinks.

    At the scales drawn (sigma a fifth of an octave) that hardly shows: figures at `AugmentConfig.antialias`.
    """

    def sample(self, images: Tensor, inverse: Tensor, border: Border) -> Tensor:
        height, width = images.shape[2:]
        reflected = border.outside is None
        rows, columns = (FineAxis.of(size, LANCZOS, reflected, aligned=reflected) for size in (height, width))
        pixels = lattice_map(pixel_lattice(width, reflected), pixel_lattice(height, reflected))
        fine = lattice_map(columns.lattice, rows.lattice)
        grid = sampling_grid(images, inverse, fine, pixels, (height, width), reflected)
        return functional.grid_sample(
            upsample(images, rows, columns), grid, padding_mode=border.padding_mode, align_corners=reflected
        )


class Supersampled(Resampler):
    """The paper's way: up twofold by SYM6, bilinear there, down by the mirrored filter (appendix B).

    Departure, for speed on CPUs: the reflection is `grid_sample`'s own at the fine picture's edge (within a
    quarter pixel of the paper's padding) instead of a padding wide enough for the batch's wildest map.
    """

    def sample(self, images: Tensor, inverse: Tensor, border: Border) -> Tensor:
        height, width = images.shape[2:]
        reflected = border.outside is None
        rows, columns = (FineAxis.of(size, SYM6, reflected, aligned=False) for size in (height, width))
        # The result's fine samples: as many as the way down reaches.
        rows_out, columns_out = (FineAxis.of(size, SYM6, False, aligned=False) for size in (height, width))
        source = lattice_map(columns.lattice, rows.lattice)
        target = lattice_map(columns_out.lattice, rows_out.lattice)
        grid = sampling_grid(images, inverse, source, target, (rows_out.num, columns_out.num), False)
        read = functional.grid_sample(
            upsample(images, rows, columns), grid, padding_mode=border.padding_mode, align_corners=False
        )
        return downsample(read, rows_out, columns_out)


class FineAxis(NamedTuple):
    """Twice as many samples as pixels along one axis; number m lies at pixel (m - kernel.delay) / 2."""

    size: int
    kernel: Filter
    reflected: bool
    first: int
    num: int
    lattice: Lattice

    @staticmethod
    def of(size: int, kernel: Filter, reflected: bool, aligned: bool) -> "FineAxis":
        """Reflected: samples from pixel 0 to the last; otherwise all that the filter reaches, zero beyond.

        With `aligned`, `grid_sample` mirrors about the outermost samples, else half a sample outside them.
        """
        reach = len(kernel.taps)
        first, num = 0, 2 * (size - 1) + reach
        if reflected:
            first, num = reach // 2, 2 * (size - 1) + aligned
        offset = ((num - 1) / 2.0 + first - kernel.delay) / 2.0 - (size - 1) / 2.0
        return FineAxis(size, kernel, reflected, first, num, Lattice((num - aligned) / 4.0, offset))


def upsample(images: Tensor, rows: FineAxis, columns: FineAxis) -> Tensor:
    """`[n, c, h, w]` to `[n, c, rows.num, columns.num]`.

    By banded matrices, one product an axis: there and back on a CPU 3 to 10 times as fast as convolutions, at
    32 to 128 pixels.
    """
    kind = images.dtype, images.device
    return up_matrix(rows, *kind) @ (images @ up_matrix(columns, *kind).T)


def downsample(fine: Tensor, rows: FineAxis, columns: FineAxis) -> Tensor:
    """The other way: by the mirrored filters, which are the transposed matrices."""
    kind = fine.dtype, fine.device
    return (up_matrix(rows, *kind).T / 2.0) @ (fine @ (up_matrix(columns, *kind) / 2.0))


@lru_cache(maxsize=64)
def up_matrix(axis: FineAxis, dtype: torch.dtype, device: torch.device) -> Tensor:
    """`[num, size]`: pixels to fine samples."""
    matrix = [[0.0] * axis.size for _ in range(axis.num)]
    for row in range(axis.num):
        for at, tap in enumerate(axis.kernel.taps):
            pixel, odd = divmod(row + axis.first - at, 2)
            if odd:
                continue
            if axis.reflected:
                last = axis.size - 1
                pixel = abs((pixel + last) % (2 * last) - last)
            if 0 <= pixel < axis.size:
                matrix[row][pixel] += tap
    with torch.inference_mode(False):  # kept: training may use what sampling asked for first
        return torch.tensor(matrix, dtype=dtype, device=device)
