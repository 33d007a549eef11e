"""A weapon's shape and colours as pixels: pose, drawing at several times the size, light, reduction.

Pillow draws three numbers at once into the channels of one image: tone, ramp and height. Blurred, the height
models every part by light from the upper left; the ramp and the lit tone then look up the colour.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from gan.data.armory.materials import TONES, Chance, Material, Palette, Surface
from gan.data.armory.parts import Facet, Part, Points, Ramp, Rod, Shape, between, strip

UInt8Array = NDArray[np.uint8]

LINE_TONE = 0.04


@dataclass(frozen=True, kw_only=True)
class Pose:
    """tilt in radians; share of the canvas; where in the room that is left (0..1 each way)."""

    tilt: float
    share: float
    across: float
    down: float


def draw_pose(generator: np.random.Generator) -> Pose:
    return Pose(
        tilt=between(generator, -0.1, 0.1),
        share=between(generator, 0.93, 1.0),
        across=between(generator, 0.0, 1.0),
        down=between(generator, 0.0, 1.0),
    )


@dataclass(frozen=True, kw_only=True)
class Placement:
    """From weapon units to pixels of the supersampled canvas: `points @ turn * scale + shift`."""

    turn: NDArray[np.float64]
    scale: float
    shift: NDArray[np.float64]
    light: NDArray[np.float64]

    def pixels(self, points: Points) -> list[float]:
        flat: list[float] = (points @ self.turn * self.scale + self.shift).ravel().tolist()
        return flat


def place(outlines: list[Points], shape: Shape, pose: Pose, height: int, width: int, border: float) -> Placement:
    """Fits the turned outlines into the canvas less its border; long weapons lie along its diagonal."""
    leaning = 0.5 * np.pi if shape.upright else np.arctan2(height, width)
    angle = leaning + pose.tilt * (1.8 if shape.upright else 1.0)
    sine, cosine = np.sin(angle), np.cos(angle)
    turn = np.array([[sine, cosine], [cosine, -sine]])
    corners = np.concatenate(outlines) @ turn
    low, high = corners.min(axis=0), corners.max(axis=0)
    room = np.array([width, height]) - 2 * border
    scale = float(np.min(room / (high - low))) * shape.share * pose.share
    left_over = room - scale * (high - low)
    # Near the middle: the whole room to roam would leave small weapons in corners.
    at = border + left_over * (0.5 + 0.5 * (np.array([pose.across, pose.down]) - 0.5))
    light = np.array([-1.0, -1.0]) / np.sqrt(2.0) @ turn.T
    return Placement(turn=turn, scale=scale, shift=at - low * scale, light=light)


def solid(rod: Rod, least_half_width: float, light: NDArray[np.float64]) -> Part:
    """A rod as a polygon with a lit and a shaded side, at least so thick (in weapon units)."""
    width = np.maximum(rod.half_width, least_half_width)
    outline = strip(rod.path, width, -width)
    along = rod.path[-1] - rod.path[0]
    # A ring has no side of its own: `along` is short, and the relief alone models it.
    straightness = np.hypot(*along) / max(float(np.hypot(*np.diff(rod.path, axis=0).T).sum()), 1e-9)
    left = np.array([-along[1], along[0]]) / max(float(np.hypot(*along)), 1e-9)
    lit = float(left @ light) * float(straightness)
    facets = [
        Facet(points=strip(rod.path, width, width * 0.3), tone=rod.tone + 0.2 * lit),
        Facet(points=strip(rod.path, -width * 0.3, -width), tone=rod.tone - 0.2 * lit),
    ]
    t = np.linspace(0.0, 1.0, len(rod.path))
    for band in range(rod.bands):
        start = (band + 0.15) / rod.bands
        ends = np.array([start, start + 0.28 / rod.bands])
        at = np.concatenate([ends, ends[::-1] + 0.4 / rod.bands])
        x, y = np.interp(at, t, rod.path[:, 0]), np.interp(at, t, rod.path[:, 1])
        half = np.interp(at, t, width)
        side = left * np.array([1.0, 1.0, -1.0, -1.0])[:, None] * half[:, None]
        facets.append(Facet(points=np.stack([x, y], axis=1) + side, tone=rod.tone - 0.3))
    return Part(points=outline, ramp=rod.ramp, tone=rod.tone, facets=tuple(facets))


def _byte(tone: float) -> int:
    return round(255 * min(max(tone, 0.0), 1.0))


def solid_parts(
    shape: Shape, pose: Pose, height: int, width: int, border: float, pixel: float
) -> tuple[list[Part], Placement]:
    """All parts as polygons, with rods thick enough to be seen at this size, and where they go.

    Placed twice: how thick a pixel is in weapon units is known only once the weapon has been placed.
    """
    slender = [
        part.points if isinstance(part, Part) else strip(part.path, part.half_width, -part.half_width)
        for part in shape.parts
    ]
    rough = place(slender, shape, pose, height, width, border)
    parts = [
        part if isinstance(part, Part) else solid(part, (0.3 if part.thin else 0.55) * pixel / rough.scale, rough.light)
        for part in shape.parts
    ]
    return parts, place([part.points for part in parts], shape, pose, height, width, border)


def draw_parts(parts: list[Part], placement: Placement, height: int, width: int, line_width: int) -> Image.Image:
    """Tone, ramp and height of every part as the channels of one RGB image, inner lines at height 0."""
    canvas = Image.new("RGB", (width, height))
    draw = ImageDraw.Draw(canvas)
    for part in parts:
        outline = placement.pixels(part.points)
        ramp = int(part.ramp)
        if ramp != Ramp.STRING:
            draw.line(outline + outline[:4], fill=(_byte(LINE_TONE), ramp, 0), width=line_width)
        draw.polygon(outline, fill=(_byte(part.tone), ramp, 255))
        for facet in part.facets:
            draw.polygon(placement.pixels(facet.points), fill=(_byte(facet.tone), ramp, 255))
    return canvas


def grow(mask: NDArray[np.bool_], radius: float) -> NDArray[np.bool_]:
    """The mask and all within `radius` of it: itself moved to 16 places on the circle and 8 half-way."""
    grown = mask.copy()
    height, width = mask.shape
    for num, distance in ((16, radius), (8, radius / 2)):
        for index in range(num):
            angle = 2 * np.pi * index / num
            dy, dx = round(distance * np.sin(angle)), round(distance * np.cos(angle))
            to = grown[max(dy, 0) : height + min(dy, 0), max(dx, 0) : width + min(dx, 0)]
            to |= mask[max(-dy, 0) : height + min(-dy, 0), max(-dx, 0) : width + min(-dx, 0)]
    return grown


def relief(height_map: Image.Image, radius: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Light from the upper left on the blurred heights (about -1..1), and those heights 0..1."""
    blurred = np.asarray(height_map.filter(ImageFilter.GaussianBlur(radius)), dtype=np.float64) / 255
    slope = np.zeros_like(blurred)
    slope[:, 1:-1] += blurred[:, 2:] - blurred[:, :-2]
    slope[1:-1] += blurred[2:] - blurred[:-2]
    return slope * radius, blurred


