"""The shapes with a head on a haft, and the shield: axe, hammer, mace, staff, shield."""

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
)


def haft(generator: np.random.Generator, head: float, half_width: float) -> list[Part | Rod]:
    """A wooden haft from the foot up to `head`, with a wrapped hold and a ferrule."""
    path = np.stack([np.zeros(9), np.linspace(0.02, head, 9)], axis=1)
    hold = between(generator, 0.14, 0.26)
    foot = between(generator, 0.05, 0.09)
    parts: list[Part | Rod] = [rod(path, half_width, Ramp.WOOD)]
    if chance(generator, 0.75):
        wrap = np.stack([np.zeros(6), np.linspace(foot, foot + hold, 6)], axis=1)
        parts.append(rod(wrap, half_width * 1.22, Ramp.WRAP, bands=5))
    cap = half_width * between(generator, 1.35, 1.8)
    if chance(generator, 0.5):
        parts.append(ball(0.0, 0.03, cap, Ramp.TRIM))
    else:
        parts.append(slab(box(0.0, 0.03, cap, 0.03), Ramp.MATERIAL))
    return parts


def axe_bit(
    side: float,
    low: float,
    high: float,
    *,
    reach: float,
    beard: float,
    horn: float,
    bulge: float,
    neck: float,
) -> Part:
    """One bit of an axe: a fan from the eye to a curved edge; side -1 is the lit left.

    beard and horn: how far the edge runs below and above the eye; bulge: how round the edge is.
    """
    middle = (low + high) / 2
    lower, upper = (side * reach, low - beard), (side * reach * 0.94, high + horn)
    edge = bezier(lower, (side * (reach + bulge), middle + (horn - beard) * 0.3), upper, 14)
    under = bezier((0.0, low), (side * reach * neck, low + 0.02), lower, 9)
    over = bezier(upper, (side * reach * neck, high - 0.02), (0.0, high), 9)
    outline = np.concatenate([under, edge, over])
    inner_edge = edge.copy()
    inner_edge[:, 0] -= side * reach * 0.2
    inner_edge[:, 1] = middle + (edge[:, 1] - middle) * 0.9
    grind = np.concatenate([edge, inner_edge[::-1]])
    cheek = np.concatenate([points((0.0, middle)), inner_edge[7:], over[2:]])
    shadow = np.concatenate([under[:-2], inner_edge[:8], points((0.0, middle))])
    lit = side < 0
    return Part(
        points=outline,
        ramp=Ramp.MATERIAL,
        tone=0.5,
        facets=(
            Facet(points=cheek, tone=0.58 if lit else 0.5),
            Facet(points=shadow, tone=0.42 if lit else 0.3),
            Facet(points=grind, tone=0.9 if lit else 0.72),
        ),
    )


def axe(generator: np.random.Generator) -> Shape:
    thickness = between(generator, 0.026, 0.034)
    high = between(generator, 0.86, 0.93)
    low = high - between(generator, 0.13, 0.2)
    beard, horn = between(generator, 0.06, 0.2), between(generator, 0.0, 0.1)
    reach, bulge = between(generator, 0.26, 0.38), between(generator, 0.06, 0.16)
    neck = between(generator, 0.45, 0.75)
    double = chance(generator, 0.35)
    parts = haft(generator, 1.0 if chance(generator, 0.6) else high, thickness)
    middle = (low + high) / 2
    if double:
        other = between(generator, 0.8, 1.0)
        parts.append(axe_bit(1.0, low, high, reach=reach * other, beard=beard, horn=horn, bulge=bulge, neck=neck))
    else:
        spike = between(generator, 0.08, 0.2)
        tall = between(generator, 0.03, 0.06)
        bent = between(generator, -0.08, 0.03)
        tail = points((0.0, middle + tall), (spike, middle + bent), (0.0, middle - tall))
        if chance(generator, 0.4):
            tail = box(spike * 0.4, middle, spike * 0.4, tall)
        parts.append(Part(points=tail, ramp=Ramp.MATERIAL, tone=0.4))
    parts.append(axe_bit(-1.0, low, high, reach=reach, beard=beard, horn=horn, bulge=bulge, neck=neck))
    socket = (high - low) / 2 + 0.02
    parts.append(slab(box(0.0, middle, thickness * 1.5, socket), Ramp.TRIM))
    if chance(generator, 0.4):
        parts.append(jewel(0.0, middle, thickness * 1.2, thickness * 1.6, Ramp.GEM))
    return Shape(parts=tuple(parts))


