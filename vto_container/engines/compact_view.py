"""The part of the person's image that is worked on, and what is known of every pixel of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from shared.vision import matte, person
from shared.vision.person import Person
from shared.vto.errors import CategoryMismatch, NoPerson
from vto_container.engines import compact_body
from vto_container.engines.compact_body import ARM, LEG, Body

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shared.engines.base import Category

VIEW_SIDE: Final = 768
"""Longest side of the view in pixels."""
MATTE_SIDE: Final = 320
MIN_OLD_SHARE: Final = 0.004
"""Share of the view that the part of the body must fill which a garment goes on."""
WAIST: Final = 0.86
"""Where the waist is, in lengths of the trunk below the shoulders."""

HAND_HALF, MIN_HAND = 0.13, 0.25
"""Half the width of a hand, and the share of its place that must be skin for it to be seen."""
MIN_ELBOW: Final = 0.1
"""Visibility of an elbow up to which only the direction of the upper arm is believed."""
HEAD: Final = (0.4, 0.5)
"""Down to where, in lengths of the trunk below the shoulders, and how far beside the middle, in shoulder widths, skin
is that of face and neck."""
GUESSED, SHORT_ARM = 0.6, 1.1
"""Visibility of elbow and wrist below which an arm is guessed, and the length in shoulder widths below which such an
arm is too short."""
NECK_SHORT, NECK_USUAL, SHOULDER_ROUND = 0.34, 0.57, 0.08
"""Distance from the nose down to the shoulders, in shoulder widths, below which they may have been found in a hat, and
the usual one; and the radius around a shoulder in which clothes or skin are looked for."""

WORN: Final = ("upper", "outerwear", "lower", "full_body")
UNSURE: Final = (0.03, 0.9)
"""Share of an accessory, next to clothes, between which colour decides."""
HELD: Final = 0.4
"""How far from a hand something is held in it, in shoulder widths."""
SURE, BESIDE = (0.9, 0.5), 0.015
"""Share and probability of what surely is carried, and how far around it colour takes nothing away from it, as a share
of the view."""
BINS, MAX_ODDS, SMOOTH = 16, 3.0, 0.006
"""Bins of each channel, the largest log odds of a colour, and the radius of their mean as a share of the view."""


@dataclass(frozen=True)
class View:
    """A rectangle of the person's image at the working resolution.

    Args:
        window: (left, top, right, low) in pixels of the image.
        image: (h, w, 3) float32 in 0..255.
        body: in pixels of the view.
        maps: (h, w) float32 in 0..1 by name: the classes, and `person`.
        across, down: (h, w) coordinates in the trunk's frame, in shoulder widths and in trunk lengths.
    """

    window: tuple[int, int, int, int]
    image: NDArray[Any]
    body: Body
    maps: dict[str, NDArray[Any]]
    across: NDArray[Any]
    down: NDArray[Any]
    certainty: float

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.image.shape[0], self.image.shape[1]

    def any_of(self, *names: str) -> NDArray[Any]:
        """(h, w): probability of any of the classes."""
        return sum((self.maps[name] for name in names[1:]), self.maps[names[0]])

    def arm(self, side: int, ease: float = 1.0) -> NDArray[Any]:
        """(h, w) bool: within an arm of usual width, times `ease`."""
        return _limb(self, self.body.arms[side], ARM, ease)

    def leg(self, side: int, ease: float = 1.0) -> NDArray[Any]:
        """(h, w) bool: within a leg of usual width, times `ease`."""
        return _limb(self, self.body.legs[side], LEG, ease)


def _limb(view: View, limb: compact_body.Limb, widths: tuple[float, ...], ease: float) -> NDArray[Any]:
    import numpy as np

    height, width = view.size
    found = np.zeros((height, width), bool)
    for number in (0, 1):
        start, end = limb.joints[number], limb.joints[number + 1]
        found |= capsule(view.size, start, end, (widths[number] * view.body.wide * ease,
                                                 widths[number + 1] * view.body.wide * ease))  # fmt: skip
    return found


def capsule(size: tuple[int, int], start: NDArray[Any], end: NDArray[Any], radii: tuple[float, float]) -> NDArray[Any]:
    """(h, w) bool: within a distance of the segment between two points that goes from one radius to the other."""
    import numpy as np

    found = np.zeros(size, bool)
    reach = max(radii) + 1
    low = np.floor(np.minimum(start, end) - reach).astype(int).clip(0)
    high = np.ceil(np.maximum(start, end) + reach).astype(int).clip(0)
    high = np.minimum(high, (size[1], size[0]))
    if (low >= high).any():
        return found
    x = np.arange(low[0], high[0], dtype=np.float32)[None]
    y = np.arange(low[1], high[1], dtype=np.float32)[:, None]
    way = end - start
    share = (((x - start[0]) * way[0] + (y - start[1]) * way[1]) / max(1e-6, float(way @ way))).clip(0, 1)
    away = np.hypot(x - start[0] - share * way[0], y - start[1] - share * way[1])
    found[low[1] : high[1], low[0] : high[0]] = away <= radii[0] + share * (radii[1] - radii[0])
    return found


def read_view(image: NDArray[Any], category: Category) -> View:
    """The person in an image (h, w, 3) uint8, at the working resolution.

    Raises:
        NoPerson: no person was found in the image.
        PoseNotFound, PoseNotSupported: as `compact_body.require_supported`.
        CategoryMismatch: it does not show the part of the body that the garment is worn on.
    """
    import numpy as np
    from PIL import Image

    found = person.find(image)
    if found is None or found.mask.max() < 0.5:
        raise NoPerson("no person was found in the image", field="person")
    compact_body.require_supported(found.pose, category)
    left, top, right, low = (int(edge) for edge in found.box)
    scale = min(1.0, VIEW_SIDE / max(right - left, low - top))
    width, height = max(16, round((right - left) * scale)), max(16, round((low - top) * scale))
    cut = Image.fromarray(image[top:low, left:right])
    pixels = np.asarray(cut if scale == 1 else cut.resize((width, height), Image.Resampling.BOX))
    height, width = pixels.shape[:2]
    body = compact_body.read_body(found.pose, (left, top), scale)
    x, y = np.arange(width, dtype=np.float32)[None], np.arange(height, dtype=np.float32)[:, None]
    maps = {
        name: _window(found.classes[number], found, (left, top, right, low), (height, width))
        for number, name in enumerate(found.labels)
    }
    maps["person"] = _refined(_window(found.mask, found, (left, top, right, low), (height, width)), pixels)
    body = lowered(body, maps)
    maps |= by_colour(maps, pixels, body)
    across, down = body.frame(x, y)
    view = View((left, top, right, low), pixels.astype(np.float32), body, maps, across / body.wide,
                down / body.trunk, found.certainty)  # fmt: skip
    view = replace(view, body=straightened(view))
    _require_part(view, category)
    return view


def by_colour(maps: Mapping[str, NDArray[Any]], pixels: NDArray[Any], body: Body) -> dict[str, NDArray[Any]]:
    """Accessories and clothes, where the parser is unsure which it sees, by what usually has their colour.

    Belts and ties, sleeves of coats over the shoulders, and what of a coat is beside a bag. What is next to a hand is
    held.
    """
    import numpy as np

    carried, worn = maps["accessory"], sum(maps[name] for name in WORN)
    both = carried + worn
    share = carried / np.maximum(both, 1e-6)
    seen = both > 0.5
    unsure = seen & (share > UNSURE[0]) & (share < UNSURE[1])
    if not unsure.any():
        return {}
    steps = (pixels[seen] // (256 // BINS)).astype(np.int64)
    index = (steps[:, 0] * BINS + steps[:, 1]) * BINS + steps[:, 2]
    counts = [np.bincount(index, part, BINS**3) for part in (share[seen] ** 4, (1 - share[seen]) ** 4)]
    odds = np.zeros(both.shape, np.float32)
    odds[seen] = np.log((counts[0] + 1) / (counts[1] + 1)).clip(-MAX_ODDS, MAX_ODDS)[index]
    for hand in body.hands:
        middle = hand.mean(0)
        odds[capsule(odds.shape, middle, middle, (HELD * body.wide, HELD * body.wide))] = 0
    # A bag has no gaps at its edges, where the parser's map is soft and its own shade is that of dark clothes.
    sure = (share > SURE[0]) & (carried > SURE[1])
    if sure.any():
        beside = matte.box(sure.astype(np.float32), max(1, round(BESIDE * max(both.shape)))) > 1e-4
        odds = np.where(beside, np.maximum(odds, 0), odds)
    radius = max(1, round(SMOOTH * max(both.shape)))
    odds = (matte.box(odds, radius) / np.maximum(matte.box(seen.astype(np.float32), radius), 1e-3))[unsure]
    revised = share.copy()
    revised[unsure] = 1 / (1 + (1 - share[unsure]) / share[unsure] * np.exp(-odds))
    left = (1 - revised) / np.maximum(1 - share, 1e-6)
    return {"accessory": both * revised, **{name: maps[name] * left for name in WORN}}


def lowered(body: Body, maps: Mapping[str, NDArray[Any]]) -> Body:
    """The body with its shoulders at the usual distance below the nose, if they were found in a hat or in hair.

    Shoulders that are drawn up, or a bowed head, bring them as near to the nose, but then they are seen in clothes or
    bare. The arms of wrong shoulders are wrong, too: they hang.
    """
    import numpy as np

    height = float((body.middle - body.nose) @ body.down)
    if height >= NECK_SHORT * body.wide:
        return body
    shown = np.sum([maps[name] for name in (*WORN, "skin")], 0)
    radius = SHOULDER_ROUND * body.wide
    for shoulder in body.shoulders:
        place = capsule(shown.shape, shoulder, shoulder, (radius, radius))
        if place.any() and float(shown[place].mean()) > 0.5:
            return body
    move = (NECK_USUAL * body.wide - height) * body.down
    legs = [
        limb if limb.visible[0] > 0.5 else compact_body.Limb(limb.joints + move, limb.visible) for limb in body.legs
    ]
    hips = np.stack([limb.joints[0] for limb in legs])
    shoulders = body.shoulders + move
    trunk = hips.mean(0) - shoulders.mean(0)
    length = max(1.0, float(np.hypot(*trunk)))
    down = trunk / length
    body = replace(body, shoulders=shoulders, hips=hips, legs=(legs[0], legs[1]), trunk=length, down=down,
                   across=np.array([down[1], -down[0]]))  # fmt: skip
    arms = [compact_body.Limb(_hanging(body, side), np.array([1.0, GUESSED, 0.0])) for side in (0, 1)]
    return replace(body, arms=(arms[0], arms[1]), hands=(body.hands[0] + move, body.hands[1] + move))


def straightened(view: View) -> Body:
    """The body without the arms that the pose network invents.

    An arm is straight whose elbow is outside the image, or not seen at all, and whose hand is not seen: its forearm was
    folded into the image. One that a wide coat hides and that is folded up or too short is like the other arm.
    """
    import numpy as np

    body = view.body
    seen = [_hand_seen(view, side) for side in (0, 1)]
    invented = [_invented(body, side) for side in (0, 1)]
    arms: list[compact_body.Limb] = []
    for side, arm in enumerate(body.arms):
        shoulder, elbow, _ = arm.joints
        inside = (elbow >= 0).all() and elbow[0] < view.size[1] and elbow[1] < view.size[0]
        if not (inside and arm.visible[1] > MIN_ELBOW) and not seen[side]:
            joints = np.stack([shoulder, elbow, 2 * elbow - shoulder])
            arm = compact_body.Limb(joints, np.array([arm.visible[0], arm.visible[1], 0.0]))
        elif invented[side]:
            joints = _hanging(body, side) if invented[1 - side] else _mirrored(body, side)
            arm = compact_body.Limb(joints, np.array([arm.visible[0], arm.visible[1], 0.0]))
        arms.append(arm)
    return replace(body, arms=(arms[0], arms[1]))


def _hand_seen(view: View, side: int) -> bool:
    """Whether skin is seen where a hand is, other than that of face and neck."""
    import numpy as np

    wrist = view.body.arms[side].joints[2]
    way = view.body.hands[side].mean(0) - wrist
    half = HAND_HALF * view.body.wide
    hand = capsule(view.size, wrist, wrist + way, (half, half))
    if view.body.arms[side].visible[1] <= MIN_ELBOW:
        hand &= ~((view.down < HEAD[0]) & (np.abs(view.across) < HEAD[1]))
    return bool(hand.any()) and float((view.maps["skin"][hand] > 0.4).mean()) > MIN_HAND


def _invented(body: Body, side: int) -> bool:
    """Whether an arm that can't be seen is folded up, or shorter than arms are. A hand before the face is seen."""
    arm = body.arms[side]
    shoulder, elbow, wrist = ((joint - body.middle) @ body.down for joint in arm.joints)
    unseen = float(arm.visible[1:].max()) < GUESSED
    return unseen and (wrist < elbow or elbow < shoulder or arm.length < SHORT_ARM * body.wide)


