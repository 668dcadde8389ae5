"""The image that a URL of ours means in the request of a try-on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from shared import blobs
from shared.conversions.documents import ConversionId
from shared.documents.fields import where
from shared.errors import NotFound, StudioError, Unprocessable
from shared.images import sources
from shared.images.documents import ImageDocument, ImageId, ImageStatus, images
from shared.images.sources import Source
from shared.tryons.documents import StoredImage, TryOnId

IMAGE_CONTAINERS: Final = (blobs.IMAGES, blobs.RESULTS, blobs.TRYON)
"""Containers of images that are large enough."""
MADE_BY: Final[Mapping[str, tuple[object, str]]] = {
    blobs.IMAGES: (ImageDocument.id, ImageId.prefix),
    blobs.RESULTS: (ImageDocument.conversion_id, ConversionId.prefix),
    blobs.TRYON: (ImageDocument.tryon_id, TryOnId.prefix),
}
"""By container, what the second part of a blob's name is: a field of the image's document, and that field's prefix."""


def image_by_url(url: str, user_id: str, field: str) -> StoredImage:
    """The image that a URL of ours names; nothing is fetched.

    Args:
        field: its name in errors.

    Raises:
        NotFound: it does not exist, or is another user's.
        Unprocessable: `image_url`, it is none of ours, or a thumbnail.
    """
    try:
        source = sources.by_url(url, user_id)
    except StudioError as error:
        error.field = field
        raise
    if source.container not in IMAGE_CONTAINERS:
        raise Unprocessable("a thumbnail is too small: use the original", code="image_url", field=field)
    return StoredImage.of(source if source.image_id is not None else _with_image_id(source, user_id, field))


def _with_image_id(source: Source, user_id: str, field: str) -> Source:
    """The user's own image with its id, so that it can be deleted with the try-on."""
    maker, prefix = MADE_BY[source.container]
    made = where(maker, "=", prefix + source.name.split("/")[1])
    ready = where(ImageDocument.status, "=", ImageStatus.READY)
    for image in images.list(ready, made, partition=user_id).items:
        for stored in image.renditions.values():
            if (stored.container, stored.name) == (source.container, source.name):
                return replace(source, image_id=image.id.public, pixels=stored.width * stored.height)
    raise image_not_found(field)


def image_not_found(field: str) -> NotFound:
    """The error for an image that is missing, or another user's."""
    return NotFound("there is no such image", code="image_not_found", field=field)
