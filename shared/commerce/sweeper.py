"""The sweeper of payments: finishes those that a crash or a lost answer left unfinished."""

from __future__ import annotations

from shared import clock, telemetry
from shared.commerce import paypal
from shared.commerce.capture import capture
from shared.commerce.documents import PaymentDocument, PaymentStatus, payments
from shared.commerce.paypal import PayPalUnavailableError
from shared.commerce.reconciliation import postponed, reconcile
from shared.documents.fields import where
from shared.errors import DocumentNotFound, OperatorActionNeeded, PreconditionFailed, StudioError


def sweep(limit: int = 25) -> int:
    """Reconcile payments that are due: unknown captures, credits not yet written, mismatches. Returns how many."""
    overdue = payments.list(where(PaymentDocument.due_at, "<", clock.now()), limit=limit).items
    done = 0
    for payment in overdue:
        try:
            held = payments.patch(payment.id, payment.user_id, *postponed(payment), etag=payment.etag)
        except (PreconditionFailed, DocumentNotFound):
            continue
        with telemetry.bound(userId=held.user_id, paymentId=held.id):
            try:
                with paypal.guarded():
                    current = reconcile(held, "sweep")
                if current.capture_requested and current.status is PaymentStatus.APPROVED:
                    capture(current, "sweep", wait=False)
                done += 1
            except StudioError as error:
                telemetry.log("payment.sweep_failed", level="warning", code=error.code)
                if isinstance(error, PayPalUnavailableError | OperatorActionNeeded):
                    return done
    return done