def _mirrored(body: Body, side: int) -> NDArray[Any]:
    """The joints of the other arm, mirrored."""
    import numpy as np

    way = body.arms[1 - side].joints - body.shoulders[1 - side]
    return body.shoulders[side] + way - 2 * np.outer(way @ body.across, body.across)


def _hanging(body: Body, side: int) -> NDArray[Any]:
    """The joints of an arm that hangs."""
    import numpy as np

    outwards = (-1, 1)[side] * body.across
    steps = [0 * outwards, 0.85 * body.down + 0.1 * outwards, 1.6 * body.down + 0.12 * outwards]
    return body.shoulders[side] + body.wide * np.stack(steps)


def _window(field: NDArray[Any], found: Person, window: tuple[int, int, int, int],
            size: tuple[int, int]) -> NDArray[Any]:  # fmt: skip
    import numpy as np
    from PIL import Image

    sx, sy = found.scale
    box = (window[0] * sx, window[1] * sy, window[2] * sx, window[3] * sy)
    image = Image.fromarray(np.ascontiguousarray(field, np.float32))
    if (box[2] - box[0]) < size[1] and (box[3] - box[1]) < size[0]:
        return np.asarray(image.resize((size[1], size[0]), Image.Resampling.BILINEAR, box))
    return np.asarray(image.transform((size[1], size[0]), Image.Transform.EXTENT, box, Image.Resampling.BILINEAR))


