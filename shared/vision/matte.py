"""From a coarse map of probabilities to an alpha matte at the image's own resolution.

Specks are removed from the map, and its probabilities are revised by colour: the certain inside and outside give the
likelihood of each colour on either side, as in the first step of GrabCut (C. Rother, V. Kolmogorov, A. Blake, SIGGRAPH
2004), with histograms instead of mixtures. Then a guided filter aligns it with the image's edges: within a window the
result is a linear function of the colours, fitted to the map (K. He, J. Sun, X. Tang, "Guided Image Filtering", PAMI
2013). The fit is made on a reduced image and applied to every pixel (K. He, J. Sun, "Fast Guided Filter",
arXiv:1505.00996, 2015), in strips, so that memory stays bounded for any size.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from shared.vision.arrays import pixels_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WORKING_SIDE = 448
"""Long side, in pixels, of the reduced image on which the filter is fitted."""
SMOOTHNESS = 1e-3
"""Regularisation: edges of a variance below this (colours in 0..1) are not followed."""
SOFTNESS = 0.8
"""Standard deviation, in pixels, of the blur that softens the outline."""
MIN_PIECE = 0.03
"""Pieces and holes of the model's map below this share of the largest piece are noise, not shape."""
MIN_REVISED_PIECE = 0.006
"""The same after the revision by colour, which is sharper: a label or a button is no hole, a gap at the arm is."""
FILTER_RADIUS = 1.5
"""Radius of the filter in places of the coarse map: the map's largest error."""
LOG_ODDS_FACTOR = 3.0
"""Factor on the map's log odds: its last layer averages over windows, which makes it underconfident."""
BINS = 16
"""Bins of each channel in the histograms of colours."""
MAX_COLOUR_LOG_ODDS = 4.0
"""Largest log odds of a colour: where the map is more certain than that, it decides."""
STRIP_PIXELS = 1 << 20
"""Pixels per batch."""


