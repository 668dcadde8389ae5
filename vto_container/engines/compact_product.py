"""The garment as the compact engine uses it: cut out, fitted to a canvas by its mask, colours extended outwards.

A garment image says nothing about where the garment will be on a body; only its outline is always known. So the canvas
is fitted to the outline: the bounding box of the mask is centred and takes `FILL` of it in its longer direction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIZE = (256, 192)
"""Height and width of the canvas and of the networks' view."""
FILL = 0.86
MAX_SCALE = 4.0
"""Largest scale of the canvas: no output shows finer detail."""


@dataclass(frozen=True)
class Product:
    """A garment on its canvas.

    Args:
        colours: (h, w, 3) float32 in 0..255, extended beyond the mask, so that sampling past the edge finds fabric.
        mask: (h, w) float32 in 0..1.
    """

    colours: NDArray[Any]
    mask: NDArray[Any]


def fit_to_canvas(image: NDArray[Any], alpha: NDArray[Any], scale: float = 1.0) -> Product:
    """A garment cut out of an image, on a canvas `scale` times `SIZE`.

    Args:
        image: RGB (h, w, 3) uint8.
        alpha: (h, w) uint8; not empty above 127.
    """
    import numpy as np
    from PIL import Image

    height, width = (round(side * min(scale, MAX_SCALE)) for side in SIZE)
    rows, columns = np.flatnonzero((alpha > 127).any(1)), np.flatnonzero((alpha > 127).any(0))
    x, y, across, down = canvas_rectangle(columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
    left, top, right, low = (round(v) for v in (x, y, x + across, y + down))
    # Pillow can't read beyond an image: the rest of the canvas is empty.
    padding = [(max(0, -top), max(0, low - image.shape[0])), (max(0, -left), max(0, right - image.shape[1]))]
    window = np.s_[max(0, top) : low, max(0, left) : right]
    cut = np.pad(image[window], [*padding, (0, 0)])
    share = np.pad(alpha[window], padding)
    # Colours are weighted by opacity, so that those of transparent pixels do not bleed in.
    share_small = np.asarray(Image.fromarray(share).resize((width, height), Image.Resampling.BOX), np.float32) / 255
    weighted = (cut.astype(np.float32) * (share[:, :, None].astype(np.float32) / 255)).round().astype(np.uint8)
    colours = np.asarray(Image.fromarray(weighted).resize((width, height), Image.Resampling.BOX), np.float32)
    solid = colours / np.maximum(share_small, 1e-3)[:, :, None]
    return Product(extend_colours(solid, np.where(share_small > 0.6, 1.0, 0.0).astype(np.float32)), share_small)


def canvas_rectangle(left: float, top: float, right: float, low: float) -> tuple[float, float, float, float]:
    """The rectangle (x, y, width, height) of the canvas for a mask with these four edges."""
    height, width = SIZE
    unit = max((right - left) / width, (low - top) / height, 1e-6) / FILL
    across, down = unit * width, unit * height
    return (left + right - across) / 2, (top + low - down) / 2, across, down


def extend_colours(colours: NDArray[Any], known: NDArray[Any]) -> NDArray[Any]:
    """Colours (h, w, 3) extended smoothly from where `known` (h, w) in 0..1 is 1 to the whole field.

    Push-pull: averages over ever larger squares fill what the finer ones leave open (S. Gortler et al., "The
    Lumigraph", SIGGRAPH 1996).
    """
    import numpy as np

    height, width = known.shape
    if height <= 1 or width <= 1:
        total = max(float(known.sum()), 1e-6)
        mean = (colours * known[:, :, None]).sum((0, 1)) / total
        return np.broadcast_to(mean, colours.shape).astype(np.float32)
    even = ((height + 1) // 2, (width + 1) // 2)
    padding = ((0, even[0] * 2 - height), (0, even[1] * 2 - width))
    weights = np.pad(known, padding)
    sums = np.pad(colours * known[:, :, None], (*padding, (0, 0)))
    weight = weights.reshape(even[0], 2, even[1], 2).sum((1, 3))
    coarse = sums.reshape(even[0], 2, even[1], 2, 3).sum((1, 3)) / np.maximum(weight, 1e-6)[:, :, None]
    below = extend_colours(coarse, np.minimum(weight, 1.0))
    padded = np.pad(below, ((1, 1), (1, 1), (0, 0)), mode="edge")
    # Each fine pixel is three quarters its own square and one quarter the nearest neighbour, along both axes.
    for axis in (0, 1):
        own = padded.take(range(1, padded.shape[axis] - 1), axis)
        before = padded.take(range(padded.shape[axis] - 2), axis)
        after = padded.take(range(2, padded.shape[axis]), axis)
        stacked = np.stack([0.75 * own + 0.25 * before, 0.75 * own + 0.25 * after], axis + 1)
        shape = list(own.shape)
        shape[axis] *= 2
        padded = stacked.reshape(shape)
    grown = padded[:height, :width]
    return (grown + known[:, :, None] * (colours - grown)).astype(np.float32)


def sample(field: NDArray[Any], x: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
    """Values of a field (h, w, channels) at positions in -1..1 over its extent, bilinear, clamped at the borders.

    Args:
        x, y: of the same shape; -1 and 1 are the outer edges of the first and last pixel.
    """
    import numpy as np

    height, width = field.shape[:2]
    px = np.clip((x + 1) * (width / 2) - 0.5, 0, width - 1).astype(np.float32)
    py = np.clip((y + 1) * (height / 2) - 0.5, 0, height - 1).astype(np.float32)
    left, top = np.minimum(px.astype(np.int32), max(0, width - 2)), np.minimum(py.astype(np.int32), max(0, height - 2))
    fx, fy = (px - left)[..., None], (py - top)[..., None]
    flat = field.reshape(height * width, -1)
    at = top * width + left
    right, low = (1 if width > 1 else 0), (width if height > 1 else 0)
    upper = flat[at] * (1 - fx) + flat[at + right] * fx
    return upper + (flat[at + low] * (1 - fx) + flat[at + low + right] * fx - upper) * fy
