"""Finishes what a crash has left of images: half-made and expired uploads, half-done deletions."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from shared import blobs, clock
from shared.documents.fields import where
from shared.documents.values import valid_id
from shared.errors import Conflict, NotFound, StudioError, TooLarge
from shared.images.deletion import delete_image
from shared.images.documents import ImageDocument, ImageId, ImageStatus, images
from shared.images.settings import PENDING_UPLOAD_S, image_settings
from shared.images.uploads import reject_upload
from shared.passes import Pass

GRACE_S: Final = 3600
"""How much longer than a pending document a raw upload may be kept, in seconds."""


def sweep(limit: int = 200) -> int:
    """Delete the images and raw uploads that are overdue or too large, `limit` of each at most; returns how many."""
    return _delete_overdue_images(limit) + _delete_uploads(limit)


def _delete_overdue_images(limit: int) -> int:
    overdue = (where(ImageDocument.due_at, "<", clock.now()),)
    done = 0
    sweep = Pass("images.sweep")
    for image in images.iterate(*overdue):
        with sweep.item(imageId=image.id, userId=image.user_id), suppress(Conflict, NotFound):
            delete_image(image)
            done += 1
        if done >= limit or sweep.failed >= limit:
            break
    return done


def _delete_uploads(limit: int) -> int:
    """Delete raw uploads that no document waits for any more (a presigned URL that has not expired can create its blob
    again after the image was completed or deleted), and those over the limit: a SAS can't bound a size."""
    oldest = clock.now() - PENDING_UPLOAD_S - GRACE_S
    largest = image_settings().file_max_bytes
    done = 0
    sweep = Pass("uploads.sweep")
    for blob in blobs.listing(blobs.UPLOADS):
        if blob.modified >= oldest and blob.size <= largest:
            continue
        with sweep.item(blob=blob.name):
            if blob.size > largest:
                _reject_waiting(blob.name, TooLarge(f"an image may have {largest} bytes at most"))
            done += blobs.delete(blobs.UPLOADS, blob.name)
        if done >= limit or sweep.failed >= limit:
            break
    return done


def _reject_waiting(name: str, error: StudioError) -> None:
    """Tell the image that waits for an upload why it will not come."""
    user_id, _, id = name.partition("/")
    image = images.find(ImageId.of(id), user_id) if valid_id(id) and user_id else None
    if image is not None and image.status is ImageStatus.PENDING and image.upload == name:
        reject_upload(image, error)
