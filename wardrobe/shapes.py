"""Outlines in centimetres: curves through points, mirrored halves, ribbons along a line, sleeves.

The origin of a garment is the middle of its top edge; x grows to the right, y downwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

type Points = NDArray[np.float64]
type Knot = tuple[float, float] | tuple[float, float, int]
"""A point of a curve; a third element makes it a corner."""

STEPS = 10


def curve(knots: Sequence[Knot], *, closed: bool = False) -> Points:
    """A Catmull-Rom spline through the knots, broken at corners; (n, 2), dense enough to draw as a polygon."""
    points = np.array([knot[:2] for knot in knots], float)
    corners = [i for i, knot in enumerate(knots) if len(knot) == 3]
    if not closed:
        cuts = sorted({0, *corners, len(knots) - 1})
    elif corners:
        points = np.roll(points, -corners[0], axis=0)
        points = np.vstack([points, points[:1]])
        cuts = [corner - corners[0] for corner in corners] + [len(points) - 1]
    else:
        padded = np.vstack([points[-1:], points, points[:2]])
        return _spline(padded)[:-1]
    runs = [points[a : b + 1] for a, b in pairwise(cuts)]
    ends = [np.vstack([2 * run[0] - run[1], run, 2 * run[-1] - run[-2]]) for run in runs]
    return np.vstack([_spline(run)[:-1] for run in ends] + [points[-1:]])


def _spline(padded: Points) -> Points:
    t = np.linspace(0, 1, STEPS, endpoint=False)[:, None]
    a, b, c, d = padded[:-3, None], padded[1:-2, None], padded[2:-1, None], padded[3:, None]
    path = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
    return np.vstack([path.reshape(-1, 2), padded[-2:-1]])


def mirrored(half: Sequence[Knot]) -> Points:
    """A closed outline from its right half, which begins at the top and ends at the bottom of the middle line."""
    left: list[Knot] = [
        (-knot[0], knot[1]) if len(knot) == 2 else (-knot[0], knot[1], knot[2])
        for knot in reversed(half)
        if knot[0] != 0
    ]
    return curve([*half, *left], closed=True)


def unit(vector: Points) -> Points:
    """The vector at length 1."""
    return vector / float(np.linalg.norm(vector))


def flipped(points: Points) -> Points:
    """The mirror image on the other side of the middle line."""
    return points * np.array([-1.0, 1.0])


def offset(line: Points, distance: float) -> Points:
    """The line moved to its right-hand side (seen along it, y downwards) by `distance`."""
    tangent = np.gradient(line, axis=0)
    tangent /= np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-9)
    return line + distance * np.stack([-tangent[:, 1], tangent[:, 0]], axis=1)


def ribbon(line: Points, width: float) -> Points:
    """The outline of a band between a line and its `offset`."""
    return np.vstack([line, offset(line, width)[::-1]])


def box(x0: float, y0: float, x1: float, y1: float, round: float = 0.0) -> Points:
    """A rectangle, with corners rounded by `round`."""
    if not round:
        return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], float)
    arc = np.linspace(0, np.pi / 2, 7)
    corners = [(x1 - round, y0 + round, -np.pi / 2), (x1 - round, y1 - round, 0.0)]
    corners += [(x0 + round, y1 - round, np.pi / 2), (x0 + round, y0 + round, np.pi)]
    return np.vstack(
        [np.stack([x + round * np.cos(arc + a), y + round * np.sin(arc + a)], axis=1) for x, y, a in corners]
    )


def ellipse(x: float, y: float, rx: float, ry: float) -> Points:
    """An ellipse around (x, y)."""
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    return np.stack([x + rx * np.cos(angle), y + ry * np.sin(angle)], axis=1)


def line(*knots: Knot) -> Points:
    """An open curve."""
    return curve(knots)
