"""The stored kinds of notifications: what a user was notified of, and which channels they want."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar, Final, Literal

from pydantic import ConfigDict, Field

from shared.documents.model import DocumentId, Record, StoredDocument, Timestamp
from shared.documents.repository import Repository
from shared.jobs.models import Job


class Channel(StrEnum):
    """The ways to reach a user."""

    EMAIL = "email"
    """Azure Communication Services."""
    SMS = "sms"
    """Twilio."""
    WEBSOCKET = "websocket"
    """Web PubSub."""


class ChannelStatus(StrEnum):
    """How the delivery of a notification over one channel stands."""

    PENDING = "pending"
    """Its job has not ended."""
    SENT = "sent"
    """The provider accepted the message."""
    DELIVERED = "delivered"
    """The recipient's server, or their phone, accepted it."""
    BOUNCED = "bounced"
    """The recipient's server refuses the address for good."""
    SUPPRESSED = "suppressed"
    """The provider does not send to the address, since mail to it has bounced before."""
    SKIPPED = "skipped"
    """The user switched the channel off, or there is no address that can receive."""
    FAILED = "failed"
    """The provider refused it, or its outcome is unknown."""


class ChannelState(Record, frozen=True):
    """How the delivery over one channel stands."""

    status: ChannelStatus
    at: Timestamp | None = None
    reason: str | None = Field(default=None, description="why it was skipped or failed; an error code where one exists")
    operation_id: str | None = Field(default=None, description="of the e-mail service")
    sid: str | None = Field(default=None, description="message id of the SMS provider")
    address_hash: str | None = Field(default=None, description="SHA-256 of the address or number that it went to")
    followed_from: float | None = Field(
        default=None, description="epoch seconds of its acceptance, while its provider is asked what became of it"
    )


class NotificationId(DocumentId):
    """`notification:<key>`; the key is unique for the event."""

    prefix: ClassVar[str] = "notification:"


class NotificationDocument(StoredDocument, frozen=True):
    """One event that a user is notified of, with its texts as they were written then."""

    type: Literal["notification"] = "notification"
    id: NotificationId
    user_id: str = Field(description="who is notified; the partition")
    event: str = Field(description="name of the template, `conversion.completed`")
    subject: str = Field(description="subject of the e-mail")
    text: str = Field(description="body of the e-mail, plain text without the link")
    sms: str = Field(description="text of the SMS")
    link: str = Field(description="address in the shop's app; no token, no signature")
    data: dict[str, Any] = Field(default_factory=dict, description="ids and numbers of the event; nothing secret")
    read: bool = Field(default=False, description="the user marked it as read")
    channels: dict[Channel, ChannelState] = Field(default_factory=dict)
    email_operation_id: str | None = Field(default=None, description="of the e-mail service, named by delivery reports")
    follow_at: float | None = Field(
        default=None, description="epoch seconds when the sweeper asks what became of its messages; None: no more"
    )
    created_at: Timestamp


class UnreachableAddress(Record, frozen=True):
    """An address or a number that can't receive."""

    address_hash: str = Field(description="SHA-256 of the address")
    code: str = Field(description="why")
    at: Timestamp


class PreferencesDocument(StoredDocument, frozen=True):
    """Which channels a user wants; everything until they change it. One document a user."""

    ID: ClassVar[str] = "preferences"

    type: Literal["preferences"] = "preferences"
    id: Literal["preferences"] = "preferences"
    user_id: str
    email: bool = True
    sms: bool = True
    websocket: bool = True
    unreachable: dict[Channel, UnreachableAddress] = Field(
        default_factory=dict[Channel, UnreachableAddress],
        description="addresses that can't receive; not tried again until they are changed",
    )


class NotificationPayload(Record, frozen=True):
    """What a job of the `notify` queue sends: one notification over one channel."""

    notification_id: NotificationId
    channel: Channel


class SendAttempt(Record, frozen=True):
    """The last attempt at a message whose repetition its provider may not notice."""

    first: float = Field(description="epoch seconds of the first attempt that the provider may still remember")
    generation: int = Field(description="of the job, when it was made")
    open: bool = Field(description="its outcome is unknown")


class NotifyJob(Job, frozen=True):
    """A job of the `notify` queue."""

    model_config = ConfigDict(extra="ignore")

    sending: SendAttempt | None = None


notifications: Final = Repository(NotificationDocument)
preferences: Final = Repository(PreferencesDocument)
notify_jobs: Final = Repository(NotifyJob)
