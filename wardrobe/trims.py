"""What is sewn onto tops and dresses: ribs, armhole seams, buttons, collars, cuffs, zips."""

from __future__ import annotations

import numpy as np

from wardrobe.pieces import Body, Look, neckline
from wardrobe.shapes import Points, box, curve, ellipse, flipped, line, ribbon, unit
from wardrobe.stage import Part, Seam


def inset(outline: Points, centre: tuple[float, float] | Points, share: float) -> Points:
    """A closed line along an outline, scaled by `share` about a centre: stitching near an edge."""
    return (np.vstack([outline, outline[:1]]) - centre) * share + centre


def neck_rib(body: Body, width: float = 1.9, cloth: str = "rib") -> list[Part]:
    """The band around the front of the neck."""
    edge = neckline(body)
    tip = int(edge[:, 1].argmax())
    # At the point of a V the halves cross, as they are sewn.
    halves = [edge[: tip + 1], edge[tip:]] if body.v_neck else [edge]
    return [Part(ribbon(half, -width), cloth, bulge=0.45, wrinkle=0.15, lift=0.05) for half in halves]


def hem_seam(body: Body, look: Look, up: float = 2.2) -> Seam:
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


def with_cuffs(parts: list[Part], look: Look) -> list[Part]:
    """Add a buttoned cuff to the end of each sleeve; the end is where the hem seam runs."""
    made: list[Part] = []
    for part in parts:
        made.append(part)
        if not part.seams:
            continue
        a: Points = part.seams[0].points[0]
        b: Points = part.seams[0].points[-1]
        middle, across = (a + b) / 2, unit(b - a)
        along = np.array([-across[1], across[0]], float)
        if along[1] < 0:
            along = -along
        half = float(np.linalg.norm(b - a)) * 0.43
        corners = [
            middle - across * half,
            middle - across * half * 0.97 + along * 6,
            middle + across * half * 0.97 + along * 6,
            middle + across * half,
        ]
        shape = curve([(float(x), float(y), 1) for x, y in corners], closed=True)
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
