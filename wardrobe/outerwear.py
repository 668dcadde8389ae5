"""Jackets and coats."""

from __future__ import annotations

import numpy as np

from wardrobe.pieces import Body, Look, back_neck, mark_trunk, sleeves, trunk, trunk_creases
from wardrobe.shapes import box, curve, flipped, line, ribbon, unit
from wardrobe.stage import Flutes, Part, Seam
from wardrobe.trims import armholes, buttons, hem_rib, inset, shirt_collar, with_cuffs, zip_line


def jacket(look: Look) -> list[Part]:
    """A bomber (zip and ribs), a denim jacket (flaps and buttons) or a blazer, by variant."""
    return (_bomber, _trucker, _blazer)[look.variant % 3](look)


def _bomber(look: Look) -> list[Part]:
    rng = look.rng
    body = Body(
        neck=8.8,
        neck_depth=5.5,
        chest=look.vary(28.5),
        waist=look.vary(28.5),
        hem=look.vary(26.5),
        length=look.vary(58),
        shoulder=22.8,
        armpit=26,
    )
    mark_trunk(look, body, band=6.0)
    parts = back_neck(look, body, rise=-2.8)
    parts += sleeves(
        look, body, look.vary(52), angle=float(rng.uniform(63, 72)), cuff=13.5, rib=6, wrinkle=1.3, puff=0.8
    )
    parts.append(
        Part(trunk(body), creases=trunk_creases(look, body, 1.3, 11), seams=armholes(body), lift=0.1, bulge=1.6)
    )
    parts.append(hem_rib(body, 6))
    for side in (-1, 1):
        welt = np.array([[11.5, 40], [13.3, 40.8], [18.6, 53], [16.8, 53.6]], float) * (side, 1)
        parts.append(Part(welt, axis=-24 * side, bulge=0.4, wrinkle=0.2, lift=0.14))
    parts += zip_line(0, 5.6, body.length + 6.3)
    collar = line((-8.8, -0.2), (-7.7, 3.4), (-4.2, 5.4), (-0.6, 6))
    for side in (1, -1):
        path = collar if side < 0 else flipped(collar)
        parts.append(
            Part(ribbon(path, -3.6 if side < 0 else 3.6), "rib", axis=20 * side, bulge=0.9, wrinkle=0.2, lift=0.2)
        )
    return parts


def _trucker(look: Look) -> list[Part]:
    rng = look.rng
    body = Body(
        neck=8.4,
        neck_depth=6,
        chest=look.vary(27),
        waist=look.vary(26),
        hem=look.vary(24.5),
        length=look.vary(57),
        shoulder=22.6,
        armpit=25,
    )
    mark_trunk(look, body, band=4.0)
    parts = sleeves(look, body, look.vary(50), angle=float(rng.uniform(63, 72)), cuff=13, wrinkle=1.2, hem=0.5)
    parts = with_cuffs(parts, look)
    y = 20.5
    seams = [*armholes(body)]
    for side in (-1, 1):
        seams.append(Seam(line((side * 2, y), (side * 21, y)), 0.2, 0.08, stitch=look.thread))
        for x0, x1 in ((8, 5.5), (16.5, 13)):
            seams.append(Seam(line((side * x0, y), (side * x1, body.length - 1)), 0.2, 0.08, stitch=look.thread))
    parts.append(Part(trunk(body), creases=trunk_creases(look, body, 0.9), seams=seams, lift=0.08, bulge=1.3))
    band = curve(
        [
            (-body.hem - 0.1, body.length - 1, 1),
            (0, body.length - 0.2),
            (body.hem + 0.1, body.length - 1, 1),
            (body.hem - 0.4, body.length + 3.8, 1),
            (0, body.length + 4.6),
            (-body.hem + 0.4, body.length + 3.8, 1),
        ],
        closed=True,
    )
    parts.append(
        Part(
            band,
            axis=90,
            bulge=0.7,
            wrinkle=0.3,
            lift=0.12,
            seams=[
                Seam(
                    line((-body.hem, body.length - 0.3), (0, body.length + 0.5), (body.hem, body.length - 0.3)),
                    0.12,
                    0.03,
                    stitch=look.thread,
                )
            ],
        )
    )
    placket = box(-2.1, 6, 2.1, body.length + 4.3)
    parts.append(
        Part(
            placket,
            bulge=0.5,
            wrinkle=0.3,
            lift=0.1,
            seams=[Seam(line((x, 7), (x, body.length + 4)), 0.12, 0.03, stitch=look.thread) for x in (-1.7, 1.7)],
        )
    )
    for side in (-1, 1):
        x = side * 12.2
        pocket = curve(
            [(x - 5.6, y + 0.6, 1), (x + 5.6, y + 0.6, 1), (x + 4.6, y + 13, 1), (x, y + 15, 1), (x - 4.6, y + 13, 1)],
            closed=True,
        )
        parts.append(
            Part(
                pocket,
                bulge=0.5,
                wrinkle=0.3,
                lift=0.1,
                seams=[
                    Seam(
                        inset(pocket, (x, y + 7), 0.92),
                        0.12,
                        0.03,
                        stitch=look.thread,
                    )
                ],
            )
        )
        flap = curve(
            [(x - 6, y - 0.4, 1), (x + 6, y - 0.4, 1), (x + 6, y + 3, 1), (x, y + 5.2, 1), (x - 6, y + 3, 1)],
            closed=True,
        )
        parts.append(
            Part(
                flap,
                bulge=0.5,
                wrinkle=0.3,
                lift=0.22,
                seams=[Seam(inset(flap, (x, y + 2), 0.9), 0.12, 0.03, stitch=look.thread)],
            )
        )
        parts += buttons(np.array([(x, y + 3.4)]), 0.7, "metal")
    parts += shirt_collar(look, 8.2, 10.2)
    return parts + buttons(np.array([(0.0, yy) for yy in np.linspace(9, body.length + 1.8, 6)]), 0.75, "metal")


