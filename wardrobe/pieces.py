"""What tops and dresses are sewn from: trunk, sleeves, necks, collars, cuffs, buttons, zips."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.random import Generator
from PIL import Image

from wardrobe.fields import Field
from wardrobe.shapes import Knot, Points, box, curve, line, mirrored, ribbon
from wardrobe.stage import Crease, Part, Seam


@dataclass
class Look:
    """What a cut needs to know of the garment at hand."""

    rng: Generator
    sleeve: str
    thread: Field
    dark: Field
    graphic: Image.Image | None = None
    variant: int = 0
    denim: bool = False
    points: dict[str, tuple[float, float]] = field(default_factory=dict[str, tuple[float, float]])
    """Landmarks in centimetres by name; left and right as seen."""

    def mark(self, name: str, x: float, y: float) -> None:
        """Record a landmark."""
        self.points[name] = (float(x), float(y))

    def mark_pair(self, name: str, x: float, y: float) -> None:
        """Record a landmark on the right and its mirror image on the left."""
        self.mark(f"{name}_right", x, y)
        self.mark(f"{name}_left", -x, y)

    def vary(self, value: float, share: float = 0.05) -> float:
        """The value give or take a share of it."""
        return value * float(self.rng.uniform(1 - share, 1 + share))


@dataclass
class Body:
    """Measures of a top, in centimetres, as it lies flat; half widths."""

    neck: float = 8.8
    neck_depth: float = 8.5
    v_neck: bool = False
    shoulder: float = 21.0
    slope: float = 4.6
    chest: float = 25.0
    armpit: float = 24.0
    waist: float = 24.0
    hem: float = 25.0
    length: float = 68.0
    hem_curve: float = 0.8
    waist_at: float = 0.62
    wrinkle: float = 1.0


def mark_trunk(look: Look, body: Body, *, opening: float | None = None, band: float = 0.0) -> None:
    """Record the landmarks of a top.

    Args:
        opening: how far down the front is open; by default to the neckline.
        band: height of a band below the front panel.
    """
    look.mark_pair("neck", body.neck, 0)
    look.mark("neck_front", 0, body.neck_depth if opening is None else opening)
    look.mark_pair("shoulder", body.shoulder, body.slope)
    look.mark_pair("armpit", body.chest, body.armpit)
    look.mark_pair("hem", body.hem, body.length + band)


def neckline(body: Body) -> Points:
    """The front edge of the neck from left to right."""
    n, d = body.neck, body.neck_depth
    if body.v_neck:
        return line((-n, 0), (-n * 0.52, d * 0.5), (0, d, 1), (n * 0.52, d * 0.5), (n, 0))
    return line(
        (-n, 0), (-n * 0.86, d * 0.5), (-n * 0.46, d * 0.9), (0, d), (n * 0.46, d * 0.9), (n * 0.86, d * 0.5), (n, 0)
    )


def trunk(body: Body) -> Points:
    """The outline of the front panel."""
    n, d = body.neck, body.neck_depth
    neck: list[Knot] = (
        [(0, d, 1), (n * 0.52, d * 0.5)] if body.v_neck else [(0, d), (n * 0.46, d * 0.9), (n * 0.86, d * 0.5)]
    )
    waist = body.armpit + (body.length - body.armpit) * body.waist_at
    half: list[Knot] = [
        *neck,
        (n, 0, 1),
        (body.shoulder, body.slope, 1),
        (body.shoulder - 1.6, body.slope + (body.armpit - body.slope) * 0.55),
        (body.chest, body.armpit, 1),
        (body.chest * 0.2 + body.waist * 0.8, body.armpit * 0.5 + waist * 0.5),
        (body.waist, waist),
        (body.hem, body.length, 1),
        (body.hem * 0.5, body.length + body.hem_curve * 0.75),
        (0, body.length + body.hem_curve),
    ]
    return mirrored(half)


def back_neck(look: Look, body: Body, *, rise: float = 2.2, label: bool = True) -> list[Part]:
    """The inside of the back that shows in the neck opening, with a label."""
    n = body.neck + 0.4
    shape = curve(
        [
            (-n, -0.3, 1),
            (-n * 0.5, rise * 0.8),
            (0, rise),
            (n * 0.5, rise * 0.8),
            (n, -0.3, 1),
            (n * 0.9, body.neck_depth + 5, 1),
            (-n * 0.9, body.neck_depth + 5, 1),
        ],
        closed=True,
    )
    top = line((-n, -0.3), (-n * 0.5, rise * 0.8), (0, rise), (n * 0.5, rise * 0.8), (n, -0.3))
    parts = [Part(shape, "lining", tone=0.62, bulge=0.4, wrinkle=0.4, lift=0.02)]
    parts.append(Part(ribbon(top, 1.7), "lining", tone=0.74, bulge=0.5, wrinkle=0.1, lift=0.08))
    if label:
        parts.append(
            Part(box(-2.1, rise + 1.1, 2.1, rise + 3.4), "label", tone=0.85, bulge=0.2, wrinkle=0.1, lift=0.06)
        )
    return parts


SLEEVES = {"short": (19.0, 18.5), "long": (56.0, 10.0), "three-quarter": (38.0, 12.5), "none": (0.0, 0.0)}


def sleeves(
    look: Look,
    body: Body,
    length: float,
    *,
    angle: float = 50,
    cuff: float = 15.0,
    rib: float = 0.0,
    hem: float = 2.2,
    wrinkle: float = 1.0,
    cloth: str = "main",
    puff: float = 0.0,
) -> list[Part]:
    """Both sleeves, slightly different as laid by hand, each with its folds and its hem or cuff."""
    parts: list[Part] = []
    for side in (1, -1):
        turn = np.deg2rad(angle + float(look.rng.uniform(-4, 4)))
        parts += [
            part.mirrored() if side < 0 else part
            for part in _sleeve(look, body, side, length, turn, cuff, rib, hem, wrinkle, cloth, puff)
        ]
    return parts


def _sleeve(
    look: Look,
    body: Body,
    side: int,
    length: float,
    turn: float,
    cuff: float,
    rib: float,
    hem: float,
    wrinkle: float,
    cloth: str,
    puff: float,
) -> list[Part]:
    rng = look.rng
    tip, pit = np.array([body.shoulder, body.slope]), np.array([body.chest, body.armpit])
    along, across = np.array([np.cos(turn), np.sin(turn)]), np.array([np.sin(turn), -np.cos(turn)])
    root = (tip + pit) / 2
    end = tip + along * length + across * -cuff * 0.42
    outer, inner = end + across * cuff / 2, end - across * cuff / 2
    for name, point in (("cuff_outer", outer + along * rib), ("cuff_inner", inner + along * rib)):
        look.mark(f"{name}_{'right' if side > 0 else 'left'}", side * point[0], point[1])
    bow = across * (0.8 + puff)
    mid_out = tip * 0.45 + outer * 0.55 + bow
    mid_in = pit * 0.5 + inner * 0.5 - across * puff * 0.6
    near_tip = tip + (outer - tip) * 0.12 + across * (0.9 + puff * 0.8)
    shape = curve(
        [
            (*(tip + (-1.2, -0.35)), 1),
            (*tip,),
            (*near_tip,),
            (*mid_out,),
            (*outer, 1),
            (*(end + along * 0.5),),
            (*inner, 1),
            (*mid_in,),
            (*(pit + (0.2, 0.3)), 1),
            (*(pit - (3.5, 1.5)), 1),
            (*(root - (6, 0)), 1),
        ],
        closed=True,
    )
    axis = float(np.rad2deg(turn)) - 90
    creases: list[Crease] = []
    count = 3 if length < 30 else 7
    for i in range(count):
        t = (i + 0.6) / count if length < 30 else 0.12 + 0.8 * (i + float(rng.uniform(0, 0.7))) / count
        centre = root * (1 - t) + end * t
        half = cuff * (0.75 - 0.25 * t)
        lean = along * float(rng.uniform(-0.75, 0.75)) * half
        a, b = (
            centre - across * half * float(rng.uniform(0.2, 1)) - lean,
            centre + across * half * float(rng.uniform(0.2, 1)) + lean,
        )
        creases.append(
            Crease(
                (a[0], a[1]),
                (b[0], b[1]),
                float(rng.uniform(0.2, 0.5)) * wrinkle,
                float(rng.uniform(0.7, 1.5)),
                float(rng.uniform(-1.5, 1.5)),
            )
        )
    for _ in range(2):
        a = pit + along * float(rng.uniform(0.5, 3)) + across * float(rng.uniform(0, 3))
        b = a + along * min(length * 0.55, 16) * float(rng.uniform(0.6, 1)) + across * float(rng.uniform(2, 7))
        creases.append(Crease((a[0], a[1]), (b[0], b[1]), 0.42 * wrinkle, 1.1, float(rng.uniform(-1, 1))))
    inward = -along
    edge = np.array([outer + inward * hem, end + along * 0.4 + inward * hem, inner + inward * hem])
    seams = [] if rib else [Seam(curve([(*p,) for p in edge.tolist()]), stitch=look.thread)]
    parts = [Part(shape, cloth, axis=axis, creases=creases, seams=seams, wrinkle=wrinkle, lift=0.1)]
    if rib:
        shrink = 0.88
        far = along * rib
        band = curve(
            [
                (*(outer - across * cuff * 0.03), 1),
                (*(outer - across * cuff * (1 - shrink) / 2 + far), 1),
                (*(end + far * 1.06),),
                (*(inner + across * cuff * (1 - shrink) / 2 + far), 1),
                (*(inner + across * cuff * 0.03), 1),
                (*(end + along * 0.1),),
            ],
            closed=True,
        )
        parts.append(Part(band, "rib", axis=axis, wrinkle=0.3, lift=0.1, bulge=0.8))
    return parts


def trunk_creases(look: Look, body: Body, strength: float = 1.0, count: int = 9) -> list[Crease]:
    """Soft folds: from the armpits inwards and down, across the waist, and from the hem upwards."""
    rng = look.rng
    creases: list[Crease] = []
    for side in (-1, 1):
        for _ in range(2):
            x, y = side * (body.chest - float(rng.uniform(0.5, 3))), body.armpit + float(rng.uniform(-2, 3))
            to = (side * float(rng.uniform(2, 13)), y + float(rng.uniform(4, 20)))
            creases.append(
                Crease((x, y), to, 0.45 * strength, float(rng.uniform(0.9, 1.7)), side * float(rng.uniform(-2, 2)))
            )
    for _ in range(count - 4):
        x, y = float(rng.uniform(-0.8, 0.8)) * body.waist, float(rng.uniform(body.armpit + 6, body.length - 4))
        reach = float(rng.uniform(7, 17))
        slant = float(rng.choice([-1, 1])) * float(rng.uniform(0.15, 0.9))
        side = 1.0 if rng.random() < 0.5 else -1.0
        to = (x + side * reach, y + slant * reach)
        height = float(rng.uniform(0.16, 0.42)) * strength
        creases.append(Crease((x, y), to, height, float(rng.uniform(1, 2.4)), float(rng.uniform(-2.5, 2.5))))
    return creases
