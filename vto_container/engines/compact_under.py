"""What is under an old garment where the new one does not cover it: limbs, other clothes, or the background.

A network trained on garments put back on their own wearers never learned what is under them. Anatomy provides it: arms
run from the shoulders to their visible part, legs from the crotch to the feet, with the widths of figure-drawing books.
All maps are on the grid of `compact_body`; widths are shares of the body's height.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from shared.vision.matte import pieces
from vto_container.engines.compact_body import CROTCH, GRID, LABELS, WAIST, Body, dilate

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEG: Final = ((0.52, 0.050), (0.62, 0.042), (0.72, 0.032), (0.80, 0.033), (0.92, 0.021), (1.0, 0.021))
"""Half the width of a leg at shares of the body's height."""
TROUSER_FACTOR: Final = 1.25
"""Factor by which a leg in trousers is wider."""
TORSO: Final = ((0.14, 0.05), (0.19, 0.13), (0.28, 0.115), (0.40, 0.095), (0.50, 0.11), (0.56, 0.11))
"""Half the width of the trunk."""
UPPER_ARM, FOREARM = 0.165, 0.15
ARM_HALF_WIDTH: Final = (0.026, 0.018)
"""Half the width of an arm at the shoulder and at the wrist."""
SHOULDER: Final = (0.105, 0.05)
"""Position of a shoulder: distance from the middle, and below the chin."""
HAND_ALONE: Final = 0.13
"""A visible part of an arm shorter than this is only a hand: the elbow is hidden."""
NECK_HALF_WIDTH, CHEST_ROW, MAX_ACROSS = 0.07, 0.30, 0.05
"""Skin within `NECK_HALF_WIDTH` of the middle and above `CHEST_ROW` is not an arm; an arm crosses the middle by at most
`MAX_ACROSS`."""
MIN_HAND_AREA: Final = 0.0008
"""Area of the smallest hand as a share of the squared height: smaller components are buttons and stripes."""
CLOTHED_ROWS: Final = {"upper": (0.16, 0.36), "lower": (0.42, 0.52), "dress": (0.16, 0.52)}
"""Range of the body's height in which a garment of a category covers the whole trunk."""
COLLAR: Final = (0.02, 0.045, 0.21)
"""Distance from the chin to the top of a garment, and what necklines leave free: half their width, and their lowest row
as a share of the body's height."""
MIN_TRUNK_SHARE, TRUNK_REACH = 0.35, 0.17
"""Share of the trunk from which carried things count as clothes, and how far they reach from the middle."""
MAX_LEG_FACTOR: Final = 1.7
"""A run of cells is one leg if it is at most this many leg widths wide."""
MIN_CLOTHES_SHARE: Final = 0.012
"""Share of the grid from which clothes count as worn over the legs."""
EDGE_SLOPE: Final = 3.0
"""Slope of a limb's opacity at its edge, by depth."""
EDGE_LIGHT, MIDDLE_LIGHT = 0.80, 0.24
"""Lightness of a limb at its edge, and what is added along its middle, since it is round."""


@dataclass(frozen=True)
class Under:
    """What is under clothes, on one grid (h, w).

    Args:
        skin, cloth, ground: shares in 0..1 of skin, of other clothes (below an upper garment or above a lower one), and
            of the background; the rest is unknown.
        depth: 0 at the edge of a limb to 1 along its middle.
        tones: (2, 3) in 0..255, colours of skin and clothes.
    """

    skin: NDArray[Any]
    cloth: NDArray[Any]
    ground: NDArray[Any]
    depth: NDArray[Any]
    tones: NDArray[Any]

    def painted(self, unknown: NDArray[Any], ground: NDArray[Any]) -> NDArray[Any]:
        """(h, w, 3) in 0..255, given the colours of unknown areas and of the background, also (h, w, 3) in 0..255."""
        image = unknown + (ground - unknown) * self.ground[:, :, None]
        light = (EDGE_LIGHT + MIDDLE_LIGHT * self.depth)[:, :, None]
        for share, tone in ((self.cloth, self.tones[1]), (self.skin, self.tones[0])):
            image = image + (tone * light - image) * share[:, :, None]
        return image.clip(0, 255)


