"""Payments: the document of one, and how what PayPal says moves it.

    created < approved < capture_pending < voided < denied < captured < partially_refunded < refunded < reversed

A payment only moves up, so whoever tells of it, in whatever order and however often, it ends in the same state. That
money was taken outranks that it was not. Nothing here talks to PayPal: see `settlement`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from shared import clock
from shared.commerce import money
from shared.documents import Document, Where, store
from shared.errors import NotFound, UpstreamError
from shared.settings import CreditPack, settings

CONTAINER: Final = "payments"
HISTORY: Final = 40

CREATED: Final = "created"
APPROVED: Final = "approved"
CAPTURE_PENDING: Final = "capture_pending"
VOIDED: Final = "voided"
DENIED: Final = "denied"
CAPTURED: Final = "captured"
PARTIALLY_REFUNDED: Final = "partially_refunded"
REFUNDED: Final = "refunded"
REVERSED: Final = "reversed"
STATES: Final = (
    CREATED, APPROVED, CAPTURE_PENDING, VOIDED, DENIED, CAPTURED, PARTIALLY_REFUNDED, REFUNDED, REVERSED,
)  # fmt: skip
PAYABLE: Final = (CREATED, APPROVED, DENIED)
"""States in which a capture may be tried: a declined instrument can be replaced by another."""

ORDER_STATES: Final = {
    "CREATED": CREATED,
    "SAVED": CREATED,
    "PAYER_ACTION_REQUIRED": CREATED,
    "APPROVED": APPROVED,
    "VOIDED": VOIDED,
    "COMPLETED": APPROVED,
}
"""What an order's status means while it has no capture; a COMPLETED order alone is not paid."""

CAPTURE_STATES: Final = {
    "PENDING": CAPTURE_PENDING,
    "DECLINED": DENIED,
    "FAILED": DENIED,
    "COMPLETED": CAPTURED,
    "PARTIALLY_REFUNDED": PARTIALLY_REFUNDED,
    "REFUNDED": REFUNDED,
}

APPROVAL_REVERSED: Final = "CHECKOUT.PAYMENT-APPROVAL.REVERSED"
CAPTURE_REVERSED: Final = "PAYMENT.CAPTURE.REVERSED"


class Mismatch(UpstreamError):
    """What PayPal has is not what was ordered: another amount, currency, payee or payment. Nothing moves."""

    code, retryable = "payment_mismatch", False


@dataclass(frozen=True)
class Seen:
    """What PayPal says of a payment, in our words; `refunded` in minor units."""

    status: str
    capture_id: str | None = None
    refunded: int = 0
    reason: str | None = None


def rank(status: str) -> int:
    """The place of a state in the order above."""
    return STATES.index(status)


def taken(payment: Mapping[str, Any]) -> bool:
    """Whether the money was taken, whatever became of it since."""
    return rank(payment["status"]) >= rank(CAPTURED)


def new(id: str, user_id: str, pack_id: str, pack: CreditPack, request_id: str | None) -> dict[str, Any]:
    """The document of a payment that PayPal knows nothing of yet."""
    at = clock.iso()
    return {
        "id": f"payment:{id}",
        "userId": user_id,
        "type": "payment",
        "pack": pack_id,
        "credits": pack.credits,
        "amountMinor": pack.price_minor,
        "currency": pack.currency,
        "status": CREATED,
        "orderId": None,
        "captureId": None,
        "approvalUrl": None,
        "refundedMinor": 0,
        "granted": 0,
        "returned": 0,
        "captureAsked": False,
        "captureUnknown": False,
        "claimUntil": None,
        "declines": 0,
        "refusal": None,
        "reason": None,
        "alert": None,
        "disputes": {},
        "history": [{"at": at, "status": CREATED, "source": "order"}],
        "dueAt": None,
        "tries": 0,
        "requestId": request_id,
        "createdAt": at,
        "updatedAt": at,
    }


def of_order(user_id: str, order_id: str) -> Document:
    """The user's payment of a PayPal order. Raises NotFound, for a foreign one too."""
    found = store().query(CONTAINER, Where("orderId", "=", order_id), partition=user_id, limit=1).items
    if not found:
        raise NotFound("there is no such order", code="order_not_found")
    return found[0]


