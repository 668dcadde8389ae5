"""The document of an image: what a user uploaded or was given, where its renditions are, and who may see it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import BeforeValidator, Field

from shared import clock
from shared.conversions.documents import ConversionId
from shared.documents.model import DocumentId, Record, StoredDocument, Timestamp
from shared.documents.repository import Repository
from shared.errors import StudioError

HOLD_S: Final = 300
"""How long an image may stay half-made before the sweeper removes it, in seconds."""


class ImageKind(StrEnum):
    """What an image shows."""

    PERSON = "person"
    """A photo of a person."""
    GARMENT = "garment"
    """A photo of a garment."""
    RESULT = "result"
    """A person in a garment, made by a conversion or a try-on."""


class Visibility(StrEnum):
    """Who may use an image besides its owner."""

    PRIVATE = "private"
    """Its owner alone."""
    PUBLIC = "public"
    """Everybody who is signed in."""


class ImageStatus(StrEnum):
    """The states of an image."""

    PENDING = "pending"
    """Its document is there, its renditions are not yet."""
    READY = "ready"
    """Its renditions are stored."""
    REJECTED = "rejected"
    """What was uploaded is not an image that is accepted; `error` says why."""
    DELETING = "deleting"
    """Its blobs are being removed; users no longer see it."""


class ImageId(DocumentId):
    """`file:<id>`."""

    prefix: ClassVar[str] = "file:"


class StoredRendition(Record, frozen=True):
    """One encoded form of an image: its blob, and what it holds."""

    container: str
    name: str = Field(description="name of the blob")
    width: int = Field(description="pixels")
    height: int = Field(description="pixels")
    content_type: str
    bytes: int = Field(description="size of the blob")


def _or_empty(value: object) -> object:
    return {} if value is None else value


Renditions = Annotated[dict[str, StoredRendition], BeforeValidator(_or_empty)]
"""Renditions by name: `original`, `optimised`, `thumbnail`; some images also have a `mask` or a `cutout`."""


class StoredRenditions(Record, frozen=True):
    """All renditions of an image as stored, and what is known of the original."""

    renditions: Renditions = Field(validation_alias="blobs", serialization_alias="blobs")
    width: int = Field(description="pixels of the original")
    height: int = Field(description="pixels of the original")
    sha256: str | None = Field(description="digest of the original, hex")
    bytes: int = Field(description="size of all renditions together")


class ImageError(Record, frozen=True):
    """Why an upload was rejected."""

    code: str = Field(description="stable, for programs")
    message: str = Field(description="what is wrong and what to do")
    status: int = Field(default=422, description="the HTTP status it was answered with")

    @classmethod
    def of(cls, error: StudioError) -> Self:
        """How an error is stored."""
        return cls(code=error.code, message=error.message, status=error.status)


class ImageDocument(StoredDocument, frozen=True):
    """An image.

    It is written before its blobs (`pending`) and confirmed after them, and marked `deleting` before they are removed:
    a crash leaves a document that the sweeper finishes, never a blob that no document names.
    """

    type: Literal["file"] = "file"
    id: ImageId
    user_id: str = Field(description="its owner; the partition")
    kind: ImageKind
    visibility: Visibility = Visibility.PRIVATE
    name: str | None = Field(default=None, description="the file's name as given, for display only")
    status: ImageStatus = ImageStatus.PENDING
    images: int = Field(default=1, description="what it counts in the owner's storage quota: 1, or 0 if it is free")
    bytes: int = Field(default=0, description="size of all renditions, as counted in the owner's storage quota")
    renditions: Renditions = Field(
        default_factory=dict[str, StoredRendition],
        validation_alias="blobs",
        serialization_alias="blobs",
        description="its blobs by the name of the rendition",
    )
    width: int | None = Field(default=None, description="pixels of the original, upright")
    height: int | None = Field(default=None, description="pixels of the original, upright")
    sha256: str | None = Field(default=None, description="digest of the original, hex")
    upload: str | None = Field(default=None, description="blob of the raw upload, if it was presigned")
    error: ImageError | None = None
    conversion_id: ConversionId | None = Field(default=None, description="the conversion that made it")
    tryon_id: str | None = Field(default=None, description="document id of the try-on that made it")
    product_id: str | None = Field(default=None, description="id of the product whose photo it is")
    created_at: Timestamp
    updated_at: Timestamp
    due_at: float | None = Field(default=None, description="epoch seconds when the sweeper removes it; None: it stays")


images: Final = Repository(ImageDocument)


def new_image(
    id: str,
    user_id: str,
    *,
    kind: ImageKind,
    visibility: Visibility = Visibility.PRIVATE,
    name: str | None = None,
    hold_s: float = HOLD_S,
    bytes: int = 0,
    upload: str | None = None,
) -> ImageDocument:
    """The document of an image that is about to be stored.

    Args:
        id: id as clients see it.
        hold_s: seconds until the sweeper removes it if it is still pending.
        bytes: size to count in the owner's quota, if it is known already.
        upload: blob of the raw upload, if it comes by a presigned URL.
    """
    at = clock.now()
    return ImageDocument(
        id=ImageId.of(id),
        user_id=user_id,
        kind=kind,
        visibility=visibility,
        name=clean_name(name),
        bytes=bytes,
        upload=upload,
        created_at=clock.iso(at),
        updated_at=clock.iso(at),
        due_at=at + hold_s,
    )


def ready_image(
    id: str,
    user_id: str,
    stored: StoredRenditions,
    *,
    kind: ImageKind,
    visibility: Visibility = Visibility.PRIVATE,
    name: str | None = None,
    bytes: int | None = None,
    conversion_id: ConversionId | None = None,
    tryon_id: str | None = None,
    product_id: str | None = None,
) -> ImageDocument:
    """The document of an image that is stored already and counts nothing in its owner's quota: a result, a product.

    Args:
        id: id as clients see it.
        bytes: size of its renditions; by default all of `stored`.
    """
    at = clock.iso()
    return ImageDocument(
        id=ImageId.of(id),
        user_id=user_id,
        kind=kind,
        visibility=visibility,
        name=clean_name(name),
        status=ImageStatus.READY,
        images=0,
        bytes=stored.bytes if bytes is None else bytes,
        renditions=stored.renditions,
        width=stored.width,
        height=stored.height,
        sha256=stored.sha256,
        conversion_id=conversion_id,
        tryon_id=tryon_id,
        product_id=product_id,
        created_at=at,
        updated_at=at,
    )


def clean_name(name: str | None) -> str | None:
    """A display name: no path, no control or direction characters, at most 120 characters."""
    if not name:
        return None
    kept = "".join(c for c in name.replace("\\", "/").rsplit("/", 1)[-1] if c.isprintable())
    return kept.strip()[:120] or None
