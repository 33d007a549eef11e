"""The shapes with a long blade: sword, dagger, spear, scythe. Weapon units, as gan.data.armory.parts says."""

import numpy as np

from gan.data.armory.parts import (
    Facet,
    Part,
    Points,
    Ramp,
    Rod,
    Shape,
    arc,
    ball,
    between,
    bezier,
    box,
    chance,
    jewel,
    points,
    rod,
    slab,
    strip,
)

BLADE_STEPS = 26


def blade(
    spine: Points,
    half_width: float,
    *,
    taper: float,
    belly: float,
    tip: float,
    roundness: float,
    back: float,
    fuller: float,
) -> Part:
    """A blade along a spine `[k, 2]`, lit on its left.

    taper: share of the width lost towards the tip; belly: width added in the middle (a leaf); tip: share of
    the length that the point takes; roundness: 1 a straight point, towards 0 a round one; back: width of the
    left side over the right's (1 double-edged); fuller: share of the length with a groove.
    """
    t = np.linspace(0.0, 1.0, len(spine))
    width = half_width * (1 - taper * t + belly * np.sin(np.pi * np.clip(t * 1.15 - 0.1, 0, 1)))
    width *= np.clip((1 - t) / tip, 0.0, 1.0) ** roundness
    left, right = width * back, -width
    zero = np.zeros_like(width)
    facets = [
        Facet(points=strip(spine, left, zero), tone=0.66),
        Facet(points=strip(spine, zero, right), tone=0.36),
        Facet(points=strip(spine, left, left * 0.66), tone=0.88),
        Facet(points=strip(spine, right * 0.68, right), tone=0.52),
    ]
    if fuller > 0.1:
        until = max(4, int(len(spine) * fuller))
        groove = width[:until] * 0.2
        groove[-1] = 0.0
        facets.append(Facet(points=strip(spine[:until], groove, zero[:until]), tone=0.2))
        facets.append(Facet(points=strip(spine[:until], zero[:until], -groove), tone=0.8))
    return Part(points=strip(spine, left, right), ramp=Ramp.MATERIAL, facets=tuple(facets))


def blade_spine(foot: float, head: float, curve: float, wave: float, num_waves: float) -> Points:
    """A spine from (0, foot) up to `head`: swept sideways by `curve`, and flaming (a flamberge) by `wave`."""
    t = np.linspace(0.0, 1.0, BLADE_STEPS)
    length = head - foot
    sway = wave * np.sin(2 * np.pi * num_waves * t) * np.minimum(1.0, 4 * t) * (1 - 0.4 * t)
    return np.stack([length * (curve * (t**2 - 0.35 * t) + sway), foot + length * t], axis=1)


def grip(foot: float, head: float, half_width: float, swell: float, bands: int) -> Rod:
    t = np.linspace(0.0, 1.0, 8)
    path = np.stack([np.zeros(8), foot + (head - foot) * t], axis=1)
    return rod(path, half_width * (1 + swell * np.sin(np.pi * t)), Ramp.WRAP, bands=bands)


def pommel(generator: np.random.Generator, y: float, radius: float) -> list[Part | Rod]:
    """A ball, a lozenge, a ring or a flared cap."""
    style = generator.integers(4)
    ramp = Ramp.TRIM if chance(generator, 0.65) else Ramp.MATERIAL
    if style == 0:
        return [ball(0.0, y, radius, ramp)]
    if style == 1:
        return [jewel(0.0, y, radius, radius * 1.25, ramp)]
    if style == 2:
        return [rod(arc((0.0, y), radius * 0.85, -90, 270, 16), radius * 0.38, ramp, tone=0.6)]
    flare = radius * between(generator, 1.0, 1.5)
    outline = points(
        (-flare, y - radius * 0.7),
        (-radius * 0.6, y + radius),
        (radius * 0.6, y + radius),
        (flare, y - radius * 0.7),
    )
    return [Part(points=outline, ramp=ramp, tone=0.56)]


