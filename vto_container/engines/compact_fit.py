"""Fit the outline of a placed garment to that of the old one, where the two are close.

Landmarks say where a garment goes, the old garment's outline says how wide this body is and where its clothes end. So
every part of the old outline attracts a near part of the new one that faces the same way. What is far from it stays
where the landmarks put it: a long sleeve over a bare arm, a dress over trousers. Fabric in
between moves along smoothly.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from shared.vision.matte import box
from vto_container.engines.compact_warp import extend, inside_of, sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shared.engines.base import Category
    from vto_container.engines.compact_old import Old
    from vto_container.engines.compact_parts import Parts
    from vto_container.engines.compact_place import Placed
    from vto_container.engines.compact_view import View

STEP: Final = 4
"""Pixels of the view per cell of the map on which outlines are compared."""
NEAR: Final = 0.24
"""How far an edge may be moved, in shoulder widths."""
ROUNDS: Final = (0.16, 0.12, 0.09, 0.07, 0.06)
"""Smoothness of the movement in each round, in shoulder widths."""
SAME_WAY: Final = 0.5
"""Least cosine of the angle between two parts of outlines that belong together."""
ALONG: Final = 3.0
"""How much a distance along an edge counts, relative to one across it."""
NECK, NECK_DOWN = 0.42, 0.6
"""Half the width, in shoulder widths, and the depth, in lengths of the trunk, of where necklines are."""
SKIRT_DOWN: Final = 1.05
"""Where a skirt leaves the body, in lengths of the trunk."""
ARMHOLE: Final = (0.45, 0.5)
"""How far beside the middle, in shoulder widths, and down to where, in lengths of the trunk, armholes are."""
SHORT_SLEEVE, HIDDEN_ARM = 0.6, 2.2
"""How far a sleeve reaches along the arm that does not cover the forearm, and how much wider than an arm a coat is."""
MIN_EDGE: Final = 12
"""Cells of the old outline below which it says nothing."""


def fit(placed: Placed, parts: Parts, view: View, old: Old, category: Category, legs: bool) -> Placed:
    """The garment with its outline moved to the old one where that is near.

    Args:
        parts: opacities of the garment's parts in its photo.
        legs: whether the garment has legs.
    """
    import numpy as np

    before = old.chance[::STEP, ::STEP]
    wanted = _edge(before)
    wanted &= ~_undecided(view, old, category)
    if category != "lower" and max(placed.reach) == 0:
        # Sleeves say nothing about the armholes of a garment without sleeves.
        beside = (np.abs(view.across) > ARMHOLE[0]) & (view.down < ARMHOLE[1])
        wanted &= ~beside[::STEP, ::STEP]
    if (arms := hidden_arms(placed, view)) is not None:
        wanted &= ~arms[::STEP, ::STEP]
    if legs:
        # A dress or a coat says nothing about trousers.
        wanted &= box(view.maps["lower"][::STEP, ::STEP], 1) > 0.35
    if not legs and category != "upper":
        # Legs of trousers say nothing about a skirt.
        wanted &= view.down[::STEP, ::STEP] < SKIRT_DOWN
    if wanted.sum() < MIN_EDGE:
        return placed
    unit = view.body.wide / STEP
    now = opacity(placed, parts)
    old_places, old_ways = np.argwhere(wanted), _outwards(before)[wanted]
    moved = np.zeros((*now.shape, 2), np.float32)
    y, x = np.indices(now.shape).astype(np.float32)
    here = np.stack([x, y], 2)
    for smooth in ROUNDS:
        current = sample(now[:, :, None], here + moved)[:, :, 0]
        edge = _edge(current)
        if not edge.any():
            return placed
        new_places = np.argwhere(edge)
        partner, free = _partners(old_places, old_ways, new_places, _outwards(current)[edge], NEAR * unit)
        found = partner >= 0
        steps, known = np.zeros_like(moved), np.zeros(now.shape, np.float32)
        # What has no partner stays, and so does the cloth near it.
        at = new_places[free]
        known[at[:, 0], at[:, 1]] = 0.5
        at = old_places[found]
        ways = old_ways[found]
        # Only across the edge: along it, nothing says which part belongs to which.
        apart = ((new_places[partner[found]] - at) * ways).sum(1)
        steps[at[:, 0], at[:, 1]] = (apart[:, None] * ways)[:, ::-1]
        known[at[:, 0], at[:, 1]] = 1.0
        radius = max(1, round(smooth * unit))
        change = box(box(extend(steps, known), radius), radius)
        moved = change + sample(moved, here + change)
        length = np.hypot(moved[:, :, 0], moved[:, :, 1])
        moved *= np.minimum(1, NEAR * unit / np.maximum(length, 1e-6))[:, :, None]
    cover = (now > 0.01) | (sample(now[:, :, None], here + moved)[:, :, 0] > 0.01)
    return _moved(placed, view, moved * STEP, cover)


def hidden_arms(placed: Placed, view: View) -> NDArray[Any] | None:
    """(h, w) bool: where the old garment hides arms that are guessed, beside short sleeves: its outline there is that
    of an arm. None if there are none."""
    import numpy as np

    sides = [n for n in (0, 1) if 0 < placed.reach[n] < SHORT_SLEEVE and view.body.arms[n].visible[2] == 0]
    return np.any([view.arm(side, HIDDEN_ARM) for side in sides], 0) if sides else None


def opacity(placed: Placed, parts: Parts, step: int = STEP) -> NDArray[Any]:
    """(rows, columns): the garment's opacity on every `step`th pixel of the view."""
    import numpy as np

    found = np.zeros(placed.trunk[::step, ::step].shape[:2], np.float32)
    for field, opacity in zip((placed.trunk, *placed.sleeves), (parts.trunk + parts.behind, *parts.sleeves),
                              strict=True):  # fmt: skip
        if field is None:
            continue
        small = field[::step, ::step]
        inside = inside_of(small, (opacity.shape[0], opacity.shape[1]))
        found[inside] = np.maximum(found[inside], sample(opacity[:, :, None], small[inside][None])[0, :, 0])
    return found


