"""Requests and answers of notifications."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from shared.http.models import Answer, Body, PageQuery, Query


class Notification(Answer):
    """Something a user was told, and how each channel fared."""

    id: str
    event: str = Field(description="`conversion.completed` or `conversion.failed`")
    subject: str
    text: str
    link: str
    data: dict[str, Any] = Field(description="ids and numbers of the event")
    read: bool
    channels: dict[str, dict[str, Any]] = Field(description="channel -> {status, at?, reason?}")
    created_at: str


class NotificationsQuery(PageQuery):
    """Which of one's notifications to list, newest first."""

    unread: bool = False


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
    """Channels to switch; what is left out stays."""

    email: bool | None = None
    sms: bool | None = None
    websocket: bool | None = None


class NegotiateQuery(Query):
    """What the connection is for."""

    minutes: int = Field(default=10, ge=5, le=15, description="how long a new connection may be opened with the URL")


class Connection(Answer):
    """Where to open the WebSocket, with the subprotocol `json.webpubsub.azure.v1`."""

    url: str
    subprotocol: str
    expires_in: int = Field(description="seconds")
