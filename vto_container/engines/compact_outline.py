"""Where a new top will be seen: a network's answer to where the warp put it, the joints, and the old garment.

Landmarks and bones put the garment roughly there; how cloth hangs, how wide sleeves are and what the old outline says
about the new one is learned. Most of its training examples showed the network the outline of another garment as the old
one, so that it can't copy the old outline. Only what it adds is used, as cloth between the parts of the garment.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from shared import onnx
from shared.onnx.golden_outputs import golden_output_check
from shared.vision.matte import box, pieces
from vto_container.engines.compact_body import ARM, LEG
from vto_container.engines.compact_fill import grown
from vto_container.engines.compact_warp import around, extend

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vto_container.engines.compact_body import Body
    from vto_container.engines.compact_old import Old
    from vto_container.engines.compact_paint import Layers
    from vto_container.engines.compact_view import View

MODEL: Final = "garment_outline"
FEATURES, OUTLINE = "features", "outline"
"""Input and output of the network."""
SIZE: Final = (128, 96)
"""Rows and columns of the network's window."""
STEP: Final = 2
"""Pixels of the view per cell of the maps from which the window is cut."""
MARGIN: Final = 0.25
"""Margin of the window around the garments, in shoulder widths."""
PLANES: Final = 13
"""Planes of the input."""
SURE: Final = 0.6
"""Probability from which there is cloth."""
STEEP: Final = 6.0
"""Factor on the log odds: the network's window is coarse, an edge is not."""
NEAR: Final = 0.16
"""How far from the garment cloth is added, in shoulder widths."""
GROUND: Final = (0.2, 0.5)
"""Probability of a person up to which the photo shows the ground, where no cloth is added, and from which it may be."""
NECK_HALF, NECK_DOWN = 0.42, 0.6
"""Half the width, in shoulder widths, and the depth, in lengths of the trunk, of where the garment's own neckline
decides."""
OUTSIDE: Final = -8.0
"""Log odds of the outline outside the window."""


@dataclass(frozen=True)
class Window:
    """A rectangle of the view in pixels."""

    left: float
    top: float
    right: float
    low: float


def load() -> None:
    """Load and verify the network. Raises ConfigurationError as `shared.onnx.get_model` does."""
    onnx.get_model(MODEL, golden_output_check)


def predict(view: View, old: Old, blind: NDArray[Any], fitted: NDArray[Any]) -> NDArray[Any]:
    """(h, w) in 0..1: where a new top or coat will be, before what is in front of it.

    Args:
        blind: opacity (rows, columns) of the garment as placed without the old one, on every `STEP`th pixel.
        fitted: the same as placed.
    """
    import numpy as np
    from PIL import Image

    window, feed = seen(view, old, blind, fitted)
    found = onnx.get_model(MODEL, golden_output_check).run({FEATURES: feed[None]})[OUTLINE].reshape(SIZE)
    x, y = SIZE[1] / (window.right - window.left), SIZE[0] / (window.low - window.top)
    height, width = view.size
    frame = (-window.left * x, -window.top * y, (width - window.left) * x, (height - window.top) * y)
    raised = Image.fromarray(np.ascontiguousarray(found - OUTSIDE, np.float32))
    full = raised.transform((width, height), Image.Transform.EXTENT, frame, Image.Resampling.BILINEAR)
    return 1 / (1 + np.exp(-(np.asarray(full) + OUTSIDE)))


def extended(layers: Layers, view: View, outline: NDArray[Any], hem: float) -> Layers:
    """The layers with cloth where the outline surely is, such as between a sleeve and the trunk, behind the sleeves.

    Args:
        outline: as of `predict`.
        hem: of the garment, in lengths of the trunk below the shoulders: nothing is added below it.
    """
    import numpy as np

    chance = outline.clip(1e-4, 1 - 1e-4)
    more = 1 / (1 + ((1 - chance) / chance * (SURE / (1 - SURE))) ** STEEP)
    own = (np.abs(view.across) < NECK_HALF) & (view.down < NECK_DOWN)
    more = np.where(own | (view.down > hem), 0, more).astype(np.float32)
    colours, trunk = layers.trunk
    cover, shown = np.maximum(trunk, layers.behind), colours
    for sleeve in layers.sleeves:
        if sleeve is not None:
            cover = np.maximum(cover, sleeve[1])
            shown = shown + (sleeve[0] - shown) * sleeve[1][:, :, None]
    # Far from the garment is where another one was.
    radius = max(1, round(NEAR / 2 * view.body.wide))
    near = (box(box(cover, radius), radius) * 8).clip(0, 1)
    # Where the photo shows the ground, nothing of it is missing.
    person = ((view.maps["person"] - GROUND[0]) / (GROUND[1] - GROUND[0])).clip(0, 1)
    more = _attached(more * near * person, cover)
    window = around(np.maximum(cover, more) > 0)
    beside = extend(shown[window], (cover[window] > 0.95).astype(np.float32))
    both = np.maximum(trunk, more)
    share = (trunk[window] / np.maximum(both[window], 1e-3))[:, :, None]
    colours = colours.copy()
    colours[window] = beside + (colours[window] - beside) * share
    return replace(layers, trunk=(colours, both))


