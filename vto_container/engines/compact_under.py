"""What is under an old garment: skin in the light of visible skin, the trousers it hung over, or the ground."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from shared.vision.matte import box
from vto_container.engines.compact_body import HAND, NECK_HALF
from vto_container.engines.compact_fill import fill, grown
from vto_container.engines.compact_old import FOOT, TOP_LOW, Old
from vto_container.engines.compact_skin import (
    MIN_SKIN,
    bare_legs,
    bust,
    painted_arm,
    painted_trunk,
    tone_of,
)
from vto_container.engines.compact_view import WAIST, View, capsule
from vto_container.engines.compact_warp import around, extend

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shared.engines.base import Category
    from vto_container.engines.compact_place import Placed

SHOE_TOP: Final = 0.02
"""How far bare skin goes on below the upper edge of a shoe, in lengths of the trunk."""
MIN_COLUMN: Final = 8
"""Pixels of cloth in a column from which it goes on upwards."""
RIM: Final = 0.9
"""Probability of a person up to which the edge of an old garment is mixed with the ground."""
LONG_TOP: Final = 1.15
"""How far a top goes on from which trousers continue behind it as wide as below it, likewise."""
SEEN_BAND: Final = 0.12
"""Height of what is looked at of trousers below a long top, in lengths of the trunk."""
HIP_HALF: Final = 0.46
"""Half the width of trousers at the hips, in shoulder widths."""
BARE_DOWN: Final = 1.15
"""Where legs begin, likewise: skin above is a hand's."""


def _in_shoes(view: View) -> NDArray[Any]:
    """(h, w) bool: around the feet, below where shoes begin: a leg that is not seen there is in its shoe."""
    import numpy as np

    radius = FOOT * view.body.wide
    found = np.zeros(view.size, bool)
    for leg in view.body.legs:
        around_ankle = capsule(view.size, leg.joints[2], leg.joints[2], (radius, radius))
        shoe = around_ankle & (view.maps["footwear"] > 0.5)
        if shoe.sum() > MIN_SKIN:
            found |= around_ankle & (view.down > float(np.percentile(view.down[shoe], 8)) + SHOE_TOP)
    return found


@dataclass(frozen=True)
class Under:
    """The view without the old garment.

    Args:
        image: (h, w, 3): ground, trousers, and skin of trunk and legs painted; arms are not.
        arms: left and right: colours (h, w, 3) and opacity (h, w) of bare arms, visible and painted parts.
        forearms: left and right, (h, w) bool: what of an arm may be in front of the trunk.
        neck: opacity (h, w) of the neck's skin in `image`, which is in front of the inside of a collar.
    """

    image: NDArray[Any]
    arms: tuple[tuple[NDArray[Any], NDArray[Any]], tuple[NDArray[Any], NDArray[Any]]]
    forearms: tuple[NDArray[Any], NDArray[Any]]
    neck: NDArray[Any]


