"""Images as they are answered: with URLs that expire after minutes."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field

from shared import blobs
from shared.http.models import Answer
from shared.images.documents import (
    ImageDocument,
    ImageError,
    ImageKind,
    ImageStatus,
    StoredRendition,
    Visibility,
)
from shared.images.renditions import OPTIMISED, ORIGINAL, THUMBNAIL

type UploadKind = Literal[ImageKind.PERSON, ImageKind.GARMENT]
"""The kinds that users upload."""


class Rendition(Answer):
    """One stored form of an image."""

    url: str = Field(description="expires after minutes")
    width: int = Field(description="pixels")
    height: int = Field(description="pixels")
    content_type: str
    bytes: int

    @classmethod
    def of_stored(cls, stored: StoredRendition) -> Self:
        """The rendition with a URL to read it."""
        return cls.of(stored, url=read_url(stored))


class Image(Answer):
    """An image as its owner sees it."""

    id: str
    kind: ImageKind
    status: ImageStatus
    visibility: Visibility
    name: str | None = Field(description="the file's name as given, for display only")
    width: int | None = Field(description="pixels, upright")
    height: int | None = Field(description="pixels, upright")
    bytes: int = Field(description="size of all renditions")
    sha256: str | None = Field(description="digest of the sanitized original, hex")
    original: Rendition | None
    optimised: Rendition | None = Field(description="long side at most 1,600 pixels")
    thumbnail: Rendition | None = Field(description="long side at most 320 pixels")
    error: ImageError | None = Field(description="why it was rejected")
    created_at: str


def read_url(stored: StoredRendition) -> str:
    """A URL that reads a rendition for some minutes."""
    return blobs.read_url(stored.container, stored.name, content_type=stored.content_type)


def view_image(image: ImageDocument) -> Image:
    """The image as it is answered."""
    named = {
        name: Rendition.of_stored(image.renditions[name]) if name in image.renditions else None
        for name in (ORIGINAL, OPTIMISED, THUMBNAIL)
    }
    return Image.of(image, **named)
