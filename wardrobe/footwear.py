"""Shoes, seen from the side."""

from __future__ import annotations

from wardrobe.pieces import Look
from wardrobe.shapes import curve, line, ribbon
from wardrobe.stage import Crease, Part, Seam


def _moved(parts: list[Part], dx: float, dy: float) -> list[Part]:
    for part in parts:
        part.outline = part.outline + (dx, dy)
        part.clip = None if part.clip is None else part.clip + (dx, dy)
        part.seams = [Seam(s.points + (dx, dy), s.width, s.depth, s.stitch, s.paint) for s in part.seams]
        part.creases = [
            Crease((c.start[0] + dx, c.start[1] + dy), (c.end[0] + dx, c.end[1] + dy), c.height, c.width, c.bend)
            for c in part.creases
        ]
    return parts


def shoes(look: Look) -> list[Part]:
    """A pair seen from the side: sneakers, loafers or boots, by variant."""
    one = (_sneaker, _loafer, _boot)[look.variant % 3]
    far = _moved(one(look), 5.5, -8.5)
    for part in far:
        part.tone *= 0.94
    return far + one(look)


def _sneaker(look: Look) -> list[Part]:
    sole = curve(
        [
            (-14.6, 4.4, 1),
            (-14.9, 6.6),
            (-14.2, 7.6, 1),
            (0, 7.9),
            (11, 7.7),
            (14.3, 7.0),
            (15.2, 5.6),
            (14.8, 4.3),
            (8, 5.0),
            (0, 5.1),
        ],
        closed=True,
    )
    upper = curve(
        [
            (-14.2, 5.4, 1),
            (-14.5, 1.0),
            (-13.6, -4.3),
            (-12.6, -5.4, 1),
            (-9.5, -4.2),
            (-6.6, -4.3),
            (-4.2, -5.8, 1),
            (-2.4, -5.4),
            (3.5, -0.6),
            (8.2, 1.0),
            (12.5, 1.9),
            (14.6, 4.0),
            (14.6, 5.4, 1),
        ],
        closed=True,
    )
    toe = curve([(9.0, 1.3, 1), (12.5, 1.9), (14.6, 4.0), (14.6, 5.4, 1), (8.4, 5.4, 1), (7.4, 3.4)], closed=True)
    heel = curve([(-14.2, 5.4, 1), (-14.5, 1.0), (-13.9, -2.4, 1), (-10.6, -0.6), (-9.6, 5.4, 1)], closed=True)
    stripe = curve([(-5.4, 5.4, 1), (-0.2, -0.8, 1), (2.0, 0.6, 1), (-1.6, 5.4, 1)], closed=True)
    inside = curve(
        [(-12.6, -5.5, 1), (-9.5, -4.3), (-6.6, -4.4), (-4.2, -5.9, 1), (-6.8, -6.5), (-10.0, -6.3)], closed=True
    )
    tongue = curve([(-4.6, -5.6, 1), (-4.4, -7.8), (-2.4, -7.6), (3.4, -1.4), (2.2, -0.4, 1)], closed=True)
    parts = [
        Part(inside, "lining", tone=0.5, bulge=0.2, wrinkle=0.1, lift=0),
        Part(tongue, tone=0.95, bulge=0.6, wrinkle=0.3, lift=0.05),
        Part(
            upper,
            bulge=1.5,
            wrinkle=0.5,
            lift=0.1,
            creases=[Crease((6.5, 1.5), (4.5, 4.5), -0.25, 0.5), Crease((8, 1.5), (6.5, 4.5), -0.2, 0.5)],
            seams=[Seam(line((-12.4, -4.6), (-9.4, -3.3), (-6.4, -3.4), (-3.6, -4.8)), 0.12, 0.04, stitch=look.thread)],
        ),
        Part(
            heel,
            "accent",
            bulge=0.6,
            wrinkle=0.2,
            lift=0.06,
            seams=[Seam(line((-13.6, -2.0), (-10.9, -0.4), (-10.0, 5.2)), 0.1, 0.03, stitch=look.thread)],
        ),
        Part(
            toe,
            bulge=0.7,
            wrinkle=0.2,
            lift=0.07,
            seams=[Seam(line((9.4, 1.6), (7.9, 3.4), (8.8, 5.3)), 0.1, 0.03, stitch=look.thread)],
        ),
        Part(stripe, "accent", bulge=0.3, wrinkle=0.1, lift=0.05),
    ]
    eyestay = line((-3.6, -5.0), (1.5, -0.9), (4.4, 0.5))
    parts.append(
        Part(
            ribbon(eyestay, 1.7),
            bulge=0.4,
            wrinkle=0.1,
            lift=0.06,
            seams=[Seam(eyestay + (-0.5, 1.3), 0.1, 0.03, stitch=look.thread)],
        )
    )
    for i in range(5):
        x, y = -3.2 + 1.55 * i, -4.0 + 1.22 * i - 0.1 * (4 - i)
        parts.append(
            Part(
                ribbon(line((x - 0.5, y + 0.9), (x + 0.9, y - 0.6), (x + 2.1, y - 1.5)), 0.55),
                "cord",
                bulge=0.5,
                wrinkle=0,
                lift=0.12,
            )
        )
    parts.append(
        Part(
            ribbon(line((-3.4, -5.6), (-6.2, -4.2), (-7.4, -2.2), (-5.8, -1.4), (-3.6, -4.6)), 0.4),
            "cord",
            bulge=0.4,
            wrinkle=0,
            lift=0.15,
        )
    )
    parts.append(
        Part(ribbon(line((-3.2, -5.2), (-2.4, -2.6), (-3.4, -0.6)), 0.4), "cord", bulge=0.4, wrinkle=0, lift=0.15)
    )
    parts.append(
        Part(
            sole,
            "sole",
            bulge=0.8,
            wrinkle=0,
            lift=0.08,
            seams=[Seam(line((-14.6, 6.4), (0, 6.9), (14.8, 6.2)), 0.18, 0.05)],
        )
    )
    return parts