def uncover(view: View, old: Old, category: Category, placed: Placed, covered: NDArray[Any]) -> Under:
    """Paint what the old garment covered.

    Args:
        placed: the new garment: skin is painted only beyond its edges.
        covered: (h, w) bool, what the new garment will certainly hide: nothing is searched for there.
    """
    import numpy as np

    body, down, across = view.body, view.down, view.across
    person = view.maps["person"] > 0.5
    unit = max(1, round(0.012 * body.trunk))
    gone = _gone(view, old, unit)
    skin_seen = (view.maps["skin"] > 0.6) & person
    hole = gone & ~skin_seen
    legs = view.leg(0, 1.12) | view.leg(1, 1.12)
    hips = (np.abs(across) < 0.52) & (down > WAIST - 0.06) & (down < 1.2)
    trunk, shins = bust(view, placed), None if category == "upper" else bare_legs(view)
    image = view.image.copy()
    lower = (view.any_of("lower", "full_body") > 0.6) & ~gone & (down > WAIST - 0.1)
    if shins is None:
        seen = _continued(view, gone, lower)
        inside = legs | hips if seen is None else seen
        below = hole & inside & person & (down > max(WAIST - 0.06, placed.hem - 0.1))
        midriff = bust(view) & (down > placed.hem - 0.1) & (down < WAIST)
        flesh = hole & (trunk | midriff & person) & ~below
    else:
        below = np.zeros_like(hole)
        bare = (np.abs(shins[0]) < 1) & (down > placed.hem - 0.12) & ~_in_shoes(view)
        flesh = hole & (bare | (trunk if category == "dress" else np.zeros_like(trunk)))
    # Above new trousers or a skirt the top goes on.
    above = hole & person & (down < TOP_LOW) & (np.abs(across) < 0.6) if category == "lower" else np.zeros_like(hole)
    top = (view.any_of("upper", "outerwear", "full_body") > 0.6) & ~gone
    if top.sum() <= MIN_SKIN:
        above &= False
    # The ground goes on under the first pixel of skin and cloth: their edges are mixed with it.
    ground = hole & ~_core(below | flesh | above, hole)
    todo = ground & ~covered
    sure_ground = ~grown(view.maps["person"] > 0.35, 2 * unit) & ~gone
    image = fill(image, todo, sure_ground)
    lower &= legs | hips
    bare = skin_seen & legs & (down > BARE_DOWN) & ~view.arm(0, 1.5) & ~view.arm(1, 1.5)
    # What is seen of a dress or a coat is what the top goes on as.
    own = above & (view.any_of("upper", "outerwear", "full_body") > 0.5)
    image = _cloth(image, above & ~covered & ~own, top | own)
    if below.any():
        if lower.sum() > MIN_SKIN:
            cloth = _upwards(view.image, grown(below, 1) & hole, lower)
            image = image + (cloth - image) * (_mixed(below, hole) * hole)[:, :, None]
        elif bare.sum() > MIN_SKIN:
            flesh = flesh | below
        else:
            image = np.where(below[:, :, None], _dark(view), image)
    tone = tone_of(view, skin_seen)
    window = around(flesh, 2)
    skin = painted_trunk(view, tone, shins, covered, window)
    share = _mixed(flesh[window], hole[window]) * hole[window]
    image[window] += (skin - image[window]) * share[:, :, None]
    image = _softened(view.image, image, hole, unit)
    arms = tuple(painted_arm(view, old, side, placed.reach[side], hole, tone) for side in (0, 1))
    neck = ((np.abs(across) < NECK_HALF * 1.15) & (down < 0.3)).astype(np.float32) * (
        np.maximum(old.neck, (flesh & trunk).astype(np.float32))
    )
    forearms = tuple(_forearm(view, side, placed.reach[side]) for side in (0, 1))
    return Under(image, (arms[0], arms[1]), (forearms[0], forearms[1]), box(neck, unit))


def _gone(view: View, old: Old, unit: int) -> NDArray[Any]:
    """(h, w) bool: what of the old garment has to go: beside it also a rim of pixels that are half its colour."""
    import numpy as np

    inside = old.chance > 0.35
    rim = grown(inside, 2 * unit) & (view.maps["person"] < RIM)
    others = np.max([view.maps[name] for name in ("skin", "lower", "footwear", "hair", "full_body", "accessory")], 0)
    return (grown(inside, unit) | rim & (others < 0.3)) & (old.front < 0.5)


def _continued(view: View, gone: NDArray[Any], lower: NDArray[Any]) -> NDArray[Any] | None:
    """(h, w) bool: where trousers or a skirt are behind a long top: from the waist down to where they are seen, as wide
    as there. None if too little of them is seen.

    Args:
        gone: (h, w) bool, the old top.
        lower: (h, w) bool, what is seen of trousers or a skirt.
    """
    import numpy as np

    down, across = view.down, view.across
    middle = gone & (np.abs(across) < 0.4) & (down > WAIST)
    if not middle.any():
        return None
    hem = float(np.percentile(down[middle], 97))
    band = lower & (down > hem + 0.02) & (down < hem + 0.02 + SEEN_BAND)
    if hem < LONG_TOP or band.sum() < MIN_SKIN:
        return None
    left, right = (float(np.percentile(across[band], share)) for share in (2, 98))
    share = ((down - WAIST) / (hem - WAIST)).clip(0, 1)
    hips = HIP_HALF * np.interp(down, (WAIST - 0.1, 1.1), (0.85, 1.0))
    inside = (across > -hips + (left + hips) * share) & (across < hips + (right - hips) * share)
    return inside | lower


