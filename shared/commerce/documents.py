"""Stored documents of commerce: the quotas and credits that requests are paid from, and what is paid for."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Final, Literal

from pydantic import ConfigDict, Field

from shared.documents.model import DocumentId, StoredDocument
from shared.documents.repository import Repository

CREDITS_ID: Final = "credits"
STORAGE_USAGE_ID: Final = "usage"


class PaidBy(StrEnum):
    """What a request is paid with."""

    QUOTA = "quota"
    """One of the month's free conversions."""
    CREDIT = "credit"
    """A credit that was bought."""


class BillableDocument(StoredDocument, frozen=True):
    """Base of the kinds that are paid for when they are requested: conversions and try-ons."""

    user_id: str = Field(description="who pays; the partition")
    charged: bool = Field(default=True, description="whether the payment is held; false once it was released")
    paid_by: PaidBy = PaidBy.QUOTA
    quota_id: str = Field(default="", description="id of the document that paid: a month's quota, or the credits")


class UntypedBillable(BillableDocument, frozen=True):
    """Transitional: a billable document whose other fields have no model yet."""

    model_config = ConfigDict(extra="allow")


class QuotaId(DocumentId):
    """`quota:<year>-<month>`."""

    prefix: ClassVar[str] = "quota:"


class QuotaDocument(StoredDocument, frozen=True):
    """What a user has used of the free conversions of a month (UTC)."""

    type: Literal["quota"] = "quota"
    id: QuotaId
    user_id: str = Field(description="whose quota it is; the partition")
    used: int = Field(default=0, description="conversions and try-ons charged")


class StorageUsageDocument(StoredDocument, frozen=True):
    """What a user has stored."""

    type: Literal["usage"] = "usage"
    id: str = STORAGE_USAGE_ID
    user_id: str = Field(description="whose images they are; the partition")
    images: int = 0
    bytes: int = Field(default=0, description="originals and the sizes derived from them")


class CreditsDocument(StoredDocument, frozen=True):
    """A user's credits: `balance = bought - returned - spent`."""

    type: Literal["credits"] = "credits"
    id: str = CREDITS_ID
    user_id: str = Field(description="whose credits they are; the partition")
    balance: int = Field(default=0, description="credits left; below zero after a refund of spent ones")
    bought: int = 0
    returned: int = Field(default=0, description="taken back by refunds")
    spent: int = 0


class GrantId(DocumentId):
    """`grant:<capture id of PayPal>`."""

    prefix: ClassVar[str] = "grant:"


class GrantDocument(StoredDocument, frozen=True):
    """The credits of one captured payment; its id makes a capture count once."""

    type: Literal["grant"] = "grant"
    id: GrantId
    user_id: str = Field(description="whose credits they are; the partition")
    payment_id: str = Field(description="id of the payment's document")
    capture_id: str = Field(description="PayPal's id of the capture")
    bought: int = Field(description="credits of the pack")
    returned: int = Field(description="credits taken back by refunds, 0 to `bought`")


billables: Final = Repository(BillableDocument)
quotas: Final = Repository(QuotaDocument)
storage_usages: Final = Repository(StorageUsageDocument)
credit_accounts: Final = Repository(CreditsDocument)
grants: Final = Repository(GrantDocument)
untyped_billables: Final = Repository(UntypedBillable)
