"""Landmarks of a garment by rule, from its mask: labels for training where they are plausible, and the baseline.

Armpits and crotch are the deep concavities of the outline (defects of its convex hull), cuffs and hems the corners at
their ends; neck and shoulders are found on the upper edge at fixed shares of the chest. A garment whose sleeves touch
its trunk shows no armpit, so for many long-sleeved garments the rule finds nothing.
"""

import cv2
import numpy as np

from .names import EXPECTED

Points = dict[str, np.ndarray]
LEGGED = ("pants", "shorts")
NECK, SHOULDER, NECK_DEPTH = 0.19, 0.43, 0.17
"""Half the neck's and half the shoulders' width, and the neckline's depth, in widths of the chest."""
MIN_DEPTH, MIN_CROTCH = 0.025, 0.06
"""Depth of an armpit's and a crotch's concavity, as a share of the outline's longer side and of its height."""
MAX_ARMPIT = 0.75
"""Largest depth of an armpit below the shoulder, in widths of the chest."""
MIN_CORNER, MIN_BEND = 0.09, 0.035
"""How far a corner of a sleeve's end is from the straight line between its neighbours, in widths of the chest."""
MAX_ASYMMETRY = 0.12


def landmarks(mask: np.ndarray, kind: str) -> Points | None:
    """Points (x, y) in pixels by name; None if the outline shows no armpits or no crotch.

    Args:
        mask: (h, w) bool.
        kind: as `KINDS` names it.
    """
    if np.count_nonzero(mask) < 400:
        return None
    outline, mask = _outline(mask)
    if len(outline) < 20:
        return None
    if kind == "skirt":
        return {
            "waist_left": _corner(outline, -1, -1.6),
            "waist_right": _corner(outline, 1, -1.6),
            "hem_left": _corner(outline, -1, 1.2),
            "hem_right": _corner(outline, 1, 1.2),
        }
    return _legs(outline) if kind in LEGGED else _top(outline, mask, kind)


def plausible(points: Points | None, kind: str) -> bool:
    """Whether the points may serve as labels: complete, symmetric, and the armpits where armpits are."""
    if points is None or any(name not in points for name in EXPECTED[kind]):
        return False
    places = np.array(list(points.values()))
    size = float(np.ptp(places, axis=0).max())
    pairs = [(points[name], points[name[:-4] + "right"]) for name in points if name.endswith("left")
             and name[:-4] + "right" in points]  # fmt: skip
    middles = np.array([(a[0] + b[0]) / 2 for a, b in pairs])
    tilts = np.array([np.arctan2(b[1] - a[1], b[0] - a[0]) for a, b in pairs])
    if np.ptp(middles) / size + 0.3 * np.abs(tilts).max() > MAX_ASYMMETRY:
        return False
    if "armpit_left" not in points:
        return True
    chest = points["armpit_right"][0] - points["armpit_left"][0]
    return all(points[f"armpit_{s}"][1] - points[f"shoulder_{s}"][1] < MAX_ARMPIT * chest for s in ("left", "right"))


