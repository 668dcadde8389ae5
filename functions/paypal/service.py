"""Buying credits: orders, captures, receipts, refunds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.paypal.models import Order, OrderRequest, Pack, PackList, Payment, PaymentList, RefundRequest
from shared import audit, clock, telemetry
from shared.commerce import alerts, credits, money, payments, paypal, settlement
from shared.commerce.paypal import Refused, Unreachable
from shared.documents import Document, store
from shared.errors import BadRequest, Conflict, DocumentConflict, NotFound, Unprocessable
from shared.http.auth import Principal
from shared.http.models import PageQuery
from shared.http.pages import latest
from shared.notifications.settings import notification_settings
from shared.settings import settings

REFUND_REFUSALS = {
    "CAPTURE_FULLY_REFUNDED": ("already_refunded", "the capture is refunded already"),
    "REFUND_AMOUNT_EXCEEDED": ("refund_amount_exceeded", "less than that is left to refund"),
    "REFUND_NOT_PERMITTED_DUE_TO_CAPTURE_STATUS": ("not_refundable", "PayPal does not refund this capture"),
}


def packs() -> PackList:
    """The price list."""
    return PackList(
        items=[
            Pack(
                id=id,
                credits=pack.credits,
                price=money.written(pack.price_minor, pack.currency),
                price_minor=pack.price_minor,
                currency=pack.currency,
            )
            for id, pack in settings().credit_packs.items()
        ]
    )


def create(user: Principal, id: str, wanted: OrderRequest, request_id: str) -> Order:
    """Make an order for a pack at PayPal.

    Args:
        id: id of the payment; the same id again gives the same order.

    Raises:
        Unprocessable: there is no such pack.
        UpstreamError: PayPal refused, or can't be reached; then the same request may be sent again.
    """
    pack = settings().credit_packs.get(wanted.pack)
    if pack is None:
        known = ", ".join(settings().credit_packs)
        raise Unprocessable(f"there is no such pack; there are {known}", code="unknown_pack", field="pack")
    client = paypal.client()
    payment = payments.new(id, user.user_id, wanted.pack, pack, request_id)
    try:
        stored = store().create(payments.CONTAINER, payment)
    except DocumentConflict:
        stored = store().read(payments.CONTAINER, payment["id"], user.user_id)
    if stored["orderId"] is None or stored["approvalUrl"] is None:
        stored = _order(client, stored)
    audit.record(user.user_id, "PAYMENT_ORDERED", subject=stored["id"], orderId=stored["orderId"])
    telemetry.count("studio_paypal_orders", pack=wanted.pack)
    return Order(id=stored["orderId"], approval_url=stored["approvalUrl"])


def _order(client: paypal.PayPal, payment: Document) -> Document:
    price = money.amount(payment["amountMinor"], payment["currency"])
    home = notification_settings().app_url.rstrip("/")
    body = {
        "intent": "CAPTURE",
        "purchase_units": [
            {
                "reference_id": "credits",
                "custom_id": payment["id"],
                "invoice_id": payment["id"].removeprefix("payment:"),
                "description": f"{payment['credits']} credits for AI Fashion Studio",
                "amount": price,
            }
        ],
        "payment_source": {
            "paypal": {
                "experience_context": {
                    "brand_name": "AI Fashion Studio",
                    "return_url": f"{home}/credits?paypal=approved",
                    "cancel_url": f"{home}/credits?paypal=cancelled",
                    "user_action": "PAY_NOW",
                    "shipping_preference": "NO_SHIPPING",
                }
            }
        },
    }
    key = paypal.request_id(f"create:{payment['id']}:{price['value']}{price['currency_code']}")
    try:
        answer = client.create_order(body, key)
    except Refused as refused:
        if refused.http_status == 409:
            raise Unreachable("PayPal is still busy with this order: try again") from None
        alerts.tell("refused", payment["id"].replace(":", "-"), payment["userId"], payment["id"])
        raise
    links = paypal.links(answer)
    approval = links.get("payer-action") or links.get("approve")
    if approval is None:
        raise Unreachable("PayPal made an order without a way to approve it")
    payments.seen({**payment, "orderId": answer.get("id")}, answer)
    return store().patch(
        payments.CONTAINER,
        payment["id"],
        payment["userId"],
        set={"orderId": answer["id"], "approvalUrl": approval, "updatedAt": clock.iso()},
    )


def capture(user: Principal, order_id: str) -> Payment:
    """Take the money of an approved order; the receipt, or a payment that is still `processing`.

    Raises:
        NotFound: it is not one of the user's orders.
        Conflict, UpstreamError: as `settlement.capture` says.
    """
    payment = payments.of_order(user.user_id, order_id)
    done = settlement.capture(payment, "capture")
    if done["status"] != payment["status"]:
        audit.record(user.user_id, "PAYMENT_CAPTURED", subject=done["id"], orderId=order_id, status=done["status"])
    return view(done)


def order(user: Principal, order_id: str) -> Payment:
    """How an order of one's own stands. Raises NotFound, for a foreign one too."""
    return view(payments.of_order(user.user_id, order_id))


