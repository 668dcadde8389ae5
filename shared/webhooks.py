"""Telling a customer's systems: one delivery, and one job that makes it, for each endpoint that asked for the event.

`with_webhook_deliveries` adds these writes to the commit that ends a job, so that a crash can't separate the two. What
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
from shared.jobs.models import Job, JobStatus
from shared.jobs.protocol import Outcome
from shared.jobs.step import Step
from shared.settings import settings

CONTAINER: Final = "studio"
KEEP_S: Final = 30 * 24 * 3600
"""How long a delivery can be looked at and replayed."""

ACTIVE, DISABLED = "active", "disabled"
EVENTS: Final = (
    "job.completed", "job.failed", "conversion.completed", "conversion.failed", "tryon.completed", "tryon.failed"
)  # fmt: skip

_ENDS: Final = {JobStatus.COMPLETED: "completed", JobStatus.FAILED: "failed", JobStatus.DEAD: "failed"}


class WebhookPublisher(Step):
    """A step whose jobs' ends are events for the user's webhook endpoints."""

    def before_commit(self, job: Job, status: JobStatus, outcome: Outcome, error: StudioError | None) -> Outcome:
        """The outcome with the deliveries of this end."""
        return with_webhook_deliveries(job, status, outcome, error)


def with_webhook_deliveries(job: Job, status: JobStatus, outcome: Outcome, error: StudioError | None = None) -> Outcome:
    """`outcome` with the deliveries to the user's endpoints that subscribe to how this job ended.

    Args:
        status: the state the job is about to get; a cancellation is no event, the user asked for it.
    """
    if status not in _ENDS:
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
    job: Job, status: JobStatus, outcome: Outcome, error: StudioError | None
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The events of one end: of the job, and of the conversion or the try-on it made."""
    end = _ENDS[status]
    failure = {"code": error.code, "message": error.message} if error else None
    id = job["id"].removeprefix("job:")
    subject, _, subject_id = (job.get("subjectId") or "").rpartition(":")
    result = outcome.result_item()
    facts: dict[str, Any] = {"jobId": id, "kind": job["kind"], "generation": job["generation"]}
    yield (
        f"job.{end}",
        {**facts, "subjectId": subject_id or None, "result": result, "error": failure},
    )
    if subject == "conversion":
        image_id = result.get("resultImageId")
        yield (
            f"conversion.{end}",
            {"jobId": id, "conversionId": subject_id, "resultImageId": image_id, "error": failure},
        )
    if subject == "tryon":
        results = result.get("resultImageIds", [])
        yield f"tryon.{end}", {"jobId": id, "tryonId": subject_id, "resultImageIds": results, "error": failure}


def deliver(job: Job, event: str, data: Mapping[str, Any], endpoint: Document) -> list[Operation]:
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


def delivery_job(delivery: Mapping[str, Any], request_id: str | None, *, id: str | None = None) -> Job:
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
