"""Capturing payments: taking the money of an approved order once, however many callers ask for it at a time."""

from __future__ import annotations

import time
from typing import Final

from shared import clock, telemetry
from shared.commerce import alerts, payment_store, paypal
from shared.commerce.alerts import AlertKind
from shared.commerce.payment_documents import CaptureRefusal, PaymentDocument, payments
from shared.commerce.paypal import PaymentMismatchError, PayPalRefusedError, PayPalUnavailableError
from shared.commerce.paypal_errors import ISSUES, PROVIDER, UNKNOWN, Way
from shared.commerce.paypal_settings import paypal_settings
from shared.commerce.reconciliation import CAPTURE_RELEASED, is_claimed, postponed, reconcile
from shared.documents.fields import Assign, assign
from shared.errors import Conflict, OperatorActionNeeded, PreconditionFailed, UpstreamError
from shared.jobs.settings import job_settings
from shared.provider_errors import Blame

WAIT_S: Final = 20.0
"""How long a caller waits for another one that is capturing the same payment."""
CAPTURED_BEFORE: Final = "order_captured"
NOT_APPROVED: Final = "order_not_approved"
"""Codes of `paypal_errors`."""


def capture(payment: PaymentDocument, source: str, *, wait: bool = True) -> PaymentDocument:
    """Take the money of an approved order.

    The outcome is the payment's: captured, pending, or with `capture_unknown`, which the sweeper resolves.

    Args:
        source: who asks, for the history.
        wait: if another caller is capturing, wait for the outcome.

    Raises:
        Conflict: PayPal refuses the payer, with a code of `paypal_errors`; `details.next` is the way on, `approve` (at
            `details.approvalUrl`) or `new_order`.
        OperatorActionNeeded: PayPal refuses us; administrators are alerted, and the sweeper captures the payment once
            the account is accepted again.
    """
    claimed, is_ours = _claim(payment)
    if not is_ours:
        return _await_other(claimed) if wait else claimed
    order_id = payment_store.order_id_of(claimed)
    action = f"capture:{order_id}" + (f":{claimed.declines}" if claimed.declines else "")
    try:
        with paypal.guarded():
            paypal.client().capture_order(order_id, paypal.request_id(action))
    except PayPalRefusedError as refused:
        if refused.issue.code != CAPTURED_BEFORE:
            return _handle_refusal(claimed, refused, source)
    except OperatorActionNeeded:
        payment_store.update(claimed, _postponed)
        raise
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


def _postponed(payment: PaymentDocument) -> list[Assign]:
    """The capture is left to the sweeper; it was not made."""
    return [assign(PaymentDocument.claim_until, None), *postponed(payment)]


def _unknown(payment: PaymentDocument) -> list[Assign]:
    return [
        assign(PaymentDocument.capture_unknown, True),
        assign(PaymentDocument.claim_until, None),
        *postponed(payment),
    ]


def _handle_refusal(payment: PaymentDocument, refused: PayPalRefusedError, source: str) -> PaymentDocument:
    issue = refused.issue
    if refused.http_status == 409 or (issue.blame is Blame.TRANSIENT and issue is not UNKNOWN):
        # PayPal is working on a request with the same id: its outcome is ours, once it is known.
        return _reconcile_outcome(payment_store.update(payment, _unknown), source)
    if issue.blame is Blame.OPERATOR:
        alerts.raise_alert(AlertKind.REFUSED, alerts.key_of(payment), payment.user_id, payment.id)
        alerted = assign(PaymentDocument.alert, refused.name)
        payment_store.update(payment, lambda current: [*_postponed(current), alerted] if current.is_payable else [])
        raise OperatorActionNeeded(PROVIDER, refused.name)
    if issue.way is Way.RECONCILE:
        payment = _reconcile_outcome(payment, source)
        if payment.status.is_captured:
            return payment
    if issue is UNKNOWN:
        telemetry.log("paypal.unknown_issue", level="error", issue=refused.name, status=refused.http_status)
    refusal = CaptureRefusal(code=issue.code, message=issue.message, issue=refused.name, at=clock.iso())
    changes = [
        *CAPTURE_RELEASED,
        assign(PaymentDocument.due_at, None),
        assign(PaymentDocument.refusal, refusal),
        assign(PaymentDocument.approval_url, refused.approval_url or payment.approval_url),
    ]
    if issue.way is Way.APPROVE and issue.code != NOT_APPROVED:
        # The next capture is another request: for the same id PayPal would repeat its refusal.
        changes.append(assign(PaymentDocument.declines, payment.declines + 1))
    refused_only = [assign(PaymentDocument.refusal, refusal)]
    payment = payment_store.update(payment, lambda current: changes if current.is_payable else refused_only)
    raise _refusal_error(payment, refusal)


def _refusal_error(payment: PaymentDocument, refusal: CaptureRefusal) -> Conflict:
    issue = ISSUES.get(refusal.issue, UNKNOWN)
    can_approve = issue.way is Way.APPROVE and payment.approval_url is not None
    details = {"orderId": payment.order_id, "next": Way.APPROVE if can_approve else Way.NEW_ORDER}
    if can_approve:
        details["approvalUrl"] = payment.approval_url
    return Conflict(refusal.message, code=refusal.code, retryable=issue is UNKNOWN, details=details)