def _loafer(look: Look) -> list[Part]:
    sole = curve(
        [
            (-14.2, 5.6, 1),
            (-14.2, 8.2, 1),
            (-8.0, 8.2, 1),
            (-7.4, 7.0),
            (2, 7.2),
            (10, 7.5),
            (13.6, 7.0),
            (14.7, 5.6, 1),
            (0, 6.2),
        ],
        closed=True,
    )
    upper = curve(
        [
            (-14.0, 6.2, 1),
            (-14.4, 2.0),
            (-13.6, -2.8),
            (-12.6, -3.5, 1),
            (-8.5, -1.2),
            (-3.5, -0.4),
            (-0.9, -2.6, 1),
            (3.0, -2.5),
            (8.0, -0.4),
            (12.4, 1.4),
            (14.6, 3.8),
            (14.5, 6.2, 1),
        ],
        closed=True,
    )
    inside = curve(
        [(-12.6, -3.6, 1), (-8.5, -1.3), (-3.5, -0.5), (-0.9, -2.7, 1), (-3.8, -3.6), (-8.5, -3.9)], closed=True
    )
    strap = curve(
        [(-2.2, 6.0, 1), (-1.2, 1.2), (-0.4, -2.4, 1), (3.6, -2.1, 1), (3.4, 1.6), (3.9, 6.0, 1)], closed=True
    )
    apron = line((4.2, -1.4), (8.2, 0.9), (11.8, 2.3), (13.0, 3.9), (11.0, 5.0))
    return [
        Part(inside, "lining", tone=0.5, bulge=0.2, wrinkle=0.1, lift=0),
        Part(
            upper,
            bulge=1.8,
            wrinkle=0.4,
            lift=0.1,
            seams=[
                Seam(apron, 0.4, 0.14),
                Seam(line((-12.4, -2.8), (-8.4, -0.4), (-3.5, 0.4)), 0.1, 0.04, stitch=look.thread),
                Seam(line((-11.4, -2.0), (-10.2, 5.9)), 0.16, 0.05),
            ],
        ),
        Part(
            strap,
            bulge=0.7,
            wrinkle=0.2,
            lift=0.16,
            axis=8,
            seams=[Seam(line((0.2, 0.4), (1.4, -0.1), (2.7, 0.5)), 0.5, 0.12, paint=look.dark * 0.4)],
        ),
        Part(sole, "sole", tone=0.8, bulge=0.6, wrinkle=0, lift=0.06),
    ]


def _boot(look: Look) -> list[Part]:
    sole = curve(
        [
            (-14.4, 6.4, 1),
            (-14.4, 10.2, 1),
            (-7.6, 10.2, 1),
            (-7.0, 8.4),
            (2, 8.6),
            (11, 9.0),
            (14.8, 8.0),
            (14.9, 6.6, 1),
            (0, 7.2),
        ],
        closed=True,
    )
    upper = curve(
        [
            (-14.1, 7.2, 1),
            (-14.4, 3),
            (-13.2, -4),
            (-13.0, -12, 1),
            (-8.5, -12.7),
            (-3.8, -12.1, 1),
            (-3.0, -6.5),
            (0.5, -0.8),
            (6.4, 1.2),
            (12.6, 2.8),
            (14.8, 5.2),
            (14.6, 7.2, 1),
        ],
        closed=True,
    )
    gusset = curve([(-9.6, -12.4, 1), (-6.4, -12.4, 1), (-6.6, -4), (-8.0, 0.6), (-9.4, -4)], closed=True)
    inside = curve([(-13.0, -12.1, 1), (-8.5, -12.8), (-3.8, -12.2, 1), (-8.4, -13.9)], closed=True)
    return [
        Part(inside, "lining", tone=0.5, bulge=0.2, wrinkle=0.1, lift=0),
        Part(
            ribbon(line((-13.2, -9.5), (-14.4, -13.5), (-13.0, -14.2), (-11.9, -11)), 0.8),
            "accent",
            bulge=0.5,
            wrinkle=0,
            lift=0.06,
        ),
        Part(
            upper,
            bulge=1.7,
            wrinkle=0.5,
            lift=0.1,
            creases=[
                Crease((-2.4, -3.5), (-9, -0.5), -0.4, 0.8, 0.5),
                Crease((0.5, -0.5), (-6, 3), -0.3, 0.8),
                Crease((7.5, 2), (5, 6), -0.25, 0.6),
            ],
            seams=[
                Seam(line((-14, 3.4), (-9, 3.0), (-6.8, 7)), 0.14, 0.05, stitch=look.thread),
                Seam(line((4.5, 0.9), (2.6, 3.6), (3.2, 7)), 0.14, 0.05, stitch=look.thread),
            ],
        ),
        Part(gusset, "rib", tone=0.7, bulge=0.4, wrinkle=0, lift=0.03),
        Part(
            sole,
            "sole",
            tone=0.7,
            bulge=0.6,
            wrinkle=0,
            lift=0.06,
            seams=[Seam(line((-14.2, 7.4), (0, 7.9), (14.6, 7.6)), 0.16, 0.04)],
        ),
    ]
