"""From a vendor's photo to everything a product shows: renditions, mask, cut-out on white, colours."""

from __future__ import annotations

from typing import Any

from shared import blobs
from shared.errors import Unprocessable
from shared.images.documents import StoredRendition
from shared.images.renditions import sanitize_image, store_renditions
from shared.images.sanitizer import ImagePolicy
from shared.settings import settings
from shared.vision import colours, cutout, segments

MIN_SIDE = 64
CUTOUT_SIDE = 1600
THUMBNAIL_SIDE = 320
CONTAINERS = (blobs.IMAGES, blobs.THUMBNAILS, blobs.MASKS)


def make(data: bytes, prefix: str) -> dict[str, Any]:
    """Everything about a photo that goes into the product document; its pictures are stored under `prefix`.

    Raises:
        Unprocessable: `no_garment`, and as `sanitize_image`.
    """
    policy = ImagePolicy(max_bytes=settings().upload_max_bytes, min_side=MIN_SIDE)
    sanitized = sanitize_image(data, policy=policy)
    photo = segments.decode(sanitized.original.data)
    try:
        found = segments.segment(photo)
    except Unprocessable as error:
        if error.code != "nothing_found":
            raise
        raise _empty() from None
    if not segments.shows_garment(found.area_share, found.worn, found.confidence):
        raise _empty()
    stored = store_renditions(sanitized, prefix)
    white = cutout.on_white(photo, found.alpha)
    others = {
        "mask": _put(blobs.MASKS, f"{prefix}/mask.png", segments.png(found.alpha), photo.shape),
        "cutout": _put(
            blobs.IMAGES, f"{prefix}/cutout.webp", segments.webp(white, CUTOUT_SIDE), white.shape, CUTOUT_SIDE
        ),
        "cutoutThumbnail": _put(
            blobs.THUMBNAILS, f"{prefix}/cutout.webp", segments.webp(white, THUMBNAIL_SIDE), white.shape, THUMBNAIL_SIDE
        ),
    }
    return {
        "image": stored.model_copy(update={"renditions": stored.renditions | others}).model_dump(by_alias=True)
        | {"prefix": prefix},
        "colours": [vars(colour) for colour in colours.dominant(photo, found.alpha >= 250)],
        "garmentClass": found.classes[0].name if found.classes else None,
        "worn": found.worn,
        "confidence": found.confidence,
        "quality": found.quality,
        "modelVersion": found.version,
    }


def _put(container: str, name: str, data: bytes, shape: tuple[int, ...], longest: int | None = None) -> StoredRendition:
    content_type = "image/png" if name.endswith(".png") else "image/webp"
    blobs.put(container, name, data, content_type=content_type)
    scale = min(1.0, (longest or max(shape[:2])) / max(shape[:2]))
    return StoredRendition(
        container=container,
        name=name,
        width=round(shape[1] * scale),
        height=round(shape[0] * scale),
        content_type=content_type,
        bytes=len(data),
    )


def remove(prefix: str) -> None:
    """Delete the pictures of a version that nothing refers to any more."""
    for container in CONTAINERS:
        for blob in list(blobs.listing(container, f"{prefix}/")):
            blobs.delete(container, blob.name)


def _empty() -> Unprocessable:
    return Unprocessable(
        "No garment is to be seen in the photo. Show one product, large, on a calm ground.", code="no_garment"
    )
