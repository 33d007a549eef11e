"""What a drawn weapon is made of: parts in weapon units, before any size, pose or colour.

Weapon units: y runs along the weapon from its foot (near 0) to its head (near 1), x across it. The pose turns
y towards the upper right, so negative x is the side that the light falls on. Knows nothing of pixels.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
"""`[k, 2]` float64, (x, y) in weapon units."""


class Ramp(IntEnum):
    """Which scale of colours a part is painted with; 0 is empty canvas."""

    MATERIAL = 1
    TRIM = 2
    WOOD = 3
    WRAP = 4
    GEM = 5
    STRING = 6


@dataclass(frozen=True, kw_only=True)
class Facet:
    """A plane of a part with its own tone (0 darkest .. 1 brightest); it lies inside its part."""

    points: Points
    tone: float


@dataclass(frozen=True, kw_only=True)
class Part:
    """A filled polygon; later parts cover earlier ones."""

    points: Points
    ramp: Ramp
    tone: float = 0.52
    facets: tuple[Facet, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Rod:
    """A path with a thickness, which never falls under what can still be seen: shafts, strings, rings."""

    path: Points
    half_width: NDArray[np.float64]
    ramp: Ramp
    tone: float = 0.52
    bands: int = 0
    thin: bool = False


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A whole weapon: its parts from back to front, the share of the canvas that it fills, and its pose."""

    parts: tuple[Part | Rod, ...]
    share: float = 1.0
    upright: bool = False


def between(generator: np.random.Generator, low: float, high: float) -> float:
    """Uniform in [low, high)."""
    return float(generator.uniform(low, high))


def chance(generator: np.random.Generator, probability: float) -> bool:
    return bool(generator.random() < probability)


def points(*pairs: tuple[float, float]) -> Points:
    return np.array(pairs, dtype=np.float64)


def normals(path: Points) -> Points:
    """Unit vectors to the left of a path `[k, 2]`; on a path that runs up, towards the light."""
    tangent = np.gradient(path, axis=0)
    tangent /= np.maximum(np.hypot(tangent[:, :1], tangent[:, 1:]), 1e-9)
    return np.stack([-tangent[:, 1], tangent[:, 0]], axis=1)


def strip(path: Points, left: NDArray[np.float64], right: NDArray[np.float64]) -> Points:
    """The band between two offsets of a path, each `[k]` and counted to the left."""
    normal = normals(path)
    return np.concatenate([path + normal * left[:, None], (path + normal * right[:, None])[::-1]])


def bezier(start: tuple[float, float], control: tuple[float, float], end: tuple[float, float], num: int) -> Points:
    """A quadratic Bézier curve `[num, 2]`."""
    t = np.linspace(0.0, 1.0, num)[:, None]
    curve: Points = (1 - t) ** 2 * np.array(start) + 2 * t * (1 - t) * np.array(control) + t**2 * np.array(end)
    return curve


def arc(centre: tuple[float, float], radius: float, start: float, stop: float, num: int = 20) -> Points:
    """Points on a circle from angle `start` to `stop`, in degrees, anticlockwise from +x."""
    angle = np.deg2rad(np.linspace(start, stop, num))
    return np.stack([centre[0] + radius * np.cos(angle), centre[1] + radius * np.sin(angle)], axis=1)


def box(x: float, y: float, half_width: float, half_height: float) -> Points:
    return points(
        (x - half_width, y - half_height),
        (x - half_width, y + half_height),
        (x + half_width, y + half_height),
        (x + half_width, y - half_height),
    )


def rod(
    path: Points,
    half_width: float | NDArray[np.float64],
    ramp: Ramp,
    *,
    tone: float = 0.52,
    bands: int = 0,
    thin: bool = False,
) -> Rod:
    """A Rod of constant or given half width."""
    width = np.broadcast_to(np.asarray(half_width, dtype=np.float64), (len(path),))
    return Rod(path=path, half_width=width, ramp=ramp, tone=tone, bands=bands, thin=thin)


def ball(x: float, y: float, radius: float, ramp: Ramp, tone: float = 0.5) -> Part:
    """A sphere: shadow below right, light above left, one glint. (Up in the picture is up-left here.)"""
    return Part(
        points=arc((x, y), radius, 0, 342),
        ramp=ramp,
        tone=tone - 0.14,
        facets=(
            Facet(points=arc((x - radius * 0.16, y), radius * 0.78, 0, 342), tone=tone + 0.06),
            Facet(points=arc((x - radius * 0.34, y), radius * 0.5, 0, 342, 14), tone=tone + 0.2),
            Facet(points=arc((x - radius * 0.46, y), radius * 0.22, 0, 324, 10), tone=0.98),
        ),
    )


def jewel(x: float, y: float, half_width: float, half_height: float, ramp: Ramp) -> Part:
    """A cut stone: a lozenge of four planes and a bright table."""
    centre = (x, y)
    left, right = (x - half_width, y), (x + half_width, y)
    top, bottom = (x, y + half_height), (x, y - half_height)
    return Part(
        points=points(left, top, right, bottom),
        ramp=ramp,
        facets=(
            Facet(points=points(left, top, centre), tone=0.88),
            Facet(points=points(top, right, centre), tone=0.56),
            Facet(points=points(right, bottom, centre), tone=0.24),
            Facet(points=points(bottom, left, centre), tone=0.62),
        ),
    )


def slab(outline: Points, ramp: Ramp, *, tone: float = 0.52, bevel: float = 0.72) -> Part:
    """A polygon with a raised face: a lighter copy of itself, shrunk towards the mean of its corners."""
    centre = outline.mean(axis=0)
    return Part(
        points=outline,
        ramp=ramp,
        tone=tone - 0.14,
        facets=(Facet(points=centre + (outline - centre) * bevel, tone=tone + 0.06),),
    )
