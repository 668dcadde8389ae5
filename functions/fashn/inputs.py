"""Images of a run: data URIs, URLs of ours, and public https URLs where this deployment fetches them."""

from __future__ import annotations

from typing import Final

from shared import base64_data, clock
from shared.documents.fields import assign
from shared.errors import BadRequest, StudioError, Unprocessable
from shared.http.auth import Principal
from shared.images import sources
from shared.images.documents import ImageDocument, ImageKind, Visibility, images
from shared.images.settings import image_settings
from shared.images.uploads import add_image
from shared.outbound import pictures
from shared.tryons.documents import StoredImage
from shared.tryons.sources import image_by_url

KEEP_INPUTS_S: Final = 24 * 3600
"""Seconds after which images that came with a request are deleted although their run has not ended."""


def resolve_input(user: Principal, text: str, field: str, id: str, kind: ImageKind, added: list[str]) -> StoredImage:
    """The image that a request gives or names. One that is not stored here yet is stored, and its id is `added`.

    Raises:
        BadRequest: `image_url`, neither a data URI nor a URL that is taken.
        Unprocessable: `image_load`, it can't be read or fetched.
        NotFound: it does not exist, or is another user's.
        Forbidden: `email_unconfirmed`, the image would have to be fetched.
    """
    field = f"inputs.{field}"
    try:
        if not _is_data(text):
            if not text.startswith(("https://", "http://")):
                raise BadRequest(
                    "give a data URI of base64, or a URL that this API returned", code="image_url", field=field
                )
            try:
                return image_by_url(text, user.user_id, field)
            except Unprocessable:
                if not pictures.is_enabled():
                    raise
                # An account that costs nothing makes no calls to addresses of its choice.
                user.require_confirmed()
        data = _decoded(text) if _is_data(text) else _fetched(text, field)
        image = add_image(id, user.user_id, data, kind=kind, visibility=Visibility.PRIVATE, name=None)
    except StudioError as error:
        if error.status in (413, 415, 422) and error.code != "image_url":
            raise Unprocessable(error.message, code="image_load", field=field) from None
        raise
    added.append(id)
    images.patch(image.id, user.user_id, assign(ImageDocument.due_at, clock.now() + KEEP_INPUTS_S))
    return StoredImage.of(sources.by_id(id, user.user_id))


def _fetched(url: str, field: str) -> bytes:
    """The picture at a public address; whatever fails there is an image that can't be loaded."""
    try:
        return pictures.fetch_picture(url, max_bytes=image_settings().upload_max_bytes, field=field)
    except StudioError as error:
        raise Unprocessable(error.message, code="image_load", field=field) from None


def _is_data(text: str) -> bool:
    return text[:5].lower() == "data:"


def _decoded(uri: str) -> bytes:
    head = uri.partition(",")[0].lower()
    if not (head.startswith(("data:image/", "data:application/octet-stream", "data:;")) and head.endswith(";base64")):
        raise Unprocessable("a data URI of an image begins with `data:image/jpeg;base64,` or the like")
    try:
        return base64_data.decode(uri)
    except ValueError:
        raise Unprocessable("what follows `base64,` is not base64") from None
