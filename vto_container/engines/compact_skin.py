"""Skin that an old garment covered: in the tone of the face and of visible skin, round like a limb."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from shared.vision.matte import box
from vto_container.engines.compact_place import arm_edges
from vto_container.engines.compact_view import HAND_HALF, MIN_HAND, capsule
from vto_container.engines.compact_warp import around, extend, strip

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vto_container.engines.compact_body import Limb
    from vto_container.engines.compact_old import Old
    from vto_container.engines.compact_place import Placed
    from vto_container.engines.compact_view import View

MIN_SEEN: Final = 0.3
"""Visibility of a wrist from which a hand is kept and a forearm painted."""
BEHIND: Final = 0.15
"""Visibility of an elbow below which an arm is behind the body."""
BESIDE: Final = 0.42
"""How far from the middle a hand is beside the body, in shoulder widths."""
EDGE_SHADE: Final = 0.30
"""How much darker skin is at the edge of a limb than along its middle."""
GRAIN: Final = 2.0
MIN_SKIN: Final = 40
"""Pixels of visible skin from which its tone is measured."""
ARM_STEPS, SEEN_ACROSS = 24, 0.45
"""Parts of an arm along it, and the share of such a part from which on, where it is seen, nothing else is painted."""
LEG_AT: Final = (0.0, 0.3, 0.46, 0.54, 0.66, 0.85, 1.0, 1.12)
LEG_HALF: Final = (0.255, 0.215, 0.168, 0.152, 0.166, 0.118, 0.095, 0.1)
"""Half the width of a bare leg, in shoulder widths, at shares of its length: thigh, knee, calf and ankle."""
KNEE_SHADE: Final = 0.05
"""Depth of the shade under a kneecap."""
HEM_SHADE: Final = 0.3
"""Depth of the shadow that a garment casts on skin below it."""


def bust(view: View, placed: Placed | None = None) -> NDArray[Any]:
    """(h, w) bool: neck, shoulders and trunk of a body without clothes.

    Args:
        placed: a garment that covers the shoulders, if it has sleeves, and the trunk from the armpits down.
    """
    import numpy as np

    down = view.down * view.body.trunk / view.body.wide
    way = (view.body.chin - view.body.middle) / view.body.wide
    chin = min(float(way @ view.body.down), -0.25)
    half = np.interp(down, [chin, -0.24, -0.17, -0.1, 0.0, 0.3, 0.9, 1.4],
                     [0.17, 0.18, 0.26, 0.5, 0.56, 0.47, 0.4, 0.46])  # fmt: skip
    # The neck leads to the chin, wherever the head is.
    across = view.across - np.interp(down, [chin, -0.1], [float(way @ view.body.across), 0.0])
    whole = (np.abs(across) < half) & (down > chin) & (view.down < 1.05)
    if placed is None:
        return whole
    # Without sleeves the shoulders are bare next to a strap; with sleeves only the neck's opening is.
    beside = 0.42 if max(placed.reach) > 0 else 0.6
    return whole & (down < 0.55) & (np.abs(view.across) < beside)


def tone_of(view: View, seen: NDArray[Any]) -> NDArray[Any]:
    """(h, w, 3): the tone of skin, smooth: the face's, and that of visible skin nearby where it is similar.

    Tights and wooden doors are taken for skin, faces rarely are not.
    """
    import numpy as np
    from PIL import Image

    chin = float((view.body.chin - view.body.middle) @ view.body.down) / view.body.trunk
    face = seen & (view.down < chin + 0.03) & (np.abs(view.across) < 0.4)
    sure = face if face.sum() > MIN_SKIN else seen
    if sure.sum() < MIN_SKIN:
        return np.broadcast_to(np.array([188.0, 146.0, 122.0], np.float32), view.image.shape)
    values = view.image[sure]
    light = values.mean(1)
    low, high = np.percentile(light, [40, 92])
    middle = np.median(values[(light >= low) & (light <= high)], 0)
    # Of the same hue, lighter or darker.
    usual, values = seen.copy(), view.image[seen]
    ratio = values.mean(1) / max(1.0, float(middle.mean()))
    hue = np.abs(values / np.maximum(ratio, 0.1)[:, None] - middle).sum(1)
    usual[seen] = (hue < 60) & (ratio > 0.6) & (ratio < 1.4)
    if usual.sum() <= MIN_SKIN:
        return np.broadcast_to(middle.astype(np.float32), view.image.shape)
    # What is smooth needs no more than every second pixel.
    coarse = extend(view.image[::2, ::2], usual[::2, ::2].astype(np.float32))
    height, width = view.size
    box_of = (0.25, 0.25, width / 2 + 0.25, height / 2 + 0.25)
    whole = [
        Image.fromarray(np.ascontiguousarray(coarse[:, :, n])).transform(
            (width, height), Image.Transform.EXTENT, box_of, Image.Resampling.BILINEAR
        )
        for n in range(3)
    ]
    return np.stack([0.5 * np.asarray(one) for one in whole], 2) + np.asarray(0.5 * middle, np.float32)


def painted_trunk(
    view: View,
    tone: NDArray[Any],
    legs: tuple[NDArray[Any], NDArray[Any]] | None,
    covered: NDArray[Any],
    window: tuple[slice, slice],
) -> NDArray[Any]:
    """(rows, columns, 3): skin of trunk and legs: its tone, darker below the chin, towards the edges, and below a hem.

    Args:
        legs: as of `bare_legs`; None if they are not known yet.
        covered: (h, w) bool, where the new garment is.
        window: rows and columns that are painted.
    """
    import numpy as np

    down = view.down[window]
    chin = float((view.body.chin - view.body.middle) @ view.body.down) / view.body.trunk
    radius = max(2, round(0.07 * view.body.wide))
    inside = box(box(bust(view).astype(np.float32), radius), radius)[window]
    shade = 1 - EDGE_SHADE * 0.8 * (1 - inside).clip(0, 1)
    low = down > 1
    if low.any():
        across, along = (one[window] for one in legs or bare_legs(view))
        shade = np.where((np.abs(across) < 1) & low, _leg_light(across.clip(-1, 1), along), shade)
    shade = shade * (1 - 0.2 * np.exp(-(((down - chin) / 0.07) ** 2)) * (down > chin))
    if low.any():
        reach = max(2, round(0.05 * view.body.trunk))
        shade -= HEM_SHADE * box(box(covered.astype(np.float32), reach), reach)[window] * low
    grain = np.random.default_rng(1).normal(0, GRAIN, view.size)[window].astype(np.float32)
    return (tone[window] * shade[:, :, None] + grain[:, :, None]).clip(0, 255).astype(np.float32)


def _leg_light(across: NDArray[Any], along: NDArray[Any]) -> NDArray[Any]:
    """The light on a leg: it is round, its shin catches light, and there is shade under the kneecap."""
    import numpy as np

    light = 1.03 - EDGE_SHADE * np.abs(across) ** 2.2 - 0.05 * across + 0.05 * np.exp(-(((across + 0.2) / 0.4) ** 2))
    light -= KNEE_SHADE * np.exp(-(((along - 0.545) / 0.016) ** 2) - (across / 0.6) ** 2)
    light += KNEE_SHADE * np.exp(-(((along - 0.5) / 0.03) ** 2) - (across / 0.5) ** 2)
    return light - 0.1 * ((along - 0.9) / 0.12).clip(0, 1)


def bare_legs(view: View) -> tuple[NDArray[Any], NDArray[Any]]:
    """For each pixel where it is across the nearer leg, -1..1 from edge to edge, and along it, from hip to ankle."""
    import numpy as np

    found = [across_limb(view, limb) for limb in view.body.legs]
    nearer = np.abs(found[0][0]) <= np.abs(found[1][0])
    across, along = (np.where(nearer, found[0][n], found[1][n]).astype(np.float32) for n in (0, 1))
    return across, along


def across_limb(view: View, limb: Limb) -> tuple[NDArray[Any], NDArray[Any]]:
    """As `bare_legs`, of one leg."""
    import numpy as np

    y, x = np.indices(view.size).astype(np.float32)
    upper = float(np.hypot(*(limb.joints[1] - limb.joints[0]))) / max(1e-6, limb.length)
    ends = ((0.0, upper, -0.1, 1.0), (upper, 1.0, 0.0, LEG_AT[-1]))
    across, along = np.full(view.size, 9.0, np.float32), np.zeros(view.size, np.float32)
    for number, (first, last, least, most) in enumerate(ends):
        start, way = limb.joints[number], limb.joints[number + 1] - limb.joints[number]
        long = max(1e-6, float(np.hypot(*way)))
        share = ((x - start[0]) * way[0] + (y - start[1]) * way[1]) / long**2
        beyond = share - share.clip(least, most)
        at: NDArray[Any] = np.asarray(first + (last - first) * share.clip(least, most), np.float32)
        half = view.body.wide * np.interp(at, LEG_AT, LEG_HALF)
        sideways = ((x - start[0]) * way[1] - (y - start[1]) * way[0]) / long
        u = np.hypot(sideways, beyond * long) / half * np.sign(sideways)
        better = np.abs(u) < np.abs(across)
        across, along = np.where(better, u, across), np.where(better, at, along)
    return across, along


def painted_arm(
    view: View, old: Old, side: int, reach: float, hole: NDArray[Any], tone: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Colours and opacity of an arm: visible skin as it is, the rest painted round with its tone.

    Args:
        reach: of the new sleeve along the arm, 0..1.
        hole: (h, w) bool, what is painted.
        tone: as of `tone_of`.
    """
    import numpy as np

    limb = view.body.arms[side]
    visible = np.where(old.arms[side] > 0.4, old.arms[side], 0)
    hidden = limb.visible[1] < BEHIND or (limb.visible[2] < MIN_SEEN and view.body.arms[side].length <= 0)
    if hidden and visible.sum() < MIN_SKIN:
        return view.image, visible.astype(np.float32)
    *edges, reached = arm_edges(view.body, side, not _hand_seen(view, side))
    rows = len(edges[0])
    aside = abs(float((limb.joints[2] - view.body.middle) @ view.body.across)) > BESIDE * view.body.wide
    if limb.visible[2] < MIN_SEEN and _within(view, limb.joints[2]) and not aside:
        # A hand behind the back: the forearm is painted as far as the old sleeve was seen. An arm that the frame cuts
        # goes on to the frame, and one in a pocket to what stays of the pocket.
        rows = max(8, round(rows * 0.75 / reached))
    across = np.linspace(0, reached * rows / len(edges[0]), rows)
    places = (np.stack([np.full(rows, -1.0), across], 1), np.stack([np.full(rows, 1.0), across], 1))
    field = strip((edges[0][:rows], edges[1][:rows]), places, view.size)
    window = around(np.isfinite(field[:, :, 0]))
    field = field[window]
    there = np.isfinite(field[:, :, 0])
    u = np.where(there, field[:, :, 0], 0)
    round_shade = 1 - EDGE_SHADE * np.abs(u) ** 2.5 - 0.04 * u
    grain = np.random.default_rng(2 + side).normal(0, GRAIN, view.size)[window].astype(np.float32)
    painted = (tone[window] * round_shade[:, :, None] + grain[:, :, None]).clip(0, 255)
    cover = (there & hole[window]).astype(np.float32) * ((1.02 - np.abs(u)) * 12).clip(0, 1)
    along = np.where(there, field[:, :, 1], 0)
    cover *= ((along - reach + 0.12) * 20).clip(0, 1) if reach else 1
    cover = np.where(old.front[window] > 0.5, 0, cover)
    cover *= ~_seen_across(visible[window] > 0.4, there, along, reached)
    colours, opacity = view.image.copy(), visible.astype(np.float32)
    colours[window] = np.where((visible[window] > 0.4)[:, :, None], view.image[window], painted)
    opacity[window] = np.maximum(visible[window], cover)
    return colours, opacity


