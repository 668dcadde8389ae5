"""Where an old garment begins and ends: where this wearer wears such garments, so edges of a similar one go there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shared.engines.base import Category
    from vto_container.engines.compact_body import Limb
    from vto_container.engines.compact_view import View

PLACES: Final = 40
"""Places along a limb at which it is examined."""
BEYOND: Final = 1.1
"""How far beyond a limb's last joint its cover is looked for: trousers may hang over shoes."""
MIN_PART: Final = 50
"""Pixels of an old garment below which it says nothing."""


@dataclass(frozen=True)
class Edges:
    """Edges of an old garment; None where they can't be seen.

    Args:
        hem, top: in lengths of the trunk below the shoulders; trousers have no hem, but `legs`.
        cut: where the image ends, likewise, if the garment goes on beyond it.
        neckline: in shoulder widths below the shoulders.
        reach: how far the sleeves cover the left and right arm, 0..1.
        legs: how far the left and right leg are covered, 0..1.
        half: (rows, 3) lengths of the trunk below the shoulders, and distances of the left and right side from the
            middle in shoulder widths; NaN where an arm is in the way.
    """

    hem: float | None = None
    top: float | None = None
    cut: float | None = None
    neckline: float | None = None
    reach: tuple[float | None, float | None] = (None, None)
    legs: tuple[float | None, float | None] = (None, None)
    half: NDArray[Any] | None = None

    def side(self, down: float, side: int) -> float | None:
        """The distance of a side from the middle at a height, in shoulder widths; None if unknown."""
        import numpy as np

        if self.half is None or not len(self.half):
            return None
        row = self.half[int(np.abs(self.half[:, 0] - down).argmin())]
        value = float(row[1 + side])
        return value if abs(row[0] - down) < 0.06 and np.isfinite(value) else None


def read_edges(view: View, chance: NDArray[Any], category: Category) -> Edges:
    """The edges of an old garment.

    Args:
        chance: (h, w) in 0..1, where it is.
    """
    import numpy as np

    near = np.abs(view.across) < 0.42
    if category == "lower":
        part = (chance > 0.5) & near
        legs = (_reach(view, chance, view.body.legs[0]), _reach(view, chance, view.body.legs[1]))
        if part.sum() <= MIN_PART:
            return Edges(legs=legs)
        hem = _hem(view, part)
        if hem is not None and not _skirt(view, chance, hem):
            hem = None
        return Edges(hem=hem, top=float(np.percentile(view.down[part], 2)), legs=legs)
    if category == "dress":
        part = (view.maps["full_body"] > 0.5) & near
        own = part.sum() > max(MIN_PART, 0.6 * ((chance > 0.5) & near).sum())
        return Edges(_hem(view, part) if own else None, neckline=_neckline(view, chance), half=_half(view, chance))
    top = (view.any_of("upper", "outerwear") > 0.5) & near & (view.down > 0.1)
    dress = (view.maps["full_body"] > 0.5) & near & (view.down > 0.1)
    own = top.sum() >= MIN_PART and dress.sum() <= 0.4 * top.sum()
    reach = (_reach(view, chance, view.body.arms[0]), _reach(view, chance, view.body.arms[1]))
    hem = float(np.percentile(view.down[top], 97)) if own else None
    return Edges(hem, None, _cut(view, chance), _neckline(view, chance), reach, half=_half(view, chance))


def _at(view: View, field: NDArray[Any], places: NDArray[Any]) -> NDArray[Any]:
    """Values of a map at places (n, 2); NaN outside the view."""
    import numpy as np

    cells = np.floor(places).astype(int)
    inside = (cells >= 0).all(1) & (cells[:, 0] < view.size[1]) & (cells[:, 1] < view.size[0])
    found = np.full(len(places), np.nan)
    found[inside] = field[cells[inside, 1], cells[inside, 0]]
    return found


def _cut(view: View, chance: NDArray[Any]) -> float | None:
    import numpy as np

    near = np.abs(view.across[-1]) < 0.35
    below = float(view.down[-1, near].max()) if near.any() else 9.0
    cut = below < 1.3 and near.any() and float((chance[-3:].max(0)[near] > 0.5).mean()) > 0.5
    return below if cut else None


def _neckline(view: View, chance: NDArray[Any]) -> float | None:
    """The first place below the chin, on the middle line, that shows the garment."""
    import numpy as np

    body = view.body
    start = float((body.chin - body.middle) @ body.down) / body.wide + 0.04
    steps = np.linspace(start, 0.6, 60)
    values = _at(view, chance, np.stack([body.place(0, step * body.wide) for step in steps]))
    inside = np.flatnonzero(values > 0.5)
    return float(steps[inside[0]]) if inside.size and inside[0] > 1 else None


def _hem(view: View, part: NDArray[Any]) -> float | None:
    """Where a part ends, in lengths of the trunk below the shoulders; None if the frame cuts it."""
    import numpy as np

    return None if part[-3:].any() else float(np.percentile(view.down[part], 97))


def _skirt(view: View, chance: NDArray[Any], hem: float) -> bool:
    """Whether cloth is seen between the legs just above a hem."""
    import numpy as np

    middles = [(view.body.legs[0].joints[joint] + view.body.legs[1].joints[joint]) / 2 for joint in range(3)]
    across, down = view.body.frame(*np.stack(middles).T)
    at = hem - 0.12
    middle = np.interp(at, down / view.body.trunk, across / view.body.wide)
    between = (np.abs(view.across - middle) < 0.05) & (np.abs(view.down - at) < 0.05)
    return bool(between.any()) and float((chance[between] > 0.5).mean()) > 0.7


def _reach(view: View, chance: NDArray[Any], limb: Limb) -> float | None:
    """How far a garment covers a limb: the share of its length from which on skin, or a shoe, is seen."""
    import numpy as np

    if limb.visible.min() < 0.4:
        return None
    first, middle, last = limb.joints
    upper = float(np.hypot(*(middle - first))) / max(1e-6, limb.length)
    shares = np.linspace(0, BEYOND, PLACES)
    above = (shares / max(upper, 1e-6)).clip(0, 1)[:, None]
    below = ((shares - upper) / max(1e-6, 1 - upper)).clip(0, None)[:, None]
    line = first + (middle - first) * above + (last - middle) * below
    bare = np.maximum(view.maps["skin"], view.maps["footwear"])
    cloth, skin = _at(view, chance, line) > 0.5, _at(view, bare, line) > 0.5
    if not cloth.any() or not skin.any():
        return None
    covered = np.flatnonzero(cloth)[-1]
    return float(shares[covered]) if skin[covered + 1 :].sum() >= 2 else None


def _half(view: View, chance: NDArray[Any]) -> NDArray[Any]:
    import numpy as np

    body = view.body
    arms = [view.arm(side, 1.35) for side in (0, 1)]
    found: list[tuple[float, float, float]] = []
    for down in np.arange(0.4, 2.4, 0.08):
        sides: list[float] = []
        for side, sign in ((0, -1), (1, 1)):
            steps = np.linspace(0, 1.1, 56)
            places = np.stack([body.place(sign * step * body.wide, down * body.trunk) for step in steps])
            inside, arm = _at(view, chance, places) > 0.5, _at(view, arms[side].astype(float), places) > 0.5
            out = np.flatnonzero(~inside[2:])
            end = int(out[0]) + 2 if out.size and inside[:3].any() else 0
            sides.append(float(steps[end]) if end > 4 and not arm[max(0, end - 3) : end + 3].any() else np.nan)
        found.append((float(down), sides[0], sides[1]))
    return np.array(found)
