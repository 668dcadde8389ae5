"""The inbox: one document for each event, made before the answer to PayPal, and a job that finds out what it means.

A job is of nobody, so it lives under the event's own id instead of a user's; everything else is the job protocol.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from shared import clock, telemetry
from shared.commerce import alerts
from shared.documents import Document, Where, store
from shared.errors import BadRequest, DocumentConflict, DocumentNotFound, PreconditionFailed, StudioError
from shared.jobs import protocol, queues
from shared.settings import settings

CONTAINER = "webhook_events"
ATTEMPTS = 500
"""With at most five minutes between two, an outage of PayPal's for most of a day."""
RECHECK_CAP_S = 300


def bind(transmission_id: str, event_id: str, body: bytes) -> None:
    """Tie a transmission id to the one body it came with first.

    Raises:
        BadRequest: `webhook_rebound`: another body under the same id, which only a forger sends.
    """
    digest = hashlib.sha256(body).hexdigest()
    id = f"transmission:{transmission_id}"
    bound = {"id": id, "type": "transmission", "bodySha256": digest, "eventId": event_id, "at": clock.iso()}
    try:
        store().create(CONTAINER, bound)
    except DocumentConflict:
        first = store().find(CONTAINER, id, id)
        if first is not None and first["bodySha256"] != digest:
            alerts.tell("rebound", transmission_id, "system", transmission_id)
            raise BadRequest("this transmission came with another body before", code="webhook_rebound") from None


def keep(event: Mapping[str, Any]) -> bool:
    """Store a new event; False when it is there already."""
    at = clock.now()
    state = {"receivedAt": clock.iso(at), "handledAt": None, "outcome": None, "sweeps": 0}
    try:
        store().create(CONTAINER, {**event, **state, "type": "event", "dueAt": at + settings().job_orphan_s})
    except DocumentConflict:
        return False
    return True


def start(event_id: str, request_id: str | None) -> None:
    """Make the event's job and send its pointer. A failure loses nothing: the sweeper starts it later."""
    job = protocol.new_job(
        "paypal.event",
        queues.PAYPAL,
        event_id,
        {"eventId": event_id},
        id=f"job:{event_id}",
        max_attempts=ATTEMPTS,
        request_id=request_id,
    )
    try:
        store().create(protocol.CONTAINER, job)
        protocol.enqueue(job)
    except DocumentConflict:
        return
    except StudioError as error:
        telemetry.log("webhook.start_failed", level="warning", eventId=event_id, code=error.code)


def handled(event: Document, outcome: str) -> None:
    """Note what became of an event."""
    store().patch(
        CONTAINER, event["id"], event["id"], set={"handledAt": clock.iso(), "outcome": outcome, "dueAt": None}
    )


def sweep(limit: int = 100) -> int:
    """Start the jobs of events that have none; returns how many events were overdue."""
    overdue = store().query(
        CONTAINER,
        Where("type", "=", "event"),
        Where("handledAt", "=", None),
        Where("dueAt", "<", clock.now()),
        limit=limit,
    )
    for event in overdue.items:
        wait = min(RECHECK_CAP_S, settings().job_orphan_s * 2 ** min(event["sweeps"], 8))
        with suppress(PreconditionFailed, DocumentNotFound):
            store().patch(
                CONTAINER,
                event["id"],
                event["id"],
                set={"dueAt": clock.now() + wait},
                incr={"sweeps": 1},
                etag=event.etag,
            )
            start(event["id"], event.get("requestId"))
    return len(overdue.items)