def _outline(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    opened = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    count, numbers, stats, _ = cv2.connectedComponentsWithStats(opened)
    if count < 2:
        return np.zeros((0, 2)), mask
    whole = (numbers == 1 + stats[1:, cv2.CC_STAT_AREA].argmax()).astype(np.uint8)
    found, _ = cv2.findContours(whole, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return max(found, key=len).reshape(-1, 2).astype(np.float64), whole > 0


def _corner(outline: np.ndarray, across: float, down: float) -> np.ndarray:
    return outline[(outline @ np.array((across, down))).argmax()]


def _defects(outline: np.ndarray) -> list[tuple[np.ndarray, np.ndarray, np.ndarray, float]]:
    """Both ends and the deepest point of every concavity, and its depth in pixels."""
    whole = outline.astype(np.int32).reshape(-1, 1, 2)
    try:
        found = cv2.convexityDefects(whole, cv2.convexHull(whole, returnPoints=False))
    except cv2.error:
        return []
    if found is None:
        return []
    return [(outline[a], outline[b], outline[at], depth / 256) for a, b, at, depth in found.reshape(-1, 4)]


def _legs(outline: np.ndarray) -> Points | None:
    low, high = outline.min(0), outline.max(0)
    width, height = high - low
    middle = (low[0] + high[0]) / 2
    between = [
        defect for defect in _defects(outline)
        if defect[3] >= MIN_CROTCH * height
        and min(defect[0][1], defect[1][1]) > max(low[1] + 0.55 * height, defect[2][1])
        and abs(defect[2][0] - middle) < 0.3 * width
    ]  # fmt: skip
    if not between:
        return None
    one, other, crotch, _ = max(between, key=lambda defect: defect[3])
    left, right = (one, other) if one[0] < other[0] else (other, one)
    return {
        "waist_left": _corner(outline, -1, -1.6),
        "waist_right": _corner(outline, 1, -1.6),
        "crotch": crotch,
        "leg_inner_left": left,
        "leg_inner_right": right,
        "leg_outer_left": _corner(outline[outline[:, 0] < crotch[0]], -1, 1.5),
        "leg_outer_right": _corner(outline[outline[:, 0] > crotch[0]], 1, 1.5),
    }


def _top(outline: np.ndarray, mask: np.ndarray, kind: str) -> Points | None:
    low, high = outline.min(0), outline.max(0)
    width, height = high - low
    rows = np.flatnonzero(mask.any(1))
    middle = float(np.median([np.flatnonzero(mask[row])[[0, -1]].mean() for row in rows]))
    sides: dict[int, tuple[np.ndarray, np.ndarray, np.ndarray, float]] = {}
    for defect in _defects(outline):
        one, other, deepest, depth = defect
        side = -1 if deepest[0] < middle else 1
        away = side * ((one + other) / 2 - deepest)[0]
        shallow = depth < MIN_DEPTH * max(width, height) or deepest[1] < low[1] + 0.12 * height
        if shallow or away < -0.15 * width or (side in sides and depth <= sides[side][3]):
            continue
        sides[side] = defect
    if len(sides) < 2:
        return None
    chest = sides[1][2][0] - sides[-1][2][0]
    if chest < 0.2 * width:
        return None
    middle = (sides[1][2][0] + sides[-1][2][0]) / 2
    points: Points = {}
    for side, name in ((-1, "left"), (1, "right")):
        one, other, armpit, _ = sides[side]
        half = outline[(outline[:, 0] - middle) * side > 0]
        below = half[half[:, 1] > armpit[1] + 0.3 * (high[1] - armpit[1])]
        below = below[side * (below[:, 0] - armpit[0]) < (0.55 if kind == "dress" else 0.3) * chest]
        if len(below) < 3:
            return None
        points[f"hem_{name}"] = _corner(below, side * 0.7, 1.2)
        points[f"armpit_{name}"] = armpit
        for part, share in (("neck", NECK), ("shoulder", SHOULDER)):
            column = round(min(max(middle + side * share * chest, 0), mask.shape[1] - 1))
            rows = np.flatnonzero(mask[:, column])
            if not rows.size:
                return None
            points[f"{part}_{name}"] = np.array((float(column), float(rows[0])))
        points |= _cuff(outline, side, name, (one, other), points, chest, float(high[1]))
    top = (points["neck_left"][1] + points["neck_right"][1]) / 2
    points["neck_front"] = np.array((middle, top + NECK_DEPTH * chest))
    if kind == "dress":
        points |= _waist(mask, points, float(high[1]))
    return points


def _cuff(
    outline: np.ndarray, side: int, name: str, ends: tuple[np.ndarray, np.ndarray], points: Points, chest: float,
    bottom: float,
) -> Points:  # fmt: skip
    """Both corners of a sleeve's end.

    The concavity under the arm ends at the corner that sticks out most: the inner one of a long sleeve, the outer one
    of a short sleeve, whose edge goes on from there towards the armpit.
    """
    shoulder, armpit = points[f"shoulder_{name}"], points[f"armpit_{name}"]
    outside = [end for end in ends if side * (end[0] - armpit[0]) > -0.05 * chest]
    end = max(outside, key=lambda place: side * place[0], default=armpit)
    reach = float(np.hypot(*(end - armpit)))
    # A flared skirt's corner is no cuff.
    if reach < 0.06 * chest or end[1] > bottom - 0.04 * (bottom - shoulder[1]):
        return {}
    above, bulge = _corner_between(outline, end, shoulder, armpit)
    below, bend = _corner_between(outline, end, armpit, shoulder)
    if bulge > MIN_CORNER * chest:
        outer, inner = above, end
    elif bend > MIN_BEND * chest:
        outer, inner = end, below
    else:
        outer, inner = end, end + 0.8 * (armpit - end)
    if not 0.1 * chest < np.hypot(*(outer - inner)) < chest:
        return {}
    return {f"cuff_outer_{name}": outer, f"cuff_inner_{name}": inner}


def _corner_between(
    outline: np.ndarray, start: np.ndarray, end: np.ndarray, avoided: np.ndarray
) -> tuple[np.ndarray, float]:
    """The point of the outline from start to end, on the way that avoids a third point, that is farthest from the
    straight line, and its distance."""
    first, last, other = (int(np.hypot(*(outline - place).T).argmin()) for place in (start, end, avoided))
    count = len(outline)
    forwards = (np.arange((last - first) % count + 1) + first) % count
    way = forwards if other not in forwards else (first - np.arange((first - last) % count + 1)) % count
    path = outline[way]
    line = outline[last] - outline[first]
    length = max(1e-6, float(np.hypot(*line)))
    away = np.abs((path[:, 0] - start[0]) * line[1] - (path[:, 1] - start[1]) * line[0]) / length
    at = int(away.argmax())
    return path[at], float(away[at])


def _waist(mask: np.ndarray, points: Points, bottom: float) -> Points:
    """The ends of the narrowest row between armpits and hips."""
    armpit = (points["armpit_left"][1] + points["armpit_right"][1]) / 2
    rows = range(int(armpit + 0.12 * (bottom - armpit)), int(armpit + 0.6 * (bottom - armpit)))
    widths = {row: np.flatnonzero(mask[row]) for row in rows if mask[row].any()}
    if not widths:
        return {}
    row = min(widths, key=lambda at: int(np.ptp(widths[at])))
    return {
        "waist_left": np.array((widths[row][0], row), float),
        "waist_right": np.array((widths[row][-1], row), float),
    }
