"""Requests and answers of outbound webhooks."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints

from shared.http.models import Answer, Body, PageQuery

type Event = Literal[
    "job.completed", "job.failed", "conversion.completed", "conversion.failed", "tryon.completed", "tryon.failed"
]
type DeliveryStatus = Literal["queued", "processing", "retrying", "completed", "failed", "cancelled"]


def _distinct(events: list[Event]) -> list[Event]:
    if len(set(events)) != len(events):
        raise ValueError("an event is named twice")
    return events


class WebhookRequest(Body):
    """Where to send which events."""

    url: str = Field(min_length=1, max_length=2048, description="https, of a host with public addresses only")
    events: Annotated[list[Event], AfterValidator(_distinct)] = Field(min_length=1, max_length=6)
    description: Annotated[str, StringConstraints(max_length=200)] | None = None


class WebhookChange(Body):
    """What to change; what is left out stays."""

    url: str | None = Field(default=None, min_length=1, max_length=2048)
    events: Annotated[list[Event], AfterValidator(_distinct)] | None = Field(default=None, min_length=1, max_length=6)
    description: Annotated[str, StringConstraints(max_length=200)] | None = None
    status: Literal["active", "disabled"] | None = Field(
        default=None, description="active: deliver again, also to an endpoint that was disabled for answering 410"
    )


class Webhook(Answer):
    """An endpoint of the customer's."""

    id: str
    url: str
    events: list[str]
    description: str | None
    status: str = Field(description="active or disabled")
    disabled_reason: str | None
    previous_secret_until: str | None = Field(description="until then deliveries carry two signatures")
    created_at: str
    updated_at: str


class WebhookWithSecret(Webhook):
    """An endpoint, and the secret its deliveries are signed with, which is shown this once."""

    secret: str = Field(description="`whsec_` and 32 bytes in base64, as Standard Webhooks has it")


class WebhookList(Answer):
    """All endpoints of the customer."""

    items: list[Webhook]


class DeliveriesQuery(PageQuery):
    """Which deliveries to list, newest first."""

    webhook_id: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_-]{1,64}$")
    status: DeliveryStatus | None = None


class Delivery(Answer):
    """One event on its way to one endpoint."""

    id: str
    webhook_id: str
    event: str
    event_id: str = Field(description="sent as `webhook-id`; the same for every attempt and replay")
    status: str = Field(description="queued, processing, retrying, completed, failed or cancelled")
    response_status: int | None = Field(description="HTTP status of the last attempt that got an answer")
    attempts: list[dict[str, Any]] = Field(description="the last ones: {at, ms, status, error}")
    error: dict[str, Any] | None
    job_id: str
    body: str | None = Field(default=None, description="exactly as sent; absent in lists")
    created_at: str
    updated_at: str


class DeliveryList(Answer):
    """A page of deliveries."""

    items: list[Delivery]
    continuation: str | None = None