def _refined(chance: NDArray[Any], pixels: NDArray[Any]) -> NDArray[Any]:
    """The person's mask aligned with the edges of the image, where it is unsure."""
    import numpy as np
    from PIL import Image

    height, width = chance.shape
    reduced = Image.fromarray(pixels)
    reduced.thumbnail((MATTE_SIDE, MATTE_SIDE), Image.Resampling.BOX)
    coarse = Image.fromarray(chance).resize((max(8, reduced.width // 2), max(8, reduced.height // 2)),
                                            Image.Resampling.BOX)  # fmt: skip
    fine = Image.fromarray(matte.alpha(np.asarray(coarse), np.asarray(reduced)))
    large = np.asarray(fine.resize((width, height), Image.Resampling.BILINEAR), np.float32) / 255
    return np.where((chance > 0.1) & (chance < 0.9), large, chance)


def _require_part(view: View, category: Category) -> None:
    import numpy as np

    if category == "upper":
        part = (np.abs(view.across) < 0.6) & (view.down > 0) & (view.down < 0.6)
    else:
        part = (np.abs(view.across) < 0.8) & (view.down > 1.05) & (view.down < 1.8)
    seen = (part & (view.maps["person"] > 0.5)).mean()
    whole = 0.3 * view.body.wide * view.body.trunk / part.size
    if seen < MIN_OLD_SHARE or seen < (0.25 if category == "upper" else 0.4) * whole:
        raise CategoryMismatch(
            f"the image does not show where a garment of the category {category} goes", field="category"
        )
