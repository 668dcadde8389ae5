"""The stored kind of the endpoints of outbound webhooks."""

from enum import StrEnum
from typing import ClassVar, Final, Literal

from pydantic import AliasChoices, Field

from shared.documents.model import DocumentId, Record, StoredDocument, Timestamp
from shared.documents.repository import Repository


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
    made_for: str | None = Field(default=None, description="id of the request that it was made for")


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
    made_by: str | None = Field(
        default=None, description="id of the session or API key that made or changed it last; None: unknown"
    )
    created_at: Timestamp
    updated_at: Timestamp


webhooks: Final = Repository(WebhookDocument)
