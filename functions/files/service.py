"""Upload by SAS: a pending record and a URL that creates one blob; then the same gate as any upload."""

from __future__ import annotations

from functions.files.models import Presigned, PresignRequest
from shared import audit, blobs, clock
from shared.commerce import storage_quota
from shared.documents import Create, Document, store
from shared.errors import (
    BatchFailed,
    Conflict,
    DocumentConflict,
    NotFound,
    PreconditionFailed,
    StudioError,
    TooLarge,
    Unprocessable,
    UnsupportedMedia,
)
from shared.http.auth import Principal
from shared.images import library
from shared.images.library import Image
from shared.settings import settings

_REFUSALS = {kind.status: kind for kind in (TooLarge, UnsupportedMedia, Unprocessable)}
"""What the gate says of bytes that no further try makes better."""


def presign(user: Principal, image_id: str, wanted: PresignRequest) -> Presigned:
    """Reserve a record and mint the URL for its bytes.

    Raises:
        TooLarge: `size` is over the limit.
        QuotaExceeded: there is no room for another image.
        Conflict: the same id again, its upload being completed.
    """
    limit = settings().upload_max_bytes
    library.check_visibility(user.role, wanted.kind, wanted.visibility)
    if wanted.size is not None and wanted.size > limit:
        raise TooLarge(f"an image may have {limit} bytes at most", field="size")
    name = f"{user.user_id}/{image_id}"
    record = library.new_record(
        image_id,
        user.user_id,
        kind=wanted.kind,
        visibility=wanted.visibility,
        name=wanted.name,
        hold_s=settings().pending_upload_hours * 3600,
        upload=name,
    )
    storage_quota.open_usage(user.user_id)
    try:
        store().batch(library.CONTAINER, user.user_id, [Create(record), storage_quota.reserve(1, 0)])
    except BatchFailed as failure:
        if isinstance(failure.cause, PreconditionFailed):
            raise storage_quota.exceeded_error() from None
        if not isinstance(failure.cause, DocumentConflict):
            raise
        if library.find(image_id, user.user_id)["status"] != "pending":
            raise Conflict("the upload for this key is done already", code="upload_done") from None
    url, expires = blobs.upload_url(blobs.UPLOADS, name)
    return Presigned(
        file_id=image_id,
        url=url,
        headers={"x-ms-blob-type": "BlockBlob", "Content-Type": wanted.content_type},
        expires_at=clock.iso(expires),
        max_bytes=limit,
    )


def complete(user: Principal, image_id: str) -> Image:
    """Check what was uploaded and make it an image. Repeating it answers with the same image, or the same refusal.

    Raises:
        Conflict: nothing has arrived yet (`upload_missing`), or the upload was taken back meanwhile.
        TooLarge, UnsupportedMedia, Unprocessable: what arrived is no image we take; the record says so, too.
        QuotaExceeded: there is no room for its bytes; the upload is removed.
    """
    record = library.find(image_id, user.user_id)
    if record["status"] == "ready":
        return library.view(record)
    if record["status"] == "rejected":
        raise _REFUSALS[record["error"]["status"]](record["error"]["message"], code=record["error"]["code"])
    try:
        image = library.through_gate(_uploaded(record))
    except NotFound:
        if library.find(image_id, user.user_id)["status"] != "pending":
            return complete(user, image_id)
        raise Conflict("nothing has been uploaded to the URL yet", code="upload_missing", retryable=True) from None
    except StudioError as error:
        if type(error) in _REFUSALS.values():
            library.reject(record, error)
        raise
    stored = library.put_renditions(image, f"{user.user_id}/{image_id}")
    confirmed = library.confirm(record, stored, room=storage_quota.reserve(0, stored["bytes"]))
    blobs.delete(blobs.UPLOADS, record["upload"])
    audit.record(user.user_id, "IMAGE_UPLOADED", subject=image_id, id=image_id)
    return library.view(confirmed)


def _uploaded(record: Document) -> bytes:
    """The raw bytes of the version whose size was looked at. Raises NotFound, TooLarge."""
    limit = settings().upload_max_bytes
    found = blobs.info(blobs.UPLOADS, record["upload"])
    if found is None:
        raise NotFound("nothing has been uploaded", code="blob_not_found")
    if found.size > limit:
        raise TooLarge(f"an image may have {limit} bytes at most")
    try:
        return blobs.get(blobs.UPLOADS, record["upload"], etag=found.etag)
    except Conflict:
        # An upload URL creates and never overwrites: a blob that is not this version any more has been taken away.
        raise NotFound("what was uploaded is gone", code="blob_not_found") from None