def lapels(look: Look, depth: float, neck: float = 9.0, wide: float = 9.5) -> list[Part]:
    """The rolled collar of blazers and coats: upper collar and notched lapels down to `depth`."""
    parts: list[Part] = []
    for side in (1, -1):
        s = side
        lapel = curve(
            [
                (s * (neck - 0.2), 3.0, 1),
                (s * (wide + 1.6), 11.4, 1),
                (s * (wide * 0.86), depth * 0.62),
                (s * 0.2, depth, 1),
                (s * 3.4, depth * 0.55),
                (s * 6.2, 9.0),
            ],
            closed=True,
        )
        parts.append(Part(lapel, axis=20 * s, bulge=0.8, wrinkle=0.3, lift=0.32))
        collar = curve(
            [
                (s * 5.4, -3.6, 1),
                (s * (neck + 1.6), -0.8),
                (s * (wide + 2.4), 7.2, 1),
                (s * (wide + 0.2), 9.8, 1),
                (s * (neck - 0.6), 4.2),
                (s * 6.2, 0.2),
            ],
            closed=True,
        )
        parts.append(Part(collar, axis=35 * s, bulge=0.8, wrinkle=0.3, lift=0.34))
    band = curve([(-6, -3.8, 1), (0, -5.0), (6, -3.8, 1), (7.2, 0.6, 1), (0, -1.6), (-7.2, 0.6, 1)], closed=True)
    return [*parts, Part(band, bulge=0.7, wrinkle=0.3, lift=0.25)]


def _open_front(look: Look, body: Body, depth: float) -> list[Part]:
    """What shows between lapels: the lining of the back."""
    inside = curve([(-8.8, -2.6, 1), (0, -4.2), (8.8, -2.6, 1), (9, 8), (0.4, depth + 1, 1), (-9, 8)], closed=True)
    return [
        Part(inside, "satin", tone=0.6, bulge=0.3, wrinkle=0.8, lift=0.02),
        Part(box(-2.6, -0.4, 2.6, 2.0), "label", tone=0.85, bulge=0.2, wrinkle=0.1, lift=0.05),
    ]


