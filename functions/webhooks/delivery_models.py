"""Requests and answers of the deliveries of outbound webhooks."""

from __future__ import annotations

from pydantic import Field

from shared.http.models import Answer
from shared.http.page_query import PageQuery
from shared.jobs.models import JobError, JobStatus
from shared.webhooks.delivery_documents import DeliveryAttempt


class DeliveriesQuery(PageQuery):
    """Which deliveries to list, newest first."""

    webhook_id: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_-]{1,64}$")
    status: JobStatus | None = None


class Delivery(Answer):
    """One event for one endpoint."""

    id: str
    webhook_id: str
    event: str
    event_id: str = Field(description="sent as `webhook-id`; the same for every attempt and replay")
    status: JobStatus
    response_status: int | None = Field(description="HTTP status of the last attempt that got an answer")
    attempts: list[DeliveryAttempt] = Field(description="the last 20")
    error: JobError | None
    job_id: str
    body: str | None = Field(default=None, description="exactly as sent; absent in lists")
    created_at: str
    updated_at: str


class DeliveryList(Answer):
    """A page of deliveries."""

    items: list[Delivery]
    continuation: str | None = None
