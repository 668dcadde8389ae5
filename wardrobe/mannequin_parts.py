"""The shapes a drawn mannequin consists of: body, clothes and shoes, in centimetres."""

from __future__ import annotations

from collections.abc import Mapping

from numpy.random import Generator

from wardrobe.shapes import Knot, Points, curve, line, mirrored, ribbon
from wardrobe.stage import Crease, Flutes, Part, Seam

LABELS: Mapping[str, int] = {"background": 0, "skin": 1, "hair": 2, "upper": 3, "lower": 4, "footwear": 5}
"""Value of each class in the label picture."""


def _both(part: Part) -> list[Part]:
    return [part.mirrored(), part]


def body_parts(rng: Generator, upper: str, lower: str) -> list[Part]:
    """Build all parts of a mannequin, from back to front."""
    skin, hair, top, low, foot = (LABELS[name] for name in ("skin", "hair", "upper", "lower", "footwear"))
    long_hair = rng.random() < 0.55
    parts: list[Part] = []
    if long_hair:
        length = float(rng.uniform(34, 50))
        back = mirrored([(0, -0.6), (6.6, 1.6), (9.2, 9), (9.8, 20), (11, length - 4), (8, length), (0, length - 1)])
        parts.append(Part(back, "hair", bulge=1.4, flutes=Flutes(5, 0.5, 8, length), label=hair, lift=0.2))
    leg = curve(
        [
            (-1.5, 78, 1),
            (17.8, 80, 1),
            (17.6, 96),
            (14.6, 124),
            (14.4, 138),
            (11.0, 164),
            (10.8, 168, 1),
            (5.4, 168, 1),
            (5.0, 162),
            (4.6, 138),
            (4.6, 124),
            (1.4, 94),
            (-1.5, 90, 1),
        ],
        closed=True,
    )
    knee = [Crease((6, 125), (13, 126), -0.3, 2.0), Crease((7.5, 122), (12.5, 122), 0.3, 2.0)]
    parts += _both(Part(leg, "skin", bulge=2.6, creases=knee, label=skin, lift=0.1))
    parts += _both(_shoe(foot))
    torso = mirrored(
        [
            (0, 26),
            (4.8, 27),
            (5.6, 31, 1),
            (12, 33.6),
            (18.6, 36.4),
            (19.4, 42),
            (16.2, 50),
            (13.6, 66),
            (17.4, 84),
            (0, 90),
        ]
    )
    parts.append(
        Part(
            torso,
            "skin",
            bulge=2.2,
            label=skin,
            lift=0.05,
            creases=[Crease((1.5, 36.4), (13, 34.4), 0.3, 0.8), Crease((-1.5, 36.4), (-13, 34.4), 0.3, 0.8)],
        )
    )
    parts += _lower(rng, lower, low)
    parts += _arms(rng, upper, top, skin)
    parts += _upper(rng, upper, top)
    parts += _head(rng, skin, hair, long_hair)
    return parts


def _shoe(label: int) -> Part:
    outline = curve(
        [(4.8, 164, 1), (11.4, 164, 1), (12.4, 169), (14.2, 174), (12.8, 176.4), (8.6, 177), (5.2, 176), (4.2, 171)],
        closed=True,
    )
    return Part(
        outline,
        "shoe",
        bulge=1.8,
        lift=0.15,
        label=label,
        seams=[
            Seam(line((4.6, 174.4), (8.8, 175.4), (13.6, 174.6)), 0.4, 0.12),
            Seam(line((6.4, 168.4), (8.4, 169.2), (10.8, 168.4)), 0.5, 0.1),
        ],
    )