def _edge(cover: NDArray[Any]) -> NDArray[Any]:
    """bool: the cells of a part that touch what is not part of it; the frame of the view is no edge."""
    import numpy as np

    inside = box(cover.astype(np.float32), 1) > 0.5
    padded = np.pad(inside, 1, mode="edge")
    whole = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return inside & ~whole


def _outwards(cover: NDArray[Any]) -> NDArray[Any]:
    """(rows, columns, 2): unit vectors, y and x, out of a part."""
    import numpy as np

    soft = box(box(cover.astype(np.float32), 2), 2)
    way: NDArray[Any] = -np.stack([np.asarray(np.gradient(soft, axis=axis)) for axis in (0, 1)], 2)
    return way / np.maximum(np.hypot(way[:, :, 0], way[:, :, 1]), 1e-6)[:, :, None]


def _undecided(view: View, old: Old, category: Category) -> NDArray[Any]:
    """bool: where the old outline says nothing about the body: hidden, a neckline, an armhole, a dress cut in two."""
    import numpy as np

    front, across, down = (one[::STEP, ::STEP] for one in (old.front, view.across, view.down))
    hidden = box(front, 2) > 0.12
    # A neckline is the garment's own, whatever the old one was like.
    hidden |= (np.abs(across) < NECK) & (down < NECK_DOWN)
    # So is an armhole: next to skin, an edge does not show how wide the body is.
    skin = box(view.maps["skin"][::STEP, ::STEP], 2) > 0.12
    hidden |= skin & (down < NECK_DOWN)
    if category != "dress":
        both = view.maps["full_body"][::STEP, ::STEP] > 0.5
        hidden |= both & (np.abs(down - 0.95) < 0.2)
    return hidden


def _partners(
    wanted: NDArray[Any], wanted_ways: NDArray[Any], edge: NDArray[Any], edge_ways: NDArray[Any], near: float
) -> tuple[NDArray[Any], NDArray[Any]]:
    """For each wanted place the number of the edge's nearest one that faces the same way, or -1; and which of the
    edge's places have none."""
    import numpy as np

    way = edge[None].astype(np.float32) - wanted[:, None].astype(np.float32)
    across = (way * wanted_ways[:, None]).sum(2)
    along = way[:, :, 1] * wanted_ways[:, None, 0] - way[:, :, 0] * wanted_ways[:, None, 1]
    same = wanted_ways @ edge_ways.T
    cost = np.where(same > SAME_WAY, np.hypot(across, ALONG * along) * (2 - same), np.inf)
    partner = cost.argmin(1)
    return np.where(cost.min(1) <= near, partner, -1), cost.min(0) > near


def _moved(placed: Placed, view: View, moved: NDArray[Any], cover: NDArray[Any]) -> Placed:
    """The fields of a garment after a movement.

    Args:
        moved: (rows, columns, 2) on the map, in pixels.
        cover: (rows, columns) bool, where the garment was or is.
    """
    import numpy as np

    rows, columns = np.flatnonzero(cover.any(1)), np.flatnonzero(cover.any(0))
    top, low = max(0, int(rows[0]) - 1), int(rows[-1]) + 2
    left, right = max(0, int(columns[0]) - 1), int(columns[-1]) + 2
    window = (slice(top * STEP, low * STEP), slice(left * STEP, right * STEP))
    height, width = placed.trunk[window].shape[:2]
    places = np.stack([_full(moved[:, :, n], (left, top), (height, width)) for n in (0, 1)], 2)
    places[:, :, 0] += np.arange(left * STEP, left * STEP + width, dtype=np.float32)[None]
    places[:, :, 1] += np.arange(top * STEP, top * STEP + height, dtype=np.float32)[:, None]
    nearest = np.rint(places).astype(int).clip(0, (placed.trunk.shape[1] - 1, placed.trunk.shape[0] - 1))

    def through(field: NDArray[Any]) -> NDArray[Any]:
        found = sample(field, places)
        # Next to the edge of a strip there is nothing to interpolate with.
        edge = ~np.isfinite(found[:, :, 0])
        found[edge] = field[nearest[edge][:, 1], nearest[edge][:, 0]]
        whole = field.copy()
        whole[window] = found
        return whole

    sleeves = [None if one is None else through(one) for one in placed.sleeves]
    bottom = view.body.place(0, placed.hem * view.body.trunk)
    cell = (bottom / STEP).astype(int).clip(0, (moved.shape[1] - 1, moved.shape[0] - 1))
    hem = placed.hem - float(moved[cell[1], cell[0]] @ view.body.down) / view.body.trunk
    return replace(placed, trunk=through(placed.trunk), sleeves=(sleeves[0], sleeves[1]), hem=hem)


def _full(values: NDArray[Any], start: tuple[int, int], size: tuple[int, int]) -> NDArray[Any]:
    """A window of a field on the map, in pixels of the view; cell n is at pixel `STEP * n`."""
    import numpy as np
    from PIL import Image

    corner = (start[0] + 0.5 - 0.5 / STEP, start[1] + 0.5 - 0.5 / STEP)
    box_of = (*corner, corner[0] + size[1] / STEP, corner[1] + size[0] / STEP)
    padded = np.pad(values, ((0, 1), (0, 1)), mode="edge")
    image = Image.fromarray(np.ascontiguousarray(padded, np.float32))
    return np.asarray(image.transform((size[1], size[0]), Image.Transform.EXTENT, box_of, Image.Resampling.BILINEAR))
