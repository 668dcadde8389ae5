"""What PayPal says of a payment, and how it changes the payment's document.

A payment only moves up the order of `PaymentStatus`: however late, often and out of order PayPal's reports come, it
ends in the same state. Nothing here talks to PayPal: see `reconciliation`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from shared import clock
from shared.commerce.payment_documents import PaymentDocument, PaymentStatus, StatusChange
from shared.commerce.paypal import PaymentMismatchError
from shared.commerce.paypal_models import Capture, Order, PurchaseUnit
from shared.commerce.paypal_settings import paypal_settings
from shared.documents.fields import Assign, assign

HISTORY_LENGTH: Final = 40

ORDER_STATES: Final[Mapping[str, PaymentStatus]] = {
    "CREATED": PaymentStatus.CREATED,
    "SAVED": PaymentStatus.CREATED,
    "PAYER_ACTION_REQUIRED": PaymentStatus.CREATED,
    "APPROVED": PaymentStatus.APPROVED,
    "VOIDED": PaymentStatus.VOIDED,
    "COMPLETED": PaymentStatus.APPROVED,
}
"""What an order's status means while it has no capture; a COMPLETED order alone is not paid."""

CAPTURE_STATES: Final[Mapping[str, PaymentStatus]] = {
    "PENDING": PaymentStatus.CAPTURE_PENDING,
    "DECLINED": PaymentStatus.DENIED,
    "FAILED": PaymentStatus.DENIED,
    "COMPLETED": PaymentStatus.CAPTURED,
    "PARTIALLY_REFUNDED": PaymentStatus.PARTIALLY_REFUNDED,
    "REFUNDED": PaymentStatus.REFUNDED,
}

APPROVAL_REVERSED: Final = "CHECKOUT.PAYMENT-APPROVAL.REVERSED"
CAPTURE_REVERSED: Final = "PAYMENT.CAPTURE.REVERSED"


@dataclass(frozen=True)
class PayPalState:
    """The state of a payment by what PayPal says."""

    status: PaymentStatus
    capture_id: str | None = None
    refunded_minor: int = 0
    reason: str | None = None


class CreditsDue(NamedTuple):
    """Credits that a payment has bought, and how many of them refunds took back."""

    bought: int
    returned: int


def observe(payment: PaymentDocument, order: Order, event: str | None = None) -> PayPalState:
    """The state of a payment by its order at PayPal.

    Args:
        event: type of the event that led here. PayPal's API names a reversed capture REFUNDED and an expired approval
            like a new order; the event only distinguishes such states, nothing else is taken from it.

    Raises:
        PaymentMismatchError: it is not the order we made.
    """
    try:
        return _observe(payment, order, event)
    except (KeyError, ValueError) as error:
        raise PaymentMismatchError("PayPal's order is not of the expected shape") from error


def _observe(payment: PaymentDocument, order: Order, event: str | None) -> PayPalState:
    (unit,) = order.purchase_units
    captures = (unit.payments.captures if unit.payments else None) or []
    _check(payment, order, unit, captures)
    if not captures:
        status = ORDER_STATES[order.status]
        expired = event == APPROVAL_REVERSED and status is PaymentStatus.CREATED
        return PayPalState(PaymentStatus.VOIDED if expired else status)
    states = [(CAPTURE_STATES[capture.status], capture) for capture in captures]
    status, capture = max(states, key=lambda state: state[0].ordinal)
    refunded = _refunded(payment, unit) if status.is_captured else 0
    if status is PaymentStatus.REFUNDED:
        refunded = payment.amount_minor
        status = PaymentStatus.REVERSED if event == CAPTURE_REVERSED else PaymentStatus.REFUNDED
    return PayPalState(status, capture.id, refunded, capture.reason)


def _check(payment: PaymentDocument, order: Order, unit: PurchaseUnit, captures: list[Capture]) -> None:
    price = (payment.amount_minor, payment.currency)
    facts = {
        "order": order.id == payment.order_id,
        "custom_id": unit.custom_id == payment.id,
        "amount": (unit.amount.minor, unit.amount.currency_code) == price,
        "payee": unit.payee is not None and unit.payee.merchant_id == paypal_settings().paypal_merchant_id,
        "captures": all((capture.amount.minor, capture.amount.currency_code) == price for capture in captures),
    }
    wrong = [name for name, holds in facts.items() if not holds]
    if wrong:
        raise PaymentMismatchError(f"PayPal's order differs in {', '.join(wrong)}", details={"fields": wrong})


def _refunded(payment: PaymentDocument, unit: PurchaseUnit) -> int:
    refunds = (unit.payments.refunds if unit.payments else None) or []
    completed = [refund.amount for refund in refunds if refund.status == "COMPLETED"]
    if any(amount.currency_code != payment.currency for amount in completed):
        raise PaymentMismatchError("a refund is in another currency", details={"fields": ["refunds"]})
    return min(payment.amount_minor, sum(amount.minor for amount in completed))


def transition(payment: PaymentDocument, state: PayPalState, source: str) -> list[Assign]:
    """How a payment changes by what PayPal says of it; empty if that is nothing new.

    Args:
        source: where the news came from, for the history.
    """
    changes: list[Assign] = []
    if state.status.ordinal > payment.status.ordinal:
        history = [*payment.history, StatusChange(at=clock.iso(), status=state.status, source=source)]
        changes += [
            assign(PaymentDocument.status, state.status),
            assign(PaymentDocument.history, history[-HISTORY_LENGTH:]),
            assign(PaymentDocument.reason, state.reason),
        ]
    if state.refunded_minor > payment.refunded_minor:
        changes.append(assign(PaymentDocument.refunded_minor, state.refunded_minor))
    # A capture that failed gives way to the one that succeeded; after that the id stays.
    if state.capture_id is not None and not payment.status.is_captured:
        changes.append(assign(PaymentDocument.capture_id, state.capture_id))
    return changes


def credits_due(payment: PaymentDocument) -> CreditsDue:
    """What the user's account should hold of a payment.

    A partial refund takes back the same share of the credits, rounded in the shopper's favour.
    """
    if not payment.status.is_captured:
        return CreditsDue(0, 0)
    if payment.status is PaymentStatus.REVERSED or payment.refunded_minor >= payment.amount_minor:
        return CreditsDue(payment.credits, payment.credits)
    return CreditsDue(payment.credits, payment.credits * payment.refunded_minor // payment.amount_minor)
