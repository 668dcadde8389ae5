"""Cuts for the lower body and for both: skirts, trousers, shorts, dresses."""

from __future__ import annotations

import numpy as np

from wardrobe.pieces import SLEEVES, Body, Look, back_neck, mark_trunk, neckline, sleeves, trunk, trunk_creases
from wardrobe.shapes import Knot, Points, box, curve, flipped, line, mirrored, ribbon
from wardrobe.stage import Crease, Flutes, Part, Seam
from wardrobe.trims import armholes, buttons, neck_rib


def _wavy(look: Look, half: float, y: float, sag: float, waves: float, depth: float) -> list[Knot]:
    """A hem from right to left that goes up and down with the folds above it."""
    shift = float(look.rng.uniform(0, 6))
    x = np.linspace(half, -half, 25)
    heights = y + sag * (1 - (x / half) ** 2) + depth * np.cos(x / half * waves * np.pi + shift)
    heights += 0.4 * depth * np.cos(x / half * waves * 1.7 * np.pi + 2 * shift)
    return [
        (float(a), float(b), 1) if i in (0, 24) else (float(a), float(b))
        for i, (a, b) in enumerate(zip(x, heights, strict=True))
    ]


def _hem_seam(hem: list[Knot], look: Look, up: float) -> Seam:
    return Seam(line(*[(x, y - up) for x, y in (knot[:2] for knot in hem[1:-1])]), 0.14, 0.04, stitch=look.thread)


def skirt(look: Look) -> list[Part]:
    """Flared, pleated or pencil, by variant, with a waistband."""
    kind = look.variant % 3
    length = look.vary((52, 60, 58)[kind], 0.1)
    waist = look.vary(17.5)
    hip, hem = ((22, 36), (23, 33), (23.5, 20.5))[kind]
    hem = look.vary(hem, 0.06)
    edge = _wavy(look, hem, length - 1.5, (5, 2.4, 0.8)[kind], 5, (0.9, 0.25, 0.05)[kind])
    look.mark_pair("waist", waist, 0.2)
    look.mark_pair("hem", hem, length - 1.5)
    waist_line: list[Knot] = [(-waist, 3, 1), (0, 3.9), (waist, 3, 1)]
    outline = curve(
        [
            *waist_line,
            (hip * 0.97, 14),
            (hip + (hem - hip) * 0.3, 24),
            *edge,
            (-hip - (hem - hip) * 0.3, 24),
            (-hip * 0.97, 14),
        ],
        closed=True,
    )
    flutes = (Flutes(6.5, 1.9, 4, length), Flutes(14, 0.75, 3, 14, sharp=True), Flutes(2, 0.35, 6, length))[kind]
    creases = (
        []
        if kind != 2
        else [
            Crease((-12, 20), (8, 24), 0.35, 1.6, 1),
            Crease((14, 26), (-3, 31), 0.3, 1.8, -1),
            Crease((-16, 40), (-4, 50), 0.3, 2),
        ]
    )
    parts = _waist_back(waist, 2.4)
    parts.append(Part(outline, flutes=flutes, creases=creases, seams=[_hem_seam(edge, look, 2)], lift=0.12, bulge=1.2))
    parts += _waistband(look, waist, 4.2)
    if kind == 0 and look.rng.random() < 0.5:
        parts += buttons(np.array([(0.0, y) for y in np.linspace(8, length - 6, 7)]), 0.8)
    return parts


def _waist_back(waist: float, rise: float) -> list[Part]:
    inside = curve([(-waist, 0, 1), (0, rise * 0.5), (waist, 0, 1), (waist, 5, 1), (0, 7), (-waist, 5, 1)], closed=True)
    return [
        Part(inside, "lining", tone=0.55, bulge=0.2, wrinkle=0.2, lift=0.02),
        Part(box(-1.6, 1.5, 1.6, 3.4), "label", tone=0.8, bulge=0.1, wrinkle=0, lift=0.03),
    ]


def _waistband(look: Look, waist: float, height: float) -> list[Part]:
    top = line((-waist, 0.2), (-waist * 0.5, 1.5), (0, 1.9), (waist * 0.5, 1.5), (waist, 0.2))
    band = np.vstack([top, (top * (1.02, 1) + (0, height))[::-1]])
    low = top * (1.01, 1) + (0, height - 0.5)
    return [
        Part(
            band,
            bulge=0.7,
            wrinkle=0.3,
            lift=0.12,
            seams=[Seam(top + (0, 0.5), 0.12, 0.03, stitch=look.thread), Seam(low, 0.12, 0.03, stitch=look.thread)],
        )
    ]


def _leg(waist: float, crotch: float, hip: float, hem: float, length: float) -> Points:
    """The right leg as seen, from the waistband to the hem."""
    out = length * 0.055
    far = out + hem * 2 - 0.4
    return curve(
        [
            (-0.6, 4, 1),
            (waist, 3.4, 1),
            (hip * 0.97, crotch * 0.55),
            (hip, crotch * 0.9),
            (hip * 0.5 + far * 0.5 + 0.4, crotch * 0.45 + length * 0.55),
            (far, length, 1),
            (out + hem - 0.2, length + 0.7),
            (out, length - 0.2, 1),
            (1.6 + (out - 1) * 0.5, (crotch + length) / 2),
            (0.8, crotch + 3),
            (-0.6, crotch, 1),
        ],
        closed=True,
    )


