"""Requests and answers of the image routes."""

from __future__ import annotations

from pydantic import Field

from shared.http.models import Answer, Query
from shared.http.page_query import PageQuery
from shared.images.documents import ImageKind, Visibility
from shared.images.models import Image, UploadKind


class UploadQuery(Query):
    """What the bytes are, for an upload as a raw body; form fields of the same names for multipart."""

    kind: UploadKind = ImageKind.PERSON
    visibility: Visibility = Visibility.PRIVATE
    name: str | None = Field(default=None, max_length=255)


class ImagesQuery(PageQuery):
    """Which images to list."""

    kind: ImageKind | None = None


class ImageList(Answer):
    """A page of images."""

    items: list[Image]
    continuation: str | None = None
