"""What an event leads to: the payment is looked up at PayPal and settled. The event itself is only a hint to look."""

from __future__ import annotations

from typing import Any

from functions.paypal_webhook import events, inbox
from shared.commerce import alerts, payments, paypal, settlement
from shared.commerce.paypal import Refused
from shared.documents import Document, store
from shared.errors import Conflict, StudioError
from shared.jobs.models import Job, JobStatus
from shared.jobs.protocol import Outcome
from shared.jobs.step import Step, Task

MISSING = ("INVALID_RESOURCE_ID", "RESOURCE_NOT_FOUND")


class EventStep(Step):
    """The `paypal` queue's step (see `shared.jobs.consumer.Step`)."""

    def run(self, task: Task) -> Outcome:
        """Handle one event, as often as it takes.

        Raises:
            StudioError: PayPal can't be asked (comes again), or what it has is not what we ordered (does not).
        """
        id = task.payload["eventId"]
        event = store().read(inbox.CONTAINER, id, id)
        outcome = handle(event)
        inbox.handled(event, outcome)
        return Outcome(result={"event": id, "outcome": outcome})

    def on_end(self, job: Job, status: JobStatus, error: StudioError | None) -> Outcome:
        """An event that was given up is not swept again; a redrive handles it."""
        id = job["payload"]["eventId"]
        event = store().find(inbox.CONTAINER, id, id)
        if event is not None:
            inbox.handled(event, error.code if error else status)
        return Outcome()

    def after_commit(self, job: Job) -> None:
        """Nothing is left behind."""

    def on_lease_lost(self, job: Job) -> None:
        """Nothing is left behind."""

    def push(self, job: Job) -> None:
        """Nobody watches this job."""


def handle(event: Document) -> str:
    """Do what an event asks for, by what PayPal says; returns what became of it, for the record."""
    kind = event["eventType"]
    if kind not in events.HANDLED:
        return "kept"
    try:
        found = _payment(event)
    except Refused as refused:
        if refused.issue not in MISSING:
            raise
        return "unknown_at_paypal"
    if found is None:
        return "not_ours"
    if kind in events.DISPUTES:
        return _dispute(found, event)
    payment = settlement.settle(found, kind, event=kind)
    if kind == payments.CAPTURE_REVERSED:
        alerts.tell("reversed", str(event["captureId"]), payment["userId"], payment["id"])
    if kind == events.APPROVED and payment["status"] == payments.APPROVED:
        try:
            payment = settlement.capture(payment, kind, wait=False)
        except Conflict as refused:
            return refused.code
    return payment["status"]


def _payment(event: Document) -> Document | None:
    """The payment an event is about, by what PayPal says of the order or capture it names; None when none is ours."""
    client = paypal.client()
    if event["captureId"] is not None:
        about = client.capture(event["captureId"])
        related = (about.get("supplementary_data") or {}).get("related_ids") or {}
        order_id = related.get("order_id") or _up(about)
    elif event["orderId"] is not None:
        order = client.order(event["orderId"])
        units = order.get("purchase_units") or [{}]
        about, order_id = units[0], order.get("id")
    else:
        return None
    custom_id = about.get("custom_id")
    payment = payments.whose("id", custom_id) if isinstance(custom_id, str) else None
    if payment is None or not isinstance(order_id, str):
        return None
    if payment["orderId"] is None:
        payment = settlement.adopt(payment, order_id)
    return payment if payment["orderId"] == order_id else None


def _up(capture: dict[str, Any]) -> str | None:
    return paypal.links(capture).get("up", "").rpartition("/checkout/orders/")[2] or None


def _dispute(payment: Document, event: Document) -> str:
    state = event["eventType"].rpartition(".")[2].lower()
    dispute = event["disputeId"] or event["id"]
    settlement.note_dispute(payment, dispute, state)
    alerts.tell("dispute", f"{dispute}-{state}", payment["userId"], payment["id"])
    return f"dispute_{state}"
