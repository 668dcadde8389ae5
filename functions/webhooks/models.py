"""Requests and answers of outbound webhooks."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from shared.http.models import Answer, Body, PageQuery
from shared.jobs.models import JobError, JobStatus
from shared.webhooks.documents import DeliveryAttempt, WebhookStatus

type Event = Literal[
    "job.completed", "job.failed", "conversion.completed", "conversion.failed", "tryon.completed", "tryon.failed"
]


def _distinct(events: list[Event]) -> list[Event]:
    if len(set(events)) != len(events):
        raise ValueError("each event may be listed once")
    return events


class WebhookRequest(Body):
    """A webhook endpoint to register."""

    url: str = Field(min_length=1, max_length=2048, description="https, of a host with public addresses only")
    events: Annotated[list[Event], AfterValidator(_distinct)] = Field(min_length=1, max_length=6)
    description: Annotated[str, StringConstraints(max_length=200)] | None = None


class WebhookChange(Body):
    """Changes of an endpoint; a field left out keeps its value."""

    url: str | None = Field(default=None, min_length=1, max_length=2048)
    events: Annotated[list[Event], AfterValidator(_distinct)] | None = Field(default=None, min_length=1, max_length=6)
    description: Annotated[str, StringConstraints(max_length=200)] | None = None
    status: Literal["active", "disabled"] | None = Field(
        default=None, description="active: deliver again, also to an endpoint that was disabled for answering 410"
    )


class Webhook(Answer):
    """A webhook endpoint."""

    id: str
    url: str
    events: list[str]
    description: str | None
    status: WebhookStatus = Field(description="active or disabled")
    disabled_reason: str | None
    previous_secret_until: str | None = Field(description="until then deliveries are signed with two secrets")
    created_at: str
    updated_at: str


class WebhookWithSecret(Webhook):
    """A webhook endpoint with the secret that signs its deliveries, which no other answer contains."""

    secret: str = Field(description="`whsec_` and 32 bytes in base64 (Standard Webhooks)")


class WebhookList(Answer):
    """All endpoints of the customer."""

    items: list[Webhook]


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
