"""Cuts for the upper body: T-shirts, sweaters, hoodies, shirts."""

from __future__ import annotations

import numpy as np

from wardrobe.pieces import SLEEVES, Body, Look, back_neck, mark_trunk, sleeves, trunk, trunk_creases
from wardrobe.shapes import box, curve, ellipse, line, mirrored, ribbon
from wardrobe.stage import Crease, Part, Seam
from wardrobe.trims import armholes, buttons, hem_rib, hem_seam, neck_rib, shirt_collar, with_cuffs


def t_shirt(look: Look) -> list[Part]:
    """A T-shirt, or with long sleeves a longsleeve; round or V neck, perhaps with a picture on the chest."""
    rng = look.rng
    body = Body(
        neck=look.vary(8.6),
        neck_depth=look.vary(8.4, 0.1),
        v_neck=look.variant % 4 == 3,
        chest=look.vary(25.5),
        waist=look.vary(24.6),
        hem=look.vary(25.3),
        length=look.vary(67),
    )
    if body.v_neck:
        body.neck_depth = 14.5
    mark_trunk(look, body)
    length, cuff = SLEEVES[look.sleeve]
    angle = float(rng.uniform(34, 44)) if length < 30 else float(rng.uniform(66, 74))
    parts = back_neck(look, body)
    parts += sleeves(look, body, look.vary(length), angle=angle, cuff=cuff, wrinkle=1.0)
    graphic = (look.graphic, 0.0, 29.0, 22.0) if look.graphic else None
    parts.append(
        Part(
            trunk(body),
            creases=trunk_creases(look, body),
            seams=[hem_seam(body, look), *armholes(body)],
            graphic=graphic,
            lift=0.06,
        )
    )
    return parts + neck_rib(body)


def sweater(look: Look) -> list[Part]:
    """A knitted pullover with ribbed neck, cuffs and hem."""
    rng = look.rng
    body = Body(
        neck=look.vary(9),
        neck_depth=look.vary(7.5),
        v_neck=look.variant % 3 == 2,
        chest=look.vary(28),
        waist=look.vary(27.5),
        hem=look.vary(26),
        length=look.vary(60),
        shoulder=22.5,
        armpit=26,
    )
    if body.v_neck:
        body.neck_depth = 16
    mark_trunk(look, body, band=6.0)
    parts = back_neck(look, body)
    parts += sleeves(look, body, look.vary(50), angle=float(rng.uniform(62, 72)), cuff=12.5, rib=6.5, wrinkle=0.9)
    parts.append(Part(trunk(body), creases=trunk_creases(look, body, 0.9), seams=armholes(body), lift=0.08, bulge=1.3))
    parts.append(hem_rib(body, 6.0))
    return parts + neck_rib(body, 2.8)


def hoodie(look: Look) -> list[Part]:
    """A hooded sweatshirt with kangaroo pocket and cords."""
    rng = look.rng
    body = Body(
        neck=9.5,
        neck_depth=9.5,
        chest=look.vary(29),
        waist=look.vary(28.5),
        hem=look.vary(27),
        length=look.vary(60),
        shoulder=23,
        armpit=26,
    )
    mark_trunk(look, body, band=6.5)
    h = look.vary(22, 0.08)
    hood = mirrored([(0, -h), (7.5, -h + 1.4), (13, -h + 7.5), (14.2, -h + 14), (13.4, 1.5, 1), (9, 8), (0, 11.5)])
    opening = mirrored([(0, -h + 4.6), (5.2, -h + 6), (8.8, -h + 12), (8.3, -1), (4.4, 6.4), (0, 9.2)])
    edge = np.vstack([opening, opening[:1]])
    parts = sleeves(look, body, look.vary(50), angle=float(rng.uniform(62, 72)), cuff=13, rib=6.5, wrinkle=1.1)
    parts.append(
        Part(
            trunk(body),
            creases=trunk_creases(look, body, 1.1),
            seams=armholes(body),
            lift=0.08,
            bulge=1.4,
            graphic=(look.graphic, 0.0, 30.0, 19.0) if look.graphic else None,
        )
    )
    pocket = curve(
        [(-8, 41, 1), (8, 41, 1), (14.5, 51, 1), (14.5, 58.5, 1), (-14.5, 58.5, 1), (-14.5, 51, 1)], closed=True
    )
    parts.append(
        Part(
            pocket,
            seams=[
                Seam(line((8.3, 41.6, 1), (13.6, 51), (13.9, 51.5)), stitch=look.thread),
                Seam(line((-8.3, 41.6, 1), (-13.6, 51), (-13.9, 51.5)), stitch=look.thread),
            ],
            lift=0.2,
            bulge=0.9,
            creases=[Crease((-9, 50), (8, 53), 0.3, 2, 1)],
        )
    )
    parts.append(hem_rib(body, 6.5))
    parts.append(
        Part(
            hood,
            creases=[
                Crease((-12, -4), (-6, 7), 0.6, 1.6, 1),
                Crease((12, -4), (6, 7), 0.6, 1.6, -1),
                Crease((-9, -h + 4), (-12, -6), 0.4, 1.5),
            ],
            lift=0.45,
            bulge=1.6,
        )
    )
    parts.append(
        Part(
            opening,
            "lining",
            tone=0.5,
            bulge=0.2,
            wrinkle=0.6,
            lift=0.0,
            creases=[Crease((0, -h + 5), (0, 4), -0.5, 2.0)],
        )
    )
    parts.append(Part(ribbon(edge, -1.5), seams=[Seam(edge, 0.2, 0.05)], bulge=0.7, wrinkle=0.2, lift=0.12))
    for side in (-1, 1):
        end = 24 + float(rng.uniform(-2, 3))
        path = line((side * 3.4, 9), (side * float(rng.uniform(4, 5.5)), 15), (side * float(rng.uniform(3, 5)), end))
        parts.append(Part(ribbon(path - (0.3, 0), -0.65), "cord", bulge=0.5, wrinkle=0, lift=0.22))
        parts.append(Part(ellipse(side * 3.4, 9, 0.55, 0.55), "metal", bulge=0.3, wrinkle=0, lift=0.05))
        parts.append(
            Part(
                box(*(path[-1] + (-0.5, -0.2)), *(path[-1] + (0.5, 1.9))),
                "cord",
                bulge=0.6,
                wrinkle=0,
                lift=0.2,
                tone=0.9,
            )
        )
    return parts


