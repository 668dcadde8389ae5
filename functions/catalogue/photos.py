"""From a vendor's photo to everything a product shows: renditions, mask, cut-out on white, colours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from shared import blobs
from shared.catalogue.documents import MeasuredColour, PhotoFields, ProductImage, ProductRenditions
from shared.errors import Unprocessable
from shared.images.documents import StoredRendition
from shared.images.renditions import OPTIMISED, ORIGINAL, THUMBNAIL, sanitize_image, store_renditions, upload_policy
from shared.vision import colours, cutout, segments

if TYPE_CHECKING:
    from numpy.typing import NDArray

MIN_SIDE_PX: Final = 64
CUTOUT_SIDE_PX: Final = 1600
THUMBNAIL_SIDE_PX: Final = 320
SEGMENTED_PIXELS: Final = 12_000_000
"""A larger photo is segmented at this size, and its mask has that size: the arrays of a mask take over 30 bytes a
pixel, and the cut-outs have 1,600 pixels."""
OPAQUE: Final = 250
"""Alpha from which on a pixel counts as garment when colours are measured."""
CONTAINERS: Final = (blobs.IMAGES, blobs.THUMBNAILS, blobs.MASKS)


def process_photo(data: bytes, prefix: str) -> PhotoFields:
    """Everything that a product has from a photo; its pictures are stored under `prefix`.

    Raises:
        Unprocessable: `no_garment`, and as `sanitize_image`.
    """
    sanitized = sanitize_image(data, policy=upload_policy(min_side=MIN_SIDE_PX))
    photo = segments.decode(sanitized.original.data, max_pixels=SEGMENTED_PIXELS)
    try:
        with segments.in_turn():
            found = segments.segment(photo)
    except Unprocessable as error:
        if error.code != "nothing_found":
            raise
        raise _no_garment() from None
    if not segments.shows_garment(found.area_share, found.worn, found.confidence):
        raise _no_garment()
    stored = store_renditions(sanitized, prefix)
    white = cutout.on_white(photo, found.alpha, longest_px=CUTOUT_SIDE_PX)
    renditions = ProductRenditions(
        original=stored.renditions[ORIGINAL],
        optimised=stored.renditions[OPTIMISED],
        thumbnail=stored.renditions[THUMBNAIL],
        mask=_put(blobs.MASKS, f"{prefix}/mask.png", segments.png(found.alpha), photo),
        cutout=_put(blobs.IMAGES, f"{prefix}/cutout.webp", segments.webp(white, CUTOUT_SIDE_PX), white, CUTOUT_SIDE_PX),
        cutout_thumbnail=_put(
            blobs.THUMBNAILS, f"{prefix}/cutout.webp", segments.webp(white, THUMBNAIL_SIDE_PX), white, THUMBNAIL_SIDE_PX
        ),
    )
    return PhotoFields(
        image=ProductImage(
            prefix=prefix,
            renditions=renditions,
            width=stored.width,
            height=stored.height,
            sha256=stored.sha256,
            bytes=stored.bytes,
        ),
        colours=tuple(
            MeasuredColour(name=colour.name, hex=colour.hex, share=colour.share)
            for colour in colours.dominant_colours(photo, found.alpha >= OPAQUE)
        ),
        garment_class=found.classes[0].name if found.classes else None,
        worn=found.worn,
        confidence=found.confidence,
        quality=found.quality,
        model_version=found.version,
    )


def _put(
    container: str, name: str, data: bytes, picture: NDArray[Any], longest_px: int | None = None
) -> StoredRendition:
    """Store the encoded form of a picture (h, w, ...), scaled down to `longest_px` on its longer side."""
    height, width = picture.shape[:2]
    content_type = "image/png" if name.endswith(".png") else "image/webp"
    blobs.put(container, name, data, content_type=content_type)
    scale = min(1.0, (longest_px or max(height, width)) / max(height, width))
    return StoredRendition(
        container=container,
        name=name,
        width=round(width * scale),
        height=round(height * scale),
        content_type=content_type,
        bytes=len(data),
    )


def delete_pictures(prefix: str) -> None:
    """Delete the pictures of a photo that no product refers to any more."""
    for container in CONTAINERS:
        for blob in list(blobs.listing(container, f"{prefix}/")):
            blobs.delete(container, blob.name)


def _no_garment() -> Unprocessable:
    return Unprocessable(
        "No garment was found in the photo. Show one product, large, in front of a plain background.",
        code="no_garment",
    )