def _seen_across(visible: NDArray[Any], there: NDArray[Any], along: NDArray[Any], reached: float) -> NDArray[Any]:
    """(rows, columns) bool: where so much of an arm is seen that nothing of it is hidden beside that.

    Args:
        visible: skin of the arm.
        there: the strip of the arm.
        along: where in the strip it is along the arm, from 0 to `reached`.
    """
    import numpy as np

    steps = (along * (ARM_STEPS / max(reached, 1e-6))).astype(np.int64).clip(0, ARM_STEPS - 1)
    whole = np.bincount(steps[there], minlength=ARM_STEPS)
    seen = np.bincount(steps[there & visible], minlength=ARM_STEPS)
    return there & (seen > SEEN_ACROSS * np.maximum(whole, 1))[steps]


def _hand_seen(view: View, side: int) -> bool:
    """Whether skin is seen where a hand is: it is not painted then."""
    wrist, fingers = view.body.arms[side].joints[2], view.body.hands[side].mean(0)
    half = HAND_HALF * view.body.wide
    place = capsule(view.size, wrist, 2 * fingers - wrist, (half, half))
    return not place.any() or float((view.maps["skin"][place] > 0.4).mean()) > MIN_HAND


def _within(view: View, place: NDArray[Any]) -> bool:
    return 0 <= float(place[0]) < view.size[1] and 0 <= float(place[1]) < view.size[0]
