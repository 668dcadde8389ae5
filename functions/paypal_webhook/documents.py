"""Stored documents of PayPal's webhook: events, the transmissions they came in, and signing certificates."""

from __future__ import annotations

import hashlib
from typing import ClassVar, Final, Literal, Self

from pydantic import Field

from shared.documents.model import DocumentId, Record, StoredDocument, Timestamp
from shared.documents.repository import Repository


class EventDocument(StoredDocument, frozen=True):
    """An event, stored before the delivery is answered. Its id is PayPal's, and its partition."""

    container: ClassVar[str] = "webhook_events"

    type: Literal["event"] = "event"
    event_type: str = Field(description="PayPal's name of what happened, `PAYMENT.CAPTURE.COMPLETED` for example")
    order_id: str | None = Field(default=None, description="PayPal's id of the order it names")
    capture_id: str | None = Field(default=None, description="PayPal's id of the capture it names")
    dispute_id: str | None = Field(default=None, description="PayPal's id of the dispute it names")
    transmission_id: str = Field(default="", description="of the first delivery")
    request_id: str | None = None
    received_at: Timestamp
    handled_at: Timestamp | None = None
    outcome: str | None = Field(default=None, description="what became of it: a payment's status, or why nothing did")
    sweeps: int = Field(default=0, description="how often the sweeper started its job")
    due_at: float | None = Field(default=None, description="epoch seconds when the sweeper looks at it; None: handled")


class TransmissionId(DocumentId):
    """`transmission:<PAYPAL-TRANSMISSION-ID>`."""

    prefix: ClassVar[str] = "transmission:"


class TransmissionDocument(StoredDocument, frozen=True):
    """The one body that a transmission id may come with. Its id is its partition."""

    container: ClassVar[str] = "webhook_events"

    type: Literal["transmission"] = "transmission"
    id: TransmissionId
    event_id: str
    body_sha256: str = Field(description="hexadecimal")
    at: Timestamp


class CertificateId(DocumentId):
    """`certificate:<SHA-256 of its URL>`."""

    prefix: ClassVar[str] = "certificate:"

    @classmethod
    def of_url(cls, url: str) -> Self:
        """The id of the certificate published at a URL."""
        return cls.of(hashlib.sha256(url.encode()).hexdigest())


class CertificateDocument(StoredDocument, frozen=True):
    """A fetched signing certificate; not trusted until its chain is verified. Its id is its partition."""

    container: ClassVar[str] = "webhook_events"

    type: Literal["certificate"] = "certificate"
    id: CertificateId
    url: str
    pem: str = Field(description="the certificate and its intermediates")


class EventPayload(Record, frozen=True):
    """What the job of an event needs."""

    event_id: str


class EventResult(Record, frozen=True):
    """The result of an event's job."""

    event: str = Field(description="id of the event")
    outcome: str


events: Final = Repository(EventDocument)
transmissions: Final = Repository(TransmissionDocument)
certificates: Final = Repository(CertificateDocument)