def render(
    shape: Shape, pose: Pose, material: Material, palette: Palette, chance: Chance, height: int, width: int
) -> UInt8Array:
    """`[4, height, width]` premultiplied uint8."""
    short = min(height, width)
    samples = max(2 if short > 256 else 3, -(-128 // short))
    line = min(0.55 + 0.014 * short, 0.016 * short + 0.9) * samples
    inner = max(1, round(0.9 * line))
    # The outermost pixel stays clear; one more sample for Pillow's rounding.
    border = samples + line + inner / 2 + 1
    parts, placement = solid_parts(shape, pose, height * samples, width * samples, border, float(samples))
    canvas = draw_parts(parts, placement, height * samples, width * samples, inner)

    tone_map, ramp_map, height_map = canvas.split()
    ramps = np.asarray(ramp_map)
    body = ramps > 0
    rows, columns = np.nonzero(body)
    light, blurred = relief(height_map, 0.03 * placement.scale)
    ramp = ramps[rows, columns]
    tone = np.asarray(tone_map)[rows, columns] / 255
    is_face = np.asarray(height_map)[rows, columns] > 0

    pixels = np.stack([columns, rows], axis=1)
    unit = (pixels - placement.shift) / placement.scale @ placement.turn.T
    fall = (columns / (width * samples) + rows / (height * samples)) - 1.0
    tone = tone + is_face * (np.clip(0.3 * material.relief * light[rows, columns], -0.28, 0.3) - 0.09 * fall)
    own = np.nonzero((ramp == Ramp.MATERIAL) & is_face)[0]
    surface = Surface(
        along=unit[own, 1],
        across=unit[own, 0],
        depth=np.clip(2 * blurred[rows[own], columns[own]] - 1, 0.0, 1.0),
        chance=chance,
    )
    grain, second = material.grain(surface)
    tone[own] += grain
    index = np.clip(np.rint(tone * (TONES - 1)), 0, TONES - 1).astype(np.int64)
    colour = palette.scales[ramp, index]
    colour[own] += second[:, None] * (palette.scales[0, index[own]] - colour[own])

    large = np.zeros((height * samples, width * samples, 4), dtype=np.float32)
    outlined = grow(body, line)
    large[outlined] = (*palette.outline, 255.0)
    large[rows, columns, :3] = colour
    small = large.reshape(height, samples, width, samples, 4).mean(axis=(1, 3))
    return np.ascontiguousarray(np.rint(small).astype(np.uint8).transpose(2, 0, 1))
