"""Uploads by presigned URL: a pending image and a URL that creates one blob; then the same checks as any upload."""

from __future__ import annotations

from functions.files.models import Presigned, PresignRequest
from shared import audit, blobs, clock
from shared.commerce import storage_quota
from shared.errors import (
    Conflict,
    DocumentConflict,
    NotFound,
    StudioError,
    TooLarge,
    Unprocessable,
    UnsupportedMedia,
)
from shared.http.auth import Principal
from shared.images import access, uploads
from shared.images.documents import ImageStatus, new_image
from shared.images.models import Image, view_image
from shared.images.renditions import sanitize_image, store_renditions
from shared.images.settings import PENDING_UPLOAD_S, image_settings

_REJECTIONS = {kind.status: kind for kind in (TooLarge, UnsupportedMedia, Unprocessable)}
"""Errors of the sanitizer for bytes that another attempt doesn't make better, by their HTTP status."""


def presign(user: Principal, id: str, wanted: PresignRequest) -> Presigned:
    """Create a pending image and the URL to upload its bytes to.

    Args:
        id: id of the image; the same id again returns a new URL for the same image.

    Raises:
        TooLarge: `size` is over the limit.
        QuotaExceeded: the user's storage is full.
        Conflict: `upload_done`, the image is no longer pending.
    """
    limit = image_settings().file_max_bytes
    access.check_visibility(user.role, wanted.kind, wanted.visibility)
    if wanted.size is not None and wanted.size > limit:
        raise TooLarge(f"an image may have {limit} bytes at most", field="size")
    name = f"{user.user_id}/{id}"
    image = new_image(
        id,
        user.user_id,
        kind=wanted.kind,
        visibility=wanted.visibility,
        name=wanted.name,
        hold_s=PENDING_UPLOAD_S,
        upload=name,
    )
    try:
        uploads.create_pending(image)
    except DocumentConflict:
        if access.get_image(id, user.user_id).status is not ImageStatus.PENDING:
            raise Conflict("the upload for this key is done already", code="upload_done") from None
    url, expires = blobs.upload_url(blobs.UPLOADS, name)
    return Presigned(
        id=id,
        url=url,
        headers={"x-ms-blob-type": "BlockBlob", "Content-Type": wanted.content_type},
        expires_at=clock.iso(expires),
        max_bytes=limit,
    )


def complete_upload(user: Principal, id: str) -> Image:
    """Check what was uploaded and make it an image. Repeating it answers with the same image, or the same error.

    Raises:
        Conflict: nothing was uploaded yet (`upload_missing`), or the image was removed meanwhile.
        TooLarge, UnsupportedMedia, Unprocessable: what was uploaded is not an accepted image; it is rejected.
        QuotaExceeded: its bytes don't fit; the upload is removed.
    """
    image = access.get_image(id, user.user_id)
    if image.status is ImageStatus.READY:
        return view_image(image)
    if image.error is not None:
        raise _REJECTIONS[image.error.status](image.error.message, code=image.error.code)
    name = str(image.upload)
    try:
        sanitized = sanitize_image(_read(name))
    except NotFound:
        if access.get_image(id, user.user_id).status is not ImageStatus.PENDING:
            return complete_upload(user, id)
        raise Conflict("nothing has been uploaded to the URL yet", code="upload_missing", retryable=True) from None
    except StudioError as error:
        if type(error) in _REJECTIONS.values():
            uploads.reject_upload(image, error)
        raise
    stored = store_renditions(sanitized, f"{user.user_id}/{id}")
    confirmed = uploads.confirm_upload(image, stored, storage=storage_quota.reserve(0, stored.bytes))
    blobs.delete(blobs.UPLOADS, name)
    audit.record(user.user_id, "IMAGE_UPLOADED", subject=id, id=id)
    return view_image(confirmed)


def _read(name: str) -> bytes:
    """The bytes of the version whose size was checked. Raises NotFound, TooLarge."""
    limit = image_settings().file_max_bytes
    found = blobs.info(blobs.UPLOADS, name)
    if found is None:
        raise NotFound("nothing has been uploaded", code="blob_not_found")
    if found.size > limit:
        raise TooLarge(f"an image may have {limit} bytes at most")
    try:
        return blobs.get(blobs.UPLOADS, name, etag=found.etag)
    except Conflict:
        # A presigned URL creates and never overwrites: a blob that is not this version any more has been deleted.
        raise NotFound("what was uploaded is gone", code="blob_not_found") from None
