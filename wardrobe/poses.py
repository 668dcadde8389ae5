"""Mannequins in several poses: arms and legs are rotated about shoulders and hips.

`draw_mannequin` draws the neutral pose only, with a class for every pixel.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PIL import Image

from wardrobe.backgrounds import background
from wardrobe.mannequin import LOWERS, UPPERS, choose_cloths
from wardrobe.mannequin_parts import body_parts
from wardrobe.shapes import Points
from wardrobe.stage import Part, Stage, View

POSES = {
    "straight": (0.0, 0.0, 0.0),
    "arms out": (16.0, 16.0, 0.0),
    "one arm out": (0.0, 24.0, 1.0),
    "stepping": (5.0, 9.0, 3.5),
    "at ease": (8.0, 3.0, 2.0),
}
"""Left arm lift, right arm lift and leg spread, in degrees."""
SHOULDER, HIP = (17.0, 37.0), (9.0, 84.0)
"""Position of the joint: centimetres from the vertical axis, centimetres below the top of the frame."""


def draw_posed_mannequin(
    seed: int,
    size: tuple[int, int] = (512, 768),
    *,
    pose: str | None = None,
    upper: str | None = None,
    lower: str | None = None,
) -> Image.Image:
    """Draw a mannequin in a pose in front of a plain background; skin, hair and clothes follow from the seed.

    Args:
        seed: equal seeds give equal pixels.
        size: width and height in pixels.
        pose: a key of `POSES`; chosen from the seed if None.
        upper: as for `draw_mannequin`; chosen from the seed if None.
        lower: as for `draw_mannequin`; chosen from the seed if None.
    """
    rng = np.random.default_rng([seed, 0xF19])
    width, height = size
    left, right, spread = POSES[pose or list(POSES)[seed % len(POSES)]]
    upper = upper or str(rng.choice(UPPERS))
    lower = lower or str(rng.choice(LOWERS))
    scale = min(height * 0.9 / 178, width * 0.94 / 74)
    view = View(scale, float(np.deg2rad(rng.uniform(-0.8, 0.8))), (0, 88), (width / 2, height * 0.5))
    cloths, _ = choose_cloths(rng, scale)
    stage = Stage(width, height, view, cloths, rng)
    for part in body_parts(rng, upper, lower):
        stage.add(_posed(part, left, right, spread))
    ground = background(str(rng.choice(["sweep", "paper", "concrete"], p=[0.5, 0.4, 0.1])), rng, height, width)
    return stage.photo(ground, height_above=2.5)


def _posed(part: Part, left: float, right: float, spread: float) -> Part:
    """Rotate a part with the limb it belongs to."""
    x, y = part.outline[:, 0], part.outline[:, 1]
    side = -1 if x.mean() < 0 else 1
    near = float((x * side).min())
    if near > 11 and y.min() > 30 and y.max() < 102:
        return _turned(part, (SHOULDER[0] * side, SHOULDER[1]), side * (left if side < 0 else right))
    if near > -2 and y.max() > 105 and y.min() > 66:
        return _turned(part, (HIP[0] * side, HIP[1]), side * spread)
    return part


def _turned(part: Part, about: tuple[float, float], degrees: float) -> Part:
    """Rotate a part about a joint; positive degrees move the points below the joint to the right."""
    angle = -np.deg2rad(degrees)
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])

    def turn(points: Points) -> Points:
        return (np.asarray(points, float) - about) @ matrix.T + about

    def place(point: tuple[float, float]) -> tuple[float, float]:
        x, y = turn(np.array([point]))[0].tolist()
        return x, y

    return replace(
        part,
        outline=turn(part.outline),
        axis=part.axis - degrees,
        creases=[replace(crease, start=place(crease.start), end=place(crease.end)) for crease in part.creases],
        seams=[replace(seam, points=turn(seam.points)) for seam in part.seams],
    )
