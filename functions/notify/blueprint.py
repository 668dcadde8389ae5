"""Triggers of notifications: `notifications...` over HTTP, the `notify` queue and its poison queue."""

from __future__ import annotations

from functools import cache

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
from shared.jobs import queues
from shared.jobs.consumer import consumer
from shared.jobs.step import Step

bp = func.Blueprint()


@cache
def _step() -> Step:
    from functions.notify.worker import NotifyStep

    return NotifyStep()


consumer(bp, queues.NOTIFY, _step)


@endpoint(bp, "GET", "notifications", access=SIGNED_IN, query=NotificationsQuery, answer=NotificationList)
def notifications_list(call: Call) -> NotificationList:
    """One's notifications, newest first."""
    from functions.notify import service

    return service.listing(call.caller, call.query)


@endpoint(
    bp, "PATCH", "notifications/{id}", access=SIGNED_IN, body=NotificationChange, answer=Notification, errors=(404,)
)
def notifications_mark(call: Call) -> Notification:
    """Mark a notification as read or unread."""
    from functions.notify import service

    return service.mark(call.caller, call.path["id"], read=call.body.read)


@endpoint(bp, "GET", "notifications/preferences", access=SIGNED_IN, answer=Preferences)
def notifications_preferences(call: Call) -> Preferences:
    """Which channels one wants."""
    from functions.notify import preferences

    return preferences.of(call.caller.user_id)


@endpoint(bp, "PUT", "notifications/preferences", access=SIGNED_IN, body=PreferencesChange, answer=Preferences)
def notifications_prefer(call: Call) -> Preferences:
    """Switch channels on or off."""
    from functions.notify import preferences

    return preferences.change(call.caller.user_id, call.body)


@endpoint(
    bp, "GET", "notifications/negotiate", access=SIGNED_IN, query=NegotiateQuery, answer=Connection, errors=(503,)
)
def notifications_negotiate(call: Call) -> Connection:
    """Get a URL to open a WebSocket with, for progress and notifications."""
    from functions.notify import service

    return service.connect(call.caller, call.query.minutes)
