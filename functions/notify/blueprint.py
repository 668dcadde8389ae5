"""Triggers of notifications: `notifications...` over HTTP, the `notify` queue and its poison queue."""

from __future__ import annotations

import azure.functions as func

from functions.notify.models import (
    Connection,
    NegotiateQuery,
    Notification,
    NotificationChange,
    NotificationList,
    NotificationsQuery,
    Preferences,
    PreferencesChange,
)
from shared.http.auth import SIGNED_IN
from shared.http.endpoint import Call, endpoint

bp = func.Blueprint()


@endpoint(bp, "GET", "notifications", access=SIGNED_IN, query=NotificationsQuery, answer=NotificationList)
def notifications_list(call: Call) -> NotificationList:
    """List notifications"""
    from functions.notify import service

    return service.list_notifications(call.caller, call.query)


@endpoint(
    bp, "PATCH", "notifications/{id}", access=SIGNED_IN, body=NotificationChange, answer=Notification, errors=(404,)
)
def notifications_update(call: Call) -> Notification:
    """Update notification

    Marks it as read or unread.
    """
    from functions.notify import service

    return service.update_notification(call.caller, call.path["id"], read=call.body.read)


@endpoint(bp, "GET", "notifications/preferences", access=SIGNED_IN, answer=Preferences)
def notifications_preferences_get(call: Call) -> Preferences:
    """Get notification preferences"""
    from functions.notify import preferences

    return preferences.get_preferences(call.caller.user_id)


@endpoint(bp, "PUT", "notifications/preferences", access=SIGNED_IN, body=PreferencesChange, answer=Preferences)
def notifications_preferences_update(call: Call) -> Preferences:
    """Update notification preferences"""
    from functions.notify import preferences

    return preferences.update_preferences(call.caller.user_id, call.body)


@endpoint(
    bp, "GET", "notifications/negotiate", access=SIGNED_IN, query=NegotiateQuery, answer=Connection,
    errors=(403, 503),
)  # fmt: skip
def notifications_negotiate(call: Call) -> Connection:
    """Create WebSocket connection URL

    Job progress and notifications arrive on the WebSocket. Pages at other origins than those allowed get 403
    `origin_not_listed`.
    """
    from functions.notify import service

    return service.create_connection(call.caller, call.query.minutes, call.headers.get("Origin"))