def guard(generator: np.random.Generator, y: float, half_span: float, thickness: float) -> list[Part | Rod]:
    """A cross of one bent bar, from straight to horned, with or without knobs; perhaps a stone."""
    ramp = Ramp.TRIM if chance(generator, 0.6) else Ramp.MATERIAL
    lift = between(generator, -0.35, 0.5) * half_span
    waist = between(generator, 0.55, 1.5)
    parts: list[Part | Rod] = []
    x = np.linspace(-1.0, 1.0, 15)
    path = np.stack([x * half_span, y + lift * np.abs(x) ** 1.8], axis=1)
    width = thickness * (1 + (waist - 1) * np.abs(x))
    parts.append(rod(path, width, ramp, tone=0.55))
    if chance(generator, 0.45):
        knob = thickness * max(1.15, waist) * between(generator, 1.0, 1.25)
        parts += [ball(float(end[0]), float(end[1]), knob, ramp) for end in (path[0], path[-1])]
    if chance(generator, 0.55):
        stone = thickness * between(generator, 1.15, 1.6)
        parts.append(jewel(0.0, y + lift * 0.05, stone, stone * between(generator, 1.0, 1.4), Ramp.GEM))
    return parts


def sword(generator: np.random.Generator) -> Shape:
    radius = between(generator, 0.03, 0.046)
    grip_foot = 2 * radius - 0.01
    cross = grip_foot + between(generator, 0.13, 0.21)
    curved = chance(generator, 0.4)
    flaming = not curved and chance(generator, 0.2)
    curve = between(generator, 0.08, 0.24) if curved else between(generator, -0.015, 0.015)
    wave = between(generator, 0.014, 0.026) if flaming else 0.0
    spine = blade_spine(cross, 1.0, curve, wave, between(generator, 2.0, 3.4))
    steel = blade(
        spine,
        between(generator, 0.052, 0.09),
        taper=between(generator, 0.0, 0.5),
        belly=between(generator, -0.1, 0.4),
        tip=between(generator, 0.1, 0.34),
        roundness=between(generator, 0.55, 1.0),
        back=between(generator, 0.45, 0.75) if curved else 1.0,
        fuller=between(generator, -0.3, 0.8),
    )
    hilt = grip(grip_foot, cross, between(generator, 0.021, 0.028), between(generator, -0.1, 0.3), 5)
    cross_parts = guard(generator, cross, between(generator, 0.1, 0.2), between(generator, 0.02, 0.032))
    parts = [steel, hilt, *pommel(generator, radius, radius), *cross_parts]
    return Shape(parts=tuple(parts))


def dagger(generator: np.random.Generator) -> Shape:
    """Shorter on the canvas than a sword, half grip, with a broad blade."""
    radius = between(generator, 0.055, 0.08)
    grip_foot = 2 * radius - 0.02
    cross = grip_foot + between(generator, 0.24, 0.3)
    curved = chance(generator, 0.4)
    flaming = not curved and chance(generator, 0.25)
    curve = between(generator, 0.22, 0.5) if curved else between(generator, -0.02, 0.02)
    wave = between(generator, 0.035, 0.055) if flaming else 0.0
    spine = blade_spine(cross, 1.0, curve, wave, between(generator, 1.4, 2.2))
    steel = blade(
        spine,
        between(generator, 0.085, 0.13),
        taper=between(generator, 0.1, 0.5),
        belly=between(generator, -0.1, 0.45),
        tip=between(generator, 0.3, 0.75),
        roundness=between(generator, 0.6, 1.0),
        back=between(generator, 0.5, 0.8) if curved else 1.0,
        fuller=between(generator, -0.3, 0.6),
    )
    hilt = grip(grip_foot, cross, between(generator, 0.04, 0.052), between(generator, 0.0, 0.35), 4)
    cross_parts = guard(generator, cross, between(generator, 0.13, 0.21), between(generator, 0.034, 0.048))
    parts = [steel, hilt, *pommel(generator, radius, radius), *cross_parts]
    return Shape(parts=tuple(parts), share=between(generator, 0.66, 0.78))