def alpha(chance: NDArray[Any], pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The opacity (h, w) of every pixel, soft by 1-2 pixels at edges.

    Args:
        chance: (rows, columns) probabilities, stretched over the image.
        pixels: RGB image (h, w, 3).
    """
    import numpy as np
    from PIL import Image, ImageFilter

    height, width = pixels.shape[:2]
    cleaned = remove_specks(_sharpen(chance.astype(np.float32)))
    scale = min(1.0, WORKING_SIDE / max(height, width))
    size = (max(2, round(width * scale)), max(2, round(height * scale)))
    guide = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX), np.float32) / 255
    coarse = np.asarray(Image.fromarray(cleaned).resize(size, Image.Resampling.BICUBIC), np.float32).clip(0, 1)
    coarse = remove_specks(revise_by_colour(coarse, guide), MIN_REVISED_PIECE)
    cell = max(size[0] / chance.shape[1], size[1] / chance.shape[0])
    field = _fit(guide, coarse, radius=max(2, round(FILTER_RADIUS * cell)))
    out = np.empty((height, width), np.uint8)
    rows = max(1, STRIP_PIXELS // width)
    for top in range(0, height, rows):
        bottom = min(height, top + rows)
        red, green, blue, offset = (_stretch(plane, (width, height), top, bottom) for plane in field)
        colours = pixels[top:bottom].astype(np.float32) / 255
        answer = red * colours[:, :, 0] + green * colours[:, :, 1] + blue * colours[:, :, 2] + offset
        # Where the map is certain it decides, so that texture does not show.
        sure = _stretch(coarse, (width, height), top, bottom)
        answer = np.where(sure > 0.97, 1, np.where(sure < 0.03, 0, answer))
        out[top:bottom] = answer > 0.5
    # A median removes single wrong pixels, a small blur turns stairs into a soft edge.
    return pixels_of(Image.fromarray(median(out) * np.uint8(255)).filter(ImageFilter.GaussianBlur(SOFTNESS)))


def median(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The median of each place of 0 or 1 and its eight neighbours, of which the border has some twice.

    Twenty times as fast as Pillow's filter, which also holds Python's lock, so that all other threads wait for it.
    """
    import numpy as np

    padded = np.pad(mask, 1, mode="edge")
    across = padded[:, :-2] + padded[:, 1:-1]
    across += padded[:, 2:]
    around = across[:-2] + across[1:-1]
    around += across[2:]
    return (around > 4).astype(np.uint8)


def _sharpen(chance: NDArray[Any]) -> NDArray[Any]:
    """The probabilities with log odds multiplied by `LOG_ODDS_FACTOR`."""
    import numpy as np

    held = chance.clip(1e-3, 1 - 1e-3)
    return (1 / (1 + ((1 - held) / held) ** LOG_ODDS_FACTOR)).astype(np.float32)


def revise_by_colour(chance: NDArray[Any], guide: NDArray[Any]) -> NDArray[Any]:
    """The map (h, w) with the odds of each place multiplied by those of its colour in `guide` (h, w, 3) in 0..1."""
    import numpy as np

    sure = chance.clip(1e-3, 1 - 1e-3)
    prior = np.log(sure / (1 - sure))
    steps = (guide * BINS).astype(np.int64).clip(0, BINS - 1)
    index = (steps[:, :, 0] * BINS + steps[:, :, 1]) * BINS + steps[:, :, 2]
    for _ in range(2):
        inside = _histogram(index, np.where(sure > 0.5, sure, 0))
        outside = _histogram(index, np.where(sure > 0.5, 0, 1 - sure))
        odds = np.log((inside + 1e-6) / (outside + 1e-6))[index].clip(-MAX_COLOUR_LOG_ODDS, MAX_COLOUR_LOG_ODDS)
        sure = 1 / (1 + np.exp(-(prior + box(odds, 1))))
    return sure.astype(np.float32)


def _histogram(index: NDArray[Any], weights: NDArray[Any]) -> NDArray[Any]:
    """Share of each colour by weight, spread to the neighbouring bins."""
    import numpy as np

    counts = np.bincount(index.ravel(), weights.ravel(), BINS**3).reshape(BINS, BINS, BINS)
    for axis in range(3):
        padded = np.pad(counts, [(1, 1) if n == axis else (0, 0) for n in range(3)])
        low, high = np.take(padded, range(BINS), axis), np.take(padded, range(2, BINS + 2), axis)
        counts = counts + 0.5 * (low + high)
    return counts.ravel() / max(float(counts.sum()), 1e-9)


def _fit(guide: NDArray[Any], target: NDArray[Any], radius: int) -> list[NDArray[Any]]:
    """Planes (h, w) of the local linear model `target = slopes . guide + offset`: three slopes, and the offset."""
    import numpy as np

    # Planes, not channels: arithmetic on them is contiguous.
    planes = [np.ascontiguousarray(guide[:, :, channel]) for channel in range(3)]
    colour = [box(plane, radius) for plane in planes]
    mean = box(target, radius)
    cross = [box(plane * target, radius) - mean_of * mean for plane, mean_of in zip(planes, colour, strict=True)]
    matrix: list[NDArray[Any]] = []
    for i, j in ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)):
        covariance = box(planes[i] * planes[j], radius) - colour[i] * colour[j]
        matrix.append(covariance + np.float32(SMOOTHNESS) if i == j else covariance)
    slopes = _solve(matrix, cross)
    offset = mean - (slopes[0] * colour[0] + slopes[1] * colour[1] + slopes[2] * colour[2])
    return [box(plane, radius) for plane in (*slopes, offset)]


