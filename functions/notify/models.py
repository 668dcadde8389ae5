"""Requests and answers of notifications."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from shared.http.models import Answer, Body, Query
from shared.http.page_query import PageQuery
from shared.notifications.documents import Channel, ChannelStatus


class ChannelDelivery(Answer):
    """How the delivery of a notification over one channel stands."""

    status: ChannelStatus = Field(
        description="pending, sent (accepted by the provider), delivered, bounced, suppressed, skipped or failed"
    )
    at: str | None = Field(default=None, description="when it was sent, delivered or failed")
    reason: str | None = Field(default=None, description="why it was skipped, or did not arrive")


class Notification(Answer):
    """An event that the user was notified of."""

    id: str
    event: str = Field(description="`conversion.completed`, `tryon.failed` and the like")
    subject: str
    text: str
    link: str = Field(description="address in the shop's app")
    data: dict[str, Any] = Field(description="ids and numbers of the event")
    read: bool
    channels: dict[Channel, ChannelDelivery]
    created_at: str


class NotificationsQuery(PageQuery):
    """Which notifications to list, newest first."""

    unread: bool = Field(default=False, description="only those not marked as read")


class NotificationList(Answer):
    """A page of notifications."""

    items: list[Notification]
    continuation: str | None = None


class NotificationChange(Body):
    """Mark as read or unread."""

    read: bool


class Preferences(Answer):
    """Which channels a user wants."""

    email: bool = True
    sms: bool = True
    websocket: bool = True


class PreferencesChange(Body):
    """Channels to switch; a channel left out keeps its value."""

    email: bool | None = None
    sms: bool | None = None
    websocket: bool | None = None


class NegotiateQuery(Query):
    """How long the URL can be used."""

    minutes: int = Field(default=2, ge=1, le=15, description="minutes for which the URL opens connections")


class Connection(Answer):
    """Where to open the WebSocket."""

    url: str
    subprotocol: str = Field(description="to request when opening it")
    expires_in: int = Field(description="seconds")