def _attached(more: NDArray[Any], cover: NDArray[Any]) -> NDArray[Any]:
    """Added cloth without what is apart from the garment."""
    import numpy as np

    numbers = pieces(np.maximum(more, cover)[::STEP, ::STEP] > 0.5)
    held = np.unique(numbers[cover[::STEP, ::STEP] > 0.5])
    apart = (numbers > 0) & ~np.isin(numbers, held)
    if not apart.any():
        return more
    # With its soft edge, which the coarse map does not show.
    there = grown(apart.repeat(STEP, 0).repeat(STEP, 1)[: more.shape[0], : more.shape[1]], 2 * STEP)
    return np.where(there & (cover < 0.5), 0, more).astype(np.float32)


def window_of(body: Body, *maps: NDArray[Any]) -> Window:
    """The window around what any of the maps, on every `STEP`th pixel, shows."""
    import numpy as np

    shown = np.any([one > 0.5 for one in maps], 0)
    if not shown.any():
        shown = np.ones_like(shown)
    rows, columns = np.flatnonzero(shown.any(1)) * STEP, np.flatnonzero(shown.any(0)) * STEP
    extra = MARGIN * body.wide
    top, low = float(rows[0]) - extra, float(rows[-1]) + STEP + extra
    left, right = float(columns[0]) - extra, float(columns[-1]) + STEP + extra
    wide = max(right - left, (low - top) * SIZE[1] / SIZE[0])
    high = wide * SIZE[0] / SIZE[1]
    across, down = (wide - (right - left)) / 2, (high - (low - top)) / 2
    return Window(left - across, top - down, right + across, low + down)


def seen(view: View, old: Old, blind: NDArray[Any], fitted: NDArray[Any]) -> tuple[Window, NDArray[Any]]:
    """The network's window and its input (`PLANES`, rows, columns) float32; arguments as of `predict`."""
    import numpy as np

    before, front, skin, lower = (
        one[::STEP, ::STEP] for one in (old.chance, old.front, view.maps["skin"], view.maps["lower"])
    )
    window = window_of(view.body, before, fitted)
    planes = [cut(one, window) for one in (blind, fitted, before, front, skin, lower, np.ones_like(lower))]
    scale = np.array([SIZE[1] / (window.right - window.left), SIZE[0] / (window.low - window.top)])
    made = np.concatenate([np.stack(planes), _body(view.body, window, scale)])
    return window, made.astype(np.float32)


def cut(field: NDArray[Any], window: Window) -> NDArray[Any]:
    """The window of a map (rows, columns) on every `STEP`th pixel, 0 outside the view."""
    import numpy as np
    from PIL import Image

    # Cell n is pixel n * STEP.
    frame = tuple((edge - 0.5) / STEP + 0.5 for edge in (window.left, window.top, window.right, window.low))
    image = Image.fromarray(np.ascontiguousarray(field, np.float32))
    return np.asarray(image.transform((SIZE[1], SIZE[0]), Image.Transform.EXTENT, frame, Image.Resampling.BILINEAR))


def _body(body: Body, window: Window, scale: NDArray[Any]) -> NDArray[Any]:
    """(6, rows, columns): arms and legs, left and right, as soft bands; places in the trunk's frame, halved."""
    import numpy as np

    y, x = np.mgrid[: SIZE[0], : SIZE[1]].astype(np.float32) + np.float32(0.5)
    planes: list[NDArray[Any]] = []
    for limbs, widths in ((body.arms, ARM), (body.legs, LEG)):
        for limb in limbs:
            at = (limb.joints - np.array([window.left, window.top])) * scale
            radii = np.array(widths) * body.wide * scale[0]
            planes.append(np.maximum(*(_band(x, y, at[n : n + 2], radii[n : n + 2]) for n in (0, 1))))
    across, down = body.frame(window.left + x / scale[0], window.top + y / scale[1])
    return np.stack([*planes, across / body.wide / 2, down / body.trunk / 2])


def _band(x: NDArray[Any], y: NDArray[Any], ends: NDArray[Any], radii: NDArray[Any]) -> NDArray[Any]:
    import numpy as np

    a, way = ends[0], ends[1] - ends[0]
    share = (((x - a[0]) * way[0] + (y - a[1]) * way[1]) / max(1e-6, float(way @ way))).clip(0, 1)
    away = np.hypot(x - a[0] - share * way[0], y - a[1] - share * way[1]) - (radii[0] + share * (radii[1] - radii[0]))
    return (0.5 - away / 2).clip(0, 1)
