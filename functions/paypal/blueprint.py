"""HTTP triggers of payments: `paypal/...`, and the administrator's refund."""

from __future__ import annotations

import azure.functions as func

from functions.paypal.models import Order, OrderRequest, PackList, Payment, PaymentList, PaymentsQuery, RefundRequest
from shared.http.auth import ADMIN_ONLY, SIGNED_IN
from shared.http.endpoint import Call, Reply, endpoint

bp = func.Blueprint()


@endpoint(bp, "GET", "paypal/packs", access=SIGNED_IN, answer=PackList)
def list_credit_packs(call: Call) -> PackList:
    """List credit packs."""
    from functions.paypal import service

    return service.list_packs()


@endpoint(
    bp, "POST", "paypal/orders", access=SIGNED_IN, status=201, limit="paypal", idempotent=True,
    body=OrderRequest, answer=Order, errors=(409, 502, 503),
)  # fmt: skip
def create_paypal_order(call: Call) -> Reply:
    """Create PayPal order.

    Orders a pack of credits; the payer approves it at `approvalUrl`.
    """
    from functions.paypal import service

    order = service.create_order(call.caller, call.new_id, call.body, call.request_id)
    return Reply(order, headers={"Location": f"/api/paypal/orders/{order.id}"})


@endpoint(
    bp, "POST", "paypal/orders/{id}/capture", access=SIGNED_IN, limit="paypal",
    answer=Payment, errors=(202, 404, 409, 502, 503),
)  # fmt: skip
def capture_paypal_order(call: Call) -> Reply:
    """Capture PayPal order.

    Takes the money of an approved order. The order is its own idempotency key: it is captured once. Answers 202 while
    PayPal has not said how the capture ended; it is then resolved without another request. Answers 409 if PayPal
    refuses the payer; `details.next` is the way on: `approve` at `details.approvalUrl`, or `new_order`.
    """
    from functions.paypal import service

    payment = service.capture_order(call.caller, call.path["id"])
    return Reply(payment, status=202 if payment.processing else 200)


@endpoint(bp, "GET", "paypal/orders/{id}", access=SIGNED_IN, answer=Payment, errors=(404,))
def get_paypal_order(call: Call) -> Payment:
    """Get PayPal order.

    Answers with the payment of the order: the receipt, once it is captured.
    """
    from functions.paypal import service

    return service.get_order(call.caller, call.path["id"])


@endpoint(bp, "GET", "paypal/payments", access=SIGNED_IN, query=PaymentsQuery, answer=PaymentList)
def list_payments(call: Call) -> PaymentList:
    """List payments.

    Latest first, with the credits left.
    """
    from functions.paypal import service

    return service.list_payments(call.caller, call.query)


@endpoint(
    bp, "POST", "admin/paypal/captures/{id}/refund", access=ADMIN_ONLY, limit="paypal", idempotent=True,
    body=RefundRequest, answer=Payment, errors=(404, 409, 502, 503),
)  # fmt: skip
def refund_paypal_capture(call: Call) -> Payment:
    """Refund PayPal capture (admin).

    Gives all or a part of the money back, and takes the credits it had bought. Needs an `Idempotency-Key`.
    """
    from functions.paypal import service

    return service.refund_capture(call.caller, call.path["id"], call.body, call.headers.get("Idempotency-Key"))
