"""Stored documents of the payments that buy credits."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Final, Literal

from pydantic import AliasChoices, Field

from shared.documents.model import DocumentId, Record, StoredDocument, Timestamp
from shared.documents.repository import Repository


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


grants: Final = Repository(GrantDocument)
payments: Final = Repository(PaymentDocument)
