"""HTTP triggers of payments: `paypal/...`, and the administrator's refund."""

from __future__ import annotations

import azure.functions as func

from functions.paypal.models import Order, OrderRequest, PackList, Payment, PaymentList, PaymentsQuery, RefundRequest
from shared.http.auth import ADMIN_ONLY, SIGNED_IN
from shared.http.endpoint import Call, Reply, endpoint

bp = func.Blueprint()


@endpoint(bp, "GET", "paypal/packs", access=SIGNED_IN, answer=PackList)
def paypal_packs(call: Call) -> PackList:
    """What can be bought."""
    from functions.paypal import service

    return service.packs()


@endpoint(
    bp, "POST", "paypal/orders", access=SIGNED_IN, status=201, limit="paypal", idempotent=True,
    body=OrderRequest, answer=Order, errors=(502,),
)  # fmt: skip
def paypal_orders_create(call: Call) -> Reply:
    """Order a pack of credits; the payer approves it at `approvalUrl`."""
    from functions.paypal import service

    made = service.create(call.caller, call.new_id, call.body, call.request_id)
    return Reply(made, headers={"Location": f"/api/paypal/orders/{made.id}"})


@endpoint(
    bp, "POST", "paypal/orders/{id}/capture", access=SIGNED_IN, limit="paypal",
    answer=Payment, errors=(202, 404, 409, 502, 503),
)  # fmt: skip
def paypal_orders_capture(call: Call) -> Reply:
    """Take the money of an approved order. The order is its own idempotency key: it is captured once.

    202 while PayPal has not said how it ended: the payment settles by itself.
    """
    from functions.paypal import service

    payment = service.capture(call.caller, call.path["id"])
    return Reply(payment, status=202 if payment.processing else 200)


@endpoint(bp, "GET", "paypal/orders/{id}", access=SIGNED_IN, answer=Payment, errors=(404,))
def paypal_orders_get(call: Call) -> Payment:
    """How the payment of an order stands."""
    from functions.paypal import service

    return service.order(call.caller, call.path["id"])


@endpoint(bp, "GET", "paypal/payments", access=SIGNED_IN, query=PaymentsQuery, answer=PaymentList)
def paypal_payments_list(call: Call) -> PaymentList:
    """One's payments, newest first, and the credits left."""
    from functions.paypal import service

    return service.listing(call.caller, call.query)


@endpoint(
    bp, "POST", "admin/paypal/captures/{id}/refund", access=ADMIN_ONLY, limit="paypal", idempotent=True,
    body=RefundRequest, answer=Payment, errors=(404, 409, 502),
)  # fmt: skip
def paypal_captures_refund(call: Call) -> Payment:
    """Give a payment back, wholly or in part, and take its credits back; needs an `Idempotency-Key`."""
    from functions.paypal import service

    return service.refund(call.caller, call.path["id"], call.body, call.headers.get("Idempotency-Key"))
