"""The documents and jobs of vendors' files."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Final, Literal

from pydantic import AliasChoices, Field

from shared.documents.model import DocumentId, Record, StoredDocument, Timestamp
from shared.documents.repository import Repository

KEEP_S: Final = 30 * 24 * 3600
"""How long the processing of a file can be looked up."""


class DropStatus(StrEnum):
    """The states of a vendor's file; those of its job, and the ways in which processing ends."""

    QUEUED = "queued"
    """Waits for a worker."""
    PROCESSING = "processing"
    """A worker is at it."""
    RETRYING = "retrying"
    """An attempt failed; another follows."""
    COMPLETED = "completed"
    """It is part of a product."""
    REJECTED = "rejected"
    """It can't be used; it was moved to `vendor-rejected`, with the reason."""
    SUPERSEDED = "superseded"
    """A newer version of it was uploaded before this one was processed."""
    GONE = "gone"
    """It was deleted before it was processed."""
    FAILED = "failed"
    """All attempts failed."""
    CANCELLED = "cancelled"
    """Its job was cancelled."""


class FileKind(StrEnum):
    """What a file is: by its bytes once it was processed, by its ending before."""

    IMAGE = "image"
    """A photo of a product."""
    METADATA = "metadata"
    """A JSON file with title, price and the like."""
    OTHER = "other"
    """Anything else; rejected."""


class DropId(DocumentId):
    """`drop:<id>`; the id is a hash of the file's name and version, see `VendorFile.id`."""

    prefix: ClassVar[str] = "drop:"


class Rejection(Record, frozen=True):
    """Why a file was rejected, or its processing failed."""

    code: str = Field(description="stable, for programs")
    message: str = Field(description="what is wrong and what to do")


class DropDocument(StoredDocument, frozen=True):
    """One version of a file that a vendor uploaded, and its processing. Its `status` follows its job."""

    type: Literal["vendor_drop"] = "vendor_drop"
    id: DropId
    user_id: str = Field(description="the vendor; the partition")
    name: str = Field(description="below the vendor's folder in `vendor-uploads`")
    kind: FileKind
    file_etag: str = Field(
        validation_alias=AliasChoices("fileEtag", "etag"), description="version of the blob, without quotes"
    )
    size: int = Field(description="bytes")
    status: DropStatus = DropStatus.QUEUED
    product_id: str | None = Field(default=None, description="of the product that it became part of")
    error: Rejection | None = None
    rejected_blob: str | None = Field(default=None, description="name of the copy in `vendor-rejected`")
    window: int | None = Field(default=None, description="number of the digest that reports the rejection")
    created_at: Timestamp
    updated_at: Timestamp


class DropPayload(Record, frozen=True):
    """What the job of a file needs: the file's name and version."""

    name: str
    etag: str
    size: int | None = Field(default=None, description="bytes; None in jobs of earlier versions")


class DropResult(Record, frozen=True):
    """The result of the job of a file."""

    outcome: DropStatus
    product_id: str | None = None


class DigestPayload(Record, frozen=True):
    """What the job of a digest needs: the number of the window that it reports."""

    window: int


class DigestResult(Record, frozen=True):
    """The result of the job of a digest."""

    count: int = Field(description="rejected files that the vendor was notified of")


drops: Final = Repository(DropDocument)
