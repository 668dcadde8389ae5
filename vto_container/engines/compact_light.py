"""The light that falls on the person: what the brightness of the old garment says about it.

Of a plain garment, brightness is light and folds, and all of it is taken over. What differs in hue, has edges, is a
step between two garments, or belongs to a coat with its lapels and pockets is not light, and thin lines such as
plackets and seams belong to the garment. Where a garment is not plain, only weak folds are taken over, and nothing of
a print.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from shared.vision.matte import box
from vto_container.engines.compact_warp import around

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vto_container.engines.compact_old import Old
    from vto_container.engines.compact_view import View

WEIGHTS: Final = (0.299, 0.587, 0.114)
"""Shares of the channels in the brightness."""
DARK: Final = 12.0
"""Added to the brightness, in 0..255: relative differences of dark cloth are noise."""
MIN_PIXELS: Final = 200
"""Pixels of the old garment below which nothing is known."""
FINE, WIDE = 0.008, 0.16
"""Radii of the mean brightness that has folds and of the one that has none, in lengths of the trunk."""

FOLDS: Final = (0.82, 1.16)
"""Range of the light of folds that is taken over from any garment."""
MAX_PRINT: Final = 0.10
"""Share of the old garment that may be outside that range: with more it is a print, not folds."""
SHARP: Final = (0.12, 0.22)
"""Share of the old garment next to a sharp edge up to which it has folds, and from which it has a print."""

PLAIN_FOLDS: Final = (0.65, 1.4)
"""Range of the light that is taken over from a plain garment."""
AREA: Final = 0.10
"""Radius of the area that is plain or not, in lengths of the trunk."""
EDGE, EDGES = (0.12, 0.25), (0.12, 0.3)
"""Contrast, within four times `FINE`, from which and up to which it counts as an edge; and the share of edges up to
which an area is plain and from which it is not."""
STEP, STEPS = (0.25, 0.5), (0.1, 0.3)
"""Logarithm of the brightness, relative to that of a wide area, from which and up to which it is that of another cloth;
and the share of it, as of edges."""
ALONG, ACROSS = (0.25, 0.45), (8e-5, 2e-4)
"""How much brightness changes in one direction, in 0..1, up to which it is a print and from which it is folds; and the
other changes, as squares of the logarithm's per pixel, that do not matter and that do."""
HUE: Final = (0.06, 0.14)
"""Mean difference in hue up to which an area is plain, and from which it is not."""
HUE_NOISE: Final = 25.0
"""Added to the brightness that a difference in hue is divided by."""
COAT: Final = 0.4
"""Share of coats in the clothes from which a place belongs to one."""
COATS: Final = 1.5
"""How fast an area with a coat is no longer plain."""
LINE: Final = 0.03
"""Width of the window of the median, in lengths of the trunk: lines up to half as wide vanish."""
FOREIGN: Final = (0.25, 0.5)
"""Probability of an accessory, and logarithm of the brightness relative to a wide area, from which a place is a
necklace, a strap or a bag and not the garment."""
RIM: Final = 0.03
"""How far from the old outline its own shade ends, in lengths of the trunk."""
MIN_PLAIN: Final = (0.35, 0.55)
"""Share of plain areas up to which nothing counts as plain, and from which they do."""


def light_of(view: View, old: Old, new: float) -> tuple[NDArray[Any], NDArray[Any]]:
    """(h, w) twice: factors of the light on the old garment, 1 where nothing is known, and how sure they are, in 0..1.

    Where the second is 1 the first is all of the light; where it is 0 only weak folds are in it.

    Args:
        new: mean brightness of the new garment, in 0..255. What is bright on dark cloth is gloss, which does not grow
            with the colour: on brighter cloth it is weaker than its share.
    """
    import numpy as np

    light, sure = np.ones(view.size, np.float32), np.zeros(view.size, np.float32)
    inside = (old.chance > 0.6).astype(np.float32)
    if inside.sum() < MIN_PIXELS:
        return light, sure
    wide = max(3, round(WIDE * view.body.trunk))
    window = around(inside > 0, wide)
    part = inside[window]
    bright = view.image[window] @ np.array(WEIGHTS, np.float32)
    brightness = bright + DARK
    fine = max(1, round(FINE * view.body.trunk))
    near, middle, smooth = (np.maximum(_mean(brightness, part, radius), 1) for radius in (fine, 4 * fine, wide))
    ratio = near / smooth
    core = (box(part, 2 * fine + 2) > 0.999).astype(np.float32)
    weak = 1 + _strength(ratio, near / middle, part, core) * (ratio.clip(*FOLDS) - 1)
    foreign = (view.maps["accessory"][window] > FOREIGN[0]) | (np.abs(np.log(ratio)) > FOREIGN[1])
    own = np.where(foreign, 0, part)
    plain = _plain(view, window, part, core, bright, (near, middle, smooth)) * _covered(own, view.body.trunk)
    whole = _without_lines(np.where(part > 0, brightness / smooth, ratio), LINE * view.body.trunk)
    full = _mean(whole, part, fine).clip(*PLAIN_FOLDS)
    full = 1 + (full - 1) * np.sqrt((smooth / (new + DARK)).clip(0, 1))
    light[window] = 1 + (weak - 1 + plain * (full - weak)) * part
    sure[window] = plain * part
    return light, sure


