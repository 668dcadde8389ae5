"""Publishing the end of a job: one delivery, and one job that makes it, for each endpoint that subscribes to the event.

The writes join the commit that ends the job, so that a crash can't separate the two. What is sent and how it is signed
follows Standard Webhooks (standardwebhooks.com, specification 1.0): the body is `{type, timestamp, data}`, and the id
of the event is the same for every attempt and every replay.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import BaseModel

from shared import clock, telemetry
from shared.documents import Operation
from shared.documents.fields import where
from shared.errors import StudioError
from shared.jobs import protocol, queues
from shared.jobs.models import Job, JobId, JobStatus
from shared.jobs.protocol import Outcome
from shared.jobs.step import Step
from shared.webhooks.delivery_documents import DeliveryDocument, DeliveryId, DeliveryPayload, deliveries
from shared.webhooks.documents import WebhookDocument, WebhookStatus, webhooks
from shared.webhooks.settings import MAX_ENDPOINTS, webhook_settings

KEEP_S: Final = 30 * 24 * 3600
"""How long a delivery can be looked at and replayed."""

_ENDS: Final = {JobStatus.COMPLETED: "completed", JobStatus.FAILED: "failed", JobStatus.DEAD: "failed"}


class _Request(BaseModel):
    """What a try-on's job says of the request: conversions have events of their own."""

    door: str = ""


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
    active = where(WebhookDocument.status, "=", WebhookStatus.ACTIVE)
    endpoints = webhooks.list(active, partition=job.user_id, limit=2 * MAX_ENDPOINTS, skip_unreadable=True).items
    if not endpoints:
        return outcome
    writes: list[Operation] = []
    for event, data in _events(job, status, outcome, error):
        for endpoint in endpoints:
            if event in endpoint.events:
                writes += _delivery(job, event, data, endpoint)
    return outcome._replace(operations=[*outcome.operations, *writes])


def _events(
    job: Job, status: JobStatus, outcome: Outcome, error: StudioError | None
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The events of one end, name and data: of the job, and of the conversion or the try-on it made."""
    end = _ENDS[status]
    failure = {"code": error.code, "message": error.message} if error else None
    result = outcome.result_item()
    subject, _, subject_id = (job.subject_id or "").rpartition(":")
    facts: dict[str, Any] = {"jobId": job.id.public, "kind": job.kind, "generation": job.generation}
    yield f"job.{end}", {**facts, "subjectId": subject_id or None, "result": result, "error": failure}
    common = {"jobId": job.id.public, "error": failure}
    if subject == "conversion" or (subject == "tryon" and job.payload_as(_Request).door == "conversions"):
        made = {"conversionId": subject_id, "resultImageId": result.get("resultImageId")}
        yield f"conversion.{end}", {**common, **made}
    elif subject == "tryon":
        made = {"tryonId": subject_id, "resultImageIds": result.get("resultImageIds", [])}
        yield f"tryon.{end}", {**common, **made}


def _delivery(job: Job, event: str, data: Mapping[str, Any], endpoint: WebhookDocument) -> list[Operation]:
    """The writes of one delivery; the same end of the same job can't be delivered twice to one endpoint."""
    at = clock.iso()
    event_id = f"{job.id.public}-{job.generation}-{event.replace('.', '-')}"
    key = f"{event_id}-{endpoint.id.public}"
    delivery = DeliveryDocument(
        id=DeliveryId.of(key),
        user_id=job.user_id,
        webhook_id=endpoint.id,
        event=event,
        event_id=event_id,
        body=json.dumps({"type": event, "timestamp": at, "data": data}, ensure_ascii=False, separators=(",", ":")),
        job_id=JobId.of(f"webhook-{key}"),
        created_at=at,
        updated_at=at,
        ttl=KEEP_S,
    )
    telemetry.count("studio_webhooks_announced", event=event)
    made = delivery_job(delivery, job.request_id, id=delivery.job_id)
    return [deliveries.creation(delivery), protocol.jobs.creation(made)]


def delivery_job(delivery: DeliveryDocument, request_id: str | None, *, id: JobId | None = None) -> Job:
    """The job, not yet stored, that makes a delivery, or repeats it."""
    return protocol.new_job(
        "webhook.deliver",
        queues.WEBHOOKS,
        delivery.user_id,
        DeliveryPayload(delivery_id=delivery.id, webhook_id=delivery.webhook_id),
        id=id,
        subject_id=delivery.id,
        max_attempts=len(webhook_settings().webhook_retry_s) + 1,
        request_id=request_id,
    )
