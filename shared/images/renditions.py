"""The renditions that are kept of every image: the sanitized original, an optimised copy and a thumbnail."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from shared import blobs
from shared.images.documents import StoredRendition, StoredRenditions
from shared.images.sanitizer import (
    EncodedImage,
    ImagePolicy,
    ReadImage,
    Resize,
    SanitizedImage,
    sanitize_copies,
    sanitize_with_copies,
)
from shared.images.settings import image_settings

ORIGINAL: Final = "original"
OPTIMISED: Final = "optimised"
THUMBNAIL: Final = "thumbnail"
COPIES: Final = {OPTIMISED: Resize(1600, quality=82), THUMBNAIL: Resize(320, quality=80)}


def upload_policy(**changes: Any) -> ImagePolicy:
    """What the settings accept as an upload, with these fields of the policy changed."""
    limits = image_settings()
    policy = ImagePolicy(
        max_bytes=max(limits.upload_max_bytes, limits.file_max_bytes),
        max_side=limits.upload_max_side,
        max_pixels=round(limits.upload_max_megapixels * 1e6),
    )
    return replace(policy, **changes)


def sanitize_image(data: bytes, *, policy: ImagePolicy | None = None) -> SanitizedImage:
    """Sanitize foreign bytes and make both smaller copies of the same decoding.

    Args:
        policy: limits and output; by default those of uploads.

    Returns an image whose `copies` has `OPTIMISED` (long side <= 1600) and `THUMBNAIL` (<= 320), both WebP.
    Raises as `sanitizer.sanitize_with_copies`.
    """
    return sanitize_with_copies(data, COPIES, policy=policy or upload_policy())


def make_copies(data: bytes, *, policy: ImagePolicy) -> ReadImage:
    """Both smaller copies of foreign bytes that are kept as they are. Raises as `sanitizer.sanitize_with_copies`."""
    return sanitize_copies(data, COPIES, policy=policy)


def store_renditions(image: SanitizedImage, prefix: str, *, container: str = blobs.IMAGES) -> StoredRenditions:
    """Store the original and its copies as `<prefix>/<rendition>.<ending>`.

    Args:
        container: of all but the thumbnail, which has its own.
    """
    stored = {
        rendition: store_rendition(
            blobs.THUMBNAILS if rendition == THUMBNAIL else container, f"{prefix}/{rendition}", encoded
        )
        for rendition, encoded in {ORIGINAL: image.original, **image.copies}.items()
    }
    return StoredRenditions(
        renditions=stored,
        width=image.original.width,
        height=image.original.height,
        sha256=image.original.sha256,
        bytes=sum(rendition.bytes for rendition in stored.values()),
    )


def store_rendition(container: str, stem: str, encoded: EncodedImage) -> StoredRendition:
    """Store one rendition under `stem` and the ending of its format."""
    name = f"{stem}.{encoded.format.lower().replace('jpeg', 'jpg')}"
    blobs.put(container, name, encoded.data, content_type=encoded.content_type)
    return StoredRendition(
        container=container,
        name=name,
        width=encoded.width,
        height=encoded.height,
        content_type=encoded.content_type,
        bytes=len(encoded.data),
    )
