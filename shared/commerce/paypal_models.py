"""What PayPal's REST API takes and answers, as far as the shop needs it; what else an answer has is ignored.

Reference: developer.paypal.com/docs/api/orders/v2 and developer.paypal.com/docs/api/payments/v2.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

CURRENCIES_WITHOUT_DECIMALS: Final = frozenset({"HUF", "JPY", "TWD"})
"""developer.paypal.com/api/rest/reference/currency-codes."""


class PayPalModel(BaseModel, frozen=True):
    """A part of PayPal's JSON: no conversion of types, unknown fields ignored."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")


class Amount(PayPalModel, frozen=True):
    """An amount: a decimal string and its currency."""

    currency_code: str
    value: str

    @classmethod
    def of(cls, minor: int, currency: str) -> Self:
        """499 minor units of USD as `4.99`, 499 JPY as `499`."""
        if currency in CURRENCIES_WITHOUT_DECIMALS:
            return cls(currency_code=currency, value=str(minor))
        return cls(currency_code=currency, value=f"{minor // 100}.{minor % 100:02d}")

    @property
    def minor(self) -> int:
        """The amount in the currency's minor unit. Raises ValueError: not a decimal that the currency can have."""
        decimal = re.fullmatch(r"(\d{1,15})(?:\.(\d{1,2}))?", self.value, re.ASCII)
        if decimal is None:
            raise ValueError("not a decimal of at most two places")
        whole, decimals = int(decimal[1]), decimal[2] or ""
        if self.currency_code not in CURRENCIES_WITHOUT_DECIMALS:
            return whole * 100 + int(decimals.ljust(2, "0"))
        if decimals.strip("0"):
            raise ValueError(f"{self.currency_code} has no decimals")
        return whole


class Link(PayPalModel, frozen=True):
    """A HATEOAS link."""

    rel: str
    href: str


def find_link(links: Sequence[Link] | None, *relations: str) -> str | None:
    """The target of the first of these relations that there is a link for."""
    targets = {link.rel: link.href for link in links or ()}
    return next((targets[relation] for relation in relations if relation in targets), None)


class StatusDetails(PayPalModel, frozen=True):
    """Why a capture is in its state."""

    reason: str | None = None


class Refund(PayPalModel, frozen=True):
    """Money given back."""

    status: str
    amount: Amount


class RelatedIds(PayPalModel, frozen=True):
    """Ids of what a capture belongs to."""

    order_id: str | None = None


class SupplementaryData(PayPalModel, frozen=True):
    """Further facts of a capture."""

    related_ids: RelatedIds | None = None


class Capture(PayPalModel, frozen=True):
    """Money taken."""

    id: str
    status: str
    amount: Amount
    custom_id: str | None = None
    status_details: StatusDetails | None = None
    supplementary_data: SupplementaryData | None = None
    links: list[Link] | None = None

    @property
    def order_id(self) -> str | None:
        """The order it belongs to; only a capture that was asked for by its own id says so."""
        related = self.supplementary_data.related_ids if self.supplementary_data else None
        if related is not None and related.order_id:
            return related.order_id
        return (find_link(self.links, "up") or "").rpartition("/checkout/orders/")[2] or None

    @property
    def reason(self) -> str | None:
        """Why it is in its state."""
        return self.status_details.reason if self.status_details else None


class Payee(PayPalModel, frozen=True):
    """Who gets the money."""

    merchant_id: str | None = None


class UnitPayments(PayPalModel, frozen=True):
    """What was taken and given back for a purchase unit."""

    captures: list[Capture] | None = None
    refunds: list[Refund] | None = None


class PurchaseUnit(PayPalModel, frozen=True):
    """What is bought; our orders have exactly one."""

    amount: Amount
    custom_id: str | None = None
    payee: Payee | None = None
    payments: UnitPayments | None = None


class Order(PayPalModel, frozen=True):
    """A checkout order."""

    id: str
    status: str
    purchase_units: list[PurchaseUnit] = Field(min_length=1)
    links: list[Link] | None = None

    @property
    def approval_url(self) -> str | None:
        """Where the payer approves it."""
        return find_link(self.links, "payer-action", "approve")


class ErrorDetail(PayPalModel, frozen=True):
    """One cause of an error."""

    issue: str | None = None


class ErrorBody(PayPalModel, frozen=True):
    """The body of a 4xx answer, of the REST APIs or of OAuth."""

    name: str | None = None
    error: str | None = None
    details: list[ErrorDetail] | None = None
    links: list[Link] | None = None

    @property
    def issue(self) -> str | None:
        """The most specific name of the cause."""
        return (self.details[0].issue if self.details else None) or self.name or self.error


class AccessToken(PayPalModel, frozen=True):
    """An OAuth token."""

    access_token: str
    expires_in: float = Field(description="seconds")


class Verification(PayPalModel, frozen=True):
    """Whether a webhook delivery is PayPal's."""

    verification_status: str


class WebhookSignature(PayPalModel, frozen=True):
    """What the headers of a webhook delivery say of its signature."""

    auth_algo: str
    cert_url: str
    transmission_id: str
    transmission_sig: str
    transmission_time: str


class NewPurchaseUnit(PayPalModel, frozen=True):
    """What is bought by a new order."""

    reference_id: str
    custom_id: str
    invoice_id: str
    description: str
    amount: Amount


class ExperienceContext(PayPalModel, frozen=True):
    """How the approval page looks and where it leads."""

    brand_name: str
    return_url: str
    cancel_url: str
    user_action: Literal["PAY_NOW"] = "PAY_NOW"
    shipping_preference: Literal["NO_SHIPPING"] = "NO_SHIPPING"


class PayPalWallet(PayPalModel, frozen=True):
    """Payment with a PayPal account."""

    experience_context: ExperienceContext


class PaymentSource(PayPalModel, frozen=True):
    """How the payer pays."""

    paypal: PayPalWallet


class NewOrder(PayPalModel, frozen=True):
    """An order to create."""

    intent: Literal["CAPTURE"] = "CAPTURE"
    purchase_units: list[NewPurchaseUnit]
    payment_source: PaymentSource


class NewRefund(PayPalModel, frozen=True):
    """A refund to make: all that is left without an amount."""

    amount: Amount | None = None
    note_to_payer: str | None = None