def hammer(generator: np.random.Generator) -> Shape:
    """A great block across the haft, both faces flared or one drawn out to a pick."""
    thickness = between(generator, 0.028, 0.036)
    half_height = between(generator, 0.11, 0.16)
    half_width = between(generator, 0.19, 0.27)
    middle = 0.98 - half_height
    flare = between(generator, 1.0, 1.35)
    chamfer = between(generator, 0.02, 0.05)
    face = between(generator, 0.05, 0.08)
    pick = chance(generator, 0.3)
    parts = haft(generator, middle, thickness)
    waist = half_height / flare
    body = box(0.0, middle, half_width - face * 0.5, waist)
    right = half_width - face
    if pick:
        droop = between(generator, -0.1, 0.02)
        body[2:, 0] = half_width * 0.45
        beak = points(
            (half_width * 0.4, middle + waist),
            (half_width + 0.1, middle + droop),
            (half_width * 0.4, middle - waist),
        )
        lit = points((half_width * 0.4, middle + waist), (half_width + 0.1, middle + droop), (half_width * 0.4, middle))
        parts.append(Part(points=beak, ramp=Ramp.MATERIAL, tone=0.4, facets=(Facet(points=lit, tone=0.72),)))
    left_edge, right_edge = float(body[0, 0]), float(body[2, 0])
    top, bottom = middle + waist, middle - waist
    block = Part(
        points=body,
        ramp=Ramp.MATERIAL,
        tone=0.5,
        facets=(
            Facet(
                points=points(
                    (left_edge, top),
                    (right_edge, top),
                    (right_edge, top - waist * 0.5),
                    (left_edge, top - waist * 0.5),
                ),
                tone=0.74,
            ),
            Facet(
                points=points(
                    (left_edge, bottom),
                    (right_edge, bottom),
                    (right_edge, bottom + waist * 0.55),
                    (left_edge, bottom + waist * 0.55),
                ),
                tone=0.3,
            ),
        ),
    )
    parts.append(block)
    for side in (-1.0,) if pick else (-1.0, 1.0):
        inner, outer = side * right, side * half_width
        plate = points(
            (inner, middle - half_height),
            (inner, middle + half_height),
            (outer, middle + half_height - chamfer),
            (outer, middle - half_height + chamfer),
        )
        upper = points(
            (inner, middle + half_height * 0.25),
            (inner, middle + half_height),
            (outer, middle + half_height - chamfer),
            (outer, middle + half_height * 0.25),
        )
        parts.append(
            Part(
                points=plate,
                ramp=Ramp.MATERIAL,
                tone=0.52 + 0.06 * -side,
                facets=(Facet(points=upper, tone=0.82 + 0.06 * -side),),
            )
        )
    parts.append(slab(box(0.0, middle, between(generator, 0.05, 0.08), waist * 1.12), Ramp.TRIM))
    if chance(generator, 0.5):
        parts.append(jewel(0.0, middle, 0.042, waist * 0.6, Ramp.GEM))
    if chance(generator, 0.35):
        point = between(generator, 0.05, 0.1)
        parts.insert(
            0,
            Part(
                points=points((-0.04, middle), (0.0, middle + half_height + point), (0.04, middle)),
                ramp=Ramp.MATERIAL,
                tone=0.6,
            ),
        )
    return Shape(parts=tuple(parts), share=0.96)