def read_under(body: Body, removed: NDArray[Any], category: str, colours: NDArray[Any]) -> Under:
    """What is under the clothes that a garment of a category replaces.

    Args:
        removed: (128, 96) bool, those clothes.
        colours: (128, 96, 3) uint8 of the person image.
    """
    import numpy as np

    trunk = trunk_of(body)
    arms = np.zeros(GRID, np.float32) if category == "lower" else arms_of(body)
    above, below = (body.any_of(names) & ~removed for names in (("upper", "outerwear", "full_body"), ("lower",)))
    line = np.arange(GRID[0])[:, None]
    trousers = category == "upper" and below.mean() > MIN_CLOTHES_SHARE
    legs = legs_of(body, TROUSER_FACTOR if trousers else 1.0)
    if trousers:
        legs = np.maximum(legs, np.where(line >= body.row(WAIST), trunk, 0))
    area = dilate(removed, 1) & (removed | (body.label == 0))
    limbs, rest, torso = ((depth * EDGE_SLOPE).clip(0, 1) * area for depth in (arms, legs, trunk))
    cloth = rest * (1 - limbs) if trousers else np.zeros(GRID, np.float32)
    skin = limbs if trousers else np.maximum(limbs, rest)
    # A lower garment uncovers no hips: what is worn above hangs over them.
    if category == "lower":
        cloth = torso * (1 - skin)
    else:
        skin = np.maximum(skin, torso * (1 - cloth))
    tones = np.stack([_tone(colours, body.any_of(("skin",))), _tone(colours, above if category == "lower" else below)])
    ground = area * (1 - np.max([limbs, rest, torso], 0))
    return Under(skin, cloth, ground.astype(np.float32), np.max([arms, legs, 0.7 * trunk], 0), tones)


def _tone(colours: NDArray[Any], mask: NDArray[Any]) -> NDArray[Any]:
    import numpy as np

    return np.median(colours[mask], 0) if mask.any() else np.full(3, 128.0)


def reclassify_carried(body: Body) -> NDArray[Any]:
    """The body's classes (128, 96), in which an accessory that fills the trunk is outerwear: a parser trained on street
    clothes takes a space suit for a bag. `Body.label` itself if nothing changes."""
    import numpy as np

    carried, trunk = body.any_of(("accessory",)), trunk_of(body) > 0
    trunk &= np.arange(GRID[0])[:, None] >= body.chin
    if (carried & trunk).sum() < MIN_TRUNK_SHARE * max(1, trunk.sum()):
        return body.label
    beside = np.abs(np.arange(GRID[1])[None] - body.middle) > TRUNK_REACH * body.height
    return np.where(carried & ~beside & ~body.head, LABELS.index("outerwear"), body.label).astype(np.uint8)


def always_covered(body: Body, category: str) -> NDArray[Any]:
    """The part of the trunk that every garment of a category covers, whatever its cut: (128, 96) bool."""
    import numpy as np

    line, columns = np.arange(GRID[0])[:, None], np.arange(GRID[1])[None]
    first, last = CLOTHED_ROWS[category]
    start = body.row(first) if category == "lower" else max(body.row(first), round(body.chin + COLLAR[0] * body.height))
    neck = (np.abs(columns - body.middle) < COLLAR[1] * body.height) & (line < body.row(COLLAR[2]))
    return (trunk_of(body) > 0) & (line >= start) & (line < body.row(last)) & ~neck


def trunk_of(body: Body) -> NDArray[Any]:
    """The trunk without limbs, 1 inside: (128, 96) float32."""
    import numpy as np

    line, columns = np.arange(GRID[0]), np.arange(GRID[1])
    half = _width(TORSO, (line - body.top) / body.height) * body.height
    inside = np.abs(columns[None] - body.middle) <= half[:, None]
    return (inside & (line < body.row(TORSO[-1][0]))[:, None]).astype(np.float32)


def legs_of(body: Body, thicker: float = 1.0) -> NDArray[Any]:
    """The legs from the crotch down: 0 outside, to 1 along their middle, (128, 96) float32.

    Their middles are taken from rows in which two legs are separate, and interpolated between.

    Args:
        thicker: width relative to bare legs.
    """
    import numpy as np

    person = body.label > 0
    first = body.row(CROTCH)
    last = min(GRID[0] - 1, int(np.flatnonzero(person.any(1))[-1])) if person.any() else 0
    depth = np.zeros(GRID, np.float32)
    if last - first < 4:
        return depth
    columns = np.arange(GRID[1])
    rows = np.arange(first, last + 1)
    halves = _width(LEG, (rows - body.top) / body.height) * body.height * thicker
    anchors: list[tuple[int, float, float]] = []
    for row, half in zip(rows.tolist(), halves.tolist(), strict=True):
        found = _pair(person[row], half)
        if found is not None:
            anchors.append((row, *found))
    hips = person[max(0, first - 3) : first + 3]
    centre = float((hips.sum(0) * columns).sum() / max(1, hips.sum())) if hips.any() else body.middle
    if not anchors or anchors[0][0] > first:
        anchors.insert(0, (first, centre - halves[0], centre + halves[0]))
    at = [anchor[0] for anchor in anchors]
    for side in (1, 2):
        places = np.interp(rows, at, [anchor[side] for anchor in anchors])
        places = np.convolve(np.pad(places, 3, "edge"), np.ones(7) / 7, "valid")
        away = 1 - (np.abs(columns[None] - places[:, None]) / np.maximum(halves, 0.7)[:, None]) ** 2
        depth[first : last + 1] = np.maximum(depth[first : last + 1], away.clip(0, 1))
    return depth


