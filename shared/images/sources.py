"""An image that a request names by id or by URL: the blob it means, if the caller may use it."""

from __future__ import annotations

from dataclasses import dataclass

from shared import blobs
from shared.errors import NotFound, Unprocessable
from shared.images import urls
from shared.images.access import get_visible_image, image_not_found
from shared.images.documents import ImageDocument, ImageStatus, StoredRendition
from shared.images.renditions import ORIGINAL
from shared.settings import settings

CONTAINERS = (blobs.IMAGES, blobs.THUMBNAILS, blobs.RESULTS, blobs.TRYON)
"""Containers of images that were sanitized or made by us, all of them `{owner}/...`."""


@dataclass(frozen=True)
class Source:
    """A stored, sanitized image.

    Args:
        image_id: id of the image; None for a URL of the caller's own blob.
        sha256: of its bytes, hex; `pixels`: width times height. None where no document says.
    """

    container: str
    name: str
    image_id: str | None = None
    sha256: str | None = None
    pixels: int | None = None

    def read(self, kept: blobs.Kept | None = None) -> bytes:
        """Its bytes. Raises NotFound if it was deleted meanwhile.

        Args:
            kept: what this piece of work has read already.
        """
        return (kept or blobs).get(self.container, self.name)


def by_id(image_id: str, user_id: str) -> Source:
    """The caller's own image, or a public one.

    Raises:
        NotFound: it does not exist, or is another user's.
        Unprocessable: `image_not_ready`.
    """
    return of_image(get_visible_image(image_id, user_id))


def of_image(image: ImageDocument) -> Source:
    """An image that was read, and that the caller may use. Raises Unprocessable: `image_not_ready`."""
    if image.status is not ImageStatus.READY:
        raise Unprocessable(f"the image is {image.status}, not ready", code="image_not_ready", field="imageId")
    return _of(image, ORIGINAL, image.renditions[ORIGINAL])


def by_url(url: str, user_id: str) -> Source:
    """The image that a URL of ours names; nothing is fetched, its signature is not looked at.

    Raises:
        NotFound: it is another user's and not public, or deleted.
        Unprocessable: `image_url`, it is none of ours.
    """
    endpoints = [blobs.endpoint(), *([settings().cdn_base_url] if settings().cdn_base_url else [])]
    ref = urls.resolve(url, endpoints=[str(endpoint) for endpoint in endpoints], containers=CONTAINERS)
    owner, _, rest = ref.name.partition("/")
    if not rest:
        raise image_not_found("imageUrl")
    if owner == user_id:
        return Source(ref.container, ref.name)
    try:
        image = get_visible_image(rest.partition("/")[0], user_id)
    except NotFound:
        raise image_not_found("imageUrl") from None
    for rendition, stored in image.renditions.items():
        if (stored.container, stored.name) == (ref.container, ref.name):
            return _of(image, rendition, stored)
    raise image_not_found("imageUrl")


def _of(image: ImageDocument, rendition: str, stored: StoredRendition) -> Source:
    return Source(
        container=stored.container,
        name=stored.name,
        image_id=image.id.public,
        sha256=image.sha256 if rendition == ORIGINAL else None,
        pixels=stored.width * stored.height,
    )
