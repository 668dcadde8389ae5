"""Stored documents of commerce: quotas and credits, what is paid with them, and the payments that buy credits."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Final, Literal

from pydantic import AliasChoices, Field

from shared.documents.model import DocumentId, Record, StoredDocument, Timestamp
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


class QuotaId(DocumentId):
    """`quota:<year>-<month>`."""

    prefix: ClassVar[str] = "quota:"


class QuotaDocument(StoredDocument, frozen=True):
    """What a user has used of the free conversions of a month (UTC)."""

    type: Literal["quota"] = "quota"
    id: QuotaId
    user_id: str = Field(description="whose quota it is; the partition")
    used: int = Field(default=0, description="conversions and try-ons charged")


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


class PaymentStatus(StrEnum):
    """The states of a payment, in order: a payment only moves down this list.

    That money was taken outranks that it was not.
    """

    CREATED = "created"
    """The order waits for the payer's approval."""
    APPROVED = "approved"
    """The payer approved; nothing is captured."""
    CAPTURE_PENDING = "capture_pending"
    """Captured, but PayPal holds the money for a review."""
    VOIDED = "voided"
    """The order expired or its approval was taken back."""
    DENIED = "denied"
    """The capture failed or was declined."""
    CAPTURED = "captured"
    """The money was taken: the credits are due."""
    PARTIALLY_REFUNDED = "partially_refunded"
    """A part of the money was given back."""
    REFUNDED = "refunded"
    """All of the money was given back."""
    REVERSED = "reversed"
    """The bank or PayPal took all of the money back."""

    @property
    def ordinal(self) -> int:
        """The place in the order above, from 0."""
        return list(PaymentStatus).index(self)

    @property
    def is_captured(self) -> bool:
        """Whether money was taken, even if it was given back since."""
        return self.ordinal >= PaymentStatus.CAPTURED.ordinal


PAYABLE: Final = (PaymentStatus.CREATED, PaymentStatus.APPROVED, PaymentStatus.DENIED)
"""States in which a capture may be tried: a declined instrument can be replaced by another."""


class DisputeStatus(StrEnum):
    """The states of a buyer's dispute."""

    CREATED = "created"
    """Opened."""
    UPDATED = "updated"
    """Under way."""
    RESOLVED = "resolved"
    """Closed; final."""


class PaymentId(DocumentId):
    """`payment:<id>`."""

    prefix: ClassVar[str] = "payment:"


class StatusChange(Record, frozen=True):
    """One change of a payment's state."""

    at: Timestamp
    status: PaymentStatus
    source: str = Field(description="what led to it: `order`, `capture`, `refund`, `sweep`, or the type of an event")


class CaptureRefusal(Record, frozen=True):
    """Why PayPal refused to capture."""

    code: str = Field(description="stable, for clients")
    message: str = Field(description="what is wrong and what the payer can do")
    issue: str = Field(description="PayPal's name for it")
    at: Timestamp


class PaymentDocument(StoredDocument, frozen=True):
    """A pack of credits that a user buys at PayPal."""

    container: ClassVar[str] = "payments"

    type: Literal["payment"] = "payment"
    id: PaymentId
    user_id: str = Field(description="who buys; the partition")
    pack: str = Field(description="id of the pack")
    credits: int = Field(description="credits of the pack")
    amount_minor: int = Field(description="price, in the currency's minor unit")
    currency: str = Field(description="ISO 4217")
    status: PaymentStatus = PaymentStatus.CREATED
    order_id: str | None = Field(default=None, description="PayPal's id of the order")
    capture_id: str | None = Field(default=None, description="PayPal's id of the capture")
    approval_url: str | None = Field(default=None, description="where the payer approves")
    refunded_minor: int = Field(default=0, description="given back, in the currency's minor unit")
    granted: int = Field(default=0, description="credits that were added to the account")
    returned: int = Field(default=0, description="credits that were taken back from the account")
    capture_requested: bool = Field(
        default=False,
        validation_alias=AliasChoices("captureRequested", "captureAsked"),
        description="a capture was sent, or is about to be, and its outcome is not stored",
    )
    capture_unknown: bool = Field(default=False, description="a capture was sent and its answer was lost")
    claim_until: float | None = Field(
        default=None, description="epoch seconds until which one caller alone works on the capture"
    )
    declines: int = Field(default=0, description="captures that the bank declined")
    refusal: CaptureRefusal | None = Field(default=None, description="why the last capture was refused")
    reason: str | None = Field(default=None, description="PayPal's reason for the state of the capture")
    alert: str | None = Field(default=None, description="what an administrator has to look at")
    disputes: dict[str, DisputeStatus] = Field(default_factory=dict, description="by PayPal's id of the dispute")
    history: list[StatusChange] = Field(default_factory=list[StatusChange], description="latest changes of the state")
    due_at: float | None = Field(default=None, description="epoch seconds when the sweeper looks at it")
    tries: int = Field(default=0, description="times the sweeper looked at it in this state")
    request_id: str | None = None
    created_at: Timestamp
    updated_at: Timestamp

    @property
    def is_processing(self) -> bool:
        """Whether PayPal has not said how a capture ended."""
        return self.capture_requested or self.capture_unknown or self.status is PaymentStatus.CAPTURE_PENDING

    @property
    def is_payable(self) -> bool:
        """Whether a capture may be tried."""
        return self.status in PAYABLE


billables: Final = Repository(BillableDocument)
quotas: Final = Repository(QuotaDocument)
cancellation_counts: Final = Repository(CancellationsDocument)
storage_usages: Final = Repository(StorageUsageDocument)
credit_accounts: Final = Repository(CreditsDocument)
grants: Final = Repository(GrantDocument)
payments: Final = Repository(PaymentDocument)
