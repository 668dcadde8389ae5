"""Stored documents of idempotency keys: answers kept for a repetition."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar, Final

from pydantic import Field

from shared.documents.model import StoredDocument
from shared.documents.repository import Repository


class IdempotencyState(StrEnum):
    """The states of an idempotency key."""

    IN_PROGRESS = "in_progress"
    """The first request is being answered; another one takes over after `expires_at`."""
    COMPLETED = "done"
    """The answer is stored."""


class IdempotencyRecord(StoredDocument, frozen=True):
    """A request under an `Idempotency-Key`; its id is a hash of user, route and key."""

    container: ClassVar[str] = "idempotency"

    state: IdempotencyState = IdempotencyState.IN_PROGRESS
    digest: str = Field(description="SHA-256 of the request, hex")
    resource_id: str = Field(description="id of what the request creates, the same for every repetition")
    expires_at: float = Field(description="epoch seconds after which another request may take over")
    status: int = Field(default=0, description="HTTP status of the answer")
    body: Any = Field(default=None, description="body of the answer, unless it holds URLs that expire")
    headers: dict[str, str] = Field(default_factory=dict)
    kept: bool = Field(default=True, description="whether `body` is stored")


idempotency_records: Final = Repository(IdempotencyRecord)
