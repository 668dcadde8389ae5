"""Telling a customer's systems: one delivery, and one job that makes it, for each endpoint that asked for the event.

`told` adds these writes to the commit that ends a job, so a crash can't separate the news from its deliveries. What
is sent and how it is signed follows Standard Webhooks (standardwebhooks.com, specification 1.0): the body is
`{type, timestamp, data}`, and the id of the event stays the same for every attempt and every replay.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from shared import clock, telemetry
from shared.documents import Create, Document, Operation, Where, store
from shared.errors import StudioError
from shared.jobs import protocol, queues
from shared.jobs.protocol import Outcome
from shared.settings import settings

CONTAINER: Final = "studio"
KEEP_S: Final = 30 * 24 * 3600
"""How long a delivery can be looked at and replayed."""

ACTIVE, DISABLED = "active", "disabled"
EVENTS: Final = (
    "job.completed", "job.failed", "conversion.completed", "conversion.failed", "tryon.completed", "tryon.failed"
)  # fmt: skip

_OURS: Final = frozenset({queues.NOTIFY, queues.PAYPAL, queues.PRIVACY, queues.WEBHOOKS})
"""Queues whose jobs the house makes for itself; nobody is told of them."""
_ENDS: Final = {protocol.DONE: "completed", protocol.FAILED: "failed", protocol.DEAD: "failed"}


def told(job: Document, status: str, outcome: Outcome, error: StudioError | None = None) -> Outcome:
    """`outcome` with the writes that tell the user's endpoints how this job ended.

    Args:
        status: the state the job is about to get; nobody is told of a cancellation, which was asked for.
    """
    if job["queue"] in _OURS or status not in _ENDS:
        return outcome
    active = (Where("type", "=", "webhook"), Where("status", "=", ACTIVE))
    endpoints = store().query(CONTAINER, *active, partition=job["userId"], limit=10).items
    if not endpoints:
        return outcome
    writes: list[Operation] = []
    for event, data in _news(job, status, outcome, error):
        for endpoint in endpoints:
            if event in endpoint["events"]:
                writes += deliver(job, event, data, endpoint)
    return replace(outcome, operations=[*outcome.operations, *writes])


def _news(
    job: Document, status: str, outcome: Outcome, error: StudioError | None
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The events of one end: of the job, and of the conversion or the try-on it made."""
    end = _ENDS[status]
    failure = {"code": error.code, "message": error.message} if error else None
    id = job["id"].removeprefix("job:")
    subject, _, subject_id = (job.get("subjectId") or "").rpartition(":")
    facts: dict[str, Any] = {"jobId": id, "kind": job["kind"], "generation": job["generation"]}
    yield (
        f"job.{end}",
        {**facts, "subjectId": subject_id or None, "result": dict(outcome.result), "error": failure},
    )
    if subject == "conversion":
        result = outcome.result.get("resultImageId")
        yield f"conversion.{end}", {"jobId": id, "conversionId": subject_id, "resultImageId": result, "error": failure}
    if subject == "tryon":
        results = outcome.result.get("resultImageIds", [])
        yield f"tryon.{end}", {"jobId": id, "tryonId": subject_id, "resultImageIds": results, "error": failure}


def deliver(job: Mapping[str, Any], event: str, data: Mapping[str, Any], endpoint: Document) -> list[Operation]:
    """The writes of one delivery; the same end of the same job can't be delivered twice to one endpoint."""
    at = clock.iso()
    event_id = f"{job['id'].removeprefix('job:')}-{job['generation']}-{event.replace('.', '-')}"
    delivery_id = f"{event_id}-{endpoint['id'].removeprefix('webhook:')}"
    delivery = {
        "id": f"delivery:{delivery_id}",
        "userId": job["userId"],
        "type": "delivery",
        "webhookId": endpoint["id"],
        "event": event,
        "eventId": event_id,
        "body": json.dumps({"type": event, "timestamp": at, "data": data}, ensure_ascii=False, separators=(",", ":")),
        "status": "queued",
        "responseStatus": None,
        "attempts": [],
        "error": None,
        "createdAt": at,
        "updatedAt": at,
        "ttl": KEEP_S,
    }
    made = delivery_job(delivery, job.get("requestId"), id=f"job:webhook-{delivery_id}")
    telemetry.count("studio_webhooks_announced", event=event)
    return [Create({**delivery, "jobId": made["id"]}), Create(made)]


def delivery_job(delivery: Mapping[str, Any], request_id: str | None, *, id: str | None = None) -> dict[str, Any]:
    """The job, not yet stored, that makes a delivery (or makes it again)."""
    return protocol.new_job(
        "webhook.deliver",
        queues.WEBHOOKS,
        delivery["userId"],
        {"deliveryId": delivery["id"], "webhookId": delivery["webhookId"]},
        id=id,
        subject_id=delivery["id"],
        max_attempts=len(settings().webhook_retry_s) + 1,
        request_id=request_id,
    )
