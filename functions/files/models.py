"""Requests and answers of upload by SAS."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from shared.http.models import Answer, Body
from shared.images.documents import ImageKind, Visibility
from shared.images.models import UploadKind


class PresignRequest(Body):
    """What will be uploaded."""

    container: Literal["uploads"] = "uploads"
    content_type: Literal["image/jpeg", "image/png", "image/webp", "image/avif", "image/heic", "image/heif"]
    kind: UploadKind = ImageKind.PERSON
    visibility: Visibility = Visibility.PRIVATE
    name: str | None = Field(default=None, max_length=255)
    size: int | None = Field(default=None, ge=1, description="bytes, if known: too many are refused before the upload")


class Presigned(Answer):
    """Where to PUT the bytes, once."""

    id: str = Field(description="id of the image")
    url: str
    method: str = "PUT"
    headers: dict[str, str] = Field(description="to send with the PUT")
    expires_at: str = Field(description="RFC 3339, UTC")
    max_bytes: int
