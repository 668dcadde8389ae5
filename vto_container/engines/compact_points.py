"""Which shape a garment has, and which of the landmarks that the network found are used.

The network marks points also where there are none: cuffs of dresses without sleeves, or a neckline in a photo that
shows only a part of a skirt. Garments are alike on both sides and end where their outline ends, which decides then.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shared.engines.base import Category
    from shared.vision.landmarks import Landmarks

POINT: Final = 0.3
"""Confidence from which a landmark is used."""
NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "top": ("neck_left", "neck_right", "shoulder_left", "shoulder_right", "armpit_left", "armpit_right", "hem_left",
            "hem_right"),
    "legs": ("waist_left", "waist_right", "crotch", "leg_outer_left", "leg_outer_right", "leg_inner_left",
             "leg_inner_right"),
    "skirt": ("waist_left", "waist_right", "hem_left", "hem_right"),
}  # fmt: skip
"""Landmarks without which a garment of a shape can't be placed."""
KNOWN: Final = 0.5
"""Probability of trousers, shorts and skirts together below which the outline decides."""
CUT: Final = 0.3
"""Share of the lower edge of a photo from which the frame cuts a garment."""
STOUT: Final = 1.8
"""Height of an outline, relative to its mean width, below which it is not one of trousers."""
LEGS_APART: Final = 0.06
"""Share of the lower part of an outline that is ground between legs."""
SLEEVES: Final = 0.4
"""Mean confidence of its four cuffs below which a dress has no sleeves."""
LOW_CUFF: Final = 0.8
"""How far down a dress, from its shoulders to its hem, cuffs may be: below, they are corners of the hem."""
BAND: Final = 0.04
"""Height of the first and last part of an outline, of which the ends are taken, as a share of its height."""
SIDES: Final = ("left", "right")


def shape_of(kinds: Mapping[str, float], category: Category, outline: NDArray[Any]) -> str:
    """`top`, `legs` or `skirt`: which landmarks the garment has.

    Args:
        kinds: probabilities by name.
        outline: (h, w) bool.
    """
    if category == "upper":
        return "top"
    skirt = kinds.get("skirt", 0.0)
    legs = kinds.get("pants", 0.0) + kinds.get("shorts", 0.0)
    if category == "dress":
        return "skirt" if skirt > 0.7 else "top"
    if skirt + legs < KNOWN and (outline[-1].mean() > CUT or _stout(outline)) and not _legs_apart(outline):
        # Of a skirt that fills the photo, for example, the network sees a pattern.
        return "skirt"
    return "skirt" if skirt > legs else "legs"


def points_of(found: Landmarks, shape: str, outline: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """The landmarks that are used, x and y in pixels by name.

    Args:
        outline: (h, w) bool.
    """
    import numpy as np

    points = {
        name: np.array([point.x, point.y])
        for name, point in found.points.items()
        if point.confidence >= POINT or name in NEEDED[shape]
    }
    if shape == "top":
        return _with_sleeves(found, points)
    if shape == "skirt":
        ends = _ends(outline)
        return points | {name: ends[name] for name in NEEDED[shape] if found.points[name].confidence < POINT}
    return points


def _with_sleeves(found: Landmarks, points: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The landmarks of a top with cuffs on both sides or on none."""
    import numpy as np

    sure = {side: [found.points[f"cuff_{part}_{side}"].confidence for part in ("outer", "inner")] for side in SIDES}
    top, low = (float(points[f"{name}_left"][1] + points[f"{name}_right"][1]) / 2 for name in ("shoulder", "hem"))
    long = max(1e-6, low - top)
    if found.kinds.get("dress", 0.0) > KNOWN:
        cuffs = [found.points[f"cuff_{part}_{side}"] for side in SIDES for part in ("outer", "inner")]
        hanging = [point for point in cuffs if (point.y - top) / long > LOW_CUFF]
        if float(np.mean([point.confidence for point in cuffs])) < SLEEVES or len(hanging) > 1:
            return {name: place for name, place in points.items() if not name.startswith("cuff")}
    across = points["shoulder_right"] - points["shoulder_left"]
    across = across / max(1e-6, float(np.hypot(*across)))
    for side, other in (SIDES, SIDES[::-1]):
        if min(sure[side]) >= POINT:
            continue
        for part in ("outer", "inner"):
            own = found.points[f"cuff_{part}_{side}"]
            if float(np.mean(sure[side])) >= POINT:
                points[f"cuff_{part}_{side}"] = np.array([own.x, own.y])
            elif min(sure[other]) >= POINT:
                way = points[f"cuff_{part}_{other}"] - points[f"shoulder_{other}"]
                points[f"cuff_{part}_{side}"] = points[f"shoulder_{side}"] + way - 2 * float(way @ across) * across
    return points


def _stout(outline: NDArray[Any]) -> bool:
    """Whether an outline is too wide for trousers."""
    import numpy as np

    rows = np.flatnonzero(outline.any(1))
    return bool(rows.size) and float((rows[-1] - rows[0] + 1) ** 2) < STOUT * float(outline.sum())


def _legs_apart(outline: NDArray[Any]) -> bool:
    """Whether the ground shows between the legs of an outline."""
    import numpy as np

    rows = np.flatnonzero(outline.any(1))
    if not rows.size:
        return False
    high = rows[-1] - rows[0] + 1
    shares: list[float] = []
    for row in outline[rows[-1] - int(0.3 * high) : rows[-1] - int(0.05 * high) + 1]:
        columns = np.flatnonzero(row)
        if columns.size:
            shares.append(float(1 - row[columns[0] : columns[-1] + 1].mean()))
    return bool(shares) and float(np.mean(shares)) > LEGS_APART


def _ends(outline: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """The corners of an outline as waist and hem."""
    import numpy as np

    rows = np.flatnonzero(outline.any(1))
    top, low = int(rows[0]), int(rows[-1])
    band = max(1, round(BAND * (low - top)))
    found: dict[str, NDArray[Any]] = {}
    for name, at, part in (("waist", top, outline[top : top + band]), ("hem", low, outline[low - band + 1 : low + 1])):
        columns = np.flatnonzero(part.any(0))
        found[f"{name}_left"] = np.array([float(columns[0]), float(at)])
        found[f"{name}_right"] = np.array([float(columns[-1]), float(at)])
    return found
