"""Uploads through the API, and one's images: list, read, delete."""

from __future__ import annotations

from functions.upload.models import ImageList, ImagesQuery, UploadQuery
from shared import audit
from shared.http.auth import Principal
from shared.http.pages import latest
from shared.images import library
from shared.images.library import Image


def upload(user: Principal, image_id: str, data: bytes, about: UploadQuery) -> Image:
    """Take one image of at most `UPLOAD_MAX_BYTES`.

    Raises:
        QuotaExceeded, TooLarge, UnsupportedMedia, Unprocessable: as the gate and the quota say; nothing is kept.
        Forbidden: as `library.check_visibility` says.
    """
    library.check_visibility(user.role, about.kind, about.visibility)
    record = library.add(image_id, user.user_id, data, kind=about.kind, visibility=about.visibility, name=about.name)
    audit.record(user.user_id, "IMAGE_UPLOADED", subject=image_id, id=image_id)
    return library.view(record)


def images(user: Principal, query: ImagesQuery) -> ImageList:
    """One's images that are ready, newest first."""
    page = latest(library.CONTAINER, query, partition=user.user_id, type="file", status="ready", kind=query.kind)
    return ImageList(items=[library.view(record) for record in page.items], continuation=page.continuation)


def image(user: Principal, image_id: str) -> Image:
    """One's own image, or a public one."""
    return library.view(library.visible(image_id, user.user_id))


def delete(user: Principal, image_id: str) -> None:
    """Delete one's image with all its renditions. Deleting what is gone already is not an error to repeat."""
    library.delete(library.find(image_id, user.user_id))
    audit.record(user.user_id, "IMAGE_DELETED", subject=image_id)
