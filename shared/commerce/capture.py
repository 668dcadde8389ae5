"""Capturing payments: taking the money of an approved order once, however many callers ask for it at a time."""

from __future__ import annotations

import time
from typing import Final

from shared import clock, telemetry
from shared.commerce import alerts, payment_store, paypal
from shared.commerce.alerts import AlertKind
from shared.commerce.documents import CaptureRefusal, PaymentDocument, payments
from shared.commerce.paypal import PaymentMismatchError, PayPalRefusedError, PayPalUnavailableError
from shared.commerce.reconciliation import CAPTURE_RELEASED, is_claimed, postponed, reconcile
from shared.commerce.settings import paypal_settings
from shared.documents.fields import Assign, assign
from shared.errors import Conflict, PreconditionFailed, UpstreamError
from shared.jobs.settings import job_settings

WAIT_S: Final = 20.0
"""How long a caller waits for another one that is capturing the same payment."""

CAPTURED_BEFORE: Final = ("ORDER_ALREADY_CAPTURED", "DUPLICATE_INVOICE_ID")
DECLINED: Final = "INSTRUMENT_DECLINED"
PAYER_CAN_ACT: Final = (DECLINED, "ORDER_NOT_APPROVED", "PAYER_ACTION_REQUIRED")
ORDER_VOIDED: Final = ("order_voided", "the order has expired: make a new one")
REFUSALS: Final = {
    DECLINED: ("instrument_declined", "the bank declined: choose another way to pay at PayPal"),
    "ORDER_NOT_APPROVED": ("order_not_approved", "the order is not approved yet: approve it at PayPal"),
    "PAYER_ACTION_REQUIRED": ("order_not_approved", "PayPal needs you to confirm the payment: open the approval page"),
    "MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED": ("payment_attempts_exceeded", "too many attempts: make a new order"),
    "ORDER_VOIDED": ORDER_VOIDED,
    "ORDER_EXPIRED": ORDER_VOIDED,
    "INVALID_RESOURCE_ID": ORDER_VOIDED,
    "RESOURCE_NOT_FOUND": ORDER_VOIDED,
}
"""Code and message for the client by PayPal's issue; any other issue is a fault of ours."""


def capture(payment: PaymentDocument, source: str, *, wait: bool = True) -> PaymentDocument:
    """Take the money of an approved order.

    The outcome is the payment's: captured, pending, or with `capture_unknown`, which the sweeper resolves.

    Args:
        source: who asks, for the history.
        wait: if another caller is capturing, wait for the outcome.

    Raises:
        Conflict: PayPal refuses: `instrument_declined`, `order_not_approved`, `order_voided`,
            `payment_attempts_exceeded`; with `details.approvalUrl` if the payer can do something.
        UpstreamError: PayPal refuses for a reason that is ours; administrators are notified.
    """
    claimed, is_ours = _claim(payment)
    if not is_ours:
        return _await_other(claimed) if wait else claimed
    order_id = payment_store.order_id_of(claimed)
    action = f"capture:{order_id}" + (f":{claimed.declines}" if claimed.declines else "")
    try:
        paypal.client().capture_order(order_id, paypal.request_id(action))
    except PayPalRefusedError as refused:
        if refused.issue not in CAPTURED_BEFORE:
            return _handle_refusal(claimed, refused, source)
    except UpstreamError as lost:
        telemetry.log("paypal.capture_unknown", level="warning", paymentId=claimed.id, code=lost.code)
        claimed = payment_store.update(claimed, _unknown)
    return _reconcile_outcome(claimed, source)


def _claim(payment: PaymentDocument) -> tuple[PaymentDocument, bool]:
    """(the payment, whether this caller is to capture it)."""
    for _ in range(payment_store.WRITE_ATTEMPTS):
        if not payment.is_payable or is_claimed(payment):
            return payment, False
        until = clock.now() + paypal_settings().paypal_lease_s
        claim = (
            assign(PaymentDocument.claim_until, until),
            assign(PaymentDocument.capture_requested, True),
            assign(PaymentDocument.refusal, None),
            assign(PaymentDocument.due_at, until + job_settings().job_grace_s),
            assign(PaymentDocument.updated_at, clock.iso()),
        )
        try:
            return payments.patch(payment.id, payment.user_id, *claim, etag=payment.etag), True
        except PreconditionFailed:
            payment = payments.get(payment.id, payment.user_id)
    raise payment_store.busy_error()


def _await_other(payment: PaymentDocument) -> PaymentDocument:
    until = time.monotonic() + WAIT_S
    pause = 0.05
    while is_claimed(payment) and time.monotonic() < until:
        time.sleep(pause)
        pause = min(pause * 1.5, 0.5)
        payment = payments.get(payment.id, payment.user_id)
    if payment.refusal is not None and payment.is_payable:
        raise _refusal_error(payment, payment.refusal)
    return payment


def _reconcile_outcome(payment: PaymentDocument, source: str) -> PaymentDocument:
    """What PayPal has after a capture call; if it can't be asked, the outcome is unknown."""
    try:
        return reconcile(payment, source)
    except PaymentMismatchError:
        payment_store.update(payment, lambda _: [assign(PaymentDocument.claim_until, None)])
        raise
    except (PayPalUnavailableError, PayPalRefusedError):
        return payment_store.update(payment, lambda current: _unknown(current) if current.capture_requested else [])


def _unknown(payment: PaymentDocument) -> list[Assign]:
    return [
        assign(PaymentDocument.capture_unknown, True),
        assign(PaymentDocument.claim_until, None),
        *postponed(payment),
    ]


def _handle_refusal(payment: PaymentDocument, refused: PayPalRefusedError, source: str) -> PaymentDocument:
    if refused.http_status == 409:
        # PayPal is working on a request with the same id: its outcome is ours, once it is known.
        return _reconcile_outcome(payment_store.update(payment, _unknown), source)
    code, message = REFUSALS.get(refused.issue, ("", ""))
    released = [*CAPTURE_RELEASED, assign(PaymentDocument.due_at, None)]
    if not code:
        alerts.raise_alert(AlertKind.REFUSED, alerts.key_of(payment), payment.user_id, payment.id)
        alerted = [*released, assign(PaymentDocument.alert, refused.issue)]
        payment_store.update(payment, lambda current: alerted if current.is_payable else [])
        raise refused
    if code == ORDER_VOIDED[0]:
        payment = _reconcile_outcome(payment, source)
        if payment.status.is_captured:
            return payment
    refusal = CaptureRefusal(code=code, message=message, issue=refused.issue, at=clock.iso())
    changes = [
        *released,
        assign(PaymentDocument.refusal, refusal),
        assign(PaymentDocument.approval_url, refused.approval_url or payment.approval_url),
    ]
    if refused.issue == DECLINED:
        changes.append(assign(PaymentDocument.declines, payment.declines + 1))
    refused_only = [assign(PaymentDocument.refusal, refusal)]
    payment = payment_store.update(payment, lambda current: changes if current.is_payable else refused_only)
    raise _refusal_error(payment, refusal)


def _refusal_error(payment: PaymentDocument, refusal: CaptureRefusal) -> Conflict:
    details = {"orderId": payment.order_id}
    if refusal.issue in PAYER_CAN_ACT:
        details["approvalUrl"] = payment.approval_url
    return Conflict(refusal.message, code=refusal.code, details=details)
