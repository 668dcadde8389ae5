"""What a request names: the blobs of the person, the garments and the mask, once it is clear that they may be used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from functions.tryon.models import GarmentRequest, PersonRequest, Wanted
from shared import blobs
from shared.accounts.documents import accounts
from shared.conversions.documents import ConversionId
from shared.documents.fields import where
from shared.errors import NotFound, StudioError, Unprocessable
from shared.http.auth import Principal
from shared.images import sources, urls
from shared.images.access import get_image, get_visible_image
from shared.images.documents import ImageDocument, ImageId, ImageKind, ImageStatus, images
from shared.images.sources import Source
from shared.settings import settings

USABLE = (blobs.IMAGES, blobs.RESULTS, blobs.TRYON)
"""Containers of pictures large enough to work with."""
MASKS = (*USABLE, blobs.MASKS)
MADE_BY: Mapping[str, tuple[object, str]] = {
    blobs.IMAGES: (ImageDocument.id, ImageId.prefix),
    blobs.RESULTS: (ImageDocument.conversion_id, ConversionId.prefix),
    blobs.TRYON: (ImageDocument.tryon_id, "tryon:"),
}
"""By container, what the second part of a blob's name is: a field of the image's document, and that field's prefix."""


@dataclass(frozen=True)
class Garment:
    """A garment: its picture, what it is worn as if that was said, and the product it is of."""

    source: Source
    wanted: Wanted
    product_id: str | None = None

    def document(self) -> dict[str, Any]:
        """As kept in a record."""
        return {"source": asdict(self.source), "wanted": self.wanted, "productId": self.product_id, "category": None}

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Self:
        """From a record."""
        return cls(Source(**kept["source"]), kept["wanted"], kept["productId"])


def person(wanted: PersonRequest, user: Principal) -> Source:
    """The photo of the person: one's own upload, or an earlier result.

    Raises:
        NotFound: there is no such image, or it is somebody else's.
        Unprocessable: `image_not_ready`, `image_kind`, `image_url`.
    """
    if wanted.person_image_id is None:
        return _by_url(str(wanted.person_url), user.user_id, "personUrl")
    image = _owned(wanted.person_image_id, user.user_id)
    if image.kind is ImageKind.GARMENT:
        raise Unprocessable(
            f"the image was uploaded as a {image.kind}; this needs a person", code="image_kind",
            field="personImageId",
        )  # fmt: skip
    return _by_id(wanted.person_image_id, user.user_id, "personImageId")


def garment(wanted: GarmentRequest, user: Principal, field: str = "") -> Garment:
    """A garment's photo: one's own, a public one, or a product's of one's own shop.

    Args:
        field: prefix of the field's name in errors.

    Raises:
        NotFound: `image_not_found`, `product_not_found`.
        Unprocessable: as `person` does.
    """
    if wanted.garment_url is not None:
        return Garment(_by_url(wanted.garment_url, user.user_id, f"{field}garmentUrl"), wanted.category)
    if wanted.garment_image_id is not None:
        source = _by_id(wanted.garment_image_id, user.user_id, f"{field}garmentImageId")
        return Garment(source, wanted.category)
    return product(str(wanted.product_id), user.user_id, user.shop, f"{field}productId", wanted.category)


def product(id: str, user_id: str, shop: str, field: str, category: Wanted = "auto") -> Garment:
    """A product's photo, if it is on the shelf of the shop, or one's own.

    Raises:
        NotFound: `product_not_found`.
    """
    try:
        image = get_visible_image(id, user_id)
    except NotFound:
        raise _no_product(field) from None
    if image.product_id != id:
        raise _no_product(field)
    vendor = image.user_id
    account = accounts.find(vendor, vendor)
    if vendor != user_id and (account is None or account.shop != shop):
        raise _no_product(field)
    return Garment(_by_id(id, user_id, field), category, product_id=id)


def mask(url: str, user_id: str) -> Source:
    """One's own mask: an answer of segmentation or try-on, or an image.

    Raises:
        NotFound, Unprocessable: as `person` does.
    """
    try:
        found = urls.resolve(url, endpoints=_ours(), containers=(), private=MASKS, owner=user_id)
    except StudioError as error:
        error.field = "maskUrl"
        raise
    return _there(Source(found.container, found.name), "maskUrl")


def _by_url(url: str, user_id: str, field: str) -> Source:
    try:
        source = sources.by_url(url, user_id)
    except StudioError as error:
        error.field = field
        raise
    if source.container not in USABLE:
        raise Unprocessable("a thumbnail is too small: use the original", code="image_url", field=field)
    return source if source.image_id is not None else _recorded(source, user_id, field)


def _recorded(source: Source, user_id: str, field: str) -> Source:
    """One's own picture with its image's id, so that it can be deleted with the try-on."""
    maker, prefix = MADE_BY[source.container]
    made = where(maker, "=", prefix + source.name.split("/")[1])
    ready = where(ImageDocument.status, "=", ImageStatus.READY)
    for image in images.list(ready, made, partition=user_id).items:
        for stored in image.renditions.values():
            if (stored.container, stored.name) == (source.container, source.name):
                return replace(source, image_id=image.id.public, pixels=stored.width * stored.height)
    raise _no_image(field)


def _by_id(id: str, user_id: str, field: str) -> Source:
    try:
        return sources.by_id(id, user_id)
    except StudioError as error:
        error.field = field
        raise


def _owned(id: str, user_id: str) -> ImageDocument:
    try:
        return get_image(id, user_id)
    except StudioError as error:
        error.field = "personImageId"
        raise


def _there(source: Source, field: str) -> Source:
    """A blob that a URL names may be gone; better said now than by the job."""
    if blobs.info(source.container, source.name) is None:
        raise _no_image(field)
    return source


def _no_image(field: str) -> NotFound:
    return NotFound("there is no such image", code="image_not_found", field=field)


def _no_product(field: str) -> NotFound:
    return NotFound("there is no such product on the shelf", code="product_not_found", field=field)


def _ours() -> list[str]:
    return [blobs.endpoint(), *([settings().cdn_base_url] if settings().cdn_base_url else [])]  # pyright: ignore[reportReturnType]
