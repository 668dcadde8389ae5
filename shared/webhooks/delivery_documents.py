"""The stored kind of the deliveries of outbound webhooks."""

from __future__ import annotations

from typing import ClassVar, Final, Literal

from pydantic import Field

from shared.documents.model import DocumentId, Record, StoredDocument, Timestamp
from shared.documents.repository import Repository
from shared.jobs.models import JobError, JobId, JobStatus
from shared.webhooks.documents import WebhookId


class DeliveryId(DocumentId):
    """`delivery:<event id>-<endpoint id>`."""

    prefix: ClassVar[str] = "delivery:"


class DeliveryAttempt(Record, frozen=True):
    """One POST to an endpoint."""

    at: Timestamp
    ms: int = Field(description="milliseconds until the answer or the failure")
    status: int | None = Field(default=None, description="HTTP status of the answer; None: there was none")
    error: str | None = Field(default=None, description="code of the failure")


class DeliveryDocument(StoredDocument, frozen=True):
    """One event for one endpoint. Its status follows its job's."""

    type: Literal["delivery"] = "delivery"
    id: DeliveryId
    user_id: str
    webhook_id: WebhookId
    event: str
    event_id: str = Field(description="sent as `webhook-id`; the same for every attempt and replay")
    body: str = Field(description="exactly as sent")
    status: JobStatus = JobStatus.QUEUED
    job_id: JobId
    response_status: int | None = Field(default=None, description="HTTP status of the last attempt that got an answer")
    attempts: list[DeliveryAttempt] = Field(default_factory=list[DeliveryAttempt])
    error: JobError | None = None
    created_at: Timestamp
    updated_at: Timestamp


class DeliveryPayload(Record, frozen=True):
    """What a job of the `webhooks` queue delivers."""

    delivery_id: DeliveryId
    webhook_id: WebhookId


deliveries: Final = Repository(DeliveryDocument)
