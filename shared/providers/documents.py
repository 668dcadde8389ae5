"""The stored state of a provider's circuit."""

from __future__ import annotations

from typing import ClassVar, Final, Literal

from pydantic import Field

from shared.documents.model import DocumentId, StoredDocument, Timestamp
from shared.documents.repository import Repository


class CircuitId(DocumentId):
    """`circuit:<provider>`."""

    prefix: ClassVar[str] = "circuit:"


class CircuitDocument(StoredDocument, frozen=True):
    """Whether a provider refuses our account. Its id is its partition."""

    container: ClassVar[str] = "leases"

    type: Literal["circuit"] = "circuit"
    id: CircuitId
    open: bool = Field(description="calls are held back, except for one probe at a time")
    reason: str = Field(description="of the provider's table")
    opened_at: Timestamp
    openings: int = Field(default=1, description="how often it has opened; each is alerted once")
    probe_at: float = Field(description="epoch seconds from which one call may find out whether it is repaired")
    closed_at: Timestamp | None = None


circuits: Final = Repository(CircuitDocument)
