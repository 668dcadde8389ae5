"""Handling an event: its payment is looked up at PayPal and reconciled. The event itself is only a hint to look."""

from __future__ import annotations

from functions.paypal_webhook import documents, inbox
from functions.paypal_webhook.documents import EventDocument, EventPayload, EventResult
from functions.paypal_webhook.events import APPROVED, DISPUTES, HANDLED
from shared.commerce import alerts, payment_store, paypal
from shared.commerce.alerts import AlertKind
from shared.commerce.capture import capture
from shared.commerce.payment_documents import DisputeStatus, PaymentDocument, PaymentStatus
from shared.commerce.payment_state import CAPTURE_REVERSED
from shared.commerce.paypal import PayPalRefusedError
from shared.commerce.reconciliation import attach_order, reconcile, record_dispute
from shared.errors import Conflict, StudioError
from shared.jobs.models import Job, JobStatus
from shared.jobs.protocol import Outcome
from shared.jobs.step import Step, Task


class EventStep(Step):
    """The `paypal` queue's step (see `shared.jobs.consumer.Step`)."""

    def run(self, task: Task) -> Outcome:
        """Handle one event; may be repeated.

        Raises:
            StudioError: PayPal can't be asked (retryable), or what it has is not what we ordered (not retryable).
            OperatorActionNeeded: PayPal refuses our account; the event waits.
        """
        id = task.payload_as(EventPayload).event_id
        with paypal.guarded(hold=True):
            outcome = handle(documents.events.get(id, id))
        inbox.complete(id, outcome)
        return Outcome(result=EventResult(event=id, outcome=outcome))

    def on_end(self, job: Job, status: JobStatus, error: StudioError | None) -> Outcome:
        """An event that was given up is not swept again; a redrive handles it."""
        id = job.payload_as(EventPayload).event_id
        if documents.events.find(id, id) is not None:
            inbox.complete(id, error.code if error else status)
        return Outcome()


def handle(event: EventDocument) -> str:
    """Do what an event asks for, by what PayPal says; returns the outcome to store with the event."""
    if event.event_type not in HANDLED:
        return "kept"
    try:
        payment = _find_payment(event)
    except PayPalRefusedError as refused:
        if not refused.is_missing:
            raise
        return "unknown_at_paypal"
    if payment is None:
        return "not_ours"
    if event.event_type in DISPUTES:
        return _handle_dispute(payment, event)
    payment = reconcile(payment, event.event_type, event=event.event_type)
    if event.event_type == CAPTURE_REVERSED:
        alerts.raise_alert(AlertKind.REVERSED, event.capture_id or event.id, payment.user_id, payment.id)
    if event.event_type == APPROVED and payment.status is PaymentStatus.APPROVED:
        try:
            payment = capture(payment, event.event_type, wait=False)
        except Conflict as refused:
            return refused.code
    return payment.status


def _find_payment(event: EventDocument) -> PaymentDocument | None:
    """The payment an event is about, by what PayPal says of the order or capture it names; None if none is ours."""
    client = paypal.client()
    if event.capture_id is not None:
        captured = client.get_capture(event.capture_id)
        custom_id, order_id = captured.custom_id, captured.order_id
    elif event.order_id is not None:
        order = client.get_order(event.order_id)
        custom_id, order_id = order.purchase_units[0].custom_id, order.id
    else:
        return None
    payment = payment_store.find_by(PaymentDocument.id, custom_id) if custom_id else None
    if payment is None or order_id is None:
        return None
    if payment.order_id is None:
        payment = attach_order(payment, order_id)
    return payment if payment.order_id == order_id else None


def _handle_dispute(payment: PaymentDocument, event: EventDocument) -> str:
    status = DisputeStatus(event.event_type.rpartition(".")[2].lower())
    dispute_id = event.dispute_id or event.id
    record_dispute(payment, dispute_id, status)
    alerts.raise_alert(AlertKind.DISPUTE, f"{dispute_id}-{status}", payment.user_id, payment.id)
    return f"dispute_{status}"
