"""Deleting images with all their blobs, and what was made of them."""

from __future__ import annotations

from contextlib import suppress

from shared import blobs, clock
from shared.commerce import storage_quota
from shared.documents import Operation, store
from shared.documents.fields import assign, where
from shared.errors import BatchFailed, Conflict, DocumentNotFound, NotFound, PreconditionFailed
from shared.images import derived
from shared.images.access import get_image, image_not_found
from shared.images.documents import HOLD_S, ImageDocument, ImageStatus, images


def delete_image(image: ImageDocument) -> None:
    """Delete an image: hidden immediately, its blobs next, its document and its share of the quota last.

    Raises:
        NotFound: it was deleted meanwhile.
        Conflict: it was changed since it was read; retryable.
    """
    at = clock.now()
    try:
        marked = images.patch(
            image.id,
            image.user_id,
            assign(ImageDocument.status, ImageStatus.DELETING),
            assign(ImageDocument.updated_at, clock.iso(at)),
            assign(ImageDocument.due_at, at + HOLD_S),
            etag=image.etag,
        )
    except DocumentNotFound:
        raise image_not_found() from None
    except PreconditionFailed:
        raise Conflict("the image is being changed: try again", code="image_busy", retryable=True) from None
    delete_blobs(marked)
    derived.delete_derived(marked)
    _delete_document(marked)


def delete_if_idle(id: str, user_id: str) -> None:
    """Delete a user's image unless it is gone or being changed right now; what remains is for a sweep to delete."""
    with suppress(NotFound, Conflict):
        delete_image(get_image(id, user_id))


def _delete_document(image: ImageDocument) -> None:
    operations: list[Operation] = [images.deletion(image.id)]
    if image.images:
        operations.append(storage_quota.release(image.images, image.bytes))
    try:
        store().batch(images.container, image.user_id, operations)
    except BatchFailed as failure:
        if not isinstance(failure.cause, DocumentNotFound):
            raise


def delete_blobs(image: ImageDocument) -> None:
    """Delete the blobs of an image: its raw upload and its renditions, except those that another image also has."""
    if image.upload:
        blobs.delete(blobs.UPLOADS, image.upload)
    if image.renditions and image.conversion_id is None:
        kept = _shared_blobs(image)
        for stored in image.renditions.values():
            if stored.name not in kept:
                blobs.delete(stored.container, stored.name)
        if image.tryon_id is not None and not kept:
            _delete_leftovers(image)
        return
    # With a result, what attempts that never committed have stored is removed, too.
    folder = image.id.public if image.conversion_id is None else image.conversion_id.public
    for container in (blobs.IMAGES if image.conversion_id is None else blobs.RESULTS, blobs.THUMBNAILS):
        for blob in list(blobs.listing(container, f"{image.user_id}/{folder}/")):
            blobs.delete(container, blob.name)


def _delete_leftovers(image: ImageDocument) -> None:
    """With the last result of a try-on, delete what attempts beside the one that was committed have stored."""
    folders = {stored.name.rpartition("/")[0] for stored in image.renditions.values()}
    for folder in folders:
        for container in (blobs.TRYON, blobs.THUMBNAILS):
            for blob in list(blobs.listing(container, f"{folder}/")):
                blobs.delete(container, blob.name)


def _shared_blobs(image: ImageDocument) -> set[str]:
    """Names of the blobs that other results of the same try-on also have: their mask, say."""
    if image.tryon_id is None:
        return set()
    same = (
        where(ImageDocument.tryon_id, "=", image.tryon_id),
        where(ImageDocument.status, "=", ImageStatus.READY),
    )
    others = images.list(*same, partition=image.user_id).items
    return {stored.name for other in others if other.id != image.id for stored in other.renditions.values()}
