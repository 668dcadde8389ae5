"""Warps from a garment's photo to a view of a person: thin-plate splines and strips of triangles.

A warp is a field of places: for every pixel of the view, x and y in pixels of the garment's photo, or NaN.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from numpy.typing import NDArray

STEP: Final = 8
"""Pixels between the places at which a spline is evaluated; it is interpolated between them."""
COLUMNS: Final = 4
"""Cells across a strip. Two triangles over the whole width of a slanted strip would tear its texture into teeth."""


def thin_plate(
    targets: NDArray[Any], sources: NDArray[Any], size: tuple[int, int], stiffness: float = 1e-3
) -> NDArray[Any]:
    """The field (h, w, 2) of the smoothest map that takes every target to its source.

    F. Bookstein, "Principal Warps", PAMI 1989.

    Args:
        targets, sources: (n, 2) x and y; at least three, not on a line.
        size: height and width of the view.
        stiffness: weight of the bending energy; with 0 the points are met exactly.
    """
    import numpy as np

    centre, scale = targets.mean(0), max(1e-6, float(np.ptp(targets, axis=0).max()))
    at = (targets - centre) / scale
    count = len(at)
    system = np.zeros((count + 3, count + 3))
    system[:count, :count] = _kernel(at[:, None] - at[None]) + stiffness * np.eye(count)
    system[:count, count:] = np.column_stack([np.ones(count), at])
    system[count:, :count] = system[:count, count:].T
    weights = np.linalg.solve(system, np.vstack([sources, np.zeros((3, 2))]))
    y, x = np.indices((size[0] // STEP + 2, size[1] // STEP + 2)) * float(STEP)
    places = (np.stack([x, y], 2) - centre) / scale
    field = _kernel(places[:, :, None] - at[None, None]) @ weights[:count]
    field = field + weights[count] + places @ weights[count + 1 :]
    return _enlarged(field, size)


def _kernel(way: NDArray[Any]) -> NDArray[Any]:
    import numpy as np

    squared = (way**2).sum(-1)
    return squared * np.log(np.maximum(squared, 1e-12)) / 2


def _enlarged(coarse: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Places known at every `STEP`th pixel, interpolated linearly: (h, w, 2) float32."""
    import numpy as np

    rows = np.arange(size[0]) / STEP
    columns = np.arange(size[1]) / STEP
    top, left = rows.astype(int), columns.astype(int)
    down, across = (rows - top)[:, None, None], (columns - left)[None, :, None]
    coarse = coarse.astype(np.float32)
    lines = coarse[top] * (1 - down).astype(np.float32) + coarse[top + 1] * down.astype(np.float32)
    return lines[:, left] * (1 - across).astype(np.float32) + lines[:, left + 1] * across.astype(np.float32)


def strip(
    targets: tuple[NDArray[Any], NDArray[Any]], sources: tuple[NDArray[Any], NDArray[Any]], size: tuple[int, int]
) -> NDArray[Any]:
    """The field (h, w, 2) of a strip between two lines; NaN outside. Later pieces cover earlier ones.

    Args:
        targets: both edges of the strip in the view, (n, 2) each.
        sources: the same edges in the garment's photo.
    """
    import numpy as np

    field = np.full((*size, 2), np.nan, np.float32)
    shares = np.linspace(0, 1, COLUMNS + 1)[:, None, None]
    corners, places = (edges[0] + (edges[1] - edges[0]) * shares for edges in (targets, sources))
    for row, below in pairwise(range(len(targets[0]))):
        for left, right in pairwise(range(COLUMNS + 1)):
            for cells in (((left, row), (left, below), (right, row)), ((right, below), (left, below), (right, row))):
                _triangle(field, tuple(corners[cell] for cell in cells), tuple(places[cell] for cell in cells))
    return field