def _core(part: NDArray[Any], hole: NDArray[Any]) -> NDArray[Any]:
    """bool: a part of a hole without its first pixel next to the rest of the hole."""
    import numpy as np

    return part & (box((hole & ~part).astype(np.float32), 1) < 1e-3)


def _mixed(part: NDArray[Any], hole: NDArray[Any]) -> NDArray[Any]:
    """(h, w) in 0..1: a part of a hole with a soft edge to the rest of the hole, and a hard one to what is outside."""
    import numpy as np

    return box(part.astype(np.float32), 1) / np.maximum(box(hole.astype(np.float32), 1), 1e-3)


def _forearm(view: View, side: int, reach: float) -> NDArray[Any]:
    """(h, w) bool: from a little above the elbow, or from the cuff of a short sleeve, to the fingers."""
    import numpy as np

    shoulder, elbow, wrist = view.body.arms[side].joints
    wide = view.body.wide
    upper = float(np.hypot(*(elbow - shoulder))) / max(1e-6, view.body.arms[side].length)
    bare = max(0.12, 1 - max(0.0, reach - 0.04) / max(upper, 1e-6)) if reach else 0.12
    above = elbow + bare * (shoulder - elbow)
    way = (wrist - elbow) / max(1e-6, float(np.hypot(*(wrist - elbow))))
    tips = wrist + HAND * wide * way
    return capsule(view.size, above, elbow, (0.13 * wide, 0.14 * wide)) | capsule(
        view.size, elbow, tips, (0.15 * wide, 0.13 * wide)
    )


def _cloth(image: NDArray[Any], hole: NDArray[Any], known: NDArray[Any]) -> NDArray[Any]:
    return fill(image, hole, known)


def _upwards(image: NDArray[Any], hole: NDArray[Any], known: NDArray[Any]) -> NDArray[Any]:
    """The image with a hole above known cloth filled by the cloth, mirrored at its upper end, so that folds go on.

    Mirrored folds fade into smooth colours: only near the cloth do they lead anywhere.
    """
    import numpy as np

    smooth = extend(image, known.astype(np.float32))
    height, width = int(hole.shape[0]), int(hole.shape[1])
    last: NDArray[Any] = np.where(hole.any(0), height - 1 - hole[::-1].argmax(0), -1)
    rows = np.indices((height, 1))[0]
    cloth = known & (rows > last[None])
    columns = np.flatnonzero((last >= 0) & (cloth.sum(0) > MIN_COLUMN))
    out = np.where(hole[:, :, None], smooth, image)
    if not columns.size:
        return fill(image, hole, known)
    first: NDArray[Any] = np.where(cloth.any(0), cloth.argmax(0), 0)
    deep: NDArray[Any] = np.maximum(cloth.sum(0), 1)
    at_rows, at_columns = np.nonzero(hole & np.isin(np.indices((width,))[0], columns)[None])
    away = first[at_columns] - at_rows
    long = deep[at_columns]
    place: NDArray[Any] = (away - 1) % (2 * long)
    place = np.where(place < long, place, 2 * long - 1 - place)
    source: NDArray[Any] = (first[at_columns] + place).clip(0, height - 1)
    share = np.where(known[source, at_columns], (1 - away / np.maximum(1.2 * long, 1)).clip(0.3, 1), 0)[:, None]
    out[at_rows, at_columns] += share * (image[source, at_columns] - out[at_rows, at_columns])
    return out


def _dark(view: View) -> NDArray[Any]:
    """A colour for trousers of which nothing can be seen."""
    import numpy as np

    return np.array([58.0, 60.0, 68.0], np.float32)


def _softened(before: NDArray[Any], after: NDArray[Any], hole: NDArray[Any], unit: int) -> NDArray[Any]:
    """The painted image, faded into the original over a few pixels outside the hole."""
    import numpy as np

    share = box(grown(hole, max(1, unit // 2)).astype(np.float32), max(1, unit // 2))
    share = np.maximum(share, hole)[:, :, None]
    return before + (after - before) * share
