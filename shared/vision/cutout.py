"""Cut-outs: the area of a mask without the background's colour at its edges, transparent or on white."""

from __future__ import annotations

from collections.abc import Iterator
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

TILE = 64
"""Side in pixels of the squares that are looked through for half-transparent pixels."""
STRIP_PIXELS = 1 << 21
"""Pixels whose edges are worked on at a time."""


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

    result = np.empty_like(pixels)
    for rows in _strips(alpha):
        result[rows] = _foreground(pixels, alpha, rows)
    return result


def _strips(alpha: NDArray[np.uint8]) -> Iterator[slice]:
    """Rows to work on at a time: that takes 100 bytes a pixel."""
    height, width = alpha.shape
    rows = max(1, STRIP_PIXELS // width)
    return (slice(top, min(height, top + rows)) for top in range(0, height, rows))


def _foreground(pixels: NDArray[np.uint8], alpha: NDArray[np.uint8], rows: slice) -> NDArray[np.uint8]:
    result = pixels[rows].copy()
    for top in range(rows.start, rows.stop, TILE):
        bottom = min(top + TILE, rows.stop)
        for left in range(0, alpha.shape[1], TILE):
            part = alpha[top:bottom, left : left + TILE]
            # Soft pixels are few and lie along the outline: most tiles have none.
            if ((part > 0) & (part < 255)).any():
                result[top - rows.start : bottom - rows.start, left : left + TILE] = _unmixed(
                    pixels, alpha, Box(left, top, part.shape[1], bottom - top)
                )
    return result


def _unmixed(pixels: NDArray[np.uint8], alpha: NDArray[np.uint8], tile: Box) -> NDArray[np.uint8]:
    """A part of the picture, its soft pixels without background."""
    import numpy as np

    top, left = max(0, tile.y - BLUR_RADIUS), max(0, tile.x - BLUR_RADIUS)
    window = np.s_[top : tile.y + tile.height + BLUR_RADIUS, left : tile.x + tile.width + BLUR_RADIUS]
    colours = pixels[window].astype(np.float32)
    share = alpha[window].astype(np.float32)[:, :, None] / 255
    sums = box(np.concatenate([colours * share, colours * (1 - share), share], 2), BLUR_RADIUS)
    front = sums[:, :, :3] / np.maximum(sums[:, :, 6:], 1e-3)
    back = sums[:, :, 3:6] / np.maximum(1 - sums[:, :, 6:], 1e-3)
    found = front + share * (colours - share * front - (1 - share) * back)
    soft = (share > 0) & (share < 1)
    made = np.where(soft, found.clip(0, 255), colours).astype(np.uint8)
    return made[tile.y - top :, tile.x - left :][: tile.height, : tile.width]


def transparent(pixels: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """RGBA (h, w, 4) of the image's size; fully transparent pixels are black."""
    import numpy as np

    result = np.empty((*alpha.shape, 4), np.uint8)
    for rows in _strips(alpha):
        result[rows, :, :3] = _foreground(pixels, alpha, rows) * (alpha[rows, :, None] > 0)
        result[rows, :, 3] = alpha[rows]
    return result


def on_white(
    pixels: NDArray[np.uint8], alpha: NDArray[np.uint8], *, longest_px: int | None = None
) -> NDArray[np.uint8]:
    """A square RGB image: the cut-out on white, centred, as large as it is in the photo.

    Args:
        longest_px: scale a larger cut-out down to it before its edges are worked on, which takes 100 bytes a pixel.
    """
    import numpy as np

    around = bounds(alpha > 127)
    if around is None:
        return np.full((1, 1, 3), 255, np.uint8)
    window = np.s_[around.y : around.y + around.height, around.x : around.x + around.width]
    pixels, alpha = pixels[window], alpha[window]
    if longest_px is not None and max(alpha.shape) > longest_px:
        pixels, alpha = _scaled(pixels, longest_px), _scaled(alpha, longest_px)
    height, width = alpha.shape
    share = alpha.astype(np.float32)[:, :, None] / 255
    colours = foreground(pixels, alpha).astype(np.float32) * share + 255 * (1 - share)
    longer = max(width, height)
    side = longer + 2 * max(1, round(MARGIN * longer))
    canvas = np.full((side, side, 3), 255, np.uint8)
    top, left = (side - height) // 2, (side - width) // 2
    canvas[top : top + height, left : left + width] = colours.round().astype(np.uint8)
    return canvas


def _scaled(pixels: NDArray[np.uint8], longest_px: int) -> NDArray[np.uint8]:
    import numpy as np
    from PIL import Image

    height, width = pixels.shape[:2]
    scale = longest_px / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX))
