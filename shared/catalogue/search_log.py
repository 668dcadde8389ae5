"""The log of searches, which search writes and the metrics read."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar, Final, Literal

from pydantic import Field

from shared.documents.model import StoredDocument, Timestamp
from shared.documents.repository import Repository


class SearchKind(StrEnum):
    """What a search looks by."""

    IMAGE = "image"
    """A picture."""
    TEXT = "text"
    """Words."""
    HYBRID = "hybrid"
    """A picture and words."""
    SIMILAR = "similar"
    """A product."""


class SearchLogDocument(StoredDocument, frozen=True):
    """A search and what it found: no picture, no vector, no address. Its id is the search id."""

    container: ClassVar[str] = "search_log"
    type: Literal["search_log"] = "search_log"
    user_id: str = Field(description="who searched; the partition")
    kind: SearchKind
    shop: str
    params: dict[str, Any] = Field(description="the request without what names a picture")
    continued: bool = Field(description="whether it is a further page of a search before")
    results: tuple[str, ...] = Field(description="ids of the products on the page, best first")
    total: int = Field(description="products that filters and excluded words let through")
    unknown_terms: tuple[str, ...] = Field(description="words that the text encoder does not know")
    index_version: str
    model_id: str
    took_ms: float
    at: Timestamp


search_logs: Final = Repository(SearchLogDocument)
