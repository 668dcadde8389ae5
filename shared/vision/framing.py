"""Rectangles of an image, and maps over them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

type Box = tuple[float, float, float, float]
"""Left, top, right and low edge in pixels of the image; may extend beyond it."""


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
    """Maps (n, h, w) over a rectangle as maps over the image; outside it map `fill` is 1, or all are 0."""
    import numpy as np
    from PIL import Image

    left, top, right, low = (round(edge) for edge in box)
    sx, sy = maps.shape[2] / (right - left), maps.shape[1] / (low - top)
    extent = (-left * sx, -top * sy, (size[1] - left) * sx, (size[0] - top) * sy)
    return np.stack([
        np.asarray(
            Image.fromarray(np.ascontiguousarray(one, np.float32)).transform(
                (grid[1], grid[0]), Image.Transform.EXTENT, extent, Image.Resampling.BILINEAR,
                fillcolor=1.0 if number == fill else 0.0,
            )
        )
        for number, one in enumerate(maps)
    ])  # fmt: skip
