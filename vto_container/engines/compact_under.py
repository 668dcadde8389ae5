"""What is under an old garment: skin in the light of visible skin, the trousers it hung over, or the ground."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from shared.vision.matte import box
from vto_container.engines.compact_body import HAND, NECK_HALF
from vto_container.engines.compact_edges import Edges, read_edges
from vto_container.engines.compact_fill import fill
from vto_container.engines.compact_place import arm_edges
from vto_container.engines.compact_view import WAIST, View, capsule
from vto_container.engines.compact_warp import extend, strip

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shared.engines.base import Category
    from vto_container.engines.compact_place import Placed

CLOTHES: Final = ("upper", "outerwear", "lower", "full_body")
MIN_SEEN: Final = 0.3
"""Visibility of a wrist from which a hand is kept and a forearm painted."""
EDGE_SHADE: Final = 0.30
"""How much darker skin is at the edge of a limb than along its middle."""
GRAIN: Final = 2.0
TOP_LOW: Final = 1.05
"""How far a top may go on below what is seen of it, in lengths of the trunk below the shoulders."""
MIN_SKIN: Final = 40
"""Pixels of visible skin from which its tone is measured."""


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
    # Nothing is painted over a face, whatever class a beard or a shadow got.
    inner = (np.abs(across) < 0.3) & (down < chin - 0.04)
    front = np.maximum(front, inner * (view.maps["person"] > 0.3))
    front = np.maximum(front, view.maps["accessory"] * _carried(view))
    front = np.maximum(front, view.maps["footwear"])
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
    return Old(chance.astype(np.float32), edges, front.astype(np.float32), (arms[0], arms[1]), neck.astype(np.float32))


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
    gone = _grown(old.chance > 0.35, unit) & (old.front < 0.5)
    skin_seen = (view.maps["skin"] > 0.6) & person
    hole = gone & ~skin_seen
    legs = view.leg(0, 1.12) | view.leg(1, 1.12)
    hips = (np.abs(across) < 0.52) & (down > WAIST - 0.06) & (down < 1.2)
    trunk = _bust(view, placed)
    image = view.image.copy()
    if category == "upper":
        below = hole & (legs | hips) & person & (down > max(WAIST - 0.06, placed.hem - 0.1))
        midriff = _bust(view) & (down > placed.hem - 0.1) & (down < WAIST)
        flesh = hole & (trunk | midriff & person) & ~below
    else:
        below = np.zeros_like(hole)
        bare_legs = legs & (down > placed.hem - 0.12)
        flesh = hole & (bare_legs | (trunk if category == "dress" else np.zeros_like(trunk)))
    # Above new trousers or a skirt the top goes on.
    above = hole & person & (down < TOP_LOW) & (np.abs(across) < 0.6) if category == "lower" else np.zeros_like(hole)
    top = (view.any_of("upper", "outerwear") > 0.6) & ~gone
    if top.sum() <= MIN_SKIN:
        above &= False
    ground = hole & ~below & ~flesh & ~above
    todo = ground & ~covered
    sure_ground = ~_grown(view.maps["person"] > 0.35, 2 * unit) & ~gone
    image = fill(image, todo, sure_ground)
    lower = (view.any_of("lower", "full_body") > 0.6) & ~gone & (down > WAIST - 0.1) & (legs | hips)
    bare = skin_seen & legs
    image = _cloth(image, above & ~covered, top)
    if below.any():
        if lower.sum() > MIN_SKIN:
            image = _cloth(image, below, lower)
        elif bare.sum() > MIN_SKIN:
            flesh = flesh | below
        else:
            image = np.where(below[:, :, None], _dark(view), image)
    tone = _tone(view, skin_seen)
    image = np.where(flesh[:, :, None], _skin(view, tone, flesh, legs), image)
    image = _softened(view.image, image, hole, unit)
    arms = tuple(_arm(view, old, side, placed.reach[side], gone, skin_seen) for side in (0, 1))
    neck = ((np.abs(across) < NECK_HALF * 1.15) & (down < 0.3)).astype(np.float32) * (
        np.maximum(old.neck, (flesh & trunk).astype(np.float32))
    )
    forearms = tuple(_forearm(view, side) for side in (0, 1))
    return Under(image, (arms[0], arms[1]), (forearms[0], forearms[1]), _blur(neck, unit))


def _forearm(view: View, side: int) -> NDArray[Any]:
    """(h, w) bool: from a little above the elbow on."""
    shoulder, elbow, wrist = view.body.arms[side].joints
    wide = view.body.wide
    above = elbow + 0.12 * (shoulder - elbow)
    return capsule(view.size, above, elbow, (0.13 * wide, 0.14 * wide)) | capsule(
        view.size, elbow, wrist, (0.15 * wide, 0.13 * wide)
    )


def _grown(mask: NDArray[Any], radius: int) -> NDArray[Any]:
    import numpy as np

    return box(mask.astype(np.float32)[:, :, None], radius)[:, :, 0] > 1e-4


def _blur(field: NDArray[Any], radius: int) -> NDArray[Any]:
    return box(field[:, :, None], radius)[:, :, 0]


def _bust(view: View, placed: Placed | None = None) -> NDArray[Any]:
    """(h, w) bool: neck, shoulders and trunk of a body without clothes.

    Args:
        placed: a garment that covers the shoulders, if it has sleeves, and the trunk from the armpits down.
    """
    import numpy as np

    down = view.down * view.body.trunk / view.body.wide
    chin = float((view.body.chin - view.body.middle) @ view.body.down) / view.body.wide
    half = np.interp(down, [chin, -0.24, -0.17, -0.1, 0.0, 0.3, 0.9, 1.4],
                     [0.17, 0.18, 0.26, 0.5, 0.56, 0.47, 0.4, 0.46])  # fmt: skip
    whole = (np.abs(view.across) < half) & (down > chin) & (view.down < 1.05)
    if placed is None:
        return whole
    # Without sleeves the shoulders are bare next to a strap; with sleeves only the neck's opening is.
    beside = 0.42 if max(placed.reach) > 0 else 0.6
    return whole & (down < 0.55) & (np.abs(view.across) < beside)


def _cloth(image: NDArray[Any], hole: NDArray[Any], known: NDArray[Any]) -> NDArray[Any]:
    return fill(image, hole, known)


def _dark(view: View) -> NDArray[Any]:
    """A colour for trousers of which nothing can be seen."""
    import numpy as np

    return np.array([58.0, 60.0, 68.0], np.float32)


def _tone(view: View, seen: NDArray[Any]) -> NDArray[Any]:
    """(h, w, 3): the tone of skin, smooth: the face's, and that of visible skin nearby where it is similar.

    Tights and wooden doors are taken for skin, faces rarely are not.
    """
    import numpy as np

    chin = float((view.body.chin - view.body.middle) @ view.body.down) / view.body.trunk
    face = seen & (view.down < chin + 0.03) & (np.abs(view.across) < 0.4)
    sure = face if face.sum() > MIN_SKIN else seen
    if sure.sum() < MIN_SKIN:
        return np.broadcast_to(np.array([188.0, 146.0, 122.0], np.float32), view.image.shape)
    values = view.image[sure]
    light = values.mean(1)
    low, high = np.percentile(light, [25, 92])
    middle = np.median(values[(light >= low) & (light <= high)], 0)
    # Of the same hue, lighter or darker.
    ratio = view.image.mean(2) / max(1.0, float(middle.mean()))
    hue = np.abs(view.image / np.maximum(ratio, 0.1)[:, :, None] - middle).sum(2)
    usual = seen & (hue < 60) & (ratio > 0.6) & (ratio < 1.4)
    if usual.sum() <= MIN_SKIN:
        return np.broadcast_to(middle.astype(np.float32), view.image.shape)
    return (0.5 * extend(view.image, usual.astype(np.float32)) + 0.5 * middle).astype(np.float32)


def _skin(view: View, tone: NDArray[Any], flesh: NDArray[Any], legs: NDArray[Any]) -> NDArray[Any]:
    """Skin of trunk and legs: its tone, darker below the chin and towards the edges."""
    import numpy as np

    shade = np.ones(view.size, np.float32)
    chin = float((view.body.chin - view.body.middle) @ view.body.down) / view.body.trunk
    shade -= 0.2 * np.exp(-(((view.down - chin) / 0.07) ** 2)) * (view.down > chin)
    radius = max(2, round(0.07 * view.body.wide))
    inside = _blur(_blur((legs | _bust(view)).astype(np.float32), radius), radius)
    shade -= EDGE_SHADE * (1 - inside).clip(0, 1) * 0.8
    grain = np.random.default_rng(1).normal(0, GRAIN, view.size).astype(np.float32)
    return (tone * shade[:, :, None] + grain[:, :, None]).clip(0, 255)


def _softened(before: NDArray[Any], after: NDArray[Any], hole: NDArray[Any], unit: int) -> NDArray[Any]:
    """The painted image, faded into the original over a few pixels outside the hole."""
    import numpy as np

    share = _blur(_grown(hole, max(1, unit // 2)).astype(np.float32), max(1, unit // 2))
    share = np.maximum(share, hole)[:, :, None]
    return before + (after - before) * share


def _arm(
    view: View, old: Old, side: int, reach: float, gone: NDArray[Any], seen: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Colours and opacity of an arm: visible skin as it is, the rest painted round with its tone."""
    import numpy as np

    limb = view.body.arms[side]
    visible = np.where(old.arms[side] > 0.4, old.arms[side], 0)
    hidden = limb.visible[1] < MIN_SEEN or (limb.visible[2] < MIN_SEEN and view.body.arms[side].length <= 0)
    if hidden and visible.sum() < MIN_SKIN:
        return view.image, visible.astype(np.float32)
    edges = arm_edges(view.body, side)
    rows = len(edges[0])
    if limb.visible[2] < MIN_SEEN:
        # A hand behind the back or in a pocket: the forearm is painted as far as the old sleeve was seen.
        rows = max(8, rows * 3 // 4)
    across = np.linspace(0, rows / len(edges[0]), rows)
    places = (np.stack([np.full(rows, -1.0), across], 1), np.stack([np.full(rows, 1.0), across], 1))
    field = strip((edges[0][:rows], edges[1][:rows]), places, view.size)
    there = np.isfinite(field[:, :, 0])
    u = np.where(there, field[:, :, 0], 0)
    tone = _tone(view, seen)
    round_shade = 1 - EDGE_SHADE * np.abs(u) ** 2.5 - 0.04 * u
    grain = np.random.default_rng(2 + side).normal(0, GRAIN, view.size).astype(np.float32)
    painted = (tone * round_shade[:, :, None] + grain[:, :, None]).clip(0, 255)
    cover = (there & gone & ~seen).astype(np.float32) * ((1.02 - np.abs(u)) * 12).clip(0, 1)
    along = np.where(there, field[:, :, 1], 0)
    cover *= ((along - reach + 0.12) * 20).clip(0, 1) if reach else 1
    cover = np.where(old.front > 0.5, 0, cover)
    share = (visible > 0.4)[:, :, None]
    return np.where(share, view.image, painted), np.maximum(visible, cover).astype(np.float32)
