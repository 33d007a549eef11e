"""The shapes that shoot: bow, crossbow, gun. Weapon units, as gan.data.armory.parts says."""

import numpy as np

from gan.data.armory.parts import (
    Facet,
    Part,
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


def bolt(foot: float, head: float) -> list[Part | Rod]:
    """A crossbow's bolt along the stock."""
    shaft = rod(points((0.0, foot), (0.0, head - 0.03)), 0.01, Ramp.STRING, tone=0.45)
    tip = points((-0.045, head - 0.09), (0.0, head), (0.045, head - 0.09), (0.0, head - 0.065))
    return [shaft, Part(points=tip, ramp=Ramp.MATERIAL, tone=0.7)]


def bow(generator: np.random.Generator) -> Shape:
    """The limbs arch towards the light; the string closes them; sometimes an arrow lies on it."""
    depth = between(generator, 0.2, 0.34)
    recurve = between(generator, 0.0, 0.16)
    dent = between(generator, 0.0, 0.1)
    thick = between(generator, 0.034, 0.05)
    t = np.linspace(-1.0, 1.0, 41)
    x = -depth * (1 - np.abs(t) ** 1.9) - recurve * np.clip(np.abs(t) - 0.72, 0, 1) ** 1.3 * 3
    x += dent * np.exp(-((t / 0.22) ** 2))
    path = np.stack([x, 0.5 + 0.5 * t], axis=1)
    width = thick * (1 - 0.72 * np.abs(t) ** 1.6)
    nock = int(np.argmax(path[:, 0] * (t > 0.4) - (t <= 0.4)))
    low, high = path[40 - nock], path[nock]
    drawn = chance(generator, 0.5)
    pull = between(generator, 0.08, 0.2) if drawn else 0.0
    rest = float(max(low[0], high[0])) + pull
    string = np.array([low, (rest, 0.5), high])
    parts: list[Part | Rod] = [rod(string, 0.007, Ramp.STRING, tone=0.8, thin=True)]
    parts.append(rod(path, width, Ramp.MATERIAL, tone=0.55))
    grip = slice(17, 24)
    parts.append(rod(path[grip], thick * 1.15, Ramp.WRAP, bands=4))
    for at in (16, 24):
        tangent = path[at + 1] - path[at - 1]
        tangent /= np.hypot(*tangent)
        parts.append(
            rod(
                np.stack([path[at] - 0.016 * tangent, path[at] + 0.016 * tangent]),
                thick * 1.3,
                Ramp.TRIM,
                tone=0.6,
            )
        )
    if chance(generator, 0.4):
        for at in (9, 31):
            parts.append(ball(float(path[at, 0]), float(path[at, 1]), thick * 0.75, Ramp.GEM))
    if drawn:
        point = float(path[20, 0]) - between(generator, 0.1, 0.16)
        shaft = points((rest, 0.5), (point, 0.5))
        parts.append(rod(shaft, 0.011, Ramp.WOOD, tone=0.6))
        tip = points((point + 0.05, 0.46), (point - 0.05, 0.5), (point + 0.05, 0.54), (point + 0.025, 0.5))
        parts.append(Part(points=tip, ramp=Ramp.MATERIAL, tone=0.74))
        for side in (-1.0, 1.0):
            feather = points(
                (rest, 0.5),
                (rest + 0.03, 0.5 + side * 0.035),
                (rest - 0.05, 0.5 + side * 0.035),
                (rest - 0.09, 0.5),
            )
            parts.append(Part(points=feather, ramp=Ramp.WRAP, tone=0.64 + 0.08 * side))
    return Shape(parts=tuple(parts), share=between(generator, 0.93, 1.0))


def crossbow(generator: np.random.Generator) -> Shape:
    """Seen from above: a stock, the prod across its head, a drawn string and a bolt."""
    stock = between(generator, 0.042, 0.055)
    butt = between(generator, 1.2, 1.8)
    prod = between(generator, 0.74, 0.82)
    span = between(generator, 0.34, 0.45)
    sweep = between(generator, 0.08, 0.26)
    flick = between(generator, 0.0, 0.1)
    thick = between(generator, 0.034, 0.048)
    catch = between(generator, 0.4, 0.5)
    y = np.linspace(0.0, prod + 0.03, 14)
    body = stock * (1 + (butt - 1) * np.clip(1 - y / 0.3, 0, 1) ** 1.2)
    parts: list[Part | Rod] = []
    if chance(generator, 0.5):
        loop = arc((0.0, prod + 0.05), 0.065, -40, 220, 16)
        parts.append(rod(loop, 0.014, Ramp.TRIM, tone=0.6))
    parts.append(rod(np.stack([np.zeros(14), y], axis=1), body, Ramp.WOOD))
    t = np.linspace(-1.0, 1.0, 31)
    rise = prod + 0.04 - sweep * np.abs(t) ** 1.7 + flick * np.clip(np.abs(t) - 0.75, 0, 1) * 4
    path = np.stack([t * span, rise], axis=1)
    parts.append(rod(np.array([path[1], (0.0, catch), path[-2]]), 0.007, Ramp.STRING, tone=0.8, thin=True))
    parts.append(rod(path, thick * (1 - 0.62 * np.abs(t) ** 1.5), Ramp.MATERIAL, tone=0.56))
    parts.append(slab(box(0.0, prod + 0.02, stock * 1.35, 0.05), Ramp.TRIM))
    parts.append(slab(box(0.0, catch, stock * 0.9, 0.035), Ramp.MATERIAL))
    butt_plate = box(0.0, 0.02, stock * butt * 1.08, 0.03)
    parts.append(slab(butt_plate, Ramp.MATERIAL))
    parts += bolt(catch, prod + between(generator, 0.12, 0.2))
    if chance(generator, 0.45):
        parts.append(jewel(0.0, 0.2, stock * 0.7, stock * 1.1, Ramp.GEM))
    return Shape(parts=tuple(parts))


def gun(generator: np.random.Generator) -> Shape:
    """From pistol to rifle to blunderbuss: the muzzle at the head, the grip on the shadow side."""
    barrel = between(generator, 0.036, 0.056)
    rifle = between(generator, 0.0, 1.0)
    flare = between(generator, 1.0, 1.25) if chance(generator, 0.6) else between(generator, 1.7, 2.4)
    receiver_foot = 0.14 + 0.18 * rifle
    receiver_head = receiver_foot + between(generator, 0.24, 0.34)
    deep = between(generator, 0.11, 0.15)
    y = np.linspace(receiver_head - 0.06, 1.0, 14)
    swell = 1 + (flare - 1) * np.clip((y - 0.8) / 0.2, 0, 1) ** 1.5
    parts: list[Part | Rod] = []
    # The stock or grip, behind everything: a pistol's hangs down, a rifle's runs back.
    hang = bezier(
        (0.045, receiver_foot + 0.1),
        (0.06 + 0.06 * (1 - rifle), receiver_foot - 0.04 - 0.04 * rifle),
        (0.36 - 0.2 * rifle, receiver_foot - between(generator, 0.02, 0.12) - 0.26 * rifle),
        12,
    )
    wide = between(generator, 0.046, 0.056) * np.linspace(1.0, 1.25 + 0.35 * rifle, 12)
    butt = strip(hang[-3:], wide[-3:] * 1.04, -wide[-3:] * 1.04)
    parts.append(rod(hang, wide, Ramp.WOOD, tone=0.55))
    parts.append(Part(points=butt, ramp=Ramp.MATERIAL if rifle > 0.5 else Ramp.TRIM, tone=0.55))
    parts.append(rod(arc((deep + 0.015, receiver_foot + 0.2), 0.06, -100, 100, 12), 0.014, Ramp.TRIM, tone=0.5))
    if chance(generator, 0.3 + 0.4 * rifle):
        long = between(generator, 0.1, 0.2)
        at = receiver_head - 0.03
        magazine = points((0.05, at - 0.05), (deep + long, at - 0.09), (deep + long, at - 0.01), (0.05, at + 0.04))
        parts.append(slab(magazine, Ramp.TRIM, tone=0.45))
    fore = between(generator, 0.5, 0.8)
    fore_head = receiver_head + (1.0 - receiver_head) * fore * 0.75
    under = points(
        (0.02, receiver_head - 0.06),
        (barrel * 1.75, receiver_head - 0.06),
        (barrel * 1.5, fore_head),
        (0.02, fore_head),
    )
    parts.append(Part(points=under, ramp=Ramp.WOOD, tone=0.46))
    parts.append(rod(np.stack([np.zeros(14), y], axis=1), barrel * swell, Ramp.MATERIAL, tone=0.54))
    ring = barrel * flare * 1.16
    parts.append(slab(box(0.0, 0.985, ring, 0.022), Ramp.TRIM))
    body = points(
        (-barrel * 1.3, receiver_foot + 0.03),
        (-barrel * 1.3, receiver_head - 0.02),
        (-barrel * 0.9, receiver_head + 0.02),
        (deep * 0.75, receiver_head + 0.02),
        (deep, receiver_head - 0.06),
        (deep, receiver_foot + 0.09),
        (0.03, receiver_foot - 0.03),
    )
    top = points(
        (-barrel * 1.3, receiver_foot + 0.03),
        (-barrel * 1.3, receiver_head - 0.02),
        (-barrel * 0.9, receiver_head + 0.02),
        (0.0, receiver_head + 0.02),
        (0.0, receiver_foot),
    )
    low = points(
        (deep * 0.62, receiver_head + 0.02),
        (deep * 0.75, receiver_head + 0.02),
        (deep, receiver_head - 0.06),
        (deep, receiver_foot + 0.09),
        (deep * 0.62, receiver_foot + 0.05),
    )
    parts.append(
        Part(
            points=body,
            ramp=Ramp.MATERIAL,
            tone=0.52,
            facets=(Facet(points=top, tone=0.74), Facet(points=low, tone=0.32)),
        )
    )
    middle = (receiver_foot + receiver_head) / 2
    if chance(generator, 0.35):
        tube = points((-barrel * 2.3, middle - 0.1), (-barrel * 2.3, middle + 0.13))
        parts.append(rod(points((-barrel, middle), (-barrel * 2.3, middle)), 0.02, Ramp.TRIM, tone=0.4))
        parts.append(rod(tube, 0.032, Ramp.TRIM, tone=0.5))
    else:
        parts.append(
            Part(
                points=points(
                    (-barrel, receiver_foot + 0.02),
                    (-barrel * 2.4, receiver_foot - 0.02),
                    (-barrel, receiver_foot + 0.09),
                ),
                ramp=Ramp.TRIM,
                tone=0.6,
            )
        )
        bead = between(generator, 0.9, 0.95)
        parts.append(Part(points=box(-barrel * 1.15, bead, barrel * 0.35, 0.014), ramp=Ramp.TRIM, tone=0.6))
    if chance(generator, 0.6):
        parts.append(ball(deep * 0.4, middle, between(generator, 0.028, 0.042), Ramp.GEM))
    return Shape(parts=tuple(parts))