def _blazer(look: Look) -> list[Part]:
    rng = look.rng
    body = Body(
        neck=9,
        neck_depth=1.0,
        chest=look.vary(26.5),
        waist=look.vary(24),
        hem=look.vary(27),
        length=look.vary(71),
        shoulder=22.4,
        slope=4.0,
        armpit=25,
        waist_at=0.4,
        hem_curve=1.2,
    )
    depth = look.vary(38, 0.08)
    mark_trunk(look, body, opening=depth)
    parts = sleeves(look, body, look.vary(58), angle=float(rng.uniform(70, 76)), cuff=13.5, wrinkle=0.7, hem=0.3)
    end_buttons: list[Part] = []
    for part in [p for p in parts if p.seams]:
        a, b = part.seams[0].points[0], part.seams[0].points[-1]
        part.seams = []
        inward = unit(b - a)
        up = np.array([inward[1], -inward[0]], float)
        up = up if up[1] < 0 else -up
        end_buttons += buttons(np.stack([a + inward * 2.2 + up * (2 + 1.7 * i) for i in range(3)]), 0.5)
    front = Part(
        trunk(body),
        creases=trunk_creases(look, body, 0.55, 7),
        seams=[
            *armholes(body),
            *[Seam(line((s * 13, 30), (s * 11.5, 46), (s * 12.5, 64)), 0.2, 0.07) for s in (-1, 1)],
        ],
        lift=0.1,
        bulge=1.4,
    )
    parts += [front, *end_buttons]
    parts += _coat_front(look, body, depth, double=False)
    return parts


def _coat_front(look: Look, body: Body, depth: float, *, double: bool) -> list[Part]:
    bottom = body.length + body.hem_curve
    parts = _open_front(look, body, depth)
    lap = 8.0 if double else 2.4
    edge = line((lap * 0.9, depth - 4), (lap, depth + 4), (lap, bottom - 8), (lap - 1.2, bottom))
    inside = np.vstack([line((-1.0, depth - 2), (-3, bottom)), edge[::-1]])
    parts.append(Part(inside, clip=trunk(body), bulge=0.5, wrinkle=0.4, lift=0.2, creases=[]))
    parts += lapels(look, depth)
    for s in (-1, 1):
        top = 47.0 if body.length < 80 else 58.0
        flap = curve(
            [(s * 9.5, top, 1), (s * 21.5, top - 0.8, 1), (s * 21.8, top + 4.6), (s * 9.6, top + 5.2, 1)], closed=True
        )
        parts.append(Part(flap, bulge=0.5, wrinkle=0.2, lift=0.2, axis=-2.0 * s))
    welt = np.array([[8.2, 24.5], [17.4, 22.8], [17.7, 25.0], [8.5, 26.8]], float)
    parts.append(Part(welt, bulge=0.4, wrinkle=0.1, lift=0.12, axis=-10))
    if double:
        places = np.array([(s * 5.4, y) for s in (-1, 1) for y in (depth + 3, depth + 14, depth + 25)])
        return parts + buttons(places, 1.25)
    return parts + buttons(np.array([(0.4, depth + 1.6), (0.4, depth + 12)]), 1.0)


def coat(look: Look) -> list[Part]:
    """A long coat with lapels, single or double-breasted, perhaps with a belt."""
    rng = look.rng
    body = Body(
        neck=9.2,
        neck_depth=1.0,
        chest=look.vary(26.5),
        waist=look.vary(25),
        hem=look.vary(31),
        length=look.vary(108),
        shoulder=23,
        slope=4.2,
        armpit=26,
        waist_at=0.36,
        hem_curve=1.5,
    )
    depth = look.vary(36, 0.08)
    mark_trunk(look, body, opening=depth)
    parts = sleeves(look, body, look.vary(60), angle=float(rng.uniform(71, 76)), cuff=15.5, wrinkle=0.9, hem=4.5)
    parts.append(
        Part(
            trunk(body),
            creases=trunk_creases(look, body, 0.7, 8),
            seams=armholes(body),
            flutes=Flutes(3.2, 1.3, 62, 108),
            lift=0.1,
            bulge=1.6,
        )
    )
    parts += _coat_front(look, body, depth, double=look.variant % 2 == 0)
    if look.variant % 3 == 1:
        y = 56.0
        parts.append(
            Part(
                curve(
                    [(-27, y, 1), (0, y + 0.8), (27, y, 1), (27, y + 4.6, 1), (0, y + 5.4), (-27, y + 4.6, 1)],
                    closed=True,
                ),
                axis=90,
                bulge=0.7,
                wrinkle=0.5,
                lift=0.3,
                clip=trunk(body),
            )
        )
        parts.append(Part(box(-3, y - 0.4, 3, y + 6.2, 0.8), "button", bulge=0.5, wrinkle=0, lift=0.25))
        parts.append(Part(box(-1.9, y + 0.8, 1.9, y + 5.0, 0.4), axis=90, bulge=0.3, wrinkle=0.1, lift=0))
    return parts