def _trousers(look: Look, length: float, hem: float) -> list[Part]:
    rng = look.rng
    waist, hip, crotch = look.vary(19.5), look.vary(25), look.vary(28)
    right = _leg(waist, crotch, hip, hem, length)
    look.mark_pair("waist", waist, 0.2)
    look.mark("crotch", 0, crotch)
    look.mark_pair("leg_outer", length * 0.055 + hem * 2 - 0.4, length)
    look.mark_pair("leg_inner", length * 0.055, length - 0.2)
    parts = _waist_back(waist, 2.2)
    for side in (-1, 1):
        outline = right if side > 0 else flipped(right)
        creases = [
            Crease(
                (side * 1.5, crotch - 1),
                (side * (hip - 3), crotch - 7 + float(rng.uniform(-2, 2))),
                0.5,
                1.3,
                side * 1.5,
            ),
            Crease((side * 1.8, crotch + 1), (side * (hip - 4), crotch + 6), 0.45, 1.5, -side),
            Crease((side * 2, crotch - 3), (side * 14, crotch - 13), 0.35, 1.4, side),
        ]
        out = length * 0.055
        if length > 60:
            for _ in range(5):
                y = length * float(rng.uniform(0.48, 0.66))
                a, b = float(rng.uniform(0, 0.6)), float(rng.uniform(0.5, 1))
                creases.append(
                    Crease(
                        (side * (out + 2 * hem * a), y),
                        (side * (out + 2 * hem * b), y + float(rng.uniform(-4, 5))),
                        float(rng.uniform(0.2, 0.4)),
                        float(rng.uniform(1, 1.8)),
                        float(rng.uniform(-1, 1)),
                    )
                )
            for _ in range(3):
                y = length * float(rng.uniform(0.86, 0.97))
                creases.append(
                    Crease((side * (out + 1), y), (side * (out + 2 * hem - 1), y + float(rng.uniform(-2, 2))), 0.3, 1.2)
                )
            if not look.denim:
                creases.append(Crease((side * (hip * 0.55), 14), (side * (out + hem), length - 2), 0.5, 0.8))
        seams = [
            Seam(
                line(
                    (side * out, length - 2.6),
                    (side * (out + hem), length - 1.9),
                    (side * (out + 2 * hem), length - 2.6),
                ),
                0.14,
                0.05,
                stitch=look.thread,
            )
        ]
        pocket = (
            line((side * (waist * 0.5), 5), (side * (waist * 0.62), 11), (side * (hip * 0.93), 15))
            if look.denim
            else line((side * (waist * 0.72), 5), (side * (hip * 0.93), 19))
        )
        seams += [Seam(pocket, 0.3, 0.12), Seam(pocket - (side * 0.6, -0.5), 0.1, 0.03, stitch=look.thread)]
        if look.denim:
            seams.append(
                Seam(
                    line(
                        (side * (hip * 0.97), crotch * 0.8),
                        (side * (hip * 0.45 + (out + 2 * hem) * 0.55 - 0.9), length * 0.6),
                        (side * (out + hem * 2 - 1), length - 1),
                    ),
                    0.14,
                    0.05,
                    stitch=look.thread,
                )
            )
        parts.append(Part(outline, axis=-3 * side, creases=creases, seams=seams, lift=0.1, bulge=1.5))
    fly = line((0, 5), (0, crotch - 0.5))
    flap = line((3.4, 5), (3.3, 15), (0.4, 20.5))
    centre = curve(
        [(-1.5, 4, 1), (4.4, 4, 1), (4.2, 15), (1.2, 22), (0, crotch, 1), (-1.5, crotch - 1, 1)], closed=True
    )
    parts.append(
        Part(
            centre,
            axis=-3,
            bulge=0.12,
            lift=0.0,
            wrinkle=0.6,
            seams=[Seam(fly, 0.25, 0.1), Seam(flap, 0.12, 0.04, stitch=look.thread)],
        )
    )
    parts += _waistband(look, waist, 4.2)
    loops = [x * waist for x in (-0.85, -0.45, 0.45, 0.85)]
    for x in loops:
        sag = 1.9 * (1 - (x / waist) ** 2)
        parts.append(Part(box(x - 0.55, sag - 0.5, x + 0.55, sag + 5.1), bulge=0.4, wrinkle=0, lift=0.14))
    return parts + buttons(np.array([(0.2, 4.0)]), 0.85, "metal" if look.denim else "button")


def trousers(look: Look) -> list[Part]:
    """Chinos, or jeans when the main cloth is denim; slim to wide."""
    kind = look.variant % 3
    hem = (8.6, 10.5, 13.6)[kind]
    return _trousers(look, look.vary(101, 0.03), hem)


def shorts(look: Look) -> list[Part]:
    """Cut like trousers, to above the knee."""
    return _trousers(look, look.vary(50, 0.06), 13.4)