def _lower(rng: Generator, kind: str, label: int) -> list[Part]:
    waist_line: list[Knot] = [(-14.6, 70, 1), (0, 71.2), (14.6, 70, 1)]
    if kind == "skirt":
        end = float(rng.uniform(112, 126))
        hem = float(rng.uniform(19, 25))
        outline = curve(
            [
                *waist_line,
                (18.6, 84),
                (hem, end, 1),
                (hem * 0.5, end + 1.8),
                (0, end + 2.2),
                (-hem * 0.5, end + 1.8),
                (-hem, end, 1),
                (-18.6, 84),
            ],
            closed=True,
        )
        return [
            Part(
                outline,
                "lower",
                bulge=1.6,
                flutes=Flutes(5, 1.5, 74, end),
                label=label,
                lift=0.4,
                seams=[Seam(line((-14.8, 73), (0, 74.2), (14.8, 73)), 0.2, 0.06)],
            )
        ]
    end = 165.0 if kind == "trousers" else 116.0
    hem = 13.2 if kind == "trousers" else 17.4
    inner = 4.2 if kind == "trousers" else 2.4
    leg = curve(
        [
            (-0.6, 70.6, 1),
            (14.6, 70, 1),
            (18.5, 83),
            (18.0, 98),
            ((18 + hem) / 2, (98 + end) / 2),
            (hem, end, 1),
            ((hem + inner) / 2, end + 0.8),
            (inner, end, 1),
            (3.0, (92 + end) / 2),
            (0.9, 94),
            (-0.6, 90, 1),
        ],
        closed=True,
    )
    creases = [Crease((1.5, 89), (14, 85), 0.5, 1.4, 1), Crease((1.8, 91), (13, 96), 0.4, 1.4, -1)]
    if kind == "trousers":
        creases += [
            Crease(
                (5, y),
                (14, y + float(rng.uniform(-4, 4))),
                float(rng.uniform(0.25, 0.5)),
                1.4,
                float(rng.uniform(-1, 1)),
            )
            for y in (122, 127, 133, 154, 158, 162)
        ]
    else:
        creases.append(Crease((4, 112), (15, 100), 0.4, 1.8, 1))
    made = _both(
        Part(
            leg,
            "lower",
            bulge=1.9,
            creases=creases,
            label=label,
            lift=0.3,
            seams=[
                Seam(line((inner, end - 2), (hem, end - 2)), 0.14, 0.05),
                Seam(line((12.6, 73), (17.6, 82)), 0.25, 0.1),
            ],
        )
    )
    band = ribbon(line((-14.7, 69.8), (0, 71), (14.7, 69.8)), 3.2)
    return [*made, Part(band, "lower", bulge=0.7, wrinkle=0.3, label=label, lift=0.15)]


def _arms(rng: Generator, upper: str, top: int, skin: int) -> list[Part]:
    arm = curve(
        [
            (13.5, 35, 1),
            (18.8, 36.2),
            (21.8, 40),
            (23.2, 50),
            (25.4, 62),
            (28.2, 84),
            (29.6, 92),
            (28.6, 98.6),
            (26.2, 99.4),
            (24.8, 94),
            (25.2, 85),
            (21.2, 66),
            (18.6, 54),
            (16.4, 48, 1),
        ],
        closed=True,
    )
    parts = _both(
        Part(
            arm,
            "skin",
            axis=-10,
            bulge=2.0,
            label=skin,
            lift=0.35,
            seams=[Seam(line((27.4, 93.5), (27.6, 98.4)), 0.16, 0.06)],
        )
    )
    if upper == "tank top":
        return parts
    if upper == "t-shirt":
        sleeve = curve(
            [(12, 32.8, 1), (18.8, 34.6), (22.8, 39), (25.0, 52.6, 1), (21.5, 54.2), (17.4, 54.2, 1), (15.0, 46, 1)],
            closed=True,
        )
        creases = [Crease((16.5, 46), (23, 50), 0.4, 1.2, 1), Crease((17, 42), (22, 51), 0.35, 1.3)]
        hem = line((24.9, 51.2), (21.4, 52.8), (17.3, 52.8))
    else:
        sleeve = curve(
            [
                (12, 32.8, 1),
                (18.8, 34.4),
                (22.9, 39),
                (25.4, 51),
                (28.0, 64),
                (30.4, 88, 1),
                (27.6, 89.6),
                (24.2, 89.4, 1),
                (20.4, 68),
                (17.6, 55),
                (15, 47, 1),
            ],
            closed=True,
        )
        creases = [
            Crease(
                (19 + i * 1.0, 50 + 6.4 * i),
                (25 + i * 0.8, 51 + 6.4 * i + float(rng.uniform(-4, 4))),
                float(rng.uniform(0.3, 0.5)),
                1.2,
                float(rng.uniform(-1, 1)),
            )
            for i in range(6)
        ]
        hem = line((30.2, 86.4), (27.3, 88), (24.0, 87.8))
    return parts + _both(
        Part(sleeve, "upper", axis=-12, bulge=1.6, creases=creases, label=top, lift=0.35, seams=[Seam(hem, 0.16, 0.06)])
    )


