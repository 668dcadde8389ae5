"""The sweeper of payments: finishes those that a crash or a lost answer left unfinished."""

from __future__ import annotations

from typing import Final

from shared import clock, telemetry
from shared.commerce import paypal
from shared.commerce.capture import capture
from shared.commerce.payment_documents import PaymentDocument, PaymentStatus, payments
from shared.commerce.paypal import PayPalUnavailableError
from shared.commerce.reconciliation import postponed, reconcile
from shared.documents.fields import where
from shared.errors import DocumentNotFound, OperatorActionNeeded, PreconditionFailed
from shared.passes import Pass

OUTAGE: Final = 3
"""Payments in a row without a usable answer after which PayPal counts as down, and not the payment as odd."""


def sweep(limit: int = 25) -> int:
    """Reconcile payments that are due: unknown captures, credits not yet written, mismatches. Returns how many."""
    done = unanswered = 0
    sweep = Pass("payments.sweep")
    for payment in payments.iterate(where(PaymentDocument.due_at, "<", clock.now())):
        try:
            held = payments.patch(payment.id, payment.user_id, *postponed(payment), etag=payment.etag)
        except (PreconditionFailed, DocumentNotFound):
            continue
        with sweep.item(paymentId=payment.id):
            try:
                _finish(held)
                done, unanswered = done + 1, 0
            except (PayPalUnavailableError, OperatorActionNeeded) as error:
                telemetry.log("payment.sweep_failed", level="warning", code=error.code, paymentId=payment.id)
                unanswered += OUTAGE if isinstance(error, OperatorActionNeeded) else 1
        if done + sweep.failed >= limit or unanswered >= OUTAGE:
            break
    return done


def _finish(payment: PaymentDocument) -> None:
    with telemetry.bound(userId=payment.user_id, paymentId=payment.id):
        with paypal.guarded():
            current = reconcile(payment, "sweep")
        if current.capture_requested and current.status is PaymentStatus.APPROVED:
            capture(current, "sweep", wait=False)