def listing(user: Principal, query: PageQuery) -> PaymentList:
    """One's payments, newest first, and one's credits."""
    page = latest(payments.CONTAINER, query, partition=user.user_id, type="payment")
    return PaymentList(
        items=[view(payment) for payment in page.items],
        credits=credits.get_balance(user.user_id),
        continuation=page.continuation,
    )


def refund(admin: Principal, capture_id: str, wanted: RefundRequest, key: str | None) -> Payment:
    """Give money back for a capture, and take its credits back.

    Args:
        key: the caller's `Idempotency-Key`; PayPal refunds once for it, even where the first answer was lost.

    Raises:
        BadRequest: without a key.
        NotFound: there is no such capture.
        Conflict: there is nothing, or not so much, left to give back.
    """
    if not key:
        raise BadRequest(
            "send an Idempotency-Key with a refund", code="idempotency_key_required", field="Idempotency-Key"
        )
    payment = payments.whose("captureId", capture_id)
    if payment is None:
        raise NotFound("there is no such capture", code="capture_not_found")
    if not payments.taken(payment):
        raise Conflict(f"the payment is {payment['status']}; nothing was captured", code="not_refundable")
    body: dict[str, Any] = {}
    if wanted.amount_minor is not None:
        body["amount"] = money.amount(wanted.amount_minor, payment["currency"])
    if wanted.note:
        body["note_to_payer"] = wanted.note
    audit.record(
        admin.user_id, "REFUND_REQUESTED", subject=payment["id"], captureId=capture_id, minor=wanted.amount_minor
    )
    try:
        paypal.client().refund(capture_id, body, paypal.request_id(f"refund:{capture_id}:{key}"))
    except Refused as refused:
        if refused.issue not in REFUND_REFUSALS:
            raise
        code, message = REFUND_REFUSALS[refused.issue]
        settlement.settle(payment, "refund")
        raise Conflict(message, code=code) from None
    return view(settlement.settle(payment, "refund"))


def view(payment: Mapping[str, Any]) -> Payment:
    """A payment as its owner sees it."""
    return Payment(
        id=payment["id"].removeprefix("payment:"),
        order_id=payment["orderId"],
        capture_id=payment["captureId"],
        status=payment["status"],
        processing=payment["captureAsked"]
        or payment["captureUnknown"]
        or payment["status"] == payments.CAPTURE_PENDING,
        pack=payment["pack"],
        amount=money.written(payment["amountMinor"], payment["currency"]),
        amount_minor=payment["amountMinor"],
        currency=payment["currency"],
        credits=payment["credits"],
        credits_granted=payment["granted"] - payment["returned"],
        refunded_minor=payment["refundedMinor"],
        approval_url=payment["approvalUrl"] if payment["status"] == payments.CREATED else None,
        created_at=payment["createdAt"],
        updated_at=payment["updatedAt"],
    )