def _upper(rng: Generator, kind: str, label: int) -> list[Part]:
    end = float(rng.uniform(78, 86))
    neck: Points
    if kind == "tank top":
        outline = mirrored(
            [
                (0, 43),
                (5, 40),
                (7.6, 32.2, 1),
                (11.6, 32.9, 1),
                (12.6, 42),
                (16.9, 50, 1),
                (15.2, 66),
                (18.9, end, 1),
                (9, end + 1.2),
                (0, end + 1.6),
            ]
        )
        neck = line((-7.6, 32.2), (-5, 40), (0, 43), (5, 40), (7.6, 32.2))
    else:
        outline = mirrored(
            [
                (0, 36.4),
                (4.6, 34.8),
                (6.9, 30.6, 1),
                (13, 32.4),
                (18.6, 34.8, 1),
                (18.2, 44),
                (17.4, 50),
                (15.6, 66),
                (19.0, end, 1),
                (9, end + 1.2),
                (0, end + 1.6),
            ]
        )
        neck = line((-6.9, 30.6), (-4.6, 34.8), (0, 36.4), (4.6, 34.8), (6.9, 30.6))
    creases = [
        Crease((s * 15.5, 49), (s * float(rng.uniform(3, 8)), 60 + float(rng.uniform(-3, 5))), 0.5, 1.5, s * 1.5)
        for s in (-1, 1)
    ]
    for _ in range(7):
        x, y = float(rng.uniform(-12, 4)), float(rng.uniform(56, end - 2))
        creases.append(
            Crease(
                (x, y),
                (x + float(rng.uniform(6, 12)), y + float(rng.uniform(-6, 6))),
                float(rng.uniform(0.25, 0.5)),
                float(rng.uniform(1.1, 1.9)),
                float(rng.uniform(-1.5, 1.5)),
            )
        )
    seams = [Seam(line((-18.2, end - 2), (0, end - 0.4), (18.2, end - 2)), 0.16, 0.05)]
    if kind != "tank top":
        seams += [Seam(line((s * 18.5, 35), (s * 17.6, 43), (s * 17.2, 49)), 0.25, 0.09) for s in (-1, 1)]
    return [
        Part(outline, "upper", bulge=1.8, creases=creases, label=label, lift=0.3, seams=seams),
        Part(ribbon(neck, -1.3), "band", bulge=0.5, label=label, lift=0.1),
    ]


def _head(rng: Generator, skin: int, hair: int, long_hair: bool) -> list[Part]:
    neck = mirrored([(0, 18), (4.7, 19), (4.8, 27), (6.4, 31.4, 1), (0, 34.6)])
    face = mirrored([(0, 1), (5.4, 2.6), (7.6, 8.6), (7.3, 14.6), (5.4, 20.4), (2.6, 23.3), (0, 23.8)])
    ear = curve([(7.0, 11.2), (8.5, 10.6), (8.4, 13.4), (7.3, 15.4)], closed=True)
    hints = [
        Crease((0.3, 10.6), (0.5, 15.2), 0.4, 0.9),
        Crease((-4.6, 11.4), (-1.6, 11.6), -0.32, 0.8),
        Crease((1.6, 11.6), (4.6, 11.4), -0.32, 0.8),
        Crease((-2.0, 19.0), (2.0, 19.0), -0.24, 0.6, 0.2),
    ]
    parts = [Part(neck, "skin", bulge=1.4, label=skin, lift=0.0, tone=0.93)]
    if not long_hair:
        parts += _both(Part(ear, "skin", bulge=0.7, label=skin, lift=0.05))
    parts.append(Part(face, "skin", bulge=2.2, label=skin, lift=0.45, creases=hints))
    side = float(rng.choice([-1, 1]))
    if long_hair:
        fringe = curve(
            [
                (side * 2.4, 4.4, 1),
                (side * 5.4, 7.4),
                (side * 7.2, 14),
                (side * 7.6, 22),
                (side * 10.4, 23),
                (side * 10, 10),
                (side * 6.6, 0.6),
                (0, -1.6),
                (-side * 6.6, 0.6),
                (-side * 10, 10),
                (-side * 10.4, 23),
                (-side * 7.6, 22),
                (-side * 7.2, 13),
                (-side * 3.4, 6.8),
            ],
            closed=True,
        )
    else:
        fringe = curve(
            [
                (side * 7.7, 10.6, 1),
                (side * 6.8, 6.6),
                (side * 2.4, 5.2),
                (-side * 3.4, 6.4),
                (-side * 6.8, 6.4),
                (-side * 7.7, 10.6, 1),
                (-side * 8.4, 5.2),
                (-side * 5.4, -1.2),
                (side * 1.0, -2.2),
                (side * 6.2, -0.8),
                (side * 8.5, 5.0),
            ],
            closed=True,
        )
    parts.append(Part(fringe, "hair", bulge=1.3, label=hair, lift=0.3, axis=side * 20))
    return parts
