"""Inspects the images before a try-on is made: exactly one person, a garment, and whether it fits the category.

A dry run and the job inspect alike. Errors have the codes of `shared.vto.errors`; none is billed.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from io import BytesIO
from typing import Any, Final

from shared.blobs import Kept
from shared.errors import NotFound, Unprocessable
from shared.images.segmentations import StoredClass
from shared.tryons.documents import RequestedCategory, StoredImage, TryOnGarment
from shared.vision import parser, people, presence, room, segments, stored
from shared.vto import errors
from shared.vto.protocol import Category

MIN_PERSON_SIDE_PX: Final = 128
MIN_GARMENT_SIDE_PX: Final = 64
"""Pixels of the shorter side."""
WORN_AS: Final[Mapping[str, Category]] = {
    "upper": "upper", "outerwear": "upper", "lower": "lower", "full_body": "dress"
}  # fmt: skip
"""How garments of the parser's classes are worn; others can't be tried on."""
EXCLUDED: Final = {("upper", "lower"), ("lower", "upper")}
"""(requested, found) pairs that are no mistake of the parser, which easily takes a dress for a long top or a skirt."""


def inspect(
    user_id: str,
    person: StoredImage,
    garments: Sequence[TryOnGarment],
    mask: StoredImage | None,
    kept: Kept | None = None,
) -> list[Category]:
    """Inspect all images; returns how each garment is worn. The garments' masks are stored as segmentations.

    Args:
        kept: gets what is read.

    Raises:
        StudioError: of `shared.vto.errors`; `image_gone`.
    """
    kept = kept or Kept()
    size = inspect_person(person, kept)
    if mask is not None:
        inspect_mask(mask, size, kept)
    return [_inspect_garment(user_id, garment, kept) for garment in garments]


def inspect_loosely(
    user_id: str, person: StoredImage, garments: Sequence[TryOnGarment], kept: Kept
) -> list[Category | None]:
    """Inspect the images for an engine that understands what our models don't: only what it can't serve is refused.

    Args:
        kept: gets what is read.

    Raises:
        StudioError: of `shared.vto.errors`, `several_garments` or `pose_not_supported`; `image_gone`.
    """
    read(person, kept)
    return [_category_if_known(user_id, garment, kept) for garment in garments]


def _category_if_known(user_id: str, garment: TryOnGarment, kept: Kept) -> Category | None:
    try:
        with _decoded(read(garment.image, kept), "the garment image", MIN_GARMENT_SIDE_PX) as pixels:
            if presence.empty(pixels):
                return None
    except (errors.UnreadableInput, errors.ImageTooSmall):
        return None
    try:
        return _inspect_garment(user_id, garment, kept)
    except (errors.SeveralGarments, errors.PoseNotSupported):
        raise
    except Unprocessable as error:
        if error.code == "image_gone":
            raise
        return None


def inspect_person(image: StoredImage, kept: Kept) -> tuple[int, int]:
    """Check that the image shows exactly one person; returns its (width, height).

    Raises:
        ImageTooSmall, NoPerson, SeveralPeople: accordingly.
    """
    with _decoded(read(image, kept), "the person image", MIN_PERSON_SIDE_PX) as pixels:
        height, width = pixels.shape[:2]
        count = 0 if presence.empty(pixels) else people.count(parser.parse(pixels))
    if count == 0:
        raise errors.NoPerson("the person image shows no person: use a photo of one person from the front")
    if count > 1:
        raise errors.SeveralPeople(f"the person image shows {count} people: crop it to one")
    return width, height


def inspect_mask(mask: StoredImage, size: tuple[int, int], kept: Kept) -> None:
    """Check that a mask has the size of the person image. Raises UnreadableInput."""
    from PIL import Image

    try:
        with Image.open(BytesIO(read(mask, kept))) as image:
            found = image.size
    except OSError:
        raise errors.UnreadableInput("the mask can't be decoded", field="maskUrl") from None
    if found != size:
        raise errors.UnreadableInput(
            f"the mask has {found[0]}x{found[1]} pixels, the person image {size[0]}x{size[1]}", field="maskUrl"
        )


def _inspect_garment(user_id: str, garment: TryOnGarment, kept: Kept) -> Category:
    data = read(garment.image, kept)
    with _decoded(data, "the garment image", MIN_GARMENT_SIDE_PX):
        pass
    try:
        found, _ = stored.get_or_compute(user_id, garment.image.source, data, "garment", "mask")
    except Unprocessable as error:
        if error.code != "nothing_found":
            raise
        raise _no_garment() from None
    if not segments.shows_garment(found.area_share, found.worn, found.confidence):
        raise _no_garment()
    return worn_as(found.classes, garment.requested_category)


def _no_garment() -> errors.GarmentNotFound:
    return errors.GarmentNotFound("the garment image shows no garment")


def worn_as(classes: Sequence[StoredClass], requested: RequestedCategory) -> Category:
    """How a garment is worn, by the classes that its image shows.

    Args:
        classes: of a garment alone, or of a person who wears it.

    Raises:
        CategoryMismatch: it can't be worn as requested, or can't be tried on at all.
    """
    areas: dict[Category, float] = {}
    for one in classes:
        category = WORN_AS.get(one.name)
        if category is not None:
            areas[category] = areas.get(category, 0.0) + one.area_share
    if not areas:
        shown = classes[0].name if classes else "no garment"
        raise errors.CategoryMismatch(f"the garment image shows {shown}: only upper, lower and dress can be tried on")
    found = max(areas, key=areas.__getitem__)
    if requested == "auto":
        return found
    if (requested, found) in EXCLUDED and requested not in areas:
        raise errors.CategoryMismatch(f"the requested category is `{requested}`, the garment image shows `{found}`")
    return requested


def read(image: StoredImage, kept: Kept | None = None) -> bytes:
    """The bytes of an image that may have been deleted since it was named. Raises Unprocessable `image_gone`."""
    try:
        return image.source.read(kept)
    except NotFound:
        raise Unprocessable("an image of this try-on was deleted", code="image_gone") from None


@contextmanager
def _decoded(data: bytes, what: str, min_side_px: int) -> Generator[Any]:
    """The pixels of an image, while there is room for them."""
    with ExitStack() as stack:
        try:
            stack.enter_context(room.for_image(data))
            pixels = segments.decode(data)
        except OSError:
            raise errors.UnreadableInput(f"{what} can't be decoded") from None
        height, width = pixels.shape[:2]
        if min(width, height) < min_side_px:
            raise errors.ImageTooSmall(f"{what} has {width}x{height} pixels: each side needs at least {min_side_px}")
        yield pixels
