"""Documents of search: the log with its feedback, the shops that have an index, and their rebuilds."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar, Final, Literal

from pydantic import Field

from shared.documents.model import DocumentId, Record, StoredDocument, Timestamp
from shared.documents.repository import Repository
from shared.jobs.models import JobStatus


class FeedbackKind(StrEnum):
    """What a user did with a result."""

    CLICK = "click"
    """Opened it."""
    BUY = "buy"
    """Bought it."""


class FeedbackId(DocumentId):
    """`feedback:<search>:<product>:<kind>`."""

    prefix: ClassVar[str] = "feedback:"


class SearchFeedbackDocument(StoredDocument, frozen=True):
    """What a user did with a result of their own search."""

    container: ClassVar[str] = "search_log"
    type: Literal["search_feedback"] = "search_feedback"
    id: FeedbackId
    user_id: str = Field(description="the partition")
    kind: FeedbackKind
    shop: str
    search_id: str
    product_id: str
    rank: int = Field(description="of the product on its page, from 1")
    at: Timestamp


class SearchShopDocument(StoredDocument, frozen=True):
    """A shop that has, or had, a product in its index; found by timers. One for each partition."""

    type: Literal["search_shop"] = "search_shop"
    id: Literal["search-shop"] = "search-shop"
    user_id: str = Field(description="`search:<shop>`, the partition")
    shop: str
    created_at: Timestamp


class RebuildReason(StrEnum):
    """Why an index is rebuilt."""

    ASKED = "asked"
    """An administrator requested it."""
    FIRST = "first"
    """The shop has products and no version yet."""
    MODEL = "model"
    """The version in use is of another encoder."""
    UNREADABLE = "unreadable"
    """No version can be opened."""
    ANALYSIS = "analysis"
    """Words of products are read otherwise than when the version was built."""
    DELTA = "delta"
    """The journal has many products since the version was built."""
    HIDDEN = "hidden"
    """Many rows of the version were replaced or deleted."""
    AGE = "age"
    """There were changes, and the version is old."""


class IndexRebuildDocument(StoredDocument, frozen=True):
    """The latest rebuild of a shop's index. Its `status` follows its job."""

    type: Literal["index_rebuild"] = "index_rebuild"
    id: Literal["index-rebuild"] = "index-rebuild"
    user_id: str = Field(description="`search:<shop>`, the partition")
    shop: str
    job_id: str
    reason: RebuildReason
    status: JobStatus = JobStatus.QUEUED
    version: str | None = Field(default=None, description="that it published")
    error: dict[str, Any] | None = Field(default=None, description="code and message")
    created_at: Timestamp
    updated_at: Timestamp


class RebuildPayload(Record, frozen=True):
    """What the job of a rebuild needs."""

    shop: str
    full: bool = Field(description="whether all products are read; else version and journal are merged")
    reason: RebuildReason


class RebuildResult(Record, frozen=True):
    """The result of the job of a rebuild."""

    version: str
    products: int = Field(description="in the version")
    embedded: int = Field(description="products whose embedding was missing or old")


search_feedback: Final = Repository(SearchFeedbackDocument)
search_shops: Final = Repository(SearchShopDocument)
index_rebuilds: Final = Repository(IndexRebuildDocument)
