"""The person found in its image: the crop, the body in it, and the view that is painted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.engines import region
from shared.vto.errors import CategoryMismatch, NoPerson, PoseNotFound
from vto_container.engines import compact_body, compact_under
from vto_container.engines import compact_inputs as inputs
from vto_container.engines.compact_fit import View
from vto_container.engines.compact_garment import Garment
from vto_container.engines.compact_product import SIZE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vto_container.engines.base import Category

type Rectangle = tuple[float, float, float, float]
"""x, y, width, height."""
MIN_HOLE_SHARE = 0.01
"""Share of the crop below which the image does not show where a garment goes."""
MIN_LEGS_SHARE = 0.025
"""Share of the crop below which skin taken for bare legs may be the hands of a portrait."""


@dataclass(frozen=True)
class Person:
    """A person, and what a garment of a category changes.

    Args:
        rectangle: of the crop, in pixels of the image; may extend beyond it.
        probabilities: (9, 128, 96) over the crop.
        frame: (128, 96) in 0..1, the part of the crop that is inside the image.
        removed: (128, 96) bool, the old garment.
        hole: (128, 96) bool, the area hidden from the networks.
        kept: (128, 96) bool, what stays in front.
        under, clothed: what is under the old garment, and (128, 96) bool, what the new one always covers.
        confidence: 0..1, how certain the parser is of the person.
    """

    rectangle: Rectangle
    body: compact_body.Body
    probabilities: NDArray[Any]
    frame: NDArray[Any]
    removed: NDArray[Any]
    hole: NDArray[Any]
    kept: NDArray[Any]
    under: compact_under.Under
    clothed: NDArray[Any]
    confidence: float


def read_person(image: NDArray[Any], category: Category, product: Garment) -> Person:
    """Find the person in an image (h, w, 3) and where the garment goes.

    Raises:
        NoPerson: the image shows nobody.
        PoseNotFound: it shows too little of a body.
        CategoryMismatch: it does not show the part of the body that the garment is worn on.
    """
    import numpy as np

    whole = region.parse_person(image)
    size = (image.shape[1], image.shape[0])
    rectangle = compact_body.person_box(whole.foreground, size)
    if rectangle is None:
        raise NoPerson("the image shows nobody", field="person")
    cropped = crop(image, rectangle, (512, 384), edge=True)
    parsed = region.parse_closely(cropped)
    label = compact_body.decode_classes(parsed.probabilities)
    frame = crop(np.full((*image.shape[:2], 1), 255, np.uint8), rectangle, compact_body.GRID)[:, :, 0] / 255
    label = compact_body.merge_pinned(np.where(frame > 0.5, label, 0).astype(np.uint8))
    if (label > 0).mean() < compact_body.MIN_PERSON_SHARE:
        raise PoseNotFound("the image shows too little of a body", field="person")
    body = compact_body.read_body(label)
    worn = compact_under.reclassify_carried(body)
    if worn is not body.label:
        body = compact_body.read_body(worn)
    head = body.head | (region.head(parsed) & (label > 0))
    over = compact_body.hanging_below(body, product.length) if category == "upper" else np.zeros_like(head)
    covered = compact_body.dilate(over | product.hung(body, category), compact_body.DILATION)
    hole = (compact_body.hole(body, category) | covered) & ~head & (frame > 0.5)
    removed = compact_body.old_garment(body, category) & ~head
    bare = category == "lower" and removed.mean() < MIN_HOLE_SHARE and body.legs.mean() < MIN_LEGS_SHARE
    if bare or hole.mean() < MIN_HOLE_SHARE:
        raise CategoryMismatch(f"the image does not show where a garment of the category {category} goes",
                               field="category")  # fmt: skip
    kept = (compact_body.protected(body, category) & ~over) | head
    hole &= ~kept
    subject = parsed.foreground >= 0.5
    certainty = float(parsed.probabilities.max(0)[subject].mean()) if subject.any() else 0.0
    under = compact_under.read_under(body, removed | over, category, cropped[::4, ::4])
    clothed = compact_under.always_covered(body, category) & hole
    return Person(
        rectangle, body, parsed.probabilities, frame, removed, hole, kept, under, clothed, round(certainty, 3)
    )


def crop(image: NDArray[Any], rectangle: Rectangle, size: tuple[int, int], edge: bool = False) -> NDArray[Any]:
    """A rectangle of an image (h, w, channels) uint8 at a size (h, w); zero beyond the image, or its edge repeated."""
    import numpy as np
    from PIL import Image

    x, y, width, height = rectangle
    left, top, right, low = int(x // 1), int(y // 1), int(-(-(x + width) // 1)), int(-(-(y + height) // 1))
    padding = [(max(0, -top), max(0, low - image.shape[0])), (max(0, -left), max(0, right - image.shape[1])), (0, 0)]
    inside = image[max(0, top) : max(0, low), max(0, left) : max(0, right)]
    cut = np.pad(inside, padding, "edge" if edge else "constant")
    window = (x - left, y - top, min(x - left + width, cut.shape[1]), min(y - top + height, cut.shape[0]))
    plane = Image.fromarray(cut if cut.shape[2] == 3 else cut[:, :, 0])
    resized = np.asarray(plane.resize((size[1], size[0]), Image.Resampling.BILINEAR, window))
    return resized if resized.ndim == 3 else resized[:, :, None]


def to_image(rectangle: Rectangle, box: Rectangle) -> Rectangle:
    """A rectangle in cells of the crop's grid as pixels of the image."""
    sx, sy = rectangle[2] / compact_body.GRID[1], rectangle[3] / compact_body.GRID[0]
    return rectangle[0] + box[0] * sx, rectangle[1] + box[1] * sy, box[2] * sx, box[3] * sy


def view_of(image: NDArray[Any], person: Person, box: Rectangle) -> View:
    """What the networks see of an image in a rectangle given in cells of the crop's grid."""
    seen = on_view(person.probabilities.transpose(1, 2, 0), box, compact_body.GRID).transpose(2, 0, 1)
    return View(
        crop(image, to_image(person.rectangle, box), SIZE).astype("float32"),
        inputs.parts(seen),
        on_view(person.hole.astype("float32"), box, compact_body.GRID),
        on_view(person.frame.astype("float32"), box, compact_body.GRID),
        _under(person.under, box),
        on_view(person.clothed.astype("float32"), box, compact_body.GRID),
    )


def _under(under: compact_under.Under, box: Rectangle) -> compact_under.Under:
    skin, cloth, ground, depth = (
        on_view(field, box, SIZE) for field in (under.skin, under.cloth, under.ground, under.depth)
    )
    return compact_under.Under(skin, cloth, ground, depth, under.tones)


def on_view(field: NDArray[Any], box: Rectangle, size: tuple[int, int]) -> NDArray[Any]:
    """A field (h, w) or (h, w, channels) over the crop, in a rectangle in cells, at a size; zero beyond the crop."""
    import numpy as np
    from PIL import Image

    planes = field[:, :, None] if field.ndim == 2 else field
    scale = field.shape[0] / compact_body.GRID[0]
    x, y, width, height = (v * scale for v in box)
    resized = [
        np.asarray(
            Image.fromarray(np.ascontiguousarray(planes[:, :, n], np.float32)).transform(
                (size[1], size[0]), Image.Transform.EXTENT, (x, y, x + width, y + height), Image.Resampling.BILINEAR
            )
        )
        for n in range(planes.shape[2])
    ]
    return resized[0] if field.ndim == 2 else np.stack(resized, 2)
