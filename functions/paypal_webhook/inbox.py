"""The inbox: a document for each event, stored before PayPal is answered, and a job that handles it.

An event belongs to no user, so its job is stored under the event's own id; everything else is the job protocol.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import Final

from functions.paypal_webhook.documents import (
    EventDocument,
    EventPayload,
    TransmissionDocument,
    TransmissionId,
    events,
    transmissions,
)
from functions.paypal_webhook.events import EventFacts
from shared import clock, telemetry
from shared.commerce import alerts
from shared.commerce.alerts import AlertKind
from shared.documents.fields import assign, increment, where
from shared.errors import BadRequest, DocumentConflict, DocumentNotFound, PreconditionFailed, StudioError
from shared.jobs import protocol, queues
from shared.jobs.models import JobId
from shared.jobs.settings import job_settings
from shared.passes import Pass

ATTEMPTS: Final = 500
"""With at most five minutes between two, an outage of PayPal for most of a day."""
RECHECK_CAP_S: Final = 300


def bind_transmission(transmission_id: str, event_id: str, body: bytes) -> None:
    """Tie a transmission id to the one body it came with first.

    Raises:
        BadRequest: `webhook_rebound`: another body under the same id; PayPal never does that.
    """
    digest = hashlib.sha256(body).hexdigest()
    id = TransmissionId.of(transmission_id)
    bound = TransmissionDocument(id=id, event_id=event_id, body_sha256=digest, at=clock.iso())
    try:
        transmissions.create(bound)
    except DocumentConflict:
        first = transmissions.find(id, id)
        if first is not None and first.body_sha256 != digest:
            alerts.raise_alert(AlertKind.REBOUND, transmission_id, "system", transmission_id)
            raise BadRequest("this transmission came with another body before", code="webhook_rebound") from None


def store_event(facts: EventFacts, transmission_id: str, request_id: str) -> bool:
    """Store an event; False if it was stored before."""
    at = clock.now()
    event = EventDocument(
        id=facts.id,
        event_type=facts.event_type,
        order_id=facts.order_id,
        capture_id=facts.capture_id,
        dispute_id=facts.dispute_id,
        transmission_id=transmission_id,
        request_id=request_id,
        received_at=clock.iso(at),
        due_at=at + job_settings().job_orphan_s,
    )
    try:
        events.create(event)
    except DocumentConflict:
        return False
    return True


def start_job(event_id: str, request_id: str | None) -> None:
    """Create the event's job and enqueue it. A failure loses nothing: the sweeper starts it later."""
    job = protocol.new_job(
        "paypal.event",
        queues.PAYPAL,
        event_id,
        EventPayload(event_id=event_id),
        id=JobId.of(event_id),
        max_attempts=ATTEMPTS,
        request_id=request_id,
    )
    try:
        protocol.jobs.create(job)
        protocol.enqueue(job)
    except DocumentConflict:
        return
    except StudioError as error:
        telemetry.log("webhook.start_failed", level="warning", eventId=event_id, code=error.code)


def complete(event_id: str, outcome: str) -> None:
    """Store what became of an event."""
    events.patch(
        event_id,
        event_id,
        assign(EventDocument.handled_at, clock.iso()),
        assign(EventDocument.outcome, outcome),
        assign(EventDocument.due_at, None),
    )


def sweep(limit: int = 100) -> int:
    """Start the jobs of events that were not handled in time; returns how many there were."""
    started = 0
    sweep = Pass("paypal_events.sweep")
    overdue = (where(EventDocument.handled_at, "=", None), where(EventDocument.due_at, "<", clock.now()))
    for event in events.iterate(*overdue):
        wait = min(RECHECK_CAP_S, job_settings().job_orphan_s * 2 ** min(event.sweeps, 8))
        with sweep.item(eventId=event.id), suppress(PreconditionFailed, DocumentNotFound):
            started += 1
            events.patch(
                event.id,
                event.id,
                assign(EventDocument.due_at, clock.now() + wait),
                increment(EventDocument.sweeps),
                etag=event.etag,
            )
            start_job(event.id, event.request_id)
        if started >= limit:
            break
    return started