def _triangle(field: NDArray[Any], corners: tuple[NDArray[Any], ...], places: tuple[NDArray[Any], ...]) -> None:
    import numpy as np

    a, b, c = corners
    area = (b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1])
    if abs(area) < 1e-6:
        return
    points = np.stack(corners)
    low = np.maximum(np.floor(points.min(0)).astype(int), 0)
    high = np.minimum(np.ceil(points.max(0)).astype(int) + 1, (field.shape[1], field.shape[0]))
    if (low >= high).any():
        return
    x = np.arange(low[0], high[0], dtype=np.float32)[None]
    y = np.arange(low[1], high[1], dtype=np.float32)[:, None]
    second = ((x - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (y - a[1])) / area
    third = ((b[0] - a[0]) * (y - a[1]) - (x - a[0]) * (b[1] - a[1])) / area
    first = 1 - second - third
    slack = -0.5 / max(1.0, abs(area) ** 0.5)
    inside = (first >= slack) & (second >= slack) & (third >= slack)
    found = sum(share[:, :, None] * place for share, place in zip((first, second, third), places, strict=True))
    window = field[low[1] : high[1], low[0] : high[0]]
    window[inside] = np.asarray(found, np.float32)[inside]


def sample(image: NDArray[Any], field: NDArray[Any]) -> NDArray[Any]:
    """Values of an image (h, w, channels) float32 at a field of places, bilinear; 0 at NaN, clamped at its edges."""
    import numpy as np

    height, width, channels = image.shape
    known = np.isfinite(field[:, :, 0])
    out = np.zeros((*field.shape[:2], channels), np.float32)
    if not known.any():
        return out
    x = field[:, :, 0][known].clip(0, width - 1.001)
    y = field[:, :, 1][known].clip(0, height - 1.001)
    left, top = x.astype(np.int32), y.astype(np.int32)
    across, down = (x - left)[:, None], (y - top)[:, None]
    flat = image.reshape(height * width, channels)
    at = top * width + left
    upper = flat[at] + (flat[at + 1] - flat[at]) * across
    lower = flat[at + width] + (flat[at + width + 1] - flat[at + width]) * across
    out[known] = upper + (lower - upper) * down
    return out


def extend(colours: NDArray[Any], known: NDArray[Any]) -> NDArray[Any]:
    """Colours (h, w, channels) extended smoothly from where `known` (h, w) in 0..1 is 1 to the whole field.

    Push-pull: averages over ever larger squares fill what the finer ones leave open (S. Gortler et al., "The
    Lumigraph", SIGGRAPH 1996).
    """
    import numpy as np

    height, width = known.shape
    if height <= 1 or width <= 1:
        total = max(float(known.sum()), 1e-6)
        mean = (colours * known[:, :, None]).sum((0, 1)) / total
        return np.broadcast_to(mean, colours.shape).astype(np.float32)
    weight = _halved(known)
    coarse = _halved(colours * known[:, :, None]) / np.maximum(weight, 1e-6)[:, :, None]
    below = extend(coarse, np.minimum(weight, 1.0))
    padded = np.pad(below, ((1, 1), (1, 1), (0, 0)), mode="edge")
    # Each fine pixel is three quarters its own square and one quarter the nearest neighbour, along both axes.
    rows, columns = 2 * below.shape[0], 2 * below.shape[1]
    tall = np.empty((rows, padded.shape[1], padded.shape[2]), np.float32)
    own = 0.75 * padded[1:-1]
    tall[0::2], tall[1::2] = own + 0.25 * padded[:-2], own + 0.25 * padded[2:]
    grown = np.empty((rows, columns, padded.shape[2]), np.float32)
    own = 0.75 * tall[:, 1:-1]
    grown[:, 0::2], grown[:, 1::2] = own + 0.25 * tall[:, :-2], own + 0.25 * tall[:, 2:]
    grown = grown[:height, :width]
    return (grown + known[:, :, None] * (colours - grown)).astype(np.float32)


def _halved(field: NDArray[Any]) -> NDArray[Any]:
    """Sums over squares of two by two of a field (h, w[, channels]); the last ones may be smaller."""
    import numpy as np

    odd = [(0, side % 2) for side in field.shape[:2]]
    whole = np.pad(field, [*odd, *[(0, 0)] * (field.ndim - 2)]) if any(map(any, odd)) else field
    rows = whole[0::2] + whole[1::2]
    return rows[:, 0::2] + rows[:, 1::2]


def around(mask: NDArray[Any], margin: int = 0) -> tuple[slice, slice]:
    """The rows and columns of a mask (h, w) bool, and as many beside them; none of an empty mask."""
    import numpy as np

    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not rows.size:
        return slice(0, 0), slice(0, 0)
    return (
        slice(max(0, int(rows[0]) - margin), int(rows[-1]) + 1 + margin),
        slice(max(0, int(columns[0]) - margin), int(columns[-1]) + 1 + margin),
    )


def inside_of(field: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """(h, w) bool: which places of a field are in a photo of (height, width)."""
    x, y = field[:, :, 0], field[:, :, 1]
    return (x >= 0) & (x <= size[1] - 1) & (y >= 0) & (y <= size[0] - 1)
