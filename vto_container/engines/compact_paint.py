"""Put the layers together, from the back to the front: what was under the old garment, the inside of the new one, the
neck, its trunk, bare arms, its sleeves, and what is in front of clothes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from shared.vision.matte import box
from vto_container.engines.compact_light import WEIGHTS, light_of
from vto_container.engines.compact_view import capsule
from vto_container.engines.compact_warp import around, extend, inside_of, sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vto_container.engines.compact_garment import Garment
    from vto_container.engines.compact_old import Old
    from vto_container.engines.compact_parts import Parts
    from vto_container.engines.compact_place import Placed
    from vto_container.engines.compact_under import Under
    from vto_container.engines.compact_view import View

SIDE_SHADE: Final = 0.16
"""How much darker fabric is at the edge of a body than in its middle."""
SHADOW: Final = 0.22
"""Depth of the shadow of a sleeve on the trunk."""

EVEN, EVEN_TRUNK = 0.02, 0.012
"""Radius over which the edges of sleeves and legs, and of a trunk, are evened, in shoulder widths."""


CUFF, ARM_ROUND, MIN_BARE = 0.05, 0.17, 12
"""How far from its cuff, in arm lengths, a sleeve covers the arm; how far from the bone, in shoulder widths, its skin
is looked for; and how many pixels of it matter."""


@dataclass(frozen=True)
class Painted:
    """The painted view.

    Args:
        image: (h, w, 3) float32 in 0..255.
        edit: (h, w) in 0..1: how much of it replaces the original.
        garment: (h, w) in 0..1: where the new garment is seen.
    """

    image: NDArray[Any]
    edit: NDArray[Any]
    garment: NDArray[Any]


@dataclass(frozen=True)
class Layers:
    """Colours (h, w, 3) and opacities (h, w) of the warped garment."""

    trunk: tuple[NDArray[Any], NDArray[Any]]
    behind: NDArray[Any]
    sleeves: tuple[tuple[NDArray[Any], NDArray[Any]] | None, tuple[NDArray[Any], NDArray[Any]] | None]

    @property
    def covered(self) -> NDArray[Any]:
        """(h, w) bool: what the garment hides."""
        found = self.trunk[1] > 0.97
        for sleeve in self.sleeves:
            if sleeve is not None:
                found = found | (sleeve[1] > 0.97)
        return found


def warp(garment: Garment, parts: Parts, placed: Placed, solid: NDArray[Any], wide: float) -> Layers:
    """The garment's parts in the view.

    Args:
        wide: distance of the shoulders in the view.
        solid: (h, w, 3) float32, the garment's photo with its colours extended beyond its outline.
    """
    import numpy as np

    height, width = garment.alpha.shape

    def layer(field: NDArray[Any], *opacities: NDArray[Any]) -> list[NDArray[Any]]:
        stack = np.concatenate([solid, *(one[:, :, None] for one in opacities)], 2)
        found, inside = sample(stack, field), inside_of(field, (height, width))
        return [found[:, :, :3], *(np.where(inside, found[:, :, 3 + n], 0) for n in range(len(opacities)))]

    radius = max(1, round(EVEN * wide))
    if (fine := int(reduction(placed.trunk) / 2)) > 0:
        solid = box(solid, fine)
    if garment.shape == "legs":
        colours, trunk, behind = layer(placed.trunk, parts.trunk, parts.behind)
        colours, trunk = _even(colours, trunk, np.isfinite(placed.trunk[:, :, 0]), radius)
    else:
        # A spline goes on beyond the photo, where nothing is.
        inside = inside_of(placed.trunk, (height, width))
        field = np.where(inside[:, :, None], placed.trunk, np.nan)
        colours, trunk, behind = layer(field, parts.trunk, parts.behind)
        trunk = _smooth(trunk, max(1, round(EVEN_TRUNK * wide)))
    sleeves: list[tuple[NDArray[Any], NDArray[Any]] | None] = []
    for side in (0, 1):
        field = placed.sleeves[side]
        if field is None:
            sleeves.append(None)
        else:
            found = layer(field, parts.sleeves[side])
            sleeves.append(_even(found[0], found[1], np.isfinite(field[:, :, 0]), radius))
    return Layers((colours, trunk), behind, (sleeves[0], sleeves[1]))


def reduction(field: NDArray[Any]) -> float:
    """How many pixels of a photo make one of the view, as the median along both axes; 1 if nothing is known."""
    import numpy as np

    steps = [np.hypot(*np.moveaxis(np.diff(field[::4, ::4], axis=axis), 2, 0)) / 4 for axis in (0, 1)]
    known = np.concatenate([one[np.isfinite(one)] for one in steps])
    return float(np.median(known)) if known.size else 1.0


def _even(
    colours: NDArray[Any], cover: NDArray[Any], known: NDArray[Any], radius: int
) -> tuple[NDArray[Any], NDArray[Any]]:
    """A sleeve or legs without teeth: colours and opacity.

    A short edge of a flat sleeve, such as that under the arm, is drawn out to many times its length, and with it what
    is rough about it; and a strip ends at single pixels.

    Args:
        known: (h, w) bool, where there are colours: beyond, those beside it go on.
    """
    import numpy as np

    window = around(known, 2 * radius + 1)
    colours, cover = colours.copy(), cover.copy()
    there = known[window].astype(np.float32)
    beside = box(colours[window] * there[:, :, None], radius) / np.maximum(box(there, radius), 1e-3)[:, :, None]
    colours[window] = np.where(known[window][:, :, None], colours[window], beside)
    cover[window] = ((box(cover[window], radius) - 0.5) * (radius + 0.5) + 0.5).clip(0, 1)
    return colours, cover


def _smooth(cover: NDArray[Any], radius: int) -> NDArray[Any]:
    """An opacity with an even edge; around a garment, its colours go on."""
    window = around(cover > 0, radius)
    cover = cover.copy()
    cover[window] = ((box(cover[window], radius) - 0.5) * (radius + 0.5) + 0.5).clip(0, 1)
    return cover


def over_arms(layers: Layers, view: View, old: Old, placed: Placed) -> Layers:
    """The layers with sleeves that cover the visible skin of the arms in them: a sleeve is around an arm."""
    import numpy as np

    body = view.body
    sleeves = list(layers.sleeves)
    for side, sleeve in enumerate(layers.sleeves):
        if sleeve is None:
            continue
        bare = (old.arms[side] > 0.4) & (sleeve[1] < 0.9) & (old.front < 0.5)
        if not bare.any():
            continue
        bare &= _in_sleeve(view, side, placed.reach[side] - CUFF)
        # The trunk is in front of an upper arm, and behind a forearm.
        bare &= (layers.trunk[1] < 0.9) | _forearm(view, side)
        if bare.sum() < MIN_BARE:
            continue
        radius = max(1, round(2 * EVEN * body.wide))
        window = around(bare | (sleeve[1] > 0), radius + 1)
        cover = sleeve[1][window]
        more = (box((bare[window] | (cover > 0.5)).astype(np.float32), radius) * 2 - 0.5).clip(0, 1)
        more *= box(bare[window].astype(np.float32), radius) > 1e-4
        beside = extend(sleeve[0][window], (cover > 0.95).astype(np.float32))
        colours, whole = sleeve[0].copy(), sleeve[1].copy()
        both = np.maximum(cover, more)
        share = (cover / np.maximum(both, 1e-3))[:, :, None]
        colours[window] = beside + (sleeve[0][window] - beside) * share
        whole[window] = both
        sleeves[side] = colours, whole
    return replace(layers, sleeves=(sleeves[0], sleeves[1]))


def _forearm(view: View, side: int) -> NDArray[Any]:
    _, elbow, wrist = view.body.arms[side].joints
    radius = ARM_ROUND * view.body.wide
    return capsule(view.size, elbow, wrist, (radius, radius))


def _in_sleeve(view: View, side: int, reach: float) -> NDArray[Any]:
    """(h, w) bool: around an arm, from its shoulder to a share of its length."""
    import numpy as np

    shoulder, elbow, wrist = view.body.arms[side].joints
    upper = float(np.hypot(*(elbow - shoulder))) / max(1e-6, view.body.arms[side].length)
    radius = ARM_ROUND * view.body.wide
    end = shoulder + (elbow - shoulder) * min(1.0, max(0.05, reach / max(upper, 1e-6)))
    found = capsule(view.size, shoulder, end, (radius, radius))
    if reach > upper:
        end = elbow + (wrist - elbow) * (reach - upper) / max(1e-6, 1 - upper)
        found |= capsule(view.size, elbow, end, (radius, radius))
    # Not the round end beyond the cuff.
    way = wrist - elbow if reach > upper else elbow - shoulder
    x, y = np.arange(view.size[1])[None] - end[0], np.arange(view.size[0])[:, None] - end[1]
    beyond = x * way[0] + y * way[1] > 0
    return found & ~(beyond & (np.hypot(x, y) < 1.5 * radius))


def paint(view: View, old: Old, under: Under, layers: Layers) -> Painted:
    """The layers on each other."""
    import numpy as np

    image = under.image
    colours, trunk = layers.trunk
    folds, known = light_of(view, old, _brightness(colours, trunk))
    unit = max(1, round(0.01 * view.body.trunk))
    light = folds * _side_light(view, trunk, known)
    back = layers.behind * (1 - trunk)
    for colour, cover in under.arms:
        image = _over(image, colour, cover)
    image = _over(image, colours * 0.72, back)
    image = _over(image, under.image, under.neck * (back > 0))
    shadow = np.ones(view.size, np.float32)
    for sleeve in layers.sleeves:
        if sleeve is not None:
            window = around(sleeve[1] > 0, 12 * unit)
            cover = sleeve[1][window]
            shadow[window] -= SHADOW * box(box(cover, 3 * unit), 3 * unit) * (cover < 0.5)
    image = _over(image, colours * (light * shadow)[:, :, None], trunk)
    garment = np.maximum(trunk, back * (1 - under.neck))
    changed = np.maximum(garment, 0)
    for side in (0, 1):
        colour, whole = under.arms[side]
        cover = whole * under.forearms[side]
        image = _over(image, colour, cover)
        garment = garment * (1 - cover)
        changed = np.maximum(changed, cover)
    for sleeve in layers.sleeves:
        if sleeve is not None:
            image = _over(image, sleeve[0] * (folds * _side_light(view, sleeve[1], known))[:, :, None], sleeve[1])
            garment = np.maximum(garment, sleeve[1])
            changed = np.maximum(changed, sleeve[1])
    front = _edge(old.front)
    apart = np.abs(image - view.image) > 0.5
    differs = apart[:, :, 0] | apart[:, :, 1] | apart[:, :, 2]
    edit = np.where(differs, np.maximum(changed, 1.0), 0) * (1 - front)
    return Painted(image.clip(0, 255), edit.astype(np.float32), (garment * (1 - front)).astype(np.float32))


def _over(image: NDArray[Any], colours: NDArray[Any], share: NDArray[Any]) -> NDArray[Any]:
    window = around(share > 0)
    made = image.copy()
    made[window] += (colours[window] - image[window]) * share[window][:, :, None]
    return made


def _brightness(colours: NDArray[Any], cover: NDArray[Any]) -> float:
    """Mean brightness of a layer, in 0..255."""
    import numpy as np

    shown = colours[::4, ::4][cover[::4, ::4] > 0.5]
    return float((shown @ np.array(WEIGHTS, np.float32)).mean()) if len(shown) else 0.0


def _edge(chance: NDArray[Any]) -> NDArray[Any]:
    """A map of probabilities as an opacity with an edge of a few pixels."""
    return ((chance - 0.35) / 0.3).clip(0, 1)


def _side_light(view: View, cover: NDArray[Any], known: NDArray[Any]) -> NDArray[Any]:
    """(h, w): fabric curves away from the light towards its edges; 1 far from it, and where the light is known."""
    import numpy as np

    radius = max(2, round(0.11 * view.body.wide))
    window = around(cover > 0, 2 * radius)
    light = np.ones(view.size, np.float32)
    shade = ((1 - box(box(cover[window], radius), radius)) * 1.6).clip(0, 1)
    light[window] -= SIDE_SHADE * shade * (1 - known[window])
    return light