def shirt(look: Look) -> list[Part]:
    """A button-down shirt with collar, placket, chest pocket and curved hem."""
    rng = look.rng
    body = Body(
        neck=8.4,
        neck_depth=6,
        chest=look.vary(26.5),
        waist=look.vary(25),
        hem=look.vary(25.5),
        length=look.vary(66),
        hem_curve=7.5,
        shoulder=22.5,
        armpit=25,
    )
    mark_trunk(look, body)
    length, _ = SLEEVES[look.sleeve]
    long = length > 30
    parts = sleeves(
        look,
        body,
        look.vary(length - 4 if long else length + 3),
        angle=float(rng.uniform(63, 73)) if long else float(rng.uniform(42, 50)),
        cuff=13 if long else 19,
        wrinkle=1.2,
        hem=0.5 if long else 2.6,
    )
    if long:
        parts = with_cuffs(parts, look)
    c, y = body.hem_curve, body.length
    hem = line(
        (-body.hem + 0.4, y - 0.6),
        (-body.hem * 0.5, y + c * 0.75 - 0.9),
        (0, y + c - 0.9),
        (body.hem * 0.5, y + c * 0.75 - 0.9),
        (body.hem - 0.4, y - 0.6),
    )
    yoke = [
        Seam(line((side * 9.8, 3.4), (side * 15.5, 6), (side * 21.6, 8.6)), 0.16, 0.05, stitch=look.thread)
        for side in (-1, 1)
    ]
    parts.append(
        Part(
            trunk(body),
            creases=trunk_creases(look, body, 1.2, 11),
            seams=[*armholes(body), *yoke, Seam(hem, 0.14, 0.04, stitch=look.thread)],
            lift=0.06,
        )
    )
    bottom = y + c - 0.4
    placket = box(-1.6, 5.6, 1.6, bottom)
    stitched = [Seam(line((x, 6.5), (x, bottom - 1)), 0.12, 0.03, stitch=look.thread) for x in (-1.2, 1.2)]
    parts.append(Part(placket, seams=stitched, bulge=0.4, wrinkle=0.4, lift=0.08, clip=trunk(body)))
    if look.variant % 3 != 2:
        x, top = 12.0, 21.0
        pocket = curve(
            [(x - 5, top, 1), (x + 5, top, 1), (x + 5, top + 9.5, 1), (x, top + 11.5, 1), (x - 5, top + 9.5, 1)],
            closed=True,
        )
        around = np.vstack([pocket[-1:], pocket])
        parts.append(
            Part(
                pocket,
                seams=[
                    Seam((around - (x, top + 5.5)) * 0.93 + (x, top + 5.5), 0.12, 0.03, stitch=look.thread),
                    Seam(line((x - 4.8, top + 2.2), (x + 4.8, top + 2.2)), 0.14, 0.05),
                ],
                bulge=0.4,
                wrinkle=0.5,
                lift=0.12,
            )
        )
    places = np.array([(0.0, yy) for yy in np.linspace(13, bottom - 9, 6)])
    parts += shirt_collar(look)
    return parts + buttons(np.vstack([[(0.0, 7.2)], places]))
