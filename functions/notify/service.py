"""One's notifications, and the WebSocket they come over."""

from __future__ import annotations

from functions.notify.models import Connection, Notification, NotificationList, NotificationsQuery
from shared import notifications
from shared.documents import Document, Where, store
from shared.errors import DocumentNotFound, NotFound, Unavailable
from shared.http.auth import Principal
from shared.http.pages import latest

CONTAINER = "studio"
SUBPROTOCOL = "json.webpubsub.azure.v1"


def listing(user: Principal, query: NotificationsQuery) -> NotificationList:
    """One's notifications, newest first."""
    read = False if query.unread else None
    page = latest(CONTAINER, query, partition=user.user_id, type="notification", read=read)
    return NotificationList(items=[_view(record) for record in page.items], continuation=page.continuation)


def mark(user: Principal, id: str, *, read: bool) -> Notification:
    """Mark one as read or unread. Raises NotFound, for a foreign one too."""
    try:
        where = (Where("type", "=", "notification"),)
        return _view(store().patch(CONTAINER, f"notification:{id}", user.user_id, set={"read": read}, where=where))
    except DocumentNotFound:
        raise NotFound("there is no such notification", code="notification_not_found") from None


def connect(user: Principal, minutes: int) -> Connection:
    """A URL that opens a WebSocket for this user and nobody else.

    Raises:
        Unavailable: no Web PubSub connection is configured.
    """
    client = notifications.hub()
    if client is None:
        raise Unavailable(
            "live updates are not configured: poll the job instead", code="push_unconfigured", retryable=False
        )
    token = client.get_client_access_token(user_id=user.user_id, minutes_to_expire=minutes)
    return Connection(url=token["url"], subprotocol=SUBPROTOCOL, expires_in=minutes * 60)


def _view(record: Document) -> Notification:
    return Notification(
        id=record["id"].removeprefix("notification:"),
        event=record["event"],
        subject=record["subject"],
        text=record["text"],
        link=record["link"],
        data=record["data"],
        read=record["read"],
        channels={
            name: {k: v for k, v in state.items() if k in ("status", "at", "reason")}
            for name, state in record["channels"].items()
        },
        created_at=record["createdAt"],
    )
