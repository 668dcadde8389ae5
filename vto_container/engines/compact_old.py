"""The old garment and what stays in front of a new one: head, hands, bags, shoes, and tops over trousers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from shared.vision.matte import box, pieces
from vto_container.engines.compact_body import HAND
from vto_container.engines.compact_edges import Edges, read_edges
from vto_container.engines.compact_fill import grown
from vto_container.engines.compact_skin import MIN_SEEN
from vto_container.engines.compact_view import WAIST, View, capsule
from vto_container.engines.compact_warp import around

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shared.engines.base import Category

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
BAG_EDGE: Final = 0.04
"""Radius over which the edges of bags are evened, in shoulder widths."""
DRESS_CUT: Final = 0.91
"""Below where a dress stays as a skirt, unless the frame cuts it there, in lengths of the trunk below the shoulders."""
SUIT: Final = 0.3
"""Mean probability of accessories over the trunk from which they are clothes."""
TOP_LOW: Final = 1.05
"""How far a top may go on below what is seen of it, in lengths of the trunk below the shoulders."""


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
