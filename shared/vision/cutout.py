"""Cut-outs: the area of a mask without the background's colour at its edges, transparent or on white."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.vision.matte import box

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MARGIN = 0.06
"""White around a cut-out, as a share of its longer side."""
BLUR_RADIUS = 4
"""Radius in pixels of the area from which the colour of an edge pixel is estimated."""


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels of the upright image."""

    x: int
    y: int
    width: int
    height: int


def bounds(mask: NDArray[np.bool_]) -> Box | None:
    """The smallest rectangle around a bool mask; None when it is empty."""
    import numpy as np

    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not rows.size:
        return None
    x, y = int(columns[0]), int(rows[0])
    return Box(x, y, int(columns[-1]) - x + 1, int(rows[-1]) - y + 1)


def foreground(pixels: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The RGB image (h, w, 3) with the colours of its half-transparent pixels as they would be without background.

    One pass of blur fusion: edge pixels take the local mean of foreground and background colours and keep what the
    mix does not explain (M. Forte, "Approximate Fast Foreground Colour Estimation", ICIP 2021).
    """
    import numpy as np

    around = bounds((alpha > 0) & (alpha < 255))
    if around is None:
        return pixels
    top, left = max(0, around.y - BLUR_RADIUS), max(0, around.x - BLUR_RADIUS)
    window = np.s_[top : around.y + around.height + BLUR_RADIUS, left : around.x + around.width + BLUR_RADIUS]
    colours = pixels[window].astype(np.float32)
    share = alpha[window].astype(np.float32)[:, :, None] / 255
    sums = box(np.concatenate([colours * share, colours * (1 - share), share], 2), BLUR_RADIUS)
    front = sums[:, :, :3] / np.maximum(sums[:, :, 6:], 1e-3)
    back = sums[:, :, 3:6] / np.maximum(1 - sums[:, :, 6:], 1e-3)
    found = front + share * (colours - share * front - (1 - share) * back)
    result = pixels.copy()
    soft = (share > 0) & (share < 1)
    result[window] = np.where(soft, found.clip(0, 255), colours).astype(np.uint8)
    return result


def transparent(pixels: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """RGBA (h, w, 4) of the image's size; fully transparent pixels are black."""
    import numpy as np

    colours = foreground(pixels, alpha) * (alpha[:, :, None] > 0)
    return np.dstack([colours, alpha])


def on_white(pixels: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A square RGB image: the cut-out on white, centred, as large as it is in the photo."""
    import numpy as np

    around = bounds(alpha > 127)
    if around is None:
        return np.full((1, 1, 3), 255, np.uint8)
    window = np.s_[around.y : around.y + around.height, around.x : around.x + around.width]
    share = alpha[window].astype(np.float32)[:, :, None] / 255
    colours = foreground(pixels[window], alpha[window]).astype(np.float32) * share + 255 * (1 - share)
    longer = max(around.width, around.height)
    side = longer + 2 * max(1, round(MARGIN * longer))
    canvas = np.full((side, side, 3), 255, np.uint8)
    top, left = (side - around.height) // 2, (side - around.width) // 2
    canvas[top : top + around.height, left : left + around.width] = colours.round().astype(np.uint8)
    return canvas
