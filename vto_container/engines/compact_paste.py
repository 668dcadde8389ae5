"""From the networks' view back to the photo: the garment at the photo's own resolution, and the mask of the change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.vision import matte
from vto_container.engines import compact_body as body_of
from vto_container.engines.compact_fit import Composed, Placed, dressed, stretched
from vto_container.engines.compact_product import Product, sampled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vto_container.engines.compact_person import Person, Rectangle

MATTE_SIDE = 224
"""Longest side of the picture on which the edge of what is kept is looked for."""
HALO = 1
"""Places of the crop's grid by which the old garment is widened where it is painted over: 2 pixels at 192 x 256."""


@dataclass(frozen=True)
class Pasted:
    """A part of the photo.

    Args:
        window: (left, top, right, low) in pixels of the photo.
        picture: (h, w, 3) uint8 of the window, painted.
        edit: (h, w) uint8 of the window, soft: how much of the painted picture counts.
        garment: (h, w) in 0..1: where the garment lies.
    """

    window: tuple[int, int, int, int]
    picture: NDArray[Any]
    edit: NDArray[Any]
    garment: NDArray[Any]


def pasted(
    photo: NDArray[Any], person: Person, rectangle: Rectangle, product: Product, placed: Placed, composed: Composed
) -> Pasted:
    """Paint the view `rectangle` (in pixels of the photo) into the photo.

    Args:
        product: the canvas, as fine as the photo needs.
    """
    import numpy as np

    x, y, width, height = rectangle
    left, top = max(0, int(-(-x // 1))), max(0, int(-(-y // 1)))
    right, low = min(photo.shape[1], int((x + width) // 1)), min(photo.shape[0], int((y + height) // 1))
    size = (low - top, right - left)

    def here(field: NDArray[Any]) -> NDArray[Any]:
        rows, columns = field.shape[:2]
        sx, sy = columns / width, rows / height
        edges = ((left - x) * sx, (top - y) * sy, min((right - x) * sx, columns), min((low - y) * sy, rows))
        return stretched(field, size, edges)

    places = here(placed.places)
    colours = sampled(product.colours, places[:, :, 0], places[:, :, 1])
    garment = dressed(colours, here(composed.smooth), here(composed.gain), here(composed.detail))
    # the garment's own outline, as sharp as its photo has it
    outline = sampled(product.mask[:, :, None], places[:, :, 0], places[:, :, 1])[:, :, 0]
    alpha = outline * (np.abs(places).max(2) <= 1) * here(composed.shown)
    original = photo[top:low, left:right]
    kept = _on_photo(person.kept.astype(np.float32), person, (left, top, right, low), original)
    removed = _grown(person, (left, top, right, low), size)
    alpha *= 1 - kept
    removed = removed * (1 - kept)
    behind = original + (here(composed.paint) - original) * removed[:, :, None]
    picture = behind + (garment - behind) * alpha[:, :, None]
    edit = (2 * np.maximum(alpha, removed)).clip(0, 1) * 255
    return Pasted((left, top, right, low), picture.round().clip(0, 255).astype(np.uint8),
                  edit.round().astype(np.uint8), alpha)  # fmt: skip


def _grown(person: Person, window: tuple[int, int, int, int], size: tuple[int, int]) -> NDArray[Any]:
    """The old garment and a rim of the ground around it, soft, in a window of the photo."""
    import numpy as np

    rim = body_of.widened(person.removed, HALO) & (person.body.label == 0)
    return stretched((person.removed | rim).astype(np.float32), size, _edges(person, window))


def _on_photo(
    chance: NDArray[Any], person: Person, window: tuple[int, int, int, int], original: NDArray[Any]
) -> NDArray[Any]:
    """A map of the crop's grid in a window of the photo, bent to the photo's edges: (h, w) in 0..1."""
    import numpy as np
    from PIL import Image

    rough = stretched(chance, (original.shape[0], original.shape[1]), _edges(person, window))
    small = stretched(chance, body_of.GRID, _edges(person, window))
    if small.max() < 0.5:
        return rough
    reduced = Image.fromarray(original)
    reduced.thumbnail((MATTE_SIDE, MATTE_SIDE), Image.Resampling.BOX)
    fine = stretched(matte.alpha(small, np.asarray(reduced)).astype(np.float32) / 255, rough.shape)
    # the matte may follow an edge too far: near what is kept for certain it decides, elsewhere the map does
    return np.where((rough > 0.02) & (rough < 0.98), fine, rough)


def _edges(person: Person, window: tuple[int, int, int, int]) -> tuple[float, float, float, float]:
    """A window of the photo in places of the crop's grid, cut at its borders."""
    x, y, width, height = person.rectangle
    sx, sy = body_of.GRID[1] / width, body_of.GRID[0] / height
    left, top, right, low = window
    return (
        max(0.0, (left - x) * sx),
        max(0.0, (top - y) * sy),
        min(float(body_of.GRID[1]), (right - x) * sx),
        min(float(body_of.GRID[0]), (low - y) * sy),
    )