def mace(generator: np.random.Generator) -> Shape:
    """A ball of spikes, or a crown of flanges."""
    thickness = between(generator, 0.026, 0.034)
    radius = between(generator, 0.12, 0.16)
    middle = 0.8
    parts = haft(generator, middle, thickness)
    if chance(generator, 0.6):
        num_spikes = int(generator.integers(7, 12))
        length = between(generator, 0.06, 0.11)
        width = between(generator, 0.55, 0.85) * np.pi / num_spikes
        turn = between(generator, 0.0, 2 * np.pi / num_spikes)
        for index in range(num_spikes):
            angle = turn + 2 * np.pi * index / num_spikes
            corners = [
                (angle - width, radius * 0.92),
                (angle, radius + length),
                (angle + width, radius * 0.92),
            ]
            spike = points(*((r * np.cos(a), middle + r * np.sin(a)) for a, r in corners))
            parts.append(Part(points=spike, ramp=Ramp.MATERIAL, tone=0.56 - 0.22 * float(np.cos(angle))))
        parts.append(ball(0.0, middle, radius, Ramp.MATERIAL, 0.5))
        for index in range(int(generator.integers(0, 4))):
            angle = 2.2 + 1.9 * index
            stud = (0.45 * radius * np.cos(angle), middle + 0.45 * radius * np.sin(angle))
            parts.append(jewel(stud[0], stud[1], radius * 0.2, radius * 0.2, Ramp.MATERIAL))
    else:
        num_pairs = int(generator.integers(2, 4))
        tall = between(generator, 0.13, 0.19)
        shoulder = between(generator, 0.1, 0.5)
        for index in range(num_pairs):
            out = radius * 1.45 * (1 - index / num_pairs)
            for side in (-1.0, 1.0):
                flange = points(
                    (0.0, middle - tall),
                    (side * out, middle - tall * shoulder),
                    (side * out * 0.92, middle + tall * 0.55),
                    (side * out * 0.3, middle + tall),
                    (0.0, middle + tall),
                )
                tone = 0.5 - side * (0.2 - 0.06 * index) + 0.05 * index
                parts.append(Part(points=flange, ramp=Ramp.MATERIAL, tone=tone))
        parts.append(Part(points=box(0.0, middle, 0.022, tall), ramp=Ramp.MATERIAL, tone=0.86))
        parts.append(ball(0.0, middle + tall, between(generator, 0.03, 0.05), Ramp.TRIM))
    collar = middle - radius - between(generator, 0.03, 0.05)
    parts.append(slab(box(0.0, collar, thickness * 1.8, 0.026), Ramp.TRIM))
    return Shape(parts=tuple(parts), share=between(generator, 0.92, 1.0))


def staff(generator: np.random.Generator) -> Shape:
    """A long, crooked shaft; at its head an orb in claws, a crystal, a crescent or a crook round an orb."""
    thickness = between(generator, 0.02, 0.027)
    y = np.linspace(0.0, 0.74, 16)
    sway = between(generator, 0.0, 0.014)
    path = np.stack([sway * np.sin(y * between(generator, 8.0, 14.0)), y], axis=1)
    top = float(path[-1, 0])
    parts: list[Part | Rod] = [rod(path, thickness * np.linspace(0.8, 1.15, 16), Ramp.WOOD)]
    for at in (0.05, between(generator, 0.4, 0.62)):
        parts.append(slab(box(float(np.interp(at, y, path[:, 0])), at, thickness * 1.5, 0.022), Ramp.MATERIAL))
    radius = between(generator, 0.095, 0.13)
    middle = 0.72 + radius + between(generator, 0.02, 0.05)
    style = int(generator.integers(4))
    if style == 0:
        spread = between(generator, 1.25, 1.6)
        rise = between(generator, 0.75, 1.35)
        for side in (-1.0, 1.0):
            claw = bezier(
                (top, 0.7),
                (side * radius * 2.1 * spread, middle - radius * 0.4),
                (side * radius * 0.62, middle + radius * rise),
                14,
            )
            parts.append(rod(claw, np.linspace(0.03, 0.008, 14), Ramp.TRIM, tone=0.56 - 0.1 * side))
        parts.append(ball(top, middle, radius, Ramp.MATERIAL, 0.56))
    elif style == 1:
        tall = between(generator, 1.5, 2.1)
        for side in (-1.0, 1.0):
            shard = jewel(
                top + side * radius * 0.9,
                middle - radius * 0.15,
                radius * 0.4,
                radius * tall * 0.55,
                Ramp.MATERIAL,
            )
            parts.append(shard)
        parts.append(jewel(top, middle + radius * 0.35, radius * 0.72, radius * tall * 0.9, Ramp.MATERIAL))
        parts.append(
            Part(points=points((top - 0.06, 0.78), (top + 0.06, 0.78), (top, 0.66)), ramp=Ramp.TRIM, tone=0.58)
        )
    elif style == 2:
        open_angle = between(generator, 25.0, 60.0)
        outer = arc((top, middle + 0.02), radius * 1.35, 90 + open_angle, 450 - open_angle, 24)
        t = np.linspace(0.0, 1.0, 24)
        parts.append(rod(outer, 0.008 + 0.05 * np.sin(np.pi * t), Ramp.MATERIAL, tone=0.58))
        parts.append(ball(top, middle + 0.04, radius * 0.52, Ramp.GEM, 0.56))
    else:
        turn = between(generator, 200.0, 290.0)
        curl = arc((top, middle), radius * 1.25, -90, -90 + turn, 22)
        curl[0] = (top, 0.72)
        parts.append(rod(curl, np.linspace(0.04, 0.014, 22), Ramp.MATERIAL, tone=0.55))
        parts.append(ball(top, middle, radius * 0.6, Ramp.GEM, 0.58))
    parts.append(slab(box(top, 0.71, thickness * 1.9, 0.026), Ramp.TRIM))
    return Shape(parts=tuple(parts))


