"""Taking uploads: the document before the blobs, confirmed after them, or rejected."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from shared import blobs, clock
from shared.commerce import storage_quota
from shared.documents import Operation, store
from shared.documents.fields import assign, where
from shared.errors import BatchFailed, Conflict, DocumentConflict, PreconditionFailed, StudioError
from shared.images import deletion
from shared.images.documents import (
    ImageDocument,
    ImageError,
    ImageId,
    ImageKind,
    ImageStatus,
    StoredRenditions,
    Visibility,
    images,
    new_image,
)
from shared.images.renditions import sanitize_image, store_renditions

KEEP_REJECTED_S: Final = 24 * 3600
"""How long the document of a rejected upload is kept for its owner to read why, in seconds."""


def add_image(
    id: str, user_id: str, data: bytes, *, kind: ImageKind, visibility: Visibility, name: str | None
) -> ImageDocument:
    """Take an upload: sanitize it, count it in the quota, store its blobs and its document.

    Args:
        id: id as clients see it; the same id again returns the image that exists.

    Raises:
        QuotaExceeded: it does not fit; nothing is kept. And as `sanitize_image`.
    """
    known = images.find(ImageId.of(id), user_id)
    if known is not None and known.status is ImageStatus.READY:
        return known
    sanitized = sanitize_image(data)
    size = sum(len(encoded.data) for encoded in (sanitized.original, *sanitized.copies.values()))
    image = new_image(id, user_id, kind=kind, visibility=visibility, name=name, bytes=size)
    try:
        pending = create_pending(image)
    except DocumentConflict:
        pending = images.get(image.id, user_id)
        if pending.status is ImageStatus.READY:
            return pending
    return confirm_upload(pending, store_renditions(sanitized, f"{user_id}/{id}"))


def create_pending(image: ImageDocument) -> ImageDocument:
    """Store the document of an image whose blobs are not there yet, and count it in its owner's quota.

    Raises:
        DocumentConflict: it exists.
        QuotaExceeded: it does not fit; nothing is kept.
    """
    storage_quota.open_usage(image.user_id)
    # The document is created first: a repeated upload conflicts with it even when the quota is used up.
    operations = [images.creation(image), storage_quota.reserve(image.images, image.bytes)]
    try:
        return images.load(store().batch(images.container, image.user_id, operations)[0])
    except BatchFailed as failure:
        if isinstance(failure.cause, PreconditionFailed):
            raise storage_quota.exceeded_error() from None
        if isinstance(failure.cause, DocumentConflict):
            raise failure.cause from None
        raise


def confirm_upload(
    image: ImageDocument, stored: StoredRenditions, *, storage: Operation | None = None
) -> ImageDocument:
    """Make a pending image ready once its blobs are stored; one that was made ready meanwhile stays as it is.

    Args:
        storage: counts its bytes in the quota, if they were not known before.

    Raises:
        QuotaExceeded: the bytes don't fit; document and blobs are removed.
        Conflict: the image was removed meanwhile; the blobs are removed too.
    """
    ready = images.change(
        image.id,
        assign(ImageDocument.renditions, stored.renditions),
        assign(ImageDocument.width, stored.width),
        assign(ImageDocument.height, stored.height),
        assign(ImageDocument.sha256, stored.sha256),
        assign(ImageDocument.bytes, stored.bytes),
        assign(ImageDocument.status, ImageStatus.READY),
        assign(ImageDocument.updated_at, clock.iso()),
        assign(ImageDocument.due_at, None),
        where=(where(ImageDocument.status, "=", ImageStatus.PENDING),),
    )
    operations = [ready, *([storage] if storage else [])]
    try:
        return images.load(store().batch(images.container, image.user_id, operations)[0])
    except BatchFailed as failure:
        current = images.find(image.id, image.user_id)
        if current is not None and current.status is ImageStatus.READY:
            return current
        if failure.index == 1 and current is not None:
            deletion.delete_image(current)
            raise storage_quota.exceeded_error() from None
        deletion.delete_blobs(image.model_copy(update={"renditions": stored.renditions}))
        raise Conflict(
            "the upload took too long and was removed: send it again", code="upload_expired"
        ) from None  # fmt: skip


def reject_upload(image: ImageDocument, error: StudioError) -> None:
    """Keep the document of an upload that is not an accepted image for a day, and release its storage quota."""
    at = clock.now()
    rejected = images.change(
        image.id,
        assign(ImageDocument.status, ImageStatus.REJECTED),
        assign(ImageDocument.error, ImageError.of(error)),
        assign(ImageDocument.updated_at, clock.iso(at)),
        assign(ImageDocument.due_at, at + KEEP_REJECTED_S),
        assign(ImageDocument.images, 0),
        assign(ImageDocument.bytes, 0),
        where=(where(ImageDocument.status, "=", ImageStatus.PENDING),),
    )
    # If the first write fails, another caller has confirmed or rejected it already.
    with suppress(BatchFailed):
        store().batch(images.container, image.user_id, [rejected, storage_quota.release(image.images, image.bytes)])
    if image.upload is not None:
        blobs.delete(blobs.UPLOADS, image.upload)
