"""Hats and bags."""

from __future__ import annotations

import numpy as np

from wardrobe.pieces import Look
from wardrobe.shapes import Points, box, curve, ellipse, line, mirrored, ribbon
from wardrobe.stage import Crease, Flutes, Part, Seam
from wardrobe.trims import inset


def hat(look: Look) -> list[Part]:
    """A baseball cap, a knitted beanie or a brimmed hat, by variant."""
    return (_cap, _beanie, _brimmed)[look.variant % 3](look)


def _cap(look: Look) -> list[Part]:
    crown = mirrored([(0, -11.2), (6.4, -9.9), (10.8, -4.4), (12.2, 1.5), (12.3, 6.2, 1), (6, 4.8), (0, 4.4)])
    brim = mirrored([(0, 3.6), (6.2, 4.1), (12.4, 6.3, 1), (13.9, 9.2), (13.0, 12.0), (7.2, 12.6), (0, 12.9)])
    rows = [
        Seam(
            line(
                (-12.6 + 0.5 * i, 7.4 + 0.9 * i),
                (-6, 5.4 + 1.35 * i),
                (0, 4.9 + 1.5 * i),
                (6, 5.4 + 1.35 * i),
                (12.6 - 0.5 * i, 7.4 + 0.9 * i),
            ),
            0.1,
            0.03,
            stitch=look.thread,
        )
        for i in range(5)
    ]
    panels = [Seam(line((0, -11.2), (0, -3), (0, 4)), 0.22, 0.08)]
    panels += [Seam(line((0, -11.2), (s * 7.4, -5.4), (s * 9.6, 5.0)), 0.22, 0.08, stitch=look.thread) for s in (-1, 1)]
    panels.append(Seam(line((-12.1, 4.0), (-6, 2.6), (0, 2.2), (6, 2.6), (12.1, 4.0)), 0.12, 0.04, stitch=look.thread))
    eyelets = [Part(ellipse(s * 4.2, -6.0, 0.42, 0.42), bulge=0.2, wrinkle=0, lift=0.03, tone=0.7) for s in (-1, 1)]
    mark = [
        Part(
            box(-2.6 + 0.7 * i, -3.0 + 1.4 * i, 2.6 - 0.7 * i, -2.1 + 1.4 * i, 0.4),
            "accent",
            bulge=0.4,
            wrinkle=0,
            lift=0.05,
        )
        for i in range(3)
    ]
    cloth = "accent" if look.rng.random() < 0.35 else "main"
    return [
        Part(crown, bulge=2.6, wrinkle=0.5, lift=0.1, seams=panels),
        *eyelets,
        *mark,
        Part(brim, cloth, bulge=1.2, wrinkle=0.1, lift=0.3, seams=rows),
        Part(ellipse(0, -11.1, 1.3, 0.7), cloth, bulge=0.6, wrinkle=0, lift=0.1),
    ]


def _beanie(look: Look) -> list[Part]:
    crown = mirrored([(0, -12.5), (5.5, -11.4), (9.6, -6), (10.8, 2), (10.6, 8, 1), (0, 9)])
    cuff = mirrored([(0, 3.6), (6, 3.3), (11, 2.4, 1), (11.4, 6), (11.1, 9.6, 1), (6, 10.6), (0, 10.9)])
    parts = [
        Part(
            crown,
            "knit",
            bulge=2.4,
            wrinkle=0.6,
            lift=0.1,
            flutes=Flutes(5, 0.35, 4, -12),
            creases=[Crease((-6, -4), (4, -6), 0.35, 1.4, 1), Crease((-2, 0), (8, -2), 0.3, 1.4, -1)],
        ),
        Part(cuff, "rib", bulge=1.4, wrinkle=0.3, lift=0.35),
        Part(box(-1.6, 5.4, 1.6, 8.4, 0.2), "label", bulge=0.3, wrinkle=0, lift=0.08),
    ]
    if look.rng.random() < 0.5:
        angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
        radius = 3.6 + 0.3 * look.rng.standard_normal(60)
        ball: Points = np.stack([radius * np.cos(angle), -14 + radius * np.sin(angle)], 1)
        parts.append(Part(ball, "accent", bulge=2.2, wrinkle=3.5, lift=0.3))
    return parts


