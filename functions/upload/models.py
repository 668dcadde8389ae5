"""Requests and answers of the image routes."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from shared.http.models import Answer, PageQuery, Query
from shared.images.library import Image


class UploadQuery(Query):
    """What the bytes are, for an upload as a raw body; form fields of the same names for multipart."""

    kind: Literal["person", "garment"] = "person"
    visibility: Literal["private", "public"] = "private"
    name: str | None = Field(default=None, max_length=255)


class ImagesQuery(PageQuery):
    """Which of one's images to list, newest first."""

    kind: Literal["person", "garment", "result"] | None = None


class ImageList(Answer):
    """A page of images."""

    items: list[Image]
    continuation: str | None = None
