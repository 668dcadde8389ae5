"""Requests and answers of payments."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from shared.commerce.payment_documents import PaymentStatus
from shared.http.models import Answer, Body, Id
from shared.http.page_query import PageQuery
from shared.shown import Shown


class Pack(Answer):
    """A pack of credits, each worth one conversion or try-on."""

    id: str
    credits: int
    price: str = Field(description="decimal, as PayPal shows it")
    price_minor: int = Field(description="in the currency's minor unit")
    currency: str


class PackList(Answer):
    """The packs on sale."""

    items: list[Pack]


class OrderRequest(Body):
    """Which pack to buy; its price is the server's."""

    pack: Id


class Order(Answer):
    """An order that waits for the payer."""

    id: str = Field(description="PayPal's order id, for the capture")
    approval_url: str = Field(description="where the payer approves; they come back with `?token=<id>`")


class Payment(Answer):
    """A payment: the receipt, once it is captured."""

    id: str
    order_id: str | None
    capture_id: str | None
    status: PaymentStatus
    processing: bool = Field(description="PayPal has not said how the capture ended: ask again")
    pack: str
    amount: str = Field(description="decimal")
    amount_minor: int = Field(description="in the currency's minor unit")
    currency: str
    credits: int = Field(description="credits of the pack")
    credits_granted: int = Field(description="credits added to the account, less those that refunds took back")
    refunded_minor: int = Field(description="in the currency's minor unit")
    approval_url: str | None = Field(description="while the payer can still approve, or choose another way to pay")
    created_at: str
    updated_at: str


class PaymentList(Answer):
    """A page of payments, latest first, and the credits left."""

    items: list[Payment]
    credits: int = Field(description="credits left; below zero after a refund of spent ones")
    continuation: str | None = None


class PaymentsQuery(PageQuery):
    """Which of the user's payments to list."""


class RefundRequest(Body):
    """How much to give back: all that is left by default."""

    amount_minor: int | None = Field(default=None, ge=1, description="in the currency's minor unit")
    note: Annotated[str, Field(max_length=255), Shown] | None = Field(
        default=None, description="for the payer, on PayPal's receipt"
    )
