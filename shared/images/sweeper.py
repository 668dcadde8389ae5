"""Finishes what a crash has left of images: half-made and expired uploads, half-done deletions."""

from __future__ import annotations

from typing import Final

from shared import blobs, clock, telemetry
from shared.documents.fields import where
from shared.errors import Conflict, NotFound, StudioError
from shared.images.deletion import delete_image
from shared.images.documents import ImageDocument, ImageStatus, images
from shared.images.settings import PENDING_UPLOAD_S

GRACE_S: Final = 3600
"""How much longer than a pending document a raw upload may be kept, in seconds."""


def sweep(limit: int = 200) -> int:
    """Delete the images and raw uploads that are overdue; returns how many."""
    overdue = (
        where(ImageDocument.status, "in", (ImageStatus.PENDING, ImageStatus.REJECTED, ImageStatus.DELETING)),
        where(ImageDocument.due_at, "<", clock.now()),
    )
    done = 0
    for image in images.list(*overdue, limit=limit).items:
        try:
            delete_image(image)
            done += 1
        except (Conflict, NotFound):
            continue
        except Exception as error:
            telemetry.log("image.sweep_failed", level="warning", **telemetry.failure(error))
    return done + _delete_old_uploads()


def _delete_old_uploads() -> int:
    """Delete raw uploads that no document waits for any more: a presigned URL that has not expired can create its blob
    again after the image was completed or deleted."""
    oldest = clock.now() - PENDING_UPLOAD_S - GRACE_S
    try:
        left = [blob.name for blob in blobs.listing(blobs.UPLOADS) if blob.modified < oldest]
        return sum(blobs.delete(blobs.UPLOADS, name) for name in left)
    except StudioError as error:
        telemetry.log("image.quarantine_failed", level="warning", code=error.code)
        return 0