def _brimmed(look: Look) -> list[Part]:
    brim = ellipse(0, 6, 20, 7.2)
    inside = ellipse(0, 5.4, 12, 3.6)
    crown = mirrored([(0, -7.4), (3.4, -8.8), (7.6, -8.4), (10.4, -4.6), (11.6, 2), (12, 6.2, 1), (6, 8.4), (0, 9)])
    band = curve(
        [(-11.8, 3.0, 1), (0, 5.9), (11.8, 3.0, 1), (12, 6.2, 1), (6, 8.4), (0, 9), (-6, 8.4), (-12, 6.2, 1)],
        closed=True,
    )
    return [
        Part(
            brim,
            bulge=0.9,
            wrinkle=0.2,
            lift=0.1,
            seams=[Seam(ellipse(0, 6, 19, 6.6), 0.14, 0.04, stitch=look.thread)],
            creases=[Crease((-17, 8), (-6, 11), 0.4, 2), Crease((17, 4), (12, 9), 0.4, 2)],
        ),
        Part(inside, tone=0.6, bulge=0, wrinkle=0, lift=0),
        Part(
            crown,
            bulge=2.6,
            wrinkle=0.3,
            lift=0.9,
            creases=[
                Crease((0, -8.4), (0, 1.5), -1.0, 2.2),
                Crease((7, -6), (9, 1), -0.5, 1.5),
                Crease((-7, -6), (-9, 1), -0.5, 1.5),
            ],
        ),
        Part(band, "accent", bulge=0.4, wrinkle=0.1, lift=0.06),
    ]


def bag(look: Look) -> list[Part]:
    """A tote, or a structured handbag, by variant."""
    rng = look.rng
    if look.variant % 2 == 0:
        shape = curve(
            [(-18, 0, 1), (0, 0.8), (18, 0, 1), (18.6, 18), (17.6, 37, 1), (0, 37.8), (-17.6, 37, 1), (-18.6, 18)],
            closed=True,
        )
        parts: list[Part] = []
        for y, tone in ((-19.5, 0.82), (-17.0, 1.0)):
            loop = line((-9, 2), (-8.6, -8), (-5.4, y), (0, y - 2), (5.4, y), (8.6, -8), (9, 2)) + (
                float(rng.uniform(-0.8, 0.8)),
                0,
            )
            strap = Part(ribbon(loop, 2.4), tone=tone, axis=0, bulge=0.5, wrinkle=0.3, lift=0.2)
            if tone < 1:
                parts = [
                    strap,
                    Part(
                        curve([(-17.8, 0.2, 1), (0, -1.6), (17.8, 0.2, 1), (0, 4, 1)], closed=True),
                        "lining",
                        tone=0.55,
                        bulge=0.1,
                        wrinkle=0.2,
                        lift=0,
                    ),
                ]
            else:
                graphic = (look.graphic, 0.0, 20.0, 22.0) if look.graphic else None
                parts.append(
                    Part(
                        shape,
                        bulge=1.4,
                        wrinkle=1.2,
                        lift=0.1,
                        graphic=graphic,
                        seams=[Seam(line((-17.8, 3), (0, 3.8), (17.8, 3)), 0.12, 0.04, stitch=look.thread)],
                        creases=[
                            Crease((-15, 8), (-4, 24), 0.45, 2.4, 1),
                            Crease((14, 6), (8, 28), 0.4, 2.4, -1),
                            Crease((-10, 34), (10, 30), 0.35, 2, 1),
                        ],
                    )
                )
                parts.append(strap)
        return parts
    body = curve(
        [
            (-15, 2, 1),
            (0, 1.2),
            (15, 2, 1),
            (16.6, 12),
            (17, 22),
            (15.6, 24.4),
            (0, 25),
            (-15.6, 24.4),
            (-17, 22),
            (-16.6, 12),
        ],
        closed=True,
    )
    flap = curve(
        [(-15.4, 1.6, 1), (0, 0.6), (15.4, 1.6, 1), (15.9, 9), (11, 14.4), (0, 16), (-11, 14.4), (-15.9, 9)],
        closed=True,
    )
    handle = line((-8.5, 2), (-8, -6), (-4.4, -10.6), (0, -11.6), (4.4, -10.6), (8, -6), (8.5, 2))
    inner = inset(flap, (0, 8), 0.95)
    return [
        Part(ribbon(handle, 1.7), bulge=0.8, wrinkle=0.1, lift=0.25),
        Part(body, bulge=2.0, wrinkle=0.5, lift=0.1),
        Part(flap, bulge=1.1, wrinkle=0.4, lift=0.35, seams=[Seam(inner, 0.12, 0.04, stitch=look.thread)]),
        *[Part(ellipse(s * 8.2, 2.4, 1.1, 1.1), "metal", bulge=0.5, wrinkle=0, lift=0.1) for s in (-1, 1)],
        Part(box(-2.2, 13, 2.2, 18, 0.8), "metal", bulge=0.6, wrinkle=0, lift=0.15),
    ]
