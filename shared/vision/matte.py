"""From a coarse map of probabilities to an alpha matte at the image's own resolution.

Specks are removed from the map, and its probabilities are revised by colour: the certain inside and outside give the
likelihood of each colour on either side, as in the first step of GrabCut (C. Rother, V. Kolmogorov, A. Blake, SIGGRAPH
2004), with histograms instead of mixtures. Then a guided filter aligns it with the image's edges: within a window the
result is a linear function of the colours, fitted to the map (K. He, J. Sun, X. Tang, "Guided Image Filtering", PAMI
2013). The fit is made on a reduced image and applied to every pixel (K. He, J. Sun, "Fast Guided Filter",
arXiv:1505.00996, 2015), in strips, so that memory stays bounded for any size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
    slopes, offset = _fit(guide, coarse, radius=max(2, round(FILTER_RADIUS * cell)))
    field = np.concatenate([slopes, offset[:, :, None]], 2)
    out = np.empty((height, width), np.uint8)
    rows = max(1, STRIP_PIXELS // width)
    for top in range(0, height, rows):
        bottom = min(height, top + rows)
        here = _stretch(field, (width, height), top, bottom)
        answer = (here[:, :, :3] * (pixels[top:bottom].astype(np.float32) / 255)).sum(2) + here[:, :, 3]
        # Where the map is certain it decides, so that texture does not show.
        sure = _stretch(coarse[:, :, None], (width, height), top, bottom)[:, :, 0]
        answer = np.where(sure > 0.97, 1, np.where(sure < 0.03, 0, answer))
        out[top:bottom] = np.where(answer > 0.5, 255, 0)
    # A median removes single wrong pixels, a small blur turns stairs into a soft edge.
    smooth = Image.fromarray(out).filter(ImageFilter.MedianFilter(3)).filter(ImageFilter.GaussianBlur(SOFTNESS))
    return np.asarray(smooth)


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
        sure = 1 / (1 + np.exp(-(prior + box(odds[:, :, None], 1)[:, :, 0])))
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


def _fit(guide: NDArray[Any], target: NDArray[Any], radius: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Coefficients (h, w, 3) and (h, w) of the local linear model `target = slopes . guide + offset`."""
    import numpy as np

    stack = [guide, target[:, :, None], guide * target[:, :, None]]
    pairs = [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)]
    stack.append(np.stack([guide[:, :, i] * guide[:, :, j] for i, j in pairs], 2))
    means = box(np.concatenate(stack, 2), radius)
    colour, mean = means[:, :, :3], means[:, :, 3]
    cross = means[:, :, 4:7] - colour * mean[:, :, None]
    matrix = np.empty((*guide.shape[:2], 3, 3), np.float32)
    for place, (i, j) in enumerate(pairs):
        matrix[:, :, i, j] = matrix[:, :, j, i] = means[:, :, 7 + place] - colour[:, :, i] * colour[:, :, j]
    matrix += SMOOTHNESS * np.eye(3, dtype=np.float32)
    slopes = _solve(matrix, cross)
    offset = mean - (slopes * colour).sum(2)
    smooth = box(np.concatenate([slopes, offset[:, :, None]], 2), radius)
    return smooth[:, :, :3], smooth[:, :, 3]


def _solve(m: NDArray[Any], v: NDArray[Any]) -> NDArray[Any]:
    """Symmetric 3 x 3 systems by cofactors, vectorised."""
    import numpy as np

    a, b, c = m[:, :, 0, 0], m[:, :, 0, 1], m[:, :, 0, 2]
    d, e, f = m[:, :, 1, 1], m[:, :, 1, 2], m[:, :, 2, 2]
    aa, bb, cc = d * f - e * e, c * e - b * f, b * e - c * d
    dd, ee, ff = a * f - c * c, b * c - a * e, a * d - b * b
    x, y, z = v[:, :, 0], v[:, :, 1], v[:, :, 2]
    determinant = a * aa + b * bb + c * cc
    found = (aa * x + bb * y + cc * z, bb * x + dd * y + ee * z, cc * x + ee * y + ff * z)
    return np.stack(found, 2) / determinant[:, :, None]


def box(values: NDArray[Any], radius: int) -> NDArray[Any]:
    """Mean over the square of `2 radius + 1` around each place of (h, w, channels), smaller at the borders."""
    import numpy as np

    for axis in (0, 1):
        length = values.shape[axis]
        # Along one axis at a time, sums stay small enough for single precision.
        sums = np.cumsum(values, axis, dtype=np.float32)
        zero = np.zeros_like(np.take(sums, [0], axis))
        sums = np.concatenate([zero, sums], axis)
        high = np.minimum(np.arange(length) + radius + 1, length)
        low = np.maximum(np.arange(length) - radius, 0)
        shape = [1] * values.ndim
        shape[axis] = length
        count = (high - low).astype(np.float32).reshape(shape)
        values = (np.take(sums, high, axis) - np.take(sums, low, axis)) / count
    return values


def _stretch(field: NDArray[Any], size: tuple[int, int], top: int, bottom: int) -> NDArray[Any]:
    """Rows `top` to `bottom` of a (h, w, channels) field enlarged bilinearly to `size` (width, height)."""
    import numpy as np
    from PIL import Image

    height, width = field.shape[:2]
    share = height / size[1]
    window = (0.0, top * share, float(width), bottom * share)
    target = (size[0], bottom - top)
    planes = [
        np.asarray(
            Image.fromarray(np.ascontiguousarray(field[:, :, n])).resize(target, Image.Resampling.BILINEAR, window)
        )
        for n in range(field.shape[2])
    ]
    return np.stack(planes, 2)


def remove_specks(chance: NDArray[Any], min_share: float = MIN_PIECE) -> NDArray[Any]:
    """The map without pieces and holes smaller than a share of the largest piece."""
    import numpy as np

    kept = chance.copy()
    for inside in (True, False):
        labels = pieces((kept >= 0.5) == inside)
        sizes = np.bincount(labels.ravel())
        if sizes.size < 2:
            continue
        reference = np.bincount(pieces(kept >= 0.5).ravel())[1:].max(initial=0)
        small = np.flatnonzero(sizes < min_share * reference)
        kept[np.isin(labels, small[small > 0])] = 0.0 if inside else 1.0
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
