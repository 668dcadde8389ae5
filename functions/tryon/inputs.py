"""Resolves what a request names to the blobs of the person, the garments and the mask that the user may use."""

from __future__ import annotations

from typing import Final

from functions.tryon.models import GarmentRequest, PersonRequest
from shared import blobs
from shared.accounts.documents import accounts
from shared.errors import NotFound, StudioError, Unprocessable
from shared.http.auth import Principal
from shared.images import sources, urls
from shared.images.access import get_image, get_visible_image
from shared.images.documents import ImageDocument, ImageKind
from shared.settings import settings
from shared.tryons.documents import RequestedCategory, StoredImage, TryOnGarment
from shared.tryons.sources import IMAGE_CONTAINERS, image_by_url, image_not_found

MASK_CONTAINERS: Final = (*IMAGE_CONTAINERS, blobs.MASKS)
"""Containers of images that may be masks."""


def resolve_person(wanted: PersonRequest, user: Principal) -> StoredImage:
    """The person image: the user's own upload, or an earlier result.

    Raises:
        NotFound: it does not exist, or is another user's.
        Unprocessable: `image_not_ready`, `image_kind`, `image_url`.
    """
    if wanted.person_image_id is None:
        return image_by_url(str(wanted.person_url), user.user_id, "personUrl")
    image = _own_image(wanted.person_image_id, user.user_id, "personImageId")
    if image.kind is ImageKind.GARMENT:
        raise Unprocessable(
            f"the image was uploaded as a {image.kind}; this needs a person", code="image_kind",
            field="personImageId",
        )  # fmt: skip
    return _stored(image, "personImageId")


def resolve_garment(wanted: GarmentRequest, user: Principal, prefix: str = "") -> TryOnGarment:
    """A garment image: the user's own, a public one, or that of a product in the user's shop.

    Args:
        prefix: of the field's name in errors.

    Raises:
        NotFound: `image_not_found`, `product_not_found`.
        Unprocessable: as `resolve_person` does.
    """
    if wanted.garment_url is not None:
        image = image_by_url(wanted.garment_url, user.user_id, f"{prefix}garmentUrl")
        return TryOnGarment(image=image, requested_category=wanted.category)
    if wanted.garment_image_id is not None:
        image = _by_id(wanted.garment_image_id, user.user_id, f"{prefix}garmentImageId")
        return TryOnGarment(image=image, requested_category=wanted.category)
    return resolve_product(str(wanted.product_id), user.user_id, user.shop, f"{prefix}productId", wanted.category)


def resolve_product(id: str, user_id: str, shop: str, field: str, category: RequestedCategory = "auto") -> TryOnGarment:
    """The image of a product that is for sale in the shop, or the user's own.

    Raises:
        NotFound: `product_not_found`.
    """
    try:
        image = get_visible_image(id, user_id)
    except NotFound:
        raise _product_not_found(field) from None
    if image.product_id != id:
        raise _product_not_found(field)
    vendor = image.user_id
    account = accounts.find(vendor, vendor)
    if vendor != user_id and (account is None or account.shop != shop):
        raise _product_not_found(field)
    return TryOnGarment(image=_stored(image, field), requested_category=category, product_id=id)


def resolve_mask(url: str, user_id: str) -> StoredImage:
    """The user's own mask: a result of segmentation or try-on, or an image.

    Raises:
        NotFound, Unprocessable: as `resolve_person` does.
    """
    try:
        found = urls.resolve(url, endpoints=_own_endpoints(), containers=(), private=MASK_CONTAINERS, owner=user_id)
    except StudioError as error:
        error.field = "maskUrl"
        raise
    # A blob that a URL names may be deleted; the caller should learn it now, not from the job.
    if blobs.info(found.container, found.name) is None:
        raise image_not_found("maskUrl")
    return StoredImage(container=found.container, name=found.name)


def _stored(image: ImageDocument, field: str) -> StoredImage:
    try:
        return StoredImage.of(sources.of_image(image))
    except StudioError as error:
        error.field = field
        raise


def _by_id(id: str, user_id: str, field: str) -> StoredImage:
    try:
        return StoredImage.of(sources.by_id(id, user_id))
    except StudioError as error:
        error.field = field
        raise


def _own_image(id: str, user_id: str, field: str) -> ImageDocument:
    try:
        return get_image(id, user_id)
    except StudioError as error:
        error.field = field
        raise


def _product_not_found(field: str) -> NotFound:
    return NotFound("there is no such product in this shop", code="product_not_found", field=field)


def _own_endpoints() -> list[str]:
    cdn = settings().cdn_base_url
    return [blobs.endpoint(), *([cdn] if cdn else [])]