def dress(look: Look) -> list[Part]:
    """Fitted bodice and flared, straight or tiered skirt in one; sleeves or straps."""
    rng = look.rng
    kind = look.variant % 3
    length = look.vary((96, 104, 92)[kind], 0.06)
    hem = look.vary((36, 24, 34)[kind], 0.06)
    body = Body(
        neck=look.vary(10.5),
        neck_depth=look.vary(10),
        v_neck=look.variant % 4 >= 2,
        shoulder=17.5 if look.sleeve == "none" else 19.5,
        slope=3.6,
        chest=look.vary(21.5),
        armpit=21,
        waist=look.vary(17.2 if kind != 1 else 19.0),
        hem=18.0,
        length=42,
        waist_at=0.96,
        hem_curve=1.2,
    )
    if body.v_neck:
        body.neck_depth = 17
    mark_trunk(look, body)
    look.mark_pair("hem", hem, length - 2)
    y = 41.0
    look.mark_pair("waist", body.waist, y)
    hip = (25, 23.5, 23)[kind]
    edge = _wavy(look, hem, length - 2, (6, 1.5, 4)[kind], 5, (1.1, 0.2, 0.7)[kind])
    w = body.waist
    knots: list[Knot] = [
        (-w, y, 1),
        (0, y + 1),
        (w, y, 1),
        (w + (hip - w) * 0.6, y + 9),
        (hip + (hem - hip) * 0.28, y + 24),
        *edge,
        (-hip - (hem - hip) * 0.28, y + 24),
        (-w - (hip - w) * 0.6, y + 9),
    ]
    lower = curve(knots, closed=True)
    parts = back_neck(look, body)
    sleeve_length, cuff = SLEEVES[look.sleeve]
    if sleeve_length:
        long = sleeve_length > 30
        parts += sleeves(
            look,
            body,
            sleeve_length * (0.98 if long else 0.9),
            angle=float(rng.uniform(66, 73)) if long else float(rng.uniform(44, 54)),
            cuff=cuff,
            hem=1.4,
            puff=0.4,
        )
    flutes = (Flutes(7, 2.0, y, length), Flutes(2.5, 0.6, y, length), Flutes(8, 1.3, y, y + 24))[kind]
    creases = (
        [Crease((-10, y + 14), (9, y + 18), 0.35, 1.8, 1), Crease((14, y + 22), (-6, y + 30), 0.3, 2)]
        if kind == 1
        else []
    )
    parts.append(Part(lower, flutes=flutes, creases=creases, seams=[_hem_seam(edge, look, 1.8)], lift=0.1, bulge=1.2))
    if kind == 2:
        tier = y + 27.0
        half = hip + (hem - hip) * 0.34
        low = curve([(-half, tier, 1), (0, tier + 2.4), (half, tier, 1), *edge], closed=True)
        parts.append(
            Part(
                low,
                flutes=Flutes(11, 1.7, tier - 3, length),
                seams=[
                    Seam(line((-half, tier + 0.3), (0, tier + 2.7), (half, tier + 0.3)), 0.4, 0.16),
                    _hem_seam(edge, look, 1.8),
                ],
                lift=0.22,
                bulge=1.1,
            )
        )
    bodice = Part(
        trunk(body),
        creases=trunk_creases(look, body, 0.6, 6),
        seams=[*armholes(body), *[Seam(line((s * 10.5, 27), (s * 9.5, 41)), 0.16, 0.07) for s in (-1, 1)]],
        lift=0.05,
    )
    parts.append(bodice)
    if look.sleeve == "none":
        for s in (-1, 1):
            arm = line(
                (body.shoulder, body.slope),
                (body.shoulder - 1.6, body.slope + (body.armpit - body.slope) * 0.55),
                (body.chest, body.armpit),
            ) * (s, 1)
            parts.append(Part(ribbon(arm, 0.8 * s), bulge=0.5, wrinkle=0.1, lift=0.05))
    if kind == 1 or rng.random() < 0.35:
        belt = curve(
            [
                (-w - 0.3, y - 1.5, 1),
                (0, y - 0.5),
                (w + 0.3, y - 1.5, 1),
                (w + 0.3, y + 1.3, 1),
                (0, y + 2.3),
                (-w - 0.3, y + 1.3, 1),
            ],
            closed=True,
        )
        parts.append(Part(belt, "accent", axis=90, bulge=0.7, wrinkle=0.3, lift=0.18))
    else:
        parts.append(
            Part(
                box(-w, y - 0.4, w, y + 0.4),
                bulge=0.05,
                lift=0,
                wrinkle=0.2,
                seams=[Seam(line((-w, y + 0.2), (0, y + 1.2), (w, y + 0.2)), 0.25, 0.1)],
                clip=mirrored([(0, y - 0.2), (w, y - 0.8, 1), (w, y + 1.2, 1), (0, y + 2.2)]),
            )
        )
    edge_line = neckline(body)
    return [*parts, *(neck_rib(body, 1.0, "main") if len(edge_line) else [])]
