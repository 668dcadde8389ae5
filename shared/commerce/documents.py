"""Stored documents of commerce: quotas and credits."""

from typing import ClassVar, Final, Literal

from pydantic import Field

from shared.documents.model import DocumentId, StoredDocument
from shared.documents.repository import Repository

CREDITS_ID: Final = "credits"


class QuotaId(DocumentId):
    """`quota:<year>-<month>`."""

    prefix: ClassVar[str] = "quota:"


class QuotaDocument(StoredDocument, frozen=True):
    """What a user has used of the free conversions of a month (UTC)."""

    type: Literal["quota"] = "quota"
    id: QuotaId
    user_id: str = Field(description="whose quota it is; the partition")
    used: int = Field(default=0, description="conversions and try-ons charged")


class CreditsDocument(StoredDocument, frozen=True):
    """A user's credits: `balance = bought - returned - spent`."""

    type: Literal["credits"] = "credits"
    id: str = CREDITS_ID
    user_id: str = Field(description="whose credits they are; the partition")
    balance: int = Field(default=0, description="credits left; below zero after a refund of spent ones")
    bought: int = 0
    returned: int = Field(default=0, description="taken back by refunds")
    spent: int = 0


quotas: Final = Repository(QuotaDocument)
credit_accounts: Final = Repository(CreditsDocument)
