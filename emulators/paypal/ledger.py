"""Orders, captures and refunds of the merchant, and their allowed transitions."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from emulators.paypal.money import amount_of, minor
from emulators.paypal.problems import Problem
from emulators.posted import as_list, as_object

ALPHABET = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"
PAYER_EMAIL = "sam@shopper.example"
PAYER: dict[str, Any] = {
    "name": {"given_name": "Sam", "surname": "Shopper"},
    "email_address": PAYER_EMAIL,
    "payer_id": "EMULATEDPAYER",
    "address": {"country_code": "US"},
}


def new_id() -> str:
    """A PayPal-like id of 17 characters."""
    return "".join(secrets.choice(ALPHABET) for _ in range(17))


def now() -> str:
    """The time as the API writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Refund:
    """Money given back from a capture; `units` in the currency's minor unit."""

    capture: Capture
    units: int
    invoice: str | None
    id: str = field(default_factory=new_id)
    created: str = field(default_factory=now)


@dataclass
class Capture:
    """Money taken for an order; `reason` says why it is pending or denied."""

    order: Order
    status: str = "COMPLETED"
    reason: str | None = None
    id: str = field(default_factory=new_id)
    created: str = field(default_factory=now)
    updated: str = field(default_factory=now)
    refunds: list[Refund] = field(default_factory=list["Refund"])

    @property
    def refunded(self) -> int:
        """Minor units given back so far."""
        return sum(refund.units for refund in self.refunds)


@dataclass
class Order:
    """A checkout order with one purchase unit, as it was posted."""

    body: dict[str, Any]
    unit: dict[str, Any]
    units: int
    status: str = "CREATED"
    id: str = field(default_factory=new_id)
    created: str = field(default_factory=now)
    updated: str = field(default_factory=now)
    captures: list[Capture] = field(default_factory=list[Capture])
    outcome: str = "completed"
    """What the payer's bank does when it is captured: completed, declined (refused) or pending."""

    @property
    def currency(self) -> str:
        """The currency code."""
        return self.unit["amount"]["currency_code"]

    @property
    def context(self) -> dict[str, Any]:
        """Return and cancel URLs and the like."""
        paypal = as_object(as_object(self.body.get("payment_source")).get("paypal"))
        return as_object(paypal.get("experience_context")) or as_object(self.body.get("application_context"))

    def move(self, status: str) -> None:
        """Set the status and the time of the change."""
        self.status, self.updated = status, now()


class Ledger:
    """All orders, captures and refunds."""

    def __init__(self) -> None:
        self.orders: dict[str, Order] = {}
        self.captures: dict[str, Capture] = {}
        self.refunds: dict[str, Refund] = {}

    def create(self, body: Any) -> Order:
        """A new order. Raises Problem."""
        posted = as_object(body)
        if not isinstance(body, dict):
            raise Problem(400, "MALFORMED_REQUEST_JSON", "The request JSON is not well formed.")
        if posted.get("intent") != "CAPTURE":
            raise Problem(422, "UNSUPPORTED_INTENT", field="/intent")
        units = as_list(posted.get("purchase_units"))
        if len(units) != 1 or not isinstance(units[0], dict):
            raise Problem(400, "INVALID_ARRAY_MIN_ITEMS", "The emulator takes one unit.", "/purchase_units")
        unit = as_object(posted["purchase_units"][0])
        amount = unit.get("amount")
        total = minor(amount, "/purchase_units/@reference_id=='default'/amount")
        if total == 0:
            raise Problem(422, "CANNOT_BE_ZERO_OR_NEGATIVE", "Must be greater than zero.")
        parts = as_object(as_object(amount).get("breakdown"))
        if parts:
            sign = {"discount": -1, "shipping_discount": -1}
            if sum(sign.get(name, 1) * minor(part, f"/{name}") for name, part in parts.items()) != total:
                raise Problem(422, "AMOUNT_MISMATCH", field="/purchase_units/@reference_id=='default'/amount/value")
        order = Order(posted, unit, total)
        if "paypal" in as_object(posted.get("payment_source")):
            order.status = "PAYER_ACTION_REQUIRED"
        self.orders[order.id] = order
        return order

    def capture(self, order: Order, outcome: str, reason: str | None = None) -> Capture:
        """Capture an order: `outcome` is the capture's status, or `refused` for INSTRUMENT_DECLINED. Raises Problem."""
        if order.status == "COMPLETED":
            raise Problem(422, "ORDER_ALREADY_CAPTURED")
        if order.status == "VOIDED":
            raise Problem(422, "ORDER_VOIDED")
        if order.status != "APPROVED":
            raise Problem(422, "ORDER_NOT_APPROVED")
        invoice = order.unit.get("invoice_id")
        if invoice and any(one.order.unit.get("invoice_id") == invoice for one in self.captures.values()):
            raise Problem(422, "DUPLICATE_INVOICE_ID", field="/purchase_units/invoice_id")
        if outcome == "refused":
            order.move("PAYER_ACTION_REQUIRED")
            order.outcome = "completed"
            raise Problem(422, "INSTRUMENT_DECLINED")
        capture = Capture(order, outcome, reason)
        order.captures.append(capture)
        self.captures[capture.id] = capture
        order.move("COMPLETED")
        return capture

    def refund(self, capture: Capture, body: Any) -> Refund:
        """Refund an amount, by default all that is left. Raises Problem."""
        posted = as_object(body)
        left = capture.order.units - capture.refunded
        if capture.status == "REFUNDED":
            raise Problem(422, "CAPTURE_FULLY_REFUNDED")
        if capture.status not in ("COMPLETED", "PARTIALLY_REFUNDED"):
            raise Problem(422, "REFUND_NOT_PERMITTED_DUE_TO_CAPTURE_STATUS")
        units = left
        if posted.get("amount"):
            units = minor(posted["amount"], "/amount")
            if posted["amount"]["currency_code"] != capture.order.currency:
                raise Problem(422, "REFUND_CAPTURE_CURRENCY_MISMATCH", field="/amount/currency_code")
        if not 0 < units <= left:
            raise Problem(422, "REFUND_AMOUNT_EXCEEDED", field="/amount/value")
        refund = Refund(capture, units, posted.get("invoice_id"))
        capture.refunds.append(refund)
        capture.status, capture.updated = "REFUNDED" if units == left else "PARTIALLY_REFUNDED", now()
        self.refunds[refund.id] = refund
        return refund


def fee(units: int, currency: str) -> tuple[dict[str, str], dict[str, str]]:
    """PayPal's fee on an amount and what is left, a plain 3 %."""
    share = units * 3 // 100
    return amount_of(share, currency), amount_of(units - share, currency)
