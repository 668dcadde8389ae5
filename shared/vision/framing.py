"""Rectangles of an image, and maps over them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

type Box = tuple[float, float, float, float]
"""Left, top, right and low edge in pixels of the image; may extend beyond it."""


NEARLY: Final = 1e-6
"""Of a cell, by which an edge may miss it."""


def grid_of(size: tuple[int, int], longest: int) -> tuple[int, int]:
    """Rows and columns of maps over an image of (height, width), the longer side `longest` cells."""
    scale = longest / max(size)
    return max(8, round(size[0] * scale)), max(8, round(size[1] * scale))


def cut(image: NDArray[np.uint8], box: Box) -> NDArray[np.uint8]:
    """A rectangle of an image, its edge repeated beyond it."""
    import numpy as np

    left, top, right, low = (round(edge) for edge in box)
    height, width = image.shape[:2]
    inside = image[max(0, top) : max(0, low), max(0, left) : max(0, right)]
    padding = ((max(0, -top), max(0, low - height)), (max(0, -left), max(0, right - width)), (0, 0))
    return np.pad(inside, padding, "edge") if any(map(any, padding)) else inside


def spread(
    maps: NDArray[Any], box: Box, size: tuple[int, int], grid: tuple[int, int], fill: int | None = 0
) -> NDArray[Any]:
    """Maps (n, h, w) over a rectangle as maps over the image of (height, width).

    In cells that are not wholly inside the rectangle map `fill` is 1, all others are 0.
    """
    import math

    import numpy as np
    from PIL import Image

    left, top, right, low = (round(edge) for edge in box)
    down, across = size[0] / grid[0], size[1] / grid[1]
    first_row, end_row = math.ceil(max(0, top) / down - NEARLY), math.floor(min(size[0], low) / down + NEARLY)
    first_column, end_column = (
        math.ceil(max(0, left) / across - NEARLY),
        math.floor(min(size[1], right) / across + NEARLY),
    )
    made = np.zeros((len(maps), *grid), np.float32)
    if fill is not None:
        made[fill] = 1
    if first_row >= end_row or first_column >= end_column:
        return made
    height, width = maps.shape[1:]
    sx, sy = width / (right - left), height / (low - top)
    window = (
        max(0.0, (first_column * across - left) * sx),
        max(0.0, (first_row * down - top) * sy),
        min(float(width), (end_column * across - left) * sx),
        min(float(height), (end_row * down - top) * sy),
    )
    # Four times as fast as one affine transform of each map over the whole image.
    for number, one in enumerate(maps):
        part = Image.fromarray(np.ascontiguousarray(one, np.float32)).resize(
            (end_column - first_column, end_row - first_row), Image.Resampling.BILINEAR, window
        )
        made[number, first_row:end_row, first_column:end_column] = np.asarray(part)
    return made
