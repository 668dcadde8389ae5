"""Stored documents of what a user has used beside the quota: free cancellations, and storage."""

from __future__ import annotations

from typing import ClassVar, Final, Literal

from pydantic import Field

from shared.documents.model import DocumentId, StoredDocument
from shared.documents.repository import Repository

STORAGE_USAGE_ID: Final = "usage"


class CancellationsId(DocumentId):
    """`cancellations:<year>-<month>-<day>`."""

    prefix: ClassVar[str] = "cancellations:"


class CancellationsDocument(StoredDocument, frozen=True):
    """How often a user has cancelled for free on a day (UTC) after a provider was called."""

    type: Literal["cancellations"] = "cancellations"
    id: CancellationsId
    user_id: str = Field(description="who cancelled; the partition")
    used: int = 0


class StorageUsageDocument(StoredDocument, frozen=True):
    """What a user has stored."""

    type: Literal["usage"] = "usage"
    id: str = STORAGE_USAGE_ID
    user_id: str = Field(description="whose images they are; the partition")
    images: int = 0
    bytes: int = Field(default=0, description="originals and the sizes derived from them")


cancellation_counts: Final = Repository(CancellationsDocument)
storage_usages: Final = Repository(StorageUsageDocument)
