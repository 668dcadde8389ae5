"""Data retention: delete private images by kind, and blobs without a document by container, after their time."""

from __future__ import annotations

from contextlib import suppress

from functions.privacy.settings import privacy_settings
from shared import audit, blobs, clock, telemetry
from shared.documents.containers import DAY
from shared.documents.fields import where
from shared.documents.values import valid_id
from shared.errors import Conflict, NotFound
from shared.images.deletion import delete_image
from shared.images.documents import ImageDocument, ImageId, ImageKind, ImageStatus, Visibility, images
from shared.passes import Pass

OWNED = (blobs.IMAGES, blobs.THUMBNAILS, blobs.RESULTS, blobs.TRYON, blobs.MODELS)
LOOSE = tuple(name for name in blobs.CONTAINERS if name not in OWNED)
"""Containers whose blobs are deleted by age alone; in the others every blob belongs to a document."""
KINDS = (*(kind.value for kind in ImageKind), *LOOSE)
"""What `RETENTION_DAYS` can name."""


def delete_expired(limit: int = 2000) -> dict[str, int]:
    """Delete what is past its retention by `RETENTION_DAYS`; returns how many of each kind.

    Args:
        limit: of each kind in one run; the next run deletes the rest.
    """
    removed: dict[str, int] = {}
    kinds = Pass("retention")
    for kind, days in privacy_settings().retention_days.items():
        if days == 0:
            continue
        before = clock.now() - days * DAY
        with kinds.item(kind=kind):
            if kind in ImageKind:
                removed[kind] = _images(ImageKind(kind), before, limit)
            elif kind in LOOSE:
                removed[kind] = _blobs(kind, before, limit)
            else:
                telemetry.log("retention.unknown_kind", level="error", kind=kind)
    for kind, count in removed.items():
        telemetry.count("studio_retention_removed", count, kind=kind)
    return removed


def _images(kind: ImageKind, before: float, limit: int) -> int:
    """Private images of a kind; what a seller has published or drafted is their catalogue and stays."""
    old = (
        where(ImageDocument.kind, "=", kind),
        where(ImageDocument.visibility, "=", Visibility.PRIVATE),
        where(ImageDocument.status, "=", ImageStatus.READY),
        where(ImageDocument.created_at, "<", clock.iso(before)),
    )
    done = 0
    expired = Pass("retention.images")
    for image in images.iterate(*old):
        if image.product_id is not None:
            continue
        with expired.item(imageId=image.id, userId=image.user_id), suppress(Conflict, NotFound):
            delete_image(image)
            audit.record(image.user_id, "IMAGE_EXPIRED", subject=image.id.public, kind=kind)
            done += 1
        if done >= limit or expired.failed >= limit:
            break
    return done


def delete_orphaned_uploads(limit: int = 2000) -> int:
    """Delete uploads that no pending image waits for; returns how many.

    A URL that creates a blob works until it expires: after its upload was completed, or its account deleted, too.
    """
    done = 0
    for blob in blobs.listing(blobs.UPLOADS):
        owner, _, id = blob.name.partition("/")
        image = images.find(ImageId.of(id), owner) if owner and valid_id(id) else None
        if image is None or image.status is not ImageStatus.PENDING or image.upload != blob.name:
            done += blobs.delete(blobs.UPLOADS, blob.name)
        if done >= limit:
            break
    return done


def _blobs(container: str, before: float, limit: int) -> int:
    done = 0
    expired = Pass("retention.blobs")
    for blob in blobs.listing(container):
        if blob.modified < before:
            with expired.item(container=container, blob=blob.name):
                done += blobs.delete(container, blob.name)
        if done >= limit or expired.failed >= limit:
            break
    return done
