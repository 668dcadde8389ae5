"""From the networks' view back to the person image: the garment at the image's resolution, and the edit mask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.vision import matte
from vto_container.engines import compact_body
from vto_container.engines.compact_fit import Composed, Placed, resample, shade
from vto_container.engines.compact_product import Product, sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vto_container.engines.compact_person import Person, Rectangle

MATTE_SIDE_PX = 224
"""Longest side of the image on which the edge of the kept area is refined."""
HALO = 1
"""Cells of the crop's grid by which the painted-over old garment is dilated: 2 pixels at 192 x 256."""


@dataclass(frozen=True)
class Pasted:
    """The changed part of the person image.

    Args:
        window: (left, top, right, low) in pixels of the person image.
        image: (h, w, 3) uint8 of the window, painted.
        edit: (h, w) uint8 of the window, soft: how much of the painted image is used.
        garment: (h, w) in 0..1: the area of the garment.
    """

    window: tuple[int, int, int, int]
    image: NDArray[Any]
    edit: NDArray[Any]
    garment: NDArray[Any]


def paste(
    image: NDArray[Any], person: Person, rectangle: Rectangle, product: Product, placed: Placed, composed: Composed
) -> Pasted:
    """Paste the view `rectangle` (in pixels of the person image) into the image.

    Args:
        product: the canvas, at the resolution that the image needs.
    """
    import numpy as np

    x, y, width, height = rectangle
    left, top = max(0, int(-(-x // 1))), max(0, int(-(-y // 1)))
    right, low = min(image.shape[1], int((x + width) // 1)), min(image.shape[0], int((y + height) // 1))
    size = (low - top, right - left)

    def in_window(field: NDArray[Any]) -> NDArray[Any]:
        rows, columns = field.shape[:2]
        sx, sy = columns / width, rows / height
        edges = ((left - x) * sx, (top - y) * sy, min((right - x) * sx, columns), min((low - y) * sy, rows))
        return resample(field, size, edges)

    places = in_window(placed.places)
    colours = sample(product.colours, places[:, :, 0], places[:, :, 1])
    garment = shade(colours, in_window(composed.smooth), in_window(composed.gain), in_window(composed.detail))
    # The garment's outline, as sharp as in its own image.
    outline = sample(product.mask[:, :, None], places[:, :, 0], places[:, :, 1])[:, :, 0]
    alpha = outline * (np.abs(places).max(2) <= 1) * in_window(composed.shown)
    original = image[top:low, left:right]
    kept = _refined(person.kept.astype(np.float32), person, (left, top, right, low), original)
    removed = _grown(person, (left, top, right, low), size)
    alpha *= 1 - kept
    removed = removed * (1 - kept)
    behind = original + (in_window(composed.paint) - original) * removed[:, :, None]
    painted = behind + (garment - behind) * alpha[:, :, None]
    edit = (2 * np.maximum(alpha, removed)).clip(0, 1) * 255
    return Pasted((left, top, right, low), painted.round().clip(0, 255).astype(np.uint8),
                  edit.round().astype(np.uint8), alpha)  # fmt: skip


def _grown(person: Person, window: tuple[int, int, int, int], size: tuple[int, int]) -> NDArray[Any]:
    """The old garment and a rim of the background around it, soft, in a window of the person image."""
    import numpy as np

    rim = compact_body.dilate(person.removed, HALO) & (person.body.label == 0)
    return resample((person.removed | rim).astype(np.float32), size, _edges(person, window))


def _refined(
    chance: NDArray[Any], person: Person, window: tuple[int, int, int, int], original: NDArray[Any]
) -> NDArray[Any]:
    """A map of the crop's grid in a window of the person image, aligned with the image's edges: (h, w) in 0..1."""
    import numpy as np
    from PIL import Image

    rough = resample(chance, (original.shape[0], original.shape[1]), _edges(person, window))
    small = resample(chance, compact_body.GRID, _edges(person, window))
    if small.max() < 0.5:
        return rough
    reduced = Image.fromarray(original)
    reduced.thumbnail((MATTE_SIDE_PX, MATTE_SIDE_PX), Image.Resampling.BOX)
    fine = resample(matte.alpha(small, np.asarray(reduced)).astype(np.float32) / 255, rough.shape)
    # The matte may follow an edge too far, so it decides only where the map is uncertain.
    return np.where((rough > 0.02) & (rough < 0.98), fine, rough)


def _edges(person: Person, window: tuple[int, int, int, int]) -> tuple[float, float, float, float]:
    """A window of the person image in cells of the crop's grid, clipped to the grid."""
    x, y, width, height = person.rectangle
    sx, sy = compact_body.GRID[1] / width, compact_body.GRID[0] / height
    left, top, right, low = window
    return (
        max(0.0, (left - x) * sx),
        max(0.0, (top - y) * sy),
        min(float(compact_body.GRID[1]), (right - x) * sx),
        min(float(compact_body.GRID[0]), (low - y) * sy),
    )