def shield_outline(half_width: float, roundness: float, point: float, top: float) -> Points:
    """From a disc (point 0) over an oval to a heater (point 1); about the origin, half height 0.5."""
    angle = np.deg2rad(np.linspace(0.0, 352.0, 44))
    power = 2.0 / roundness
    x = np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** power * half_width
    y = np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** power * 0.5
    below = np.clip(-y / 0.5, 0.0, 1.0)
    x *= 1 - point * below**1.7
    y += top * np.clip(y, 0.0, 1.0) * np.abs(x / half_width) ** 1.5
    return np.stack([x, y], axis=1)


def shield(generator: np.random.Generator) -> Shape:
    half_width = between(generator, 0.36, 0.48)
    point = between(generator, 0.0, 1.0)
    outline = shield_outline(half_width, between(generator, 2.0, 3.6), point, between(generator, -0.1, 0.2))
    rim = between(generator, 0.8, 0.88)
    face = outline * rim
    left = np.concatenate([face[face[:, 0] <= 0.001], points((0.0, float(face[:, 1].min())))])
    left = left[np.argsort(np.arctan2(left[:, 1], left[:, 0] + 0.06) % (2 * np.pi))]
    lower = face[face[:, 1] <= 0.02]
    right_low = lower[lower[:, 0] >= -0.001]
    right_low = np.concatenate([points((0.0, 0.0)), right_low])
    parts: list[Part | Rod] = [
        Part(points=outline, ramp=Ramp.TRIM, tone=0.6),
        Part(
            points=face,
            ramp=Ramp.MATERIAL,
            tone=0.46,
            facets=(Facet(points=left, tone=0.64), Facet(points=right_low, tone=0.34)),
        ),
    ]
    emblem = int(generator.integers(4))
    bar = between(generator, 0.035, 0.06)
    if emblem == 0:
        parts.append(Part(points=box(0.0, 0.0, bar, 0.36), ramp=Ramp.TRIM, tone=0.58))
        parts.append(Part(points=box(0.0, 0.06, half_width * 0.7, bar), ramp=Ramp.TRIM, tone=0.58))
    elif emblem == 1:
        wide, tall = half_width * 0.68, between(generator, 0.1, 0.24)
        chevron = points(
            (-wide, -0.1), (0.0, tall - 0.1), (wide, -0.1), (wide, 0.02), (0.0, tall + 0.06), (-wide, 0.02)
        )
        parts.append(Part(points=chevron, ramp=Ramp.WRAP, tone=0.6))
    elif emblem == 2:
        num_rays = int(generator.integers(4, 8))
        angle = np.pi / 2 + np.pi * np.arange(2 * num_rays) / num_rays
        radius = np.where(np.arange(2 * num_rays) % 2 == 0, 0.27, between(generator, 0.1, 0.15))
        star = np.stack([radius * np.cos(angle), 0.03 + radius * np.sin(angle)], axis=1)
        parts.append(Part(points=star, ramp=Ramp.TRIM, tone=0.64))
    if emblem == 3 or chance(generator, 0.6):
        boss = between(generator, 0.08, 0.14)
        ramp = Ramp.GEM if chance(generator, 0.4) else Ramp.TRIM
        parts.append(ball(0.0, 0.04, boss, ramp, 0.55))
    return Shape(parts=tuple(parts), share=between(generator, 0.86, 0.96), upright=True)
