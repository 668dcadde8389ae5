"""A garment cut into the parts that move on their own: its trunk and its sleeves, and the inside of its neck."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from shared.vision.matte import box, pieces
from vto_container.engines.compact_body import SIDES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vto_container.engines.compact_garment import Garment

SIDE_PX: Final = 256
"""Longest side of the map on which a garment is cut."""
OPEN_NECK: Final = 0.07
"""Depth of a neckline, relative to the shoulders, below which it is closed: a roll neck, or a collar buttoned up."""

SEAM: Final = 0.06
"""How far from a seam the fabric belongs to both sides, in chest widths: so no gap opens where they bend apart."""


LEAST_CHEST: Final = 1.1
"""Least width of a chest, in widths of the shoulders."""
FOLDED: Final = (0.85, 0.75)
"""Length of a sleeve in chest widths from which it is long, and of the other, relative to it, below which that is
folded."""


@dataclass(frozen=True)
class Parts:
    """Opacities (h, w) float32 in 0..1 over the garment's photo; together they cover the garment, and next to a seam
    they overlap.

    Args:
        trunk: with the parts of a collar in front of the neck.
        sleeves: left and right.
        behind: what is behind the wearer's neck: the inside of the back, a hood.
    """

    trunk: NDArray[Any]
    sleeves: tuple[NDArray[Any], NDArray[Any]]
    behind: NDArray[Any]


def cut(garment: Garment) -> Parts:
    """Cut a garment of the shape `top`; others are all trunk."""
    import numpy as np

    opaque = garment.alpha.astype(np.float32) / 255
    nothing = np.zeros_like(opaque)
    if garment.shape != "top":
        return Parts(opaque, (nothing, nothing), nothing)
    label = _label(garment)
    behind = _neck(garment) if _open(garment) else np.zeros_like(label, bool)
    seams = _seams(garment)
    trunk = (label == 0) | seams[0] | seams[1]
    sleeves = ((label == 1) | (seams[0] & (label == 0)), (label == 2) | (seams[1] & (label == 0)))
    back = _enlarged(behind & (label == 0), opaque.shape) * opaque
    left, right = (_enlarged(one, opaque.shape) * opaque for one in sleeves)
    return Parts((_enlarged(trunk, opaque.shape) * opaque - back).clip(0, 1), (left, right), back)


def folded(garment: Garment) -> int | None:
    """The side whose sleeve is folded in the photo: the other is long, and sleeves are alike. None if none is."""
    if (
        garment.worn
        or garment.kinds.get("t-shirt", 0.0) > 0.5
        or not (has_sleeve(garment, 0) and has_sleeve(garment, 1))
    ):
        return None
    long = [sleeve_length(garment, side) for side in (0, 1)]
    short = int(long[1] < long[0])
    return short if long[1 - short] > FOLDED[0] and long[short] < FOLDED[1] * long[1 - short] else None


def sleeve_length(garment: Garment, side: int) -> float:
    """Distance from the shoulder to the cuff, in chest widths."""
    import numpy as np

    outer, inner, shoulder = (
        garment.points[f"{name}_{SIDES[side]}"] for name in ("cuff_outer", "cuff_inner", "shoulder")
    )
    return float(np.hypot(*((outer + inner) / 2 - shoulder))) / chest_of(garment)


def chest_of(garment: Garment) -> float:
    """The chest's width in pixels of the photo: at least what goes with the shoulders, where sleeves hide armpits."""
    return max(1.0, garment.width("armpit"), LEAST_CHEST * garment.width("shoulder"))


def unfolded(garment: Garment, parts: Parts) -> Parts:
    """The parts with the other sleeve instead of a folded one."""
    side = folded(garment) if garment.shape == "top" else None
    if side is None:
        return parts
    return replace(parts, sleeves=(parts.sleeves[1 - side], parts.sleeves[1 - side]))


def has_sleeve(garment: Garment, side: int) -> bool:
    """Whether the garment has a sleeve on a side: its cuff is known and is not the armhole."""
    import numpy as np

    names = [f"cuff_{part}_{SIDES[side]}" for part in ("outer", "inner")]
    if any(name not in garment.points for name in names):
        return False
    outer, inner = (garment.points[name] for name in names)
    root = (garment.points[f"shoulder_{SIDES[side]}"] + garment.points[f"armpit_{SIDES[side]}"]) / 2
    return float(np.hypot(*((outer + inner) / 2 - root))) > 0.13 * garment.width("armpit")


def _open(garment: Garment) -> bool:
    front = garment.points.get("neck_front")
    if front is None:
        return True
    top = garment.middle("neck")
    return float(front[1] - top[1]) > OPEN_NECK * garment.width("shoulder")


def _grid(garment: Garment) -> tuple[NDArray[Any], NDArray[Any], float, tuple[int, int]]:
    import numpy as np

    height, width = garment.alpha.shape
    scale = min(1.0, SIDE_PX / max(height, width))
    size = (max(2, round(height * scale)), max(2, round(width * scale)))
    y, x = np.mgrid[: size[0], : size[1]]
    return (x + 0.5) / scale, (y + 0.5) / scale, scale, size