def _mean(values: NDArray[Any], inside: NDArray[Any], radius: int) -> NDArray[Any]:
    """The mean inside the old garment."""
    import numpy as np

    return box(values * inside, radius) / np.maximum(box(inside, radius), 1e-3)


def _strength(ratio: NDArray[Any], detail: NDArray[Any], inside: NDArray[Any], core: NDArray[Any]) -> float:
    """How much of the weak folds of any garment is taken over: nothing of a print."""
    import numpy as np

    beyond = ((ratio < FOLDS[0] - 0.12) | (ratio > FOLDS[1] + 0.14))[inside > 0].mean()
    # Folds are soft, prints have edges.
    sharp = float((np.abs(detail - 1) > 0.1)[core > 0].mean()) if core.any() else 0.0
    return float(np.clip(1 - beyond / MAX_PRINT, 0, 1)) * float(_falling(np.float32(sharp), SHARP))


def _plain(view: View, window: Any, inside: NDArray[Any], core: NDArray[Any], bright: NDArray[Any],
           means: tuple[NDArray[Any], NDArray[Any], NDArray[Any]]) -> NDArray[Any]:  # fmt: skip
    """How plain the old garment is around each place, in 0..1."""
    import numpy as np

    near, middle, smooth = means
    trunk = view.body.trunk
    area = max(3, round(AREA * trunk))
    fine, wide = max(1, round(FINE * trunk)), max(3, round(WIDE * trunk))
    total = np.maximum(box(core, area), 0.02)

    def share(field: NDArray[Any]) -> NDArray[Any]:
        return box(field * core, area) / total

    def rising(field: NDArray[Any], ends: tuple[float, float]) -> NDArray[Any]:
        return 1 - _falling(field, ends)

    plain = _falling(share(rising(np.abs(near / middle - 1), EDGE)), EDGES)
    plain *= _falling(share(rising(np.abs(np.log(middle / smooth)), STEP)), STEPS)
    plain *= _runs(near, core, area)
    image = view.image[window]
    differs = np.zeros_like(near)
    for channel in (0, 2):
        hue = image[:, :, channel] - bright
        usual = _mean(hue, inside, wide) / smooth
        differs += np.abs(_mean(hue, inside, fine) - usual * near) / (smooth + HUE_NOISE)
    plain *= _falling(share(differs), HUE)
    clothes = view.any_of("upper", "outerwear", "lower", "full_body")[window]
    coat = view.maps["outerwear"][window] > COAT * np.maximum(clothes, 1e-3)
    plain *= (1 - COATS * _mean(coat.astype(np.float32), inside, area)).clip(0, 1)
    plain = _mean(plain, inside, area)
    # A strip of a shirt in an open coat says little about the light.
    return plain * (1 - _falling(np.float32(plain[inside > 0].mean()), MIN_PLAIN))


def _runs(near: NDArray[Any], core: NDArray[Any], area: int) -> NDArray[Any]:
    """Whether brightness changes in one direction around each place, or hardly at all, in 0..1: folds run, prints do
    not.

    The coherence of the structure tensor (J. Bigun, G. Granlund, "Optimal Orientation Detection of Linear Symmetry",
    ICCV 1987).
    """
    import numpy as np

    down, across = np.gradient(np.log(near + DARK))
    down, across = down * core, across * core
    high, wide, both = (box(one, area) for one in (down * down, across * across, down * across))
    along, total = np.hypot(wide - high, 2 * both), wide + high
    rest = (total - along) / np.maximum(box(core, area), 0.02)
    return np.maximum(1 - _falling(along / np.maximum(total, 1e-8), ALONG), _falling(rest, ACROSS))


def _covered(inside: NDArray[Any], trunk: float) -> NDArray[Any]:
    """0 at the old outline, where its own shade is, and 1 away from it."""
    return (2 * box(inside, max(1, round(RIM * trunk))) - 1).clip(0, 1)


def _without_lines(ratio: NDArray[Any], width: float) -> NDArray[Any]:
    """Light without lines up to half as wide."""
    import numpy as np
    from PIL import Image, ImageFilter

    size = 2 * round(width / 2) + 1
    if size < 3:
        return ratio
    values = Image.fromarray((ratio * 128).round().clip(0, 255).astype(np.uint8))
    return np.asarray(values.filter(ImageFilter.MedianFilter(size)), np.float32) / 128


def _falling(value: Any, ends: tuple[float, float]) -> Any:
    """1 up to the first end, 0 from the second."""
    return ((ends[1] - value) / (ends[1] - ends[0])).clip(0, 1)
