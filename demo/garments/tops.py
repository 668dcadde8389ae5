"""Cuts for the upper body: T-shirts, shirts, sweaters, hoodies, jackets, coats, and the bodice of dresses."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image

from demo.garments.shapes import Knot, Points, box, curve, ellipse, flipped, line, mirrored, ribbon
from demo.garments.stage import Crease, Flutes, Part, Seam


@dataclass
class Look:
    """What a cut needs to know of the garment at hand."""

    rng: Generator
    sleeve: str
    thread: NDArray[np.float32]
    dark: NDArray[np.float32]
    metal: NDArray[np.float32]
    graphic: Image.Image | None = None
    variant: int = 0
    denim: bool = False

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
    extra: list[Knot] = field(default_factory=list)


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
        *body.extra,
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


def neck_rib(body: Body, width: float = 1.9, cloth: str = "rib") -> list[Part]:
    """The band around the front of the neck."""
    edge = neckline(body)
    return [Part(ribbon(edge, -width), cloth, bulge=0.45, wrinkle=0.15, lift=0.05)]


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
            _mirrored_part(part) if side < 0 else part
            for part in _sleeve(look, body, length, turn, cuff, rib, hem, wrinkle, cloth, puff)
        ]
    return parts


def _sleeve(
    look: Look,
    body: Body,
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


def _mirrored_part(part: Part) -> Part:
    part.outline = flipped(part.outline)
    part.axis = -part.axis
    part.clip = None if part.clip is None else flipped(part.clip)
    part.creases = [
        Crease((-c.start[0], c.start[1]), (-c.end[0], c.end[1]), c.height, c.width, -c.bend) for c in part.creases
    ]
    part.seams = [Seam(flipped(s.points), s.width, s.depth, s.stitch, s.paint) for s in part.seams]
    return part


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


def side_lines(body: Body, look: Look, up: float = 2.2) -> Seam:
    """The stitched hem."""
    y, c = body.length - up, body.hem_curve
    w = body.hem - 0.2
    return Seam(
        line((-w, y), (-w * 0.5, y + c * 0.75), (0, y + c), (w * 0.5, y + c * 0.75), (w, y)), stitch=look.thread
    )


def armholes(body: Body) -> list[Seam]:
    """The seams that join the sleeves."""
    right = line(
        (body.shoulder - 0.1, body.slope),
        (body.shoulder - 1.6, body.slope + (body.armpit - body.slope) * 0.55),
        (body.chest - 0.2, body.armpit),
    )
    inside = right - (0.25, 0)
    return [Seam(inside, width=0.3, depth=0.1), Seam(flipped(inside), width=0.3, depth=0.1)]


SLEEVES = {"short": (19.0, 18.5), "long": (56.0, 10.0), "three-quarter": (38.0, 12.5), "none": (0.0, 0.0)}


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
    length, cuff = SLEEVES[look.sleeve]
    angle = float(rng.uniform(34, 44)) if length < 30 else float(rng.uniform(66, 74))
    parts = back_neck(look, body)
    parts += sleeves(look, body, look.vary(length), angle=angle, cuff=cuff, wrinkle=1.0)
    graphic = (look.graphic, 0.0, 29.0, 22.0) if look.graphic else None
    parts.append(
        Part(
            trunk(body),
            creases=trunk_creases(look, body),
            seams=[side_lines(body, look), *armholes(body)],
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
    parts = back_neck(look, body)
    parts += sleeves(look, body, look.vary(50), angle=float(rng.uniform(62, 72)), cuff=12.5, rib=6.5, wrinkle=0.9)
    parts.append(Part(trunk(body), creases=trunk_creases(look, body, 0.9), seams=armholes(body), lift=0.08, bulge=1.3))
    parts.append(hem_rib(body, 6.0))
    return parts + neck_rib(body, 2.8)


def hem_rib(body: Body, height: float) -> Part:
    """The band below a sweater or bomber jacket."""
    w, y, c = body.hem, body.length, body.hem_curve
    shape = curve(
        [
            (-w - 0.2, y - 0.5, 1),
            (0, y + c - 0.4),
            (w + 0.2, y - 0.5, 1),
            (w * 0.95, y + height, 1),
            (0, y + height + c),
            (-w * 0.95, y + height, 1),
        ],
        closed=True,
    )
    return Part(shape, "rib", wrinkle=0.3, lift=0.08, bulge=0.9)


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


def buttons(points: Points, radius: float = 0.62, cloth: str = "button") -> list[Part]:
    """Round buttons with two dark holes."""
    dark = np.array([0.01, 0.01, 0.01], np.float32)
    parts: list[Part] = []
    for x, y in points.tolist():
        holes = [
            Seam(
                box(x + s * radius * 0.3 - 0.06, y - 0.06, x + s * radius * 0.3 + 0.06, y + 0.06), 0.16, 0.0, paint=dark
            )
            for s in (-1, 1)
        ]
        parts.append(Part(ellipse(x, y, radius, radius), cloth, bulge=0.35, wrinkle=0, lift=0.14, seams=holes))
    return parts


def shirt_collar(look: Look, spread: float = 7.0, drop: float = 9.5, neck: float = 8.4) -> list[Part]:
    """Stand and two leaves, lying open at the throat by a finger."""
    inside = curve(
        [
            (-neck, 0, 1),
            (-neck * 0.92, -3.4),
            (0, -4.6),
            (neck * 0.92, -3.4),
            (neck, 0, 1),
            (neck * 0.5, 4.2),
            (0, 6, 1),
            (-neck * 0.5, 4.2),
        ],
        closed=True,
    )
    parts = [Part(inside, "lining", tone=0.66, bulge=0.5, wrinkle=0.3, lift=0.05)]
    parts.append(Part(box(-2, -2.2, 2, -0.2), "label", tone=0.85, bulge=0.2, wrinkle=0.1, lift=0.04))
    for side in (1, -1):
        leaf = curve(
            [
                (side * neck * 0.9, -3.7, 1),
                (side * (neck + 1.6), -0.6),
                (side * (neck + 1.9), 2.6),
                (side * spread, drop, 1),
                (side * 0.5, 5.4, 1),
                (side * neck * 0.5, 2.6),
                (side * neck * 0.86, -1.0),
            ],
            closed=True,
        )
        inner = line(
            (side * (neck + 1.25), 1.0),
            (side * (neck + 1.2), 2.6),
            (side * (spread - 0.1), drop - 1.1, 1),
            (side * 1.4, 5.3),
        )
        parts.append(
            Part(
                leaf,
                axis=side * 24,
                bulge=0.7,
                wrinkle=0.4,
                lift=0.3,
                seams=[Seam(inner, 0.14, 0.04, stitch=look.thread)],
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
        parts = _with_cuffs(parts, look)
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


def _with_cuffs(parts: list[Part], look: Look) -> list[Part]:
    """Add a buttoned cuff to the end of each sleeve; the end is where the hem seam runs."""
    made: list[Part] = []
    for part in parts:
        made.append(part)
        if not part.seams:
            continue
        a, b = part.seams[0].points[0], part.seams[0].points[-1]
        middle, across = (a + b) / 2, (b - a) / np.linalg.norm(b - a)
        along = np.array([-across[1], across[0]])
        if along[1] < 0:
            along = -along
        half = float(np.linalg.norm(b - a)) * 0.43
        corners = [
            middle - across * half,
            middle - across * half * 0.97 + along * 6,
            middle + across * half * 0.97 + along * 6,
            middle + across * half,
        ]
        shape = curve([(*corners[0], 1), (*corners[1], 1), (*corners[2], 1), (*corners[3], 1)], closed=True)
        inner = (np.vstack([shape, shape[:1]]) - (middle + along * 3)) * 0.88 + middle + along * 3
        made.append(
            Part(
                shape,
                axis=part.axis,
                bulge=0.7,
                wrinkle=0.4,
                lift=0.15,
                seams=[Seam(inner, 0.12, 0.03, stitch=look.thread)],
            )
        )
        part.seams = []
        at = middle + along * 3 + across * half * (0.62 if middle[0] < 0 else -0.62)
        made += buttons(np.array([at]), 0.5)
    return made


def zip_line(x: float, top: float, bottom: float) -> list[Part]:
    """A closed zip with its slider."""
    parts = [Part(box(x - 0.75, top, x + 0.75, bottom), "tape", bulge=0.3, wrinkle=0.1, lift=0.03)]
    parts.append(Part(box(x - 0.28, top, x + 0.28, bottom), "teeth", bulge=0.3, wrinkle=0, lift=0.02))
    parts.append(Part(box(x - 0.55, top + 0.4, x + 0.55, top + 1.9, 0.3), "metal", bulge=0.4, wrinkle=0, lift=0.1))
    parts.append(Part(box(x - 0.35, top + 1.7, x + 0.35, top + 4.6, 0.3), "metal", bulge=0.3, wrinkle=0, lift=0.12))
    return parts


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
    parts = sleeves(look, body, look.vary(50), angle=float(rng.uniform(63, 72)), cuff=13, wrinkle=1.2, hem=0.5)
    parts = _with_cuffs(parts, look)
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
                        (np.vstack([pocket, pocket[:1]]) - (x, y + 7)) * 0.92 + (x, y + 7),
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
                seams=[
                    Seam((np.vstack([flap, flap[:1]]) - (x, y + 2)) * 0.9 + (x, y + 2), 0.12, 0.03, stitch=look.thread)
                ],
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
    parts = sleeves(look, body, look.vary(58), angle=float(rng.uniform(70, 76)), cuff=13.5, wrinkle=0.7, hem=0.3)
    end_buttons: list[Part] = []
    for part in [p for p in parts if p.seams]:
        a, b = part.seams[0].points[0], part.seams[0].points[-1]
        part.seams = []
        inward = (b - a) / np.linalg.norm(b - a)
        up = np.array([inward[1], -inward[0]])
        up = up if up[1] < 0 else -up
        end_buttons += buttons(np.array([a + inward * 2.2 + up * (2 + 1.7 * i) for i in range(3)]), 0.5)
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