def whose(field: str, value: str) -> Document | None:
    """The payment with this `id` or `captureId`, in all partitions: PayPal does not know our users."""
    found = store().query(CONTAINER, Where(field, "=", value), limit=1).items
    return found[0] if found else None


def seen(payment: Mapping[str, Any], order: Mapping[str, Any], event: str | None = None) -> Seen:
    """What an order, as PayPal gave it, says of a payment.

    Args:
        event: type of the event that made us ask. PayPal's API names a reversed capture REFUNDED and an expired
            approval like a fresh order; the event only gives such a state its name, never its truth.

    Raises:
        Mismatch: it is not the order we made.
    """
    try:
        return _seen(payment, order, event)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise Mismatch("PayPal's order is not of the shape we know") from error


def _seen(payment: Mapping[str, Any], order: Mapping[str, Any], event: str | None) -> Seen:
    (unit,) = order["purchase_units"]
    price = (payment["amountMinor"], payment["currency"])
    captures = list((unit.get("payments") or {}).get("captures") or ())
    facts = {
        "order": order["id"] == payment["orderId"],
        "custom_id": unit.get("custom_id") == payment["id"],
        "amount": money.read(unit["amount"]) == price,
        "payee": unit["payee"]["merchant_id"] == settings().paypal_merchant_id,
        "captures": all(money.read(capture["amount"]) == price for capture in captures),
    }
    wrong = [name for name, holds in facts.items() if not holds]
    if wrong:
        raise Mismatch(f"PayPal's order differs in {', '.join(wrong)}", details={"fields": wrong})
    if not captures:
        status = ORDER_STATES[order["status"]]
        return Seen(VOIDED if event == APPROVAL_REVERSED and status == CREATED else status)
    status, capture = max(
        ((CAPTURE_STATES[capture["status"]], capture) for capture in captures), key=lambda found: rank(found[0])
    )
    refunded = 0
    if rank(status) >= rank(CAPTURED):
        refunds = list(unit["payments"].get("refunds") or ())
        given_back = [money.read(refund["amount"]) for refund in refunds if refund["status"] == "COMPLETED"]
        if any(currency != payment["currency"] for _, currency in given_back):
            raise Mismatch("a refund is in another currency", details={"fields": ["refunds"]})
        refunded = min(price[0], sum(minor for minor, _ in given_back))
        if status == REFUNDED:
            refunded = price[0]
            status = REVERSED if event == CAPTURE_REVERSED else REFUNDED
    return Seen(status, str(capture["id"]), refunded, (capture.get("status_details") or {}).get("reason"))


def moved(payment: Mapping[str, Any], now_seen: Seen, source: str) -> dict[str, Any]:
    """The fields of a payment that change by what was seen; nothing when it tells nothing new."""
    changes: dict[str, Any] = {}
    if rank(now_seen.status) > rank(payment["status"]):
        entry = {"at": clock.iso(), "status": now_seen.status, "source": source}
        changes["status"] = now_seen.status
        changes["history"] = [*payment["history"], entry][-HISTORY:]
    if now_seen.refunded > payment["refundedMinor"]:
        changes["refundedMinor"] = now_seen.refunded
    # A capture that failed gives way to the one that succeeded; after that the id stands.
    if now_seen.capture_id != payment["captureId"] and now_seen.capture_id is not None and not taken(payment):
        changes["captureId"] = now_seen.capture_id
    if now_seen.reason != payment["reason"] and "status" in changes:
        changes["reason"] = now_seen.reason
    return changes


def due(payment: Mapping[str, Any]) -> tuple[int, int]:
    """(credits bought, credits to be taken back) by the payment's state.

    A part refunded takes back the part of the credits it had paid for, rounded in the shopper's favour.
    """
    if not taken(payment):
        return 0, 0
    if payment["status"] == REVERSED or payment["refundedMinor"] >= payment["amountMinor"]:
        return payment["credits"], payment["credits"]
    return payment["credits"], payment["credits"] * payment["refundedMinor"] // payment["amountMinor"]
