"""What is under an old garment: skin in the light of visible skin, the trousers it hung over, or the ground."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from shared.vision.matte import box, pieces
from vto_container.engines.compact_body import HAND, NECK_HALF
from vto_container.engines.compact_edges import Edges, read_edges
from vto_container.engines.compact_fill import fill, grown
from vto_container.engines.compact_skin import (
    MIN_SEEN,
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

CLOTHES: Final = ("upper", "outerwear", "lower", "full_body")
CHEEK_HALF, FACE_HALF = 0.3, 0.55
"""How far from the nose, in shoulder widths, everything above the mouth belongs to the face, and skin above the chin
does."""
COAT: Final = 0.85
"""Probability of a top from which it is one below the hips."""
HANGING_STEP: Final = 4
"""Pixels of the view per cell of the map on which pieces of a top are numbered."""
DRESS: Final = 2.0
"""How much more of a dress than of a top is seen of a person in a dress."""
FOOT, SHOE, SHOE_HALF = 0.5, 0.4, 0.1
"""Radius around an ankle where shoes are, in shoulder widths; probability of their edges; and half the widest hole."""
SHOE_TOP: Final = 0.02
"""How far bare skin goes on below the upper edge of a shoe, in lengths of the trunk."""
BAG_EDGE: Final = 0.04
"""Radius over which the edges of bags are evened, in shoulder widths."""
DRESS_CUT: Final = 0.91
"""Below where a dress stays as a skirt, unless the frame cuts it there, in lengths of the trunk below the shoulders."""
SUIT: Final = 0.3
"""Mean probability of accessories over the trunk from which they are clothes."""
TOP_LOW: Final = 1.05
"""How far a top may go on below what is seen of it, in lengths of the trunk below the shoulders."""
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


@dataclass(frozen=True)
class Old:
    """The old garment and what stays in front of a new one.

    Args:
        chance: (h, w) in 0..1, the old garment.
        edges: where it begins and ends.
        front: (h, w) in 0..1: head, hair, hands, bags.
        arms: left and right, (h, w) in 0..1: visible skin of the arms.
        neck: (h, w) in 0..1: visible skin of the neck.
    """

    chance: NDArray[Any]
    edges: Edges
    front: NDArray[Any]
    arms: tuple[NDArray[Any], NDArray[Any]]
    neck: NDArray[Any]


def read_old(view: View, category: Category) -> Old:
    """The old garment of a category and what stays in front of a new one."""
    import numpy as np

    body, across, down = view.body, view.across, view.down
    top = view.any_of("upper", "outerwear")
    whole = view.maps["full_body"]
    if category == "upper":
        if float(whole.sum()) > DRESS * float(top.sum()):
            # Of one dress, the parser takes some parts for a top.
            top = top * (down < WAIST + 0.2)
        chance = top + whole * (down < WAIST + 0.2) + view.maps["lower"] * (down < WAIST - 0.1)
    elif category == "lower":
        chance = view.maps["lower"] * (down > WAIST - 0.15) + whole * (down > WAIST)
    else:
        chance = view.any_of(*CLOTHES)
    chance = chance.clip(0, 1)
    skin = view.maps["skin"]
    chin = float((body.chin - body.middle) @ body.down) / body.trunk
    above_chin = 1 / (1 + np.exp((down - chin - 0.02) * 60))
    head_wide = np.abs(across) < 0.62
    face = skin * above_chin
    # A hat, glasses or a helmet belong to the head whatever class they got; a collar does not reach the eyes.
    eyes = float((body.nose - body.middle) @ body.down) / body.trunk
    helmet = view.maps["person"] * (down < eyes) * head_wide
    front = np.maximum(np.maximum(view.maps["hair"], face), helmet)
    # Nothing is painted over a face, whatever class a beard, a shadow or the ground next to a cheek got.
    beside = np.abs(across - float((body.nose - body.middle) @ body.across) / body.wide)
    mouth = (chin + eyes) / 2
    face_seen = (skin > 0.25) & (down < chin - 0.01) & (beside < FACE_HALF)
    front = np.maximum(front, face_seen | ((beside < CHEEK_HALF) & (down < mouth)))
    front = np.maximum(front, (beside < CHEEK_HALF) & (down < chin - 0.04) & (view.maps["person"] > 0.3))
    carried = _even(view.maps["accessory"], max(1, round(BAG_EDGE * body.wide))) * _carried(view)
    if category != "lower" and (suit := _suit(view)) is not None:
        chance = np.maximum(chance, (chance + suit).clip(0, 1))
        carried = carried - suit
    front = np.maximum(front, carried)
    front = np.maximum(front, np.maximum(view.maps["footwear"], _shoes(view)))
    if category == "lower":
        front = np.maximum(front, _hanging(view, top))
    hands = np.zeros_like(front)
    arms: list[NDArray[Any]] = []
    for side in (0, 1):
        limb = body.arms[side]
        near = view.arm(side, 1.7) & (down > -0.25)
        arms.append(skin * near)
        if limb.visible[2] < MIN_SEEN:
            continue
        wrist, fingers = limb.joints[2], body.hands[side].mean(0)
        way = fingers - wrist
        way = way / max(1e-6, float(np.hypot(*way)))
        end = wrist + way * HAND * body.wide
        around = capsule(view.size, wrist + way * 0.03 * body.wide, end, (0.13 * body.wide, 0.17 * body.wide))
        hands = np.maximum(hands, np.maximum(skin, view.maps["accessory"]) * around)
    front = np.maximum(front, hands)
    neck = skin * (np.abs(across) < 0.36) * (down > chin - 0.03) * (down < 0.42)
    legs = skin * (down > WAIST)
    if category != "upper":
        arms = [arm * 1.0 for arm in arms]
        legs = np.zeros_like(legs)
    chance = np.where(np.maximum(front, legs) > 0.5, 0, chance)
    edges = read_edges(view, chance, category)
    if category == "upper" and edges.cut is None:
        chance = np.where((whole > 0.5) & (down > DRESS_CUT), 0, chance)
    return Old(chance.astype(np.float32), edges, front.astype(np.float32), (arms[0], arms[1]), neck.astype(np.float32))


def _hanging(view: View, top: NDArray[Any]) -> NDArray[Any]:
    """(h, w): a top where it hangs over trousers: what is one piece with its part above the waist. One that is tucked
    in ends there, and below the hips, only what is surely a top is a coat."""
    import numpy as np

    sure = top > np.where(view.down < TOP_LOW, 0.5, COAT)
    numbers = pieces(sure[::HANGING_STEP, ::HANGING_STEP])
    above = np.unique(numbers[(view.down < WAIST)[::HANGING_STEP, ::HANGING_STEP]])
    whole = np.isin(numbers, above[above > 0]).repeat(HANGING_STEP, 0).repeat(HANGING_STEP, 1)
    # Its own edge, not that of the coarse map.
    return top * grown(whole[: view.size[0], : view.size[1]], HANGING_STEP)


def _shoes(view: View) -> NDArray[Any]:
    """(h, w) bool: shoes without holes: of boots below dark trousers the parser sees little more than the edges."""
    import numpy as np

    wide = view.body.wide
    found = np.zeros(view.size, bool)
    for leg in view.body.legs:
        ankle = leg.joints[2]
        found |= (view.maps["footwear"] > SHOE) & capsule(view.size, ankle, ankle, (FOOT * wide, FOOT * wide))
    if not found.any():
        return found
    radius = max(1, round(SHOE_HALF * wide))
    closed = ~grown(~grown(found, radius), radius)
    return closed & (view.maps["person"] > 0.5)


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


def _suit(view: View) -> NDArray[Any] | None:
    """(h, w): accessories that are worn, not carried: of clothes that the parser does not know, such as overalls, most
    of the trunk is an accessory to it. None if there are none."""
    import numpy as np

    accessory = view.maps["accessory"]
    trunk = (np.abs(view.across) < 0.5) & (view.down > 0) & (view.down < 1)
    if not trunk.any() or float(accessory[trunk].mean()) < SUIT:
        return None
    body = (np.abs(view.across) < 0.62) | view.arm(0, 1.7) | view.arm(1, 1.7)
    return accessory * (body & (view.down > -0.15))


def _even(carried: NDArray[Any], radius: int) -> NDArray[Any]:
    """(h, w): accessories with even edges where they are wide, such as bags; straps stay as they are."""
    import numpy as np

    made = carried.copy()
    solid = carried > 0.5
    window = around(solid, 3 * radius)
    core = box(solid[window].astype(np.float32), radius) > 0.999
    if not core.any():
        return made
    beside = grown(core, 2 * radius)
    soft = box(box(carried[window], radius), radius)
    made[window] = np.where(beside, ((soft - 0.45) * radius + 0.5).clip(0, 1), carried[window])
    return made


def _carried(view: View) -> NDArray[Any]:
    """(h, w): what of the accessories is carried in front; a scarf or a tie goes with the old top."""
    import numpy as np

    flat = (np.abs(view.across) < 0.34) & (view.down > -0.12) & (view.down < 0.55)
    return np.where(flat, 0.0, 1.0).astype(np.float32)


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