def _solve(matrix: Sequence[NDArray[Any]], right: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
    """Symmetric 3 x 3 systems by cofactors, vectorised; the matrix by its upper triangle."""
    a, b, c, d, e, f = matrix
    aa, bb, cc = d * f - e * e, c * e - b * f, b * e - c * d
    dd, ee, ff = a * f - c * c, b * c - a * e, a * d - b * b
    x, y, z = right
    determinant = a * aa + b * bb + c * cc
    found = (aa * x + bb * y + cc * z, bb * x + dd * y + ee * z, cc * x + ee * y + ff * z)
    return [unknown / determinant for unknown in found]


def box(values: NDArray[Any], radius: int) -> NDArray[Any]:
    """Mean over the square of `2 radius + 1` around each place of (h, w[, channels]), smaller at the borders."""
    import numpy as np

    # Along one axis at a time, sums stay small enough for single precision.
    for axis in (0, 1):
        values = np.moveaxis(_line_means(np.moveaxis(values, axis, 0), radius), 0, axis)
    return np.ascontiguousarray(values)


def _line_means(lines: NDArray[Any], radius: int) -> NDArray[Any]:
    """Means over `2 radius + 1` neighbours along the first axis.

    Whole lines are added to each other: several times as fast as a cumulative sum along an axis that is not the last.
    """
    import numpy as np

    lines = np.ascontiguousarray(lines, np.float32)
    length, full = len(lines), 2 * radius + 1
    sums = np.empty((length + 1, *lines.shape[1:]), np.float32)
    sums[0] = 0
    for number in range(length):
        np.add(sums[number], lines[number], out=sums[number + 1])
    means = np.empty_like(lines)
    places = np.arange(length)
    if length > full:
        inner = means[radius : length - radius]
        np.subtract(sums[full:], sums[:-full], out=inner)
        inner /= np.float32(full)
        places = np.concatenate([places[:radius], places[length - radius :]])
    high, low = np.minimum(places + radius + 1, length), np.maximum(places - radius, 0)
    count = (high - low).astype(np.float32).reshape(-1, *[1] * (lines.ndim - 1))
    means[places] = (sums[high] - sums[low]) / count
    return means


def _stretch(plane: NDArray[Any], size: tuple[int, int], top: int, bottom: int) -> NDArray[Any]:
    """Rows `top` to `bottom` of a plane (h, w) enlarged bilinearly to `size` (width, height)."""
    import numpy as np
    from PIL import Image

    height, width = plane.shape
    share = height / size[1]
    window = (0.0, top * share, float(width), bottom * share)
    target = (size[0], bottom - top)
    return np.asarray(Image.fromarray(plane).resize(target, Image.Resampling.BILINEAR, window))


def remove_specks(chance: NDArray[Any], min_share: float = MIN_PIECE) -> NDArray[Any]:
    """The map without pieces and holes smaller than a share of the largest piece."""
    import numpy as np

    kept = chance.copy()
    largest = 0
    for inside in (True, False):
        labels = pieces((kept >= 0.5) == inside)
        sizes = np.bincount(labels.ravel())
        if inside:
            # No removal changes it: the largest piece is never small.
            largest = sizes[1:].max(initial=0)
        is_small = sizes < min_share * largest
        is_small[:1] = False
        if is_small.any():
            kept[is_small[labels]] = 0.0 if inside else 1.0
    return kept


def pieces(mask: NDArray[Any]) -> NDArray[Any]:
    """Numbers from 1 of the pieces of a mask (h, w) that are connected by edges; 0 outside.

    Two passes over the runs of each row with a union-find (A. Rosenfeld, J. Pfaltz, JACM 1966); fast where runs are
    few, as on the model's own maps.
    """
    import numpy as np

    parent = [0]

    def root(number: int) -> int:
        while parent[number] != number:
            parent[number] = parent[parent[number]]
            number = parent[number]
        return number

    edges = np.diff(np.pad(mask, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    lines, starts = (found.tolist() for found in np.nonzero(edges == 1))
    ends: list[int] = np.nonzero(edges == -1)[1].tolist()
    runs: list[tuple[int, int, int, int]] = []
    above: list[tuple[int, int, int]] = []
    here: list[tuple[int, int, int]] = []
    row = -2
    for line, start, end in zip(lines, starts, ends, strict=True):
        if line != row:
            above, here, row = (here if line == row + 1 else []), [], line
        touching = {root(number) for left, right, number in above if left < end and start < right}
        if touching:
            number = min(touching)
            for other in touching:
                parent[other] = number
        else:
            number = len(parent)
            parent.append(number)
        here.append((start, end, number))
        runs.append((line, start, end, number))
    order = {0: 0}
    labels = np.zeros(mask.shape, np.int32)
    for line, start, end, number in runs:
        labels[line, start:end] = order.setdefault(root(number), len(order))
    return labels