def spear(generator: np.random.Generator) -> Shape:
    """A long thin shaft with one point, winged, barbed or three-pronged."""
    neck = between(generator, 0.6, 0.7)
    half_width = between(generator, 0.06, 0.088)
    style = generator.integers(3)
    thickness = between(generator, 0.015, 0.02)
    parts: list[Part | Rod] = [
        rod(np.stack([np.zeros(9), np.linspace(0.03, neck + 0.03, 9)], axis=1), thickness, Ramp.WOOD)
    ]
    tip = between(generator, 0.5, 0.85)
    head = blade(
        blade_spine(neck, 1.0, 0.0, 0.0, 1.0),
        half_width * (0.72 if style == 2 else 1.0),
        taper=between(generator, 0.0, 0.2),
        belly=between(generator, 0.05, 0.5),
        tip=tip,
        roundness=between(generator, 0.75, 1.0),
        back=1.0,
        fuller=between(generator, -0.3, 0.5),
    )
    reach, lift = between(generator, 0.1, 0.15), between(generator, -0.08, 0.2)
    if style == 1:
        for side in (-1.0, 1.0):
            wing = points((0.0, neck - 0.03), (side * reach, neck + lift), (0.0, neck + 0.06))
            parts.append(Part(points=wing, ramp=Ramp.MATERIAL, tone=0.55 - 0.18 * side))
    if style == 2:
        for side in (-1.0, 1.0):
            tine = (side * reach * 1.25, neck + 0.14 + 0.5 * abs(lift))
            rise = bezier((0.0, neck - 0.01), (side * reach * 1.6, neck - 0.02), tine, 14)
            width = np.linspace(1.0, 0.0, 14) ** 0.6 * 0.021
            parts.append(Part(points=strip(rise, width, -width), ramp=Ramp.MATERIAL, tone=0.6 - 0.14 * side))
    parts.append(head)
    collar = between(generator, 0.05, 0.09)
    parts.append(slab(box(0.0, neck - collar * 0.3, thickness * 1.9, collar * 0.5), Ramp.TRIM))
    if chance(generator, 0.6):
        droop = between(generator, 0.07, 0.13)
        for side in (-1.0, 1.0):
            tail = points((0.0, neck - 0.03), (side * 0.055, neck - droop), (side * 0.012, neck - droop * 0.75))
            parts.append(Part(points=tail, ramp=Ramp.WRAP, tone=0.58 - 0.12 * side))
    parts.append(Part(points=points((-0.028, 0.07), (0.028, 0.07), (0.0, 0.0)), ramp=Ramp.MATERIAL))
    return Shape(parts=tuple(parts))


def scythe(generator: np.random.Generator) -> Shape:
    """A bent snath and a crescent that sweeps back over it, towards the light."""
    bend = between(generator, -0.05, 0.05)
    thickness = between(generator, 0.02, 0.026)
    snath = bezier((0.0, 0.0), (bend * 2, 0.5), (0.0, 0.93), 14)
    reach = between(generator, 0.46, 0.62)
    drop = between(generator, 0.14, 0.4)
    arch = between(generator, 0.06, 0.2)
    root = between(generator, 0.07, 0.11)
    # The crescent starts on the far side of the shaft, so that its heel shows.
    sweep = bezier((0.07, 0.87), (-reach * 0.5, 0.93 + arch), (-reach, 0.93 - drop), 22)
    t = np.linspace(0.0, 1.0, 22)
    width = root * (1 - t ** between(generator, 1.4, 2.4)) * np.minimum(1.0, 0.55 + 4 * t)
    outer, inner = -width * 0.55, width * 0.75
    zero = np.zeros_like(width)
    crescent = Part(
        points=strip(sweep, inner, outer),
        ramp=Ramp.MATERIAL,
        facets=(
            Facet(points=strip(sweep, zero, outer), tone=0.72),
            Facet(points=strip(sweep, inner, zero), tone=0.4),
            Facet(points=strip(sweep, inner, inner * 0.62), tone=0.9),
        ),
    )
    parts: list[Part | Rod] = [rod(snath, thickness, Ramp.WOOD)]
    if chance(generator, 0.7):
        at = between(generator, 0.36, 0.5)
        nub = points((bend, at), (0.1, at + 0.05))
        parts.append(rod(nub, thickness * 0.85, Ramp.WOOD, tone=0.45))
    low = between(generator, 0.08, 0.2)
    parts.append(
        rod(
            bezier((0.0, low), (bend * 0.5, low + 0.07), (bend * 0.7, low + 0.14), 6),
            thickness * 1.3,
            Ramp.WRAP,
            bands=4,
        )
    )
    parts.append(crescent)
    parts.append(slab(box(0.0, 0.9, thickness * 2.0, between(generator, 0.045, 0.06)), Ramp.TRIM))
    if chance(generator, 0.5):
        parts.append(jewel(0.0, 0.9, 0.03, 0.038, Ramp.GEM))
    if chance(generator, 0.5):
        parts.insert(1, Part(points=points((-0.03, 0.9), (0.03, 0.9), (0.0, 1.03)), ramp=Ramp.MATERIAL))
    return Shape(parts=tuple(parts))
