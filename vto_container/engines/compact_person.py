"""The person's photo read for the compact engine: the crop, the body in it, and the view that is painted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.vto.errors import CategoryMismatch, NoPerson, PoseNotFound
from vto_container.engines import compact_body as body_of
from vto_container.engines import compact_inputs as inputs
from vto_container.engines import compact_under, region
from vto_container.engines.compact_fit import View
from vto_container.engines.compact_garment import Garment
from vto_container.engines.compact_product import SIZE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vto_container.engines.base import Category

type Rectangle = tuple[float, float, float, float]
"""x, y, width, height."""
LEAST_HOLE = 0.01
"""Share of the crop below which there is no place for a garment."""
LEAST_LEGS = 0.025
"""Share of the crop below which bare legs, with nothing worn over them, may as well be a portrait's hands."""


@dataclass(frozen=True)
class Person:
    """Somebody, and what a garment of a category will change.

    Args:
        rectangle: of the crop, in pixels of the photo; may reach beyond it.
        probabilities: (9, 128, 96) over the crop.
        frame: (128, 96) in 0..1, what of the crop the photo shows.
        removed: (128, 96) bool, the old garment.
        hole: (128, 96) bool, what the networks are not shown.
        kept: (128, 96) bool, what stays in front.
        under, clothed: what is under the old garment, and (128, 96) bool, what the new one surely covers.
        confidence: 0..1, how sure the parser is of the person.
    """

    rectangle: Rectangle
    body: body_of.Body
    probabilities: NDArray[Any]
    frame: NDArray[Any]
    removed: NDArray[Any]
    hole: NDArray[Any]
    kept: NDArray[Any]
    under: compact_under.Under
    clothed: NDArray[Any]
    confidence: float


def read(picture: NDArray[Any], category: Category, product: Garment) -> Person:
    """Find the person in a photo (h, w, 3) and the place for a garment.

    Raises:
        NoPerson: nobody is there.
        PoseNotFound: somebody is, yet no body can be made out.
        CategoryMismatch: the photo does not show the part of the body that the garment goes on.
    """
    import numpy as np

    whole = region.person(picture)
    size = (picture.shape[1], picture.shape[0])
    rectangle = body_of.person_box(whole.foreground, size)
    if rectangle is None:
        raise NoPerson("nobody is to be seen in the picture", field="person")
    crop = cropped(picture, rectangle, (512, 384), edge=True)
    parsed = region.seen(crop)
    label = body_of.decoded(parsed.probabilities)
    frame = cropped(np.full((*picture.shape[:2], 1), 255, np.uint8), rectangle, body_of.GRID)[:, :, 0] / 255
    label = body_of.pinned(np.where(frame > 0.5, label, 0).astype(np.uint8))
    if (label > 0).mean() < body_of.LEAST_PERSON:
        raise PoseNotFound("not enough of a body is to be seen", field="person")
    body = body_of.read(label)
    worn = compact_under.unburdened(body)
    if worn is not body.label:
        body = body_of.read(worn)
    head = body.head | (region.head(parsed) & (label > 0))
    over = body_of.below(body, product.length) if category == "upper" else np.zeros_like(head)
    room = over | product.hung(body, category)
    hole = (body_of.hole(body, category) | body_of.widened(room, body_of.REACH)) & ~head & (frame > 0.5)
    removed = body_of.old_garment(body, category) & ~head
    bare = category == "lower" and removed.mean() < LEAST_HOLE and body.legs.mean() < LEAST_LEGS
    if bare or hole.mean() < LEAST_HOLE:
        raise CategoryMismatch(f"the photo does not show where a garment of the category {category} goes",
                               field="category")  # fmt: skip
    kept = (body_of.protected(body, category) & ~over) | head
    hole &= ~kept
    subject = parsed.foreground >= 0.5
    sure = float(parsed.probabilities.max(0)[subject].mean()) if subject.any() else 0.0
    under = compact_under.read(body, removed | over, category, crop[::4, ::4])
    clothed = compact_under.clothed(body, category) & hole
    return Person(rectangle, body, parsed.probabilities, frame, removed, hole, kept, under, clothed, round(sure, 3))


def cropped(picture: NDArray[Any], rectangle: Rectangle, size: tuple[int, int], edge: bool = False) -> NDArray[Any]:
    """A rectangle of a picture (h, w, channels) uint8 at a size (h, w); beyond the picture zero, or its edge."""
    import numpy as np
    from PIL import Image

    x, y, width, height = rectangle
    left, top, right, low = int(x // 1), int(y // 1), int(-(-(x + width) // 1)), int(-(-(y + height) // 1))
    room = [(max(0, -top), max(0, low - picture.shape[0])), (max(0, -left), max(0, right - picture.shape[1])), (0, 0)]
    cut = np.pad(picture[max(0, top) : max(0, low), max(0, left) : max(0, right)], room, "edge" if edge else "constant")
    window = (x - left, y - top, min(x - left + width, cut.shape[1]), min(y - top + height, cut.shape[0]))
    image = Image.fromarray(cut if cut.shape[2] == 3 else cut[:, :, 0])
    done = np.asarray(image.resize(size[::-1], Image.Resampling.BILINEAR, window))
    return done if done.ndim == 3 else done[:, :, None]


def within(rectangle: Rectangle, box: Rectangle) -> Rectangle:
    """A rectangle in places of the crop's grid, in pixels of the photo."""
    sx, sy = rectangle[2] / body_of.GRID[1], rectangle[3] / body_of.GRID[0]
    return rectangle[0] + box[0] * sx, rectangle[1] + box[1] * sy, box[2] * sx, box[3] * sy


def view(picture: NDArray[Any], person: Person, box: Rectangle) -> View:
    """What the networks are shown of a photo in a rectangle given in places of the crop's grid."""
    seen = on_view(person.probabilities.transpose(1, 2, 0), box, body_of.GRID).transpose(2, 0, 1)
    return View(
        cropped(picture, within(person.rectangle, box), SIZE).astype("float32"),
        inputs.parts(seen),
        on_view(person.hole.astype("float32"), box, body_of.GRID),
        on_view(person.frame.astype("float32"), box, body_of.GRID),
        _under(person.under, box),
        on_view(person.clothed.astype("float32"), box, body_of.GRID),
    )


def _under(found: compact_under.Under, box: Rectangle) -> compact_under.Under:
    skin, cloth, ground, depth = (
        on_view(field, box, SIZE) for field in (found.skin, found.cloth, found.ground, found.depth)
    )
    return compact_under.Under(skin, cloth, ground, depth, found.tones)


def on_view(field: NDArray[Any], box: Rectangle, size: tuple[int, int]) -> NDArray[Any]:
    """A field (h, w) or (h, w, channels) over the crop, seen in a rectangle in grid places, at a size; zero beyond."""
    import numpy as np
    from PIL import Image

    planes = field[:, :, None] if field.ndim == 2 else field
    scale = field.shape[0] / body_of.GRID[0]
    x, y, width, height = (v * scale for v in box)
    done = [
        np.asarray(
            Image.fromarray(np.ascontiguousarray(planes[:, :, n], np.float32)).transform(
                size[::-1], Image.Transform.EXTENT, (x, y, x + width, y + height), Image.Resampling.BILINEAR
            )
        )
        for n in range(planes.shape[2])
    ]
    return done[0] if field.ndim == 2 else np.stack(done, 2)
