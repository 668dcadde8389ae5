"""Looking at the pictures before anything is made of them: is there a person, one, a garment, and does it fit.

The same look serves the dry run and the job. What it finds is told in the try-on's own codes, none of them billed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any, Final

from functions.tryon.inputs import Garment
from functions.tryon.models import Wanted
from shared.errors import NotFound, StudioError, Unprocessable
from shared.images.sources import Source
from shared.vision import parser, people, presence, segments, stored
from shared.vto import errors
from shared.vto.protocol import Category

LEAST_PERSON: Final = 128
LEAST_GARMENT: Final = 64
"""Pixels of the shorter side."""
WORN_AS: Final[Mapping[str, Category]] = {
    "upper": "upper", "outerwear": "upper", "lower": "lower", "full_body": "dress"
}  # fmt: skip
"""How the parser's classes are put on; what is missing here can't be."""
EXCLUDED: Final = {("upper", "lower"), ("lower", "upper")}
"""(asked for, found) that no doubt of the parser explains: a dress is easily taken for a long top, or a skirt."""


def look(user_id: str, person: Source, garments: Sequence[Garment], mask: Source | None) -> list[Category]:
    """Check everything; how each garment is worn. The garments' masks are stored as `cv/segmentation` stores them.

    Raises:
        StudioError: of `shared.vto.errors`; `image_gone`.
    """
    size = look_at_person(person)
    if mask is not None:
        look_at_mask(mask, size)
    return [_look_at_garment(user_id, garment) for garment in garments]


def look_at_person(source: Source) -> tuple[int, int]:
    """See that exactly one person is there; (width, height) of the photo.

    Raises:
        ImageTooSmall, NoPerson, SeveralPeople: accordingly.
    """
    picture = _decoded(read(source), "the person's photo", LEAST_PERSON)
    found = 0 if presence.empty(picture) else people.count(parser.parse(picture))
    if found == 0:
        raise errors.NoPerson("nobody is to be seen in the person's photo")
    if found > 1:
        raise errors.SeveralPeople(f"{found} people are to be seen in the person's photo: cut one out")
    return picture.shape[1], picture.shape[0]


def look_at_mask(source: Source, size: tuple[int, int]) -> None:
    """See that a mask fits the photo. Raises UnreadableInput."""
    from PIL import Image

    try:
        with Image.open(BytesIO(read(source))) as image:
            found = image.size
    except OSError:
        raise errors.UnreadableInput("the mask is not a picture", field="maskUrl") from None
    if found != size:
        raise errors.UnreadableInput(
            f"the mask is {found[0]}x{found[1]} pixels, the person's photo {size[0]}x{size[1]}", field="maskUrl"
        )


def _look_at_garment(user_id: str, garment: Garment) -> Category:
    data = read(garment.source)
    _decoded(data, "the garment's photo", LEAST_GARMENT)
    try:
        record, _ = stored.settle(user_id, garment.source, data, "garment", "mask")
    except Unprocessable as error:
        if error.code != "nothing_found":
            raise
        raise _no_garment() from None
    if not segments.shows_garment(record["areaShare"], record["worn"], record["confidence"]):
        raise _no_garment()
    return worn_as(record["classes"], garment.wanted)


def _no_garment() -> errors.GarmentNotFound:
    return errors.GarmentNotFound("no garment is to be seen in the garment's photo")


def worn_as(classes: Sequence[Mapping[str, Any]], wanted: Wanted) -> Category:
    """How a garment is worn, by the classes that its picture shows.

    Args:
        classes: `{name, areaShare}` each, of a garment alone or of somebody who wears it.

    Raises:
        CategoryMismatch: it can't be worn as it was asked for, or is nothing that can be tried on.
    """
    areas: dict[Category, float] = {}
    for one in classes:
        category = WORN_AS.get(one["name"])
        if category is not None:
            areas[category] = areas.get(category, 0.0) + one["areaShare"]
    if not areas:
        seen = classes[0]["name"] if classes else "no garment"
        raise errors.CategoryMismatch(f"the garment's photo shows {seen}: only upper, lower and dress are tried on")
    found = max(areas, key=areas.__getitem__)
    if wanted == "auto":
        return found
    if (wanted, found) in EXCLUDED and wanted not in areas:
        raise errors.CategoryMismatch(f"the garment was said to be `{wanted}`, its photo shows `{found}`")
    return wanted


def read(source: Source) -> bytes:
    """A picture that may have been deleted since it was named. Raises Unprocessable `image_gone`."""
    try:
        return source.read()
    except NotFound:
        raise gone() from None


def gone() -> StudioError:
    """The error of an input that is not there any more."""
    return Unprocessable("a picture of this try-on was deleted", code="image_gone")


def _decoded(data: bytes, what: str, least: int) -> Any:
    try:
        picture = segments.decode(data)
    except OSError:
        raise errors.UnreadableInput(f"{what} can't be read") from None
    height, width = picture.shape[:2]
    if min(width, height) < least:
        raise errors.ImageTooSmall(f"{what} is {width}x{height} pixels: no side may be under {least}")
    return picture
