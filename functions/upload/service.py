"""Uploads through the API, and the caller's images: list, get, delete."""

from __future__ import annotations

from functions.upload.models import ImageList, ImagesQuery, UploadQuery
from shared import audit
from shared.http.auth import Principal
from shared.http.pages import equals, list_latest
from shared.images import access, deletion
from shared.images.documents import ImageDocument, ImageStatus, images
from shared.images.models import Image, view_image
from shared.images.uploads import add_image


def upload_image(user: Principal, id: str, data: bytes, described: UploadQuery) -> Image:
    """Take one image of at most `UPLOAD_MAX_BYTES`.

    Raises:
        QuotaExceeded, TooLarge, UnsupportedMedia, Unprocessable: as `add_image`; nothing is kept.
        Forbidden: as `access.check_visibility`.
    """
    access.check_visibility(user.role, described.kind, described.visibility)
    image = add_image(id, user.user_id, data, kind=described.kind, visibility=described.visibility, name=described.name)
    audit.record(user.user_id, "IMAGE_UPLOADED", subject=id, id=id)
    return view_image(image)


def list_images(user: Principal, query: ImagesQuery) -> ImageList:
    """The user's images that are ready, newest first."""
    page = list_latest(
        images,
        query,
        equals(ImageDocument.status, ImageStatus.READY),
        equals(ImageDocument.kind, query.kind),
        partition=user.user_id,
        by=ImageDocument.created_at,
    )
    return ImageList(items=[view_image(image) for image in page.items], continuation=page.continuation)


def get_image(user: Principal, id: str) -> Image:
    """The user's own image, or a public one. Raises NotFound."""
    return view_image(access.get_visible_image(id, user.user_id))


def delete_image(user: Principal, id: str) -> None:
    """Delete the user's image with all its renditions. Raises NotFound."""
    deletion.delete_image(access.get_image(id, user.user_id))
    audit.record(user.user_id, "IMAGE_DELETED", subject=id)