def _label(garment: Garment) -> NDArray[Any]:
    """(rows, columns) of the cutting map: 0 trunk, 1 and 2 the left and right sleeve."""
    import numpy as np
    from PIL import Image

    x, y, _, size = _grid(garment)
    small = Image.fromarray(garment.alpha).resize((size[1], size[0]), Image.Resampling.BOX)
    inside = np.asarray(small) > 100
    label = np.zeros(size, np.uint8)
    chest = garment.width("armpit")
    centre = (garment.middle("armpit") + garment.middle("hem")) / 2
    for side, name in enumerate(SIDES):
        if not has_sleeve(garment, side):
            continue
        sign = (-1, 1)[side]
        shoulder, armpit, hem = (garment.points[f"{part}_{name}"] for part in ("shoulder", "armpit", "hem"))
        cuff = (garment.points[f"cuff_outer_{name}"] + garment.points[f"cuff_inner_{name}"]) / 2
        # The seam goes on above the shoulder and stops at the armpit.
        seam = _outside(x, y, shoulder - 0.6 * (armpit - shoulder), armpit, sign)
        along = (armpit - shoulder) / max(1e-6, float(np.hypot(*(armpit - shoulder))))
        above = (x - armpit[0]) * along[0] + (y - armpit[1]) * along[1] < 0
        beside = _outside(x, y, armpit, hem, sign) > -0.02 * chest
        sleeve = np.where(above, seam > 0, beside) & ((x - centre[0]) * sign > 0)
        # Where a gap separates sleeve and trunk, the trunk keeps what bulges beyond the line to its hem.
        split = inside & ~(above & (np.abs(seam) < 0.014 * chest))
        numbers = pieces(split)
        of_trunk, of_cuff = (_near(numbers, place, x, y, chest) for place in (centre, cuff))
        if of_trunk and of_cuff and of_trunk != of_cuff:
            sleeve = (numbers == of_cuff) | (sleeve & (numbers != of_trunk)) | (above & (seam > 0))
        label[sleeve & inside & (label == 0)] = side + 1
    for side in (0, 1):
        # The soft rim outside the map's outline belongs to the part next to it.
        rim = box((label == side + 1).astype(np.float32), 2) > 0
        label[rim & ~inside] = side + 1
    return label


def _seams(garment: Garment) -> tuple[NDArray[Any], NDArray[Any]]:
    """(rows, columns) bool of the cutting map, left and right: next to the seam of a sleeve."""
    import numpy as np

    x, y, _, size = _grid(garment)
    found: list[NDArray[Any]] = []
    for side, name in enumerate(SIDES):
        if not has_sleeve(garment, side):
            found.append(np.zeros(size, bool))
            continue
        start, end = garment.points[f"shoulder_{name}"], garment.points[f"armpit_{name}"]
        way = end - start
        share = (((x - start[0]) * way[0] + (y - start[1]) * way[1]) / max(1e-6, float(way @ way))).clip(0, 1)
        away = np.hypot(x - start[0] - share * way[0], y - start[1] - share * way[1])
        found.append(away < SEAM * garment.width("armpit"))
    return found[0], found[1]


def _outside(x: NDArray[Any], y: NDArray[Any], start: NDArray[Any], end: NDArray[Any], sign: int) -> NDArray[Any]:
    """Distance in pixels from the line between two points, positive on the side of a sleeve."""
    import numpy as np

    way = (end - start) / max(1e-6, float(np.hypot(*(end - start))))
    return sign * ((x - start[0]) * way[1] - (y - start[1]) * way[0])


def _near(numbers: NDArray[Any], place: NDArray[Any], x: NDArray[Any], y: NDArray[Any], chest: float) -> int:
    """The number of the piece nearest to a place; 0 if none is near."""
    import numpy as np

    away = np.where(numbers > 0, np.hypot(x - place[0], y - place[1]), np.inf)
    at = int(away.argmin())
    return int(numbers.ravel()[at]) if away.ravel()[at] < 0.25 * chest else 0


def _neck(garment: Garment) -> NDArray[Any]:
    """(rows, columns) bool of the cutting map: above the front neckline, an ellipse through its three points."""
    import numpy as np

    x, y, _, _ = _grid(garment)
    left, right = garment.points["neck_left"], garment.points["neck_right"]
    middle, half = (left + right) / 2, max(1.0, float(np.hypot(*(right - left))) / 2)
    across = (right - left) / (2 * half)
    down = np.array([-across[1], across[0]])
    front = garment.points.get("neck_front", middle + 0.4 * half * down)
    depth = max(0.1 * half, float((front - middle) @ down))
    u = ((x - middle[0]) * across[0] + (y - middle[1]) * across[1]) / half
    v = (x - middle[0]) * down[0] + (y - middle[1]) * down[1]
    edge = depth * np.sqrt((1 - u**2).clip(0, 1))
    return (np.abs(u) < 1) & (v < edge) | (np.abs(u) < 1.5) & (v < -0.15 * half - 0.35 * half * (np.abs(u) - 1).clip(0))


def _enlarged(mask: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    import numpy as np
    from PIL import Image

    image = Image.fromarray(mask.astype(np.float32))
    return np.asarray(image.resize((size[1], size[0]), Image.Resampling.BILINEAR))
