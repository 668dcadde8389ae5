"""A user's notifications, and the WebSocket they arrive on."""

from __future__ import annotations

from typing import Final

from functions.notify.models import Connection, Notification, NotificationList, NotificationsQuery
from shared.accounts.documents import accounts
from shared.documents.fields import assign
from shared.errors import DocumentNotFound, Forbidden, NotFound, Unavailable
from shared.http import cors
from shared.http.auth import Principal
from shared.http.pages import equals, list_latest
from shared.notifications.documents import NotificationDocument, NotificationId, notifications
from shared.notifications.push import audience, hub

SUBPROTOCOL: Final = "json.webpubsub.azure.v1"


def list_notifications(user: Principal, query: NotificationsQuery) -> NotificationList:
    """The user's notifications, newest first."""
    unread = equals(NotificationDocument.read, False if query.unread else None)
    page = list_latest(notifications, query, unread, partition=user.user_id, by=NotificationDocument.created_at)
    return NotificationList(items=[Notification.of(one) for one in page.items], continuation=page.continuation)


def update_notification(user: Principal, id: str, *, read: bool) -> Notification:
    """Mark a notification as read or unread. Raises NotFound, for another user's too."""
    try:
        changed = notifications.patch(NotificationId.of(id), user.user_id, assign(NotificationDocument.read, read))
    except DocumentNotFound:
        raise NotFound("there is no such notification", code="notification_not_found") from None
    return Notification.of(changed)


def create_connection(user: Principal, minutes: int, origin: str | None) -> Connection:
    """A URL that opens a WebSocket for this user only.

    The service that it leads to compares no origins, so they are compared here.

    Args:
        origin: of the page that asks; None for a page of the same origin, or a program.

    Raises:
        Forbidden: `origin_not_listed`.
        Unavailable: no Web PubSub connection is configured.
    """
    if origin is not None and not cors.is_listed(origin):
        raise Forbidden("pages at this origin may not open WebSockets: ALLOWED_ORIGINS", code="origin_not_listed")
    client = hub()
    if client is None:
        raise Unavailable(
            "live updates are not configured: poll the job instead", code="push_unconfigured", retryable=False
        )
    account = accounts.get(user.user_id, user.user_id)
    name = audience(user.user_id, account.connection_version)
    token = client.get_client_access_token(user_id=name, minutes_to_expire=minutes)
    return Connection(url=token["url"], subprotocol=SUBPROTOCOL, expires_in=minutes * 60)
