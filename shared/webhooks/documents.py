"""The stored kinds of outbound webhooks: endpoints and deliveries."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Final, Literal

from pydantic import AliasChoices, Field

from shared.documents.model import DocumentId, Record, StoredDocument, Timestamp
from shared.documents.repository import Repository
from shared.jobs.models import JobError, JobId, JobStatus


class WebhookStatus(StrEnum):
    """Whether an endpoint is delivered to."""

    ACTIVE = "active"
    """Events are delivered."""
    DISABLED = "disabled"
    """Its owner disabled it, or it answered 410 Gone."""


class WebhookId(DocumentId):
    """`webhook:<id>`."""

    prefix: ClassVar[str] = "webhook:"


class SigningKey(Record, frozen=True):
    """A secret that deliveries are signed with."""

    secret: str = Field(description="`whsec_` and 32 bytes in base64 (Standard Webhooks)", repr=False)
    until: float | None = Field(default=None, description="epoch seconds; None for the current one")


class WebhookDocument(StoredDocument, frozen=True):
    """An endpoint that a customer registered."""

    type: Literal["webhook"] = "webhook"
    id: WebhookId
    user_id: str
    url: str
    events: list[str] = Field(description="names of the events it subscribes to")
    description: str | None = None
    status: WebhookStatus = WebhookStatus.ACTIVE
    disabled_reason: str | None = None
    signing_keys: list[SigningKey] = Field(
        validation_alias=AliasChoices("signingKeys", "signing_keys", "keys"),
        description="the current secret, then the one before it",
    )
    created_at: Timestamp
    updated_at: Timestamp


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


webhooks: Final = Repository(WebhookDocument)
deliveries: Final = Repository(DeliveryDocument)