def _pair(row: NDArray[Any], half: float) -> tuple[float, float] | None:
    """The middles of the two legs in a row of a figure; None if the row does not show two legs."""
    import numpy as np

    edges = np.flatnonzero(np.diff(np.pad(row.astype(np.int8), 1)))
    runs = sorted(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True), key=lambda run: run[0] - run[1])
    if len(runs) >= 2 and runs[1][1] - runs[1][0] >= half:
        left, right = sorted(runs[:2])
        if max(left[1] - left[0], right[1] - right[0]) <= 2 * half * MAX_LEG_FACTOR:
            return (left[0] + left[1] - 1) / 2, (right[0] + right[1] - 1) / 2
    if runs and 3 * half <= runs[0][1] - runs[0][0] <= 5.2 * half:
        return runs[0][0] + half, runs[0][1] - 1 - half
    return None


def arms_of(body: Body) -> NDArray[Any]:
    """The arms from the shoulders to their visible part: 0 outside, to 1 along their middle, (128, 96) float32."""
    import numpy as np

    depth = np.zeros(GRID, np.float32)
    numbers = pieces(body.arms)
    for side in (-1, 1):
        shoulder = np.array([body.chin + SHOULDER[1] * body.height, body.middle + side * SHOULDER[0] * body.height])
        end, hand_alone = _visible_part(body, numbers, shoulder, side)
        elbow = _elbow(shoulder, end, side, body.height) if hand_alone else []
        for start, stop in pairwise([shoulder, *elbow, end]):
            depth = np.maximum(depth, _limb(start, stop, body.height))
    return depth


def _visible_part(body: Body, numbers: NDArray[Any], shoulder: NDArray[Any], side: int) -> tuple[NDArray[Any], bool]:
    """Where the visible part of an arm starts, and whether it is only the hand; an arm that is not visible hangs down.

    Args:
        numbers: the components of `Body.arms`.
        side: -1 on the left of the image, 1 on the right.
    """
    import numpy as np

    centre, height = body.middle, body.height
    nearest = (UPPER_ARM + FOREARM) * height * 1.25
    found = shoulder + np.array([UPPER_ARM + FOREARM, 0.04 * side]) * height, False
    for number in range(1, int(numbers.max()) + 1):
        rows, columns = np.nonzero(numbers == number)
        beside = columns.mean() - centre
        neck = abs(beside) < NECK_HALF_WIDTH * height and rows.mean() < body.row(CHEST_ROW)
        if len(rows) < MIN_HAND_AREA * height**2 or neck or beside * side < -MAX_ACROSS * height:
            continue
        away = np.hypot(rows - shoulder[0], columns - shoulder[1])
        if away.min() < nearest:
            nearest = float(away.min())
            close = away <= nearest + 0.02 * height
            alone = float(away.max()) - nearest < HAND_ALONE * height
            found = np.array([rows[close].mean(), columns[close].mean()]), alone
    return found


def _elbow(shoulder: NDArray[Any], hand: NDArray[Any], side: int, height: float) -> list[NDArray[Any]]:
    """The elbow of an arm of which only the hand is visible, bent outwards; empty for a straight arm."""
    import numpy as np

    way = hand - shoulder
    reach = float(np.hypot(*way))
    upper, fore = UPPER_ARM * height, FOREARM * height
    if reach < 0.6 * upper or reach > 0.96 * (upper + fore):
        return []
    along = (upper**2 - fore**2 + reach**2) / (2 * reach)
    out = max(0.0, upper**2 - along**2) ** 0.5
    unit = way / reach
    normal = np.array([-unit[1], unit[0]])
    if normal[1] * side < 0:
        normal = -normal
    return [shoulder + along * unit + out * normal]


def _limb(start: NDArray[Any], end: NDArray[Any], height: float) -> NDArray[Any]:
    import numpy as np

    rows, columns = np.meshgrid(np.arange(GRID[0]), np.arange(GRID[1]), indexing="ij")
    way = end - start
    share = ((rows - start[0]) * way[0] + (columns - start[1]) * way[1]) / max(1e-6, float(way @ way))
    share = share.clip(0, 1)
    away = np.hypot(rows - start[0] - share * way[0], columns - start[1] - share * way[1])
    half = max(0.9, ARM_HALF_WIDTH[0] * height) + share * (ARM_HALF_WIDTH[1] - ARM_HALF_WIDTH[0]) * height
    return (1 - (away / np.maximum(half, 0.9)) ** 2).clip(0, 1).astype(np.float32)


def _width(table: tuple[tuple[float, float], ...], share: NDArray[Any]) -> NDArray[Any]:
    import numpy as np

    at, values = zip(*table, strict=True)
    return np.interp(share, at, values)
