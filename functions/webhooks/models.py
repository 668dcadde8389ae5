"""Requests and answers of the endpoints of outbound webhooks."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from shared.http.models import Answer, Body
from shared.shown import Shown
from shared.webhooks.documents import WebhookStatus

type Event = Literal[
    "job.completed", "job.failed", "conversion.completed", "conversion.failed", "tryon.completed", "tryon.failed"
]


def distinct(events: list[Event]) -> list[Event]:
    """The events as they are. Raises ValueError if one is listed twice."""
    if len(set(events)) != len(events):
        raise ValueError("each event may be listed once")
    return events


class WebhookRequest(Body):
    """A webhook endpoint to register."""

    url: str = Field(min_length=1, max_length=2048, description="https, of a host with public addresses only")
    events: Annotated[list[Event], AfterValidator(distinct)] = Field(min_length=1, max_length=6)
    description: Annotated[str, StringConstraints(max_length=200), Shown] | None = None


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
