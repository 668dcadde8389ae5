"""Documents that find an account by its e-mail address, and keep addresses unique."""

from __future__ import annotations

from typing import ClassVar, Final, Literal

from pydantic import Field

from shared.documents.model import DocumentId, StoredDocument, Timestamp
from shared.documents.repository import Repository


class EmailPointerId(DocumentId):
    """`email:<SHA-256 of the address in hex>`."""

    prefix: ClassVar[str] = "email:"


class EmailPointer(StoredDocument, frozen=True):
    """Reserves an e-mail address for one account."""

    container: ClassVar[str] = "accounts"

    type: Literal["email"] = "email"
    id: EmailPointerId
    user_id: str = Field(description="id that the account with this address has, or will have")
    created_at: Timestamp | None = None


class PendingPointerId(DocumentId):
    """`pending:<SHA-256 of the address in hex>`."""

    prefix: ClassVar[str] = "pending:"


class PendingPointer(StoredDocument, frozen=True):
    """Finds the account that was registered last with an address and has not confirmed it."""

    container: ClassVar[str] = "accounts"

    type: Literal["pending_email"] = "pending_email"
    id: PendingPointerId
    user_id: str
    created_at: Timestamp


email_pointers: Final = Repository(EmailPointer)
pending_pointers: Final = Repository(PendingPointer)
