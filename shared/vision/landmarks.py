"""The landmarks of a garment that lies or hangs alone, its kind, and whether the photo shows several garments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ConfigDict

from shared import onnx

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MODEL: Final = "garment_landmarks"
MAPS, PRESENT, KIND, SEVERAL = "maps", "present", "kind", "several"
"""Outputs of the network."""
WINDOW: Final = 2
"""Cells around the maximum of a map over which a place is averaged."""


class _Details(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    margin: float
    """Margin around the garment in the input, as a share of its longer side."""
    kinds: tuple[str, ...]


@dataclass(frozen=True)
class Point:
    """A landmark: x and y in pixels of the image, and the confidence in 0..1 that it is there, to within 5 % of the
    garment's size."""

    x: float
    y: float
    confidence: float


@dataclass(frozen=True)
class Landmarks:
    """Points by name (`neck_left`, `cuff_outer_right`, ...; sides as seen), probabilities of kinds by name, and the
    probability that there are several garments."""

    points: Mapping[str, Point]
    kinds: Mapping[str, float]
    several: float


def find(image: NDArray[np.uint8], box: tuple[float, float, float, float]) -> Landmarks:
    """The landmarks of the garment in an RGB image (h, w, 3).

    Args:
        box: its left, top, right and low edge in pixels.
    """
    import numpy as np
    from PIL import Image

    model = onnx.get_model(MODEL, onnx.golden_map_check(MAPS))
    wanted = model.manifest.image_input
    details = model.manifest.extra_as(_Details)
    height, width = wanted.size
    left, top, right, low = box
    extra = details.margin * max(right - left, low - top)
    scale = min(width / (right - left + 2 * extra), height / (low - top + 2 * extra))
    x, y = (left + right) / 2 - width / 2 / scale, (top + low) / 2 - height / 2 / scale
    # Reduced first, since a transformation samples single pixels.
    factor = min(1.0, 1.25 * scale)
    size = (max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor)))
    small = Image.fromarray(image).resize(size, Image.Resampling.BOX) if factor < 1 else Image.fromarray(image)
    fx, fy = size[0] / image.shape[1], size[1] / image.shape[0]
    rows = (fx / scale, 0, x * fx, 0, fy / scale, y * fy)
    view = small.transform((width, height), Image.Transform.AFFINE, rows, Image.Resampling.BILINEAR,
                           fillcolor=onnx.PADDING)  # fmt: skip
    found = model.run({wanted.name: onnx.image_tensor(np.asarray(view), wanted)})
    points: dict[str, Point] = {}
    for name, field, there in zip(model.manifest.labels, found[MAPS][0], found[PRESENT][0], strict=True):
        column, row, mass = peak(field)
        place = ((column + 0.5) * width / field.shape[1] / scale + x, (row + 0.5) * height / field.shape[0] / scale + y)
        points[name] = Point(float(place[0]), float(place[1]), round(float(there) * min(1.0, mass), 3))
    kinds = {name: float(chance) for name, chance in zip(details.kinds, found[KIND][0], strict=True)}
    return Landmarks(points, kinds, float(found[SEVERAL].ravel()[0]))


def peak(field: NDArray[Any]) -> tuple[float, float, float]:
    """Column, row and mass of the highest peak of a map of probabilities: the mean of a window around its maximum."""
    import numpy as np

    row, column = divmod(int(field.argmax()), field.shape[1])
    rows = slice(max(0, row - WINDOW), row + WINDOW + 1)
    columns = slice(max(0, column - WINDOW), column + WINDOW + 1)
    window = field[rows, columns]
    mass = float(window.sum())
    across = columns.start + np.indices((window.shape[1],))[0]
    down = rows.start + np.indices((window.shape[0],))[0]
    return float((window.sum(0) * across).sum() / mass), float((window.sum(1) * down).sum() / mass), mass


def load() -> None:
    """Load and verify the network. Raises ConfigurationError as `shared.onnx.get_model` does."""
    onnx.get_model(MODEL, onnx.golden_map_check(MAPS))
